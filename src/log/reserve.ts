// A file of real zeros that is given up on a full disk, so that closing, rolling and recovery have room.
import type { Disk, DiskFile } from "../disk/ports.ts";

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

  static async open(disk: Disk, path: string): Promise<ReserveFile> {
    const found = await disk.stat(path);
    const file = await disk.open(path, found === undefined ? "create" : "write");
    const reserve = new ReserveFile(file, (found?.bytes ?? 0) >= reserveBytes);
    await reserve.restore();
    return reserve;
  }

  /** Gives the space back to the file system; returns whether there was any. */
  async release(): Promise<boolean> {
    if (!this.#held) return false;
    this.#held = false;
    await this.#file.truncate(0);
    return true;
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
