// A file of real zeros that is given up on a full disk, so that closing, rolling and recovery have room.
import { VarveError } from "../codec/errors.ts";
import type { Disk, DiskFile } from "../disk/ports.ts";
import { openOrMakeAnew } from "./small-file.ts";

export const reserveBytes: number = 256 * 1024;

/** Never written to: untouched zeros take no memory. */
const zeros: Uint8Array = new Uint8Array(reserveBytes);

export class ReserveFile {
  readonly #file: DiskFile;
  #held: boolean;

  private constructor(file: DiskFile, held: boolean) {
    this.#file = file;
    this.#held = held;
  }

  /** Where it does not hold its space it is made anew, and `restore` takes it, once the file's name is durable. */
  static async open(disk: Disk, path: string): Promise<ReserveFile> {
    const isHeld = ((await disk.stat(path))?.bytes ?? 0) >= reserveBytes;
    return new ReserveFile(await openOrMakeAnew(disk, path, isHeld), isHeld);
  }

  /** Gives the space back to the file system; returns whether there was any. */
  async release(): Promise<boolean> {
    if (!this.#held) return false;
    this.#held = false;
    await this.#file.truncate(0);
    return true;
  }

  /** Runs a step that needs space; on a full disk gives up what is held and tries once more. */
  async orGiven<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const isFull = error instanceof VarveError && error.code === "DISK_FULL";
      if (!isFull || !(await this.release())) throw error;
      return await work();
    }
  }

  /** Takes the space again where there is some; fails silently where there is none. */
  async restore(): Promise<void> {
    if (this.#held) return;
    try {
      this.#file.writeSync(zeros, 0);
      // A file system may find only now that there is no room.
      await this.#file.sync();
      this.#held = true;
    } catch {
      // A full disk has no room to reserve; the next roll tries again.
      await this.#file.truncate(0).catch(() => {});
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

/** Gives the space of a reserve that is not open back, if there is one; recovery needs it before it can open it. */
export async function releaseReserve(disk: Disk, path: string): Promise<void> {
  const found = await disk.stat(path);
  if (found === undefined || found.bytes === 0) return;
  const file = await disk.open(path, "write");
  try {
    await file.truncate(0);
  } finally {
    await file.close();
  }
}
