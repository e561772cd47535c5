// A disk as one process sees it that can die while the machine and its other processes live on.
import type { Disk, DiskLock } from "../../src/disk/ports.ts";
import { DeadDiskError, type SimulatedDisk } from "../../src/testing/testing.ts";

const changing: ReadonlySet<string> = new Set([
  "writeSync",
  "sync",
  "truncate",
  "open",
  "rename",
  "unlink",
  "makeDirectory",
  "syncDirectory",
]);

export class Process {
  readonly disk: Disk;
  isDead = false;
  readonly #locks: DiskLock[] = [];
  #callsLeft = Number.POSITIVE_INFINITY;

  constructor(disk: SimulatedDisk) {
    this.disk = this.#watched(disk);
  }

  /** Dies at the n-th call from now that changes something; a write that it dies at is done in part. */
  dieIn(calls: number): void {
    this.#callsLeft = calls;
  }

  die(): void {
    this.isDead = true;
    // The kernel frees what a process held.
    for (const lock of this.#locks.splice(0)) void lock.release();
  }

  #watched<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (_, name: string) => {
        const value: unknown = Reflect.get(target, name, target);
        if (!isCall(value)) return value;
        return (...given: unknown[]): unknown => {
          const result: unknown = this.#call(target, name, value, given);
          return result instanceof Promise
            ? result.then((ended) => this.#kept(ended))
            : this.#kept(result);
        };
      },
    });
  }

  #call(
    target: object,
    name: string,
    call: (...given: never[]) => unknown,
    given: unknown[],
  ): unknown {
    if (this.isDead) throw new DeadDiskError(name);
    if (changing.has(name) && --this.#callsLeft <= 0) {
      const [bytes, position] = given;
      if (name === "writeSync") {
        call.apply(target, [
          (bytes as Uint8Array).subarray(0, (bytes as Uint8Array).length / 2),
          position,
        ] as never[]);
      }
      this.die();
      throw new DeadDiskError(name);
    }
    return call.apply(target, given as never[]);
  }

  #kept(result: unknown): unknown {
    if (typeof result !== "object" || result === null) return result;
    if ("release" in result) this.#locks.push(result as DiskLock);
    return "readSync" in result ? this.#watched(result) : result;
  }
}

function isCall(value: unknown): value is (...given: never[]) => unknown {
  return typeof value === "function";
}
