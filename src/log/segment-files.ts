// The read handles of sealed segments: opened once, kept in a small cache, never more than its size.
import type { Disk, DiskFile } from "../disk/ports.ts";
import type { ActiveSegment } from "./active-segment.ts";
import type { Segment } from "./segment.ts";

const openHandlesMax = 32;

export class SegmentFiles {
  opens = 0;
  readonly #disk: Disk;
  readonly #directory: string;
  /** By file name, least recently used first. */
  readonly #open: Map<string, DiskFile> = new Map();
  #active: ActiveSegment | undefined;

  constructor(disk: Disk, directory: string) {
    this.#disk = disk;
    this.#directory = directory;
  }

  /** The active segment is read through the handle that writes it. */
  setActive(active: ActiveSegment | undefined): void {
    this.#active = active;
  }

  for(segment: Segment): DiskFile {
    if (this.#active?.segment === segment) return this.#active.file;
    const { name } = segment;
    let file = this.#open.get(name);
    if (file === undefined) {
      file = this.#disk.openSync(this.#disk.join(this.#directory, name));
      this.opens++;
      this.#evict();
    } else {
      this.#open.delete(name);
    }
    this.#open.set(name, file);
    return file;
  }

  /** Gives up the handle of a file that is about to be removed. Reads are synchronous: nobody is in the middle of one. */
  forget(segment: Segment): void {
    const file = this.#open.get(segment.name);
    this.#open.delete(segment.name);
    file?.close().catch(() => {});
  }

  #evict(): void {
    if (this.#open.size < openHandlesMax) return;
    for (const [name, file] of this.#open) {
      this.#open.delete(name);
      // A read handle has nothing to lose; an error in closing it changes nothing.
      file.close().catch(() => {});
      return;
    }
  }

  async close(): Promise<void> {
    const files = [...this.#open.values()];
    this.#open.clear();
    for (const file of files) await file.close();
  }
}
