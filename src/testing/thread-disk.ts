// The disk as a simulated thread has it: what it has opened is closed when it ends, and nothing it does behind that reaches the files.
import { diskError } from "../disk/disk-error.ts";
import type { Disk, DiskFile, DiskLock, DiskStat, OpenMode } from "../disk/ports.ts";

export class ThreadDisk implements Disk {
  readonly #disk: Disk;
  readonly #opened: Set<DiskFile> = new Set();
  #hasEnded = false;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** Closes what is open; every call behind it fails. */
  async end(): Promise<void> {
    this.#hasEnded = true;
    const files = [...this.#opened];
    this.#opened.clear();
    // On a machine that has died nothing is open any more.
    await Promise.allSettled(files.map((file) => file.close()));
  }

  async open(path: string, mode: OpenMode): Promise<DiskFile> {
    const file = await this.#alive(path).open(path, mode);
    if (!this.#hasEnded) return this.#noted(file);
    await file.close();
    throw gone(path);
  }

  openSync(path: string): DiskFile {
    return this.#noted(this.#alive(path).openSync(path));
  }

  async stat(path: string): Promise<DiskStat | undefined> {
    return await this.#alive(path).stat(path);
  }

  async list(path: string): Promise<string[]> {
    return await this.#alive(path).list(path);
  }

  async makeDirectory(path: string): Promise<void> {
    await this.#alive(path).makeDirectory(path);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#alive(from).rename(from, to);
  }

  async unlink(path: string): Promise<void> {
    await this.#alive(path).unlink(path);
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#alive(path).syncDirectory(path);
  }

  async lock(path: string, holder: string): Promise<DiskLock> {
    return await this.#alive(path).lock(path, holder);
  }

  join(...parts: string[]): string {
    return this.#disk.join(...parts);
  }

  dirname(path: string): string {
    return this.#disk.dirname(path);
  }

  resolve(path: string): string {
    return this.#disk.resolve(path);
  }

  #alive(path: string): Disk {
    if (this.#hasEnded) throw gone(path);
    return this.#disk;
  }

  #noted(file: DiskFile): DiskFile {
    this.#opened.add(file);
    return file;
  }
}

function gone(path: string): Error {
  return diskError({ errno: "EBADF", operation: "open", path });
}
