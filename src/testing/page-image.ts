// The bytes of one simulated file, as sparse 4 KiB pages that clones share until one of them writes.
// A clone costs nothing until then, and a hole never costs anything.

import { hash64 } from "../codec/checksum.ts";

export const pageBytes = 4096;

/** Bytes of a page, which may be a part of larger ones, and their hash once somebody asked for it. */
class Page {
  readonly bytes: Uint8Array;
  hashLo = 0;
  hashHi = 0;
  isHashed = false;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  hash(): void {
    hash64(this.bytes, 0, pageBytes, 0, 0, halves);
    this.hashLo = halves[0] as number;
    this.hashHi = halves[1] as number;
    this.isHashed = true;
  }
}

const halves: Uint32Array = new Uint32Array(2);
const zeros: Uint8Array = new Uint8Array(2 ** 20);
/** Nobody owns it: no image writes to it. */
const zeroPage: Page = new Page(zeros.subarray(0, pageBytes));

/** Zeros for `PageImage.adopt`, which takes a page of them at no cost. */
export function sharedZeros(length: number): Uint8Array {
  return length <= zeros.length ? zeros.subarray(0, length) : new Uint8Array(length);
}

export class PageImage {
  #size = 0;
  #pages: Map<number, Page> = new Map();
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
      else into.set(page.bytes.subarray(within, within + step), done);
      done += step;
    }
    return count;
  }

  write(bytes: Uint8Array, position: number): void {
    this.#put(bytes, position, false);
  }

  /** As `write`, of bytes that nobody will ever change: whole pages are taken as they are. */
  adopt(bytes: Uint8Array, position: number): void {
    this.#put(bytes, position, true);
  }

  #put(bytes: Uint8Array, position: number, isFrozen: boolean): void {
    let done = 0;
    while (done < bytes.length) {
      const at = position + done;
      const within = at % pageBytes;
      const step = Math.min(pageBytes - within, bytes.length - done);
      const index = (at - within) / pageBytes;
      const part = bytes.subarray(done, done + step);
      if (isFrozen && step === pageBytes) this.#sharePage(index, part);
      else this.#ownPage(index).set(part, within);
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

  /** A hash of size and content, into two words: equal for equal files, wherever they have holes. */
  hash(out: Uint32Array): void {
    const count = Math.ceil(this.#size / pageBytes);
    const words = new Uint32Array(count * 2 + 1);
    words[count * 2] = this.#size;
    for (let index = 0; index < count; index++) {
      const page = this.#pages.get(index) ?? zeroPage;
      if (!page.isHashed) page.hash();
      words[index * 2] = page.hashLo;
      words[index * 2 + 1] = page.hashHi;
    }
    hash64(new Uint8Array(words.buffer), 0, words.byteLength, 0, 0, out);
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
    if (found !== undefined && this.#owned.has(index)) {
      found.isHashed = false;
      return found.bytes;
    }
    const page = new Page(found === undefined ? new Uint8Array(pageBytes) : found.bytes.slice());
    this.#pages.set(index, page);
    this.#owned.add(index);
    return page.bytes;
  }

  #sharePage(index: number, bytes: Uint8Array): void {
    this.#ownMap();
    this.#pages.set(index, bytes.buffer === zeros.buffer ? zeroPage : new Page(bytes));
    this.#owned.delete(index);
  }
}
