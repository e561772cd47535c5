// One open handle on a file of the simulated disk. It belongs to the disk that opened it, and dies with it.
import { lengthWithoutZeros } from "../codec/zeros.ts";
import type { DiskFile, OpenMode } from "../disk/ports.ts";
import { type CallGate, failure, type GatedCall, underFault } from "./call-gate.ts";
import { damagedRead, damagedWrite } from "./damage.ts";
import type { DiskState } from "./disk-state.ts";
import type { ErrnoEffect, Fault } from "./faults.ts";
import { coveredCount, type FileNode, type Inode } from "./inode.ts";
import { pageBytes, sharedZeros } from "./page-image.ts";

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
    const { gate } = this.#host;
    const step = gate.bytesMax(call);
    if (step >= into.length) {
      return gate.observe(call, (fault) => this.#read(call, into, position, fault));
    }
    for (let done = 0; done < into.length; done += step) {
      const part = into.subarray(done, done + step);
      const at = position + done;
      const piece = this.#call("read", at, part.length);
      const count = gate.observe(piece, (fault) => this.#read(piece, part, at, fault));
      if (count < part.length) return done + count;
    }
    return into.length;
  }

  read(into: Uint8Array, position: number): Promise<number> {
    const call = this.#call("read", position, into.length);
    const { gate } = this.#host;
    const step = gate.bytesMax(call);
    if (step < into.length) return this.#readInParts(into, position, step);
    return gate.observeLater(call, (fault) => this.#read(call, into, position, fault));
  }

  writeSync(bytes: Uint8Array, position: number): void {
    const { gate } = this.#host;
    const step = gate.bytesMax(this.#call("write", position, bytes.length));
    if (bytes.length === 0) {
      gate.assertAlive("write");
      this.#assertOpen(this.#call("write", position, 0));
    }
    for (let done = 0; done < bytes.length; done += step) {
      const part = bytes.subarray(done, Math.min(done + step, bytes.length));
      const call = { ...this.#call("write", position + done, part.length), bytes: part };
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
      endSync(state, call, this.#node, sequence, fault);
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

  async #readInParts(into: Uint8Array, position: number, step: number): Promise<number> {
    const { gate } = this.#host;
    for (let done = 0; done < into.length; done += step) {
      const part = into.subarray(done, done + step);
      const at = position + done;
      const piece = this.#call("read", at, part.length);
      const count = await gate.observeLater(piece, (fault) => this.#read(piece, part, at, fault));
      if (count < part.length) return done + count;
    }
    return into.length;
  }

  #read(call: GatedCall, into: Uint8Array, position: number, fault: Fault | undefined): number {
    this.#assertOpen(call);
    if (!(position >= 0)) throw failure(call, "EINVAL");
    if (fault !== undefined && "damage" in fault) {
      return damagedRead(this.#node, fault, into, position);
    }
    return this.#node.visible.read(into, position);
  }

  #write(call: GatedCall, bytes: Uint8Array, position: number, fault: Fault | undefined): void {
    this.#assertOpen(call);
    if (this.#mode === "read") throw failure(call, "EBADF");
    if (!(position >= 0)) throw failure(call, "EINVAL");
    if (fault !== undefined && "damage" in fault) {
      const landed = damagedWrite(fault, bytes, position);
      if (landed !== undefined) this.#put(call, landed.bytes, landed.position);
      return;
    }
    const errno = fault !== undefined && "errno" in fault ? fault : undefined;
    const [from, end] = appliedRange(bytes.length, errno);
    const stopped = this.#put(call, bytes.subarray(from, end), position + from);
    if (errno !== undefined) throw failure(call, errno.errno, stopped);
  }

  /** Writes what fits and returns where it ends. */
  #put(call: GatedCall, bytes: Uint8Array, position: number): number {
    const fits = Math.min(bytes.length, this.#fitting(position, bytes.length));
    if (fits > 0) {
      const kept = frozenCopy(bytes.subarray(0, fits));
      this.#host.state.changeFile(this.#node, { kind: "write", offset: position, bytes: kept });
    }
    if (fits < bytes.length) throw failure(call, "ENOSPC", position + fits);
    return position + fits;
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

/** Files are filled with zeros by the megabyte, which need not be copied. */
function frozenCopy(bytes: Uint8Array): Uint8Array {
  const isZeros = bytes.length >= pageBytes && lengthWithoutZeros(bytes) === 0;
  return isZeros ? sharedZeros(bytes.length) : new Uint8Array(bytes);
}

/** What arrives of the bytes of a write that fails. */
function appliedRange(length: number, errno: ErrnoEffect | undefined): [number, number] {
  if (errno === undefined || errno.applied === "all") return [0, length];
  if (errno.applied === "prefix") return [0, Math.min(errno.appliedCount ?? length >> 1, length)];
  if (errno.applied !== "range") return [0, 0];
  const from = Math.min(errno.appliedFrom ?? length >> 2, length);
  return [from, Math.min(from + (errno.appliedCount ?? length >> 1), length)];
}

/** Ends the sync of a file or a directory that was called at `sequence`, with its fault. */
export function endSync(
  state: DiskState,
  call: GatedCall,
  node: Inode,
  sequence: number,
  fault: Fault | undefined,
): void {
  if (fault === undefined || "damage" in fault) {
    state.endSync(node, sequence);
    return;
  }
  if ("lie" in fault) return;
  const covered = coveredCount(node, sequence);
  state.failSync(node, sequence, syncedCount(covered, fault));
  throw failure(call, fault.errno);
}

function syncedCount(covered: number, { applied, appliedCount }: ErrnoEffect): number {
  if (applied === "all") return covered;
  if (applied === "prefix") return Math.min(appliedCount ?? covered >> 1, covered);
  return 0;
}
