// One open handle on a file of the simulated disk. It belongs to the disk that opened it, and dies with it.
import type { DiskFile, OpenMode } from "../disk/ports.ts";
import { type CallGate, failure, type GatedCall, underFault } from "./call-gate.ts";
import type { DiskState } from "./disk-state.ts";
import { type Fault, FaultCounter } from "./faults.ts";
import { coveredCount, type FileNode } from "./inode.ts";
import { pageBytes } from "./page-image.ts";

/** What a handle needs of its disk. */
export interface FileHost {
  readonly gate: CallGate;
  readonly state: DiskState;
  /** Space left, in bytes. */
  freeBytes(): number;
  closed(): void;
}

export class SimulatedFile implements DiskFile {
  readonly path: string;
  readonly #host: FileHost;
  readonly #node: FileNode;
  readonly #mode: OpenMode;
  #closed = false;

  constructor(host: FileHost, path: string, node: FileNode, mode: OpenMode) {
    this.#host = host;
    this.path = path;
    this.#node = node;
    this.#mode = mode;
    node.openHandles += 1;
  }

  readSync(into: Uint8Array, position: number): number {
    const call = this.#call("read", position, into.length);
    return this.#host.gate.observe(call, () => this.#read(call, into, position));
  }

  read(into: Uint8Array, position: number): Promise<number> {
    const call = this.#call("read", position, into.length);
    return this.#host.gate.observeLater(call, () => this.#read(call, into, position));
  }

  writeSync(bytes: Uint8Array, position: number): void {
    const { gate } = this.#host;
    const step = FaultCounter.writeBytesMax(gate.faults, this.path);
    if (bytes.length === 0) {
      gate.assertAlive("write");
      this.#assertOpen(this.#call("write", position, 0));
    }
    for (let done = 0; done < bytes.length; done += step) {
      const part = bytes.subarray(done, Math.min(done + step, bytes.length));
      const call = this.#call("write", position + done, part.length);
      gate.change(call, (fault) => this.#write(call, part, position + done, fault));
    }
  }

  sync(): Promise<void> {
    const { gate, state } = this.#host;
    const call = this.#call("sync");
    // What completes from here on is not covered, whenever the sync itself completes.
    const sequence = state.sequence;
    return gate.changeLater(call, (fault) => {
      this.#assertOpen(call);
      const covered = coveredCount(this.#node, sequence);
      state.settle(this.#node, sequence, syncedCount(covered, fault));
      if (fault !== undefined) throw failure(call, fault.errno);
    });
  }

  truncate(size: number): Promise<void> {
    const call = this.#call("truncate", size);
    return this.#host.gate.changeLater(call, (fault) =>
      underFault(call, fault, () => {
        this.#assertOpen(call);
        if (this.#mode === "read" || !(size >= 0)) throw failure(call, "EINVAL");
        this.#host.state.changeFile(this.#node, { kind: "truncate", size });
      }),
    );
  }

  size(): Promise<number> {
    const call = this.#call("size");
    return this.#host.gate.observeLater(call, () => {
      this.#assertOpen(call);
      return this.#node.visible.size;
    });
  }

  async close(): Promise<void> {
    const call = this.#call("close");
    this.#host.gate.assertAlive("close");
    if (this.#closed) return;
    this.#closed = true;
    this.#node.openHandles -= 1;
    this.#host.closed();
    await this.#host.gate.observeLater(call, () => {});
  }

  #read(call: GatedCall, into: Uint8Array, position: number): number {
    this.#assertOpen(call);
    if (!(position >= 0)) throw failure(call, "EINVAL");
    return this.#node.visible.read(into, position);
  }

  #write(call: GatedCall, bytes: Uint8Array, position: number, fault: Fault | undefined): void {
    this.#assertOpen(call);
    if (this.#mode === "read") throw failure(call, "EBADF");
    if (!(position >= 0)) throw failure(call, "EINVAL");
    let count = bytes.length;
    if (fault?.applied === "none") count = 0;
    if (fault?.applied === "prefix") count = Math.min(fault.appliedCount ?? count >> 1, count);
    const room = this.#fitting(position, count);
    const fits = Math.min(count, room);
    if (fits > 0) {
      const kept = new Uint8Array(bytes.subarray(0, fits));
      this.#host.state.changeFile(this.#node, { kind: "write", offset: position, bytes: kept });
    }
    if (fault !== undefined) throw failure(call, fault.errno, position + fits);
    if (fits < count) throw failure(call, "ENOSPC", position + fits);
  }

  // As a real kernel does on a full disk, a write takes what still fits.
  #fitting(position: number, count: number): number {
    let free = this.#host.freeBytes();
    if (free === Number.POSITIVE_INFINITY) return count;
    let fits = 0;
    while (fits < count) {
      const at = position + fits;
      const step = Math.min(pageBytes - (at % pageBytes), count - fits);
      const growth = this.#node.visible.growthBytes(at, step);
      // What is overwritten in place needs no space, however full the disk is.
      if (growth > 0 && growth > free) break;
      free -= growth;
      fits += step;
    }
    return fits;
  }

  #assertOpen(call: GatedCall): void {
    if (this.#closed) throw failure(call, "EBADF");
  }

  #call(operation: GatedCall["operation"], offset?: number, length = 0): GatedCall {
    const { path } = this;
    return offset === undefined ? { operation, path } : { operation, path, offset, length };
  }
}

/** How many of the covered effects a sync makes durable. */
export function syncedCount(covered: number, fault: Fault | undefined): number {
  if (fault === undefined || fault.applied === "all") return covered;
  if (fault.applied === "none") return 0;
  return Math.min(fault.appliedCount ?? covered >> 1, covered);
}
