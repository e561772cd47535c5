// The bytes of one simulated file, as sparse 4 KiB pages that clones share until one of them writes.
// A clone costs nothing until then, and a hole never costs anything.

export const pageBytes = 4096;

export class PageImage {
  #size = 0;
  #pages: Map<number, Uint8Array> = new Map();
  /** Whether another image uses the same map; it is copied before the first write. */
  #mapShared = false;
  /** Pages of the map that no other image uses; the others are copied before they change. */
  #owned: Set<number> = new Set();

  get size(): number {
    return this.#size;
  }

  /** Bytes that take space: whole pages, without holes. */
  get allocatedBytes(): number {
    return this.#pages.size * pageBytes;
  }

  clone(): PageImage {
    const copy = new PageImage();
    copy.#size = this.#size;
    copy.#pages = this.#pages;
    copy.#mapShared = true;
    this.#mapShared = true;
    return copy;
  }

  /** Copies what there is from `position` into `into`; returns the count. */
  read(into: Uint8Array, position: number): number {
    const count = Math.max(0, Math.min(into.length, this.#size - position));
    let done = 0;
    while (done < count) {
      const at = position + done;
      const within = at % pageBytes;
      const step = Math.min(pageBytes - within, count - done);
      const page = this.#pages.get((at - within) / pageBytes);
      if (page === undefined) into.fill(0, done, done + step);
      else into.set(page.subarray(within, within + step), done);
      done += step;
    }
    return count;
  }

  write(bytes: Uint8Array, position: number): void {
    let done = 0;
    while (done < bytes.length) {
      const at = position + done;
      const within = at % pageBytes;
      const step = Math.min(pageBytes - within, bytes.length - done);
      const page = this.#ownPage((at - within) / pageBytes);
      page.set(bytes.subarray(done, done + step), within);
      done += step;
    }
    // A write of nothing does not lengthen a file.
    if (bytes.length > 0) this.#size = Math.max(this.#size, position + bytes.length);
  }

  truncate(size: number): void {
    if (size < this.#size) this.#cut(size);
    this.#size = size;
  }

  /** How many bytes a write of this range would newly take. */
  growthBytes(position: number, length: number): number {
    if (length === 0) return 0;
    const last = Math.floor((position + length - 1) / pageBytes);
    let fresh = 0;
    for (let index = Math.floor(position / pageBytes); index <= last; index++) {
      if (!this.#pages.has(index)) fresh += 1;
    }
    return fresh * pageBytes;
  }

  toBytes(): Uint8Array {
    const bytes = new Uint8Array(this.#size);
    this.read(bytes, 0);
    return bytes;
  }

  #cut(size: number): void {
    this.#ownMap();
    const kept = Math.ceil(size / pageBytes);
    for (const index of this.#pages.keys()) {
      if (index < kept) continue;
      this.#pages.delete(index);
      this.#owned.delete(index);
    }
    // What was cut off must read as zeros if the file grows again.
    const within = size % pageBytes;
    const last = (size - within) / pageBytes;
    if (within > 0 && this.#pages.has(last)) this.#ownPage(last).fill(0, within);
  }

  #ownMap(): void {
    if (!this.#mapShared) return;
    this.#pages = new Map(this.#pages);
    this.#owned = new Set();
    this.#mapShared = false;
  }

  #ownPage(index: number): Uint8Array {
    this.#ownMap();
    const found = this.#pages.get(index);
    if (found !== undefined && this.#owned.has(index)) return found;
    const page = found === undefined ? new Uint8Array(pageBytes) : found.slice();
    this.#pages.set(index, page);
    this.#owned.add(index);
    return page;
  }
}
