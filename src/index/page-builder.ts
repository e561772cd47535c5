// Gathers the entries of one page, leaf or inner, until it is full, and writes it: columns of words, prefix-compressed keys, blobs.

import { putU32 } from "../codec/bytes.ts";
import { hash64 } from "../codec/checksum.ts";
import { putU64 } from "../log/fields.ts";
import { BitWriter } from "./page-bits.ts";
import { ColumnStats, writeColumn } from "./page-columns.ts";
import { noBytes, noWords } from "./page-decoded.ts";
import {
  decodedBytesTarget,
  type EntryShape,
  PAGE_HEADER,
  pageEntriesMax,
  pageHasFence,
  pageHeaderBytes,
  pageMagic,
} from "./page-format.ts";

/** Entries are measured after so many more, at the most: what bounds how far a page overshoots its size. */
const measureStepMax = 64;

/** What the header of a page says besides its content. */
export interface PagePlace {
  readonly kind: number;
  readonly level: number;
  readonly treeId: number;
  readonly ordinal: number;
  readonly hasFence: boolean;
}

/** A byte string that grows; what it held before stays. */
class Bytes {
  bytes: Uint8Array = new Uint8Array(256);
  length = 0;

  append(from: Uint8Array, start: number, end: number): void {
    const needed = this.length + end - start;
    if (needed > this.bytes.length) {
      const larger = new Uint8Array(Math.max(needed, this.bytes.length * 2));
      larger.set(this.bytes.subarray(0, this.length));
      this.bytes = larger;
    }
    const { bytes } = this;
    for (let i = start, to = this.length; i < end; i++, to++) bytes[to] = from[i]!;
    this.length = needed;
  }
}

export class PageBuilder {
  readonly shape: EntryShape;
  count = 0;
  /** Entry i is words[i * width …]. */
  words: Uint32Array;
  /** The key of the first entry of the page. */
  firstKey: Uint8Array = noBytes;
  /** The hash of the page last written. */
  readonly hash: Uint32Array = new Uint32Array(2);

  readonly #bytesTarget: number;
  readonly #stats: ColumnStats[] = [];
  readonly #writer = new BitWriter();
  readonly #suffixes = new Bytes();
  readonly #lastKey = new Bytes();
  readonly #blobs = new Bytes();
  #sharedLengths: Uint32Array = noWords;
  #suffixLengths: Uint32Array = noWords;
  #blobLengths: Uint32Array = noWords;
  readonly #sharedStats = new ColumnStats();
  readonly #suffixStats = new ColumnStats();
  readonly #blobStats = new ColumnStats();
  #keyBytes = 0;
  /** Entries that the statistics cover, what their columns take, and the count at which to look again. */
  #measuredCount = 0;
  #columnBytes = 0;
  #measureAt = 1;

  constructor(shape: EntryShape, bytesTarget: number) {
    this.shape = shape;
    this.#bytesTarget = bytesTarget;
    this.words = new Uint32Array(64 * shape.width);
    for (let word = 0; word < shape.width; word++) this.#stats.push(new ColumnStats());
    if (shape.keyBytes) {
      this.#sharedLengths = new Uint32Array(64);
      this.#suffixLengths = new Uint32Array(64);
    }
    if (shape.blob) this.#blobLengths = new Uint32Array(64);
  }

  /** Adds an entry of words; the key and blob, where the shape has them, were added before. */
  add(words: Uint32Array, base: number): void {
    const { width } = this.shape;
    const at = this.count * width;
    if (at === this.words.length) this.#grow();
    const own = this.words;
    for (let word = 0; word < width; word++) own[at + word] = words[base + word]!;
    this.count++;
  }

  addKey(bytes: Uint8Array, from: number, to: number): void {
    const last = this.#lastKey;
    let shared = 0;
    if (this.count === 0) {
      this.firstKey = bytes.slice(from, to);
    } else {
      const sharedMax = Math.min(last.length, to - from);
      while (shared < sharedMax && last.bytes[shared] === bytes[from + shared]) shared++;
    }
    if (this.count === this.#sharedLengths.length) this.#grow();
    this.#sharedLengths[this.count] = shared;
    this.#suffixLengths[this.count] = to - from - shared;
    this.#suffixes.append(bytes, from + shared, to);
    this.#keyBytes += to - from;
    last.length = shared;
    last.append(bytes, from + shared, to);
  }

  addBlob(bytes: Uint8Array, from: number, to: number): void {
    if (this.count === this.#blobLengths.length) this.#grow();
    this.#blobLengths[this.count] = to - from;
    this.#blobs.append(bytes, from, to);
  }

  /** Whether the page has its size; looks closely only every few entries. */
  get isFull(): boolean {
    const { count } = this;
    if (count === 0) return false;
    if (count >= this.#measureAt) this.#measure();
    const variable = this.#suffixes.length + this.#blobs.length;
    return (
      this.#columnBytes + variable >= this.#bytesTarget ||
      count * this.shape.width * 4 + this.#keyBytes + this.#blobs.length >= decodedBytesTarget ||
      count === pageEntriesMax
    );
  }

  /** Entries that can be added before `isFull` is worth a look; meant for entries of words alone. */
  get unmeasuredCount(): number {
    return Math.max(1, this.#measureAt - this.count);
  }

  /** The most that `write` takes. */
  get bytesMax(): number {
    this.#measure();
    return pageHeaderBytes + this.#columnBytes + this.#suffixes.length + this.#blobs.length + 8;
  }

  /** Writes the page at `position`, where there is room for `bytesMax`, and returns its length. */
  write(into: Uint8Array, position: number, place: PagePlace): number {
    this.#measure();
    const { width, keyBytes, blob } = this.shape;
    let at = position + pageHeaderBytes;
    for (let word = 0; word < width; word++) {
      const stats = this.#stats[word]!;
      at = writeColumn(this.words, width, this.count, stats, into, at, this.#writer, word);
    }
    if (keyBytes) {
      at = this.#writeLengths(this.#sharedLengths, this.#sharedStats, into, at);
      at = this.#writeLengths(this.#suffixLengths, this.#suffixStats, into, at);
      at = writeBytes(this.#suffixes, into, at);
    }
    if (blob) {
      at = this.#writeLengths(this.#blobLengths, this.#blobStats, into, at);
      at = writeBytes(this.#blobs, into, at);
    }
    const length = at - position;
    sealPage(into, position, length, this.count, place, this.hash);
    return length;
  }

  /** Starts the next page. */
  reset(): void {
    this.count = 0;
    for (const stats of this.#stats) stats.reset();
    for (const stats of [this.#sharedStats, this.#suffixStats, this.#blobStats]) stats.reset();
    this.#suffixes.length = 0;
    this.#blobs.length = 0;
    this.#keyBytes = 0;
    this.#measuredCount = 0;
    this.#columnBytes = 0;
    this.#measureAt = 1;
  }

  #measure(): void {
    const { count, shape } = this;
    const from = this.#measuredCount;
    if (from === count) return;
    const { width } = shape;
    let bytes = 0;
    for (let word = 0; word < width; word++) {
      const stats = this.#stats[word]!;
      stats.add(this.words, from * width + word, width, count - from);
      bytes += stats.bytes;
    }
    if (shape.keyBytes) {
      this.#sharedStats.add(this.#sharedLengths, from, 1, count - from);
      this.#suffixStats.add(this.#suffixLengths, from, 1, count - from);
      bytes += this.#sharedStats.bytes + this.#suffixStats.bytes;
    }
    if (shape.blob) {
      this.#blobStats.add(this.#blobLengths, from, 1, count - from);
      bytes += this.#blobStats.bytes;
    }
    this.#columnBytes = bytes;
    this.#measuredCount = count;
    // Half of the way to the size, as far as the entries so far can tell.
    const each = bytes / count;
    const step = Math.floor((this.#bytesTarget - bytes) / each / 2);
    this.#measureAt = count + Math.max(1, Math.min(step, count, measureStepMax));
  }

  #writeLengths(lengths: Uint32Array, stats: ColumnStats, into: Uint8Array, at: number): number {
    return writeColumn(lengths, 1, this.count, stats, into, at, this.#writer, 0);
  }

  #grow(): void {
    this.words = twice(this.words);
    if (this.shape.keyBytes) {
      this.#sharedLengths = twice(this.#sharedLengths);
      this.#suffixLengths = twice(this.#suffixLengths);
    }
    if (this.shape.blob) this.#blobLengths = twice(this.#blobLengths);
  }
}

/** Writes the header of a page whose content is in place. */
export function sealPage(
  into: Uint8Array,
  position: number,
  length: number,
  count: number,
  place: PagePlace,
  hash: Uint32Array,
): void {
  putU32(into, position + PAGE_HEADER.magic, pageMagic);
  into[position + PAGE_HEADER.kind] = place.kind;
  into[position + PAGE_HEADER.level] = place.level;
  into[position + PAGE_HEADER.flags] = place.hasFence ? pageHasFence : 0;
  into[position + PAGE_HEADER.flags + 1] = 0;
  putU64(into, position + PAGE_HEADER.treeId, place.treeId);
  putU32(into, position + PAGE_HEADER.ordinal, place.ordinal);
  putU32(into, position + PAGE_HEADER.count, count);
  putU32(into, position + PAGE_HEADER.length, length);
  hash64(into, position + PAGE_HEADER.magic, position + length, 0, 0, hash);
  putU32(into, position + PAGE_HEADER.hash, hash[0]!);
  putU32(into, position + PAGE_HEADER.hash + 4, hash[1]!);
}

function writeBytes(from: Bytes, into: Uint8Array, at: number): number {
  into.set(from.bytes.subarray(0, from.length), at);
  return at + from.length;
}

function twice(words: Uint32Array): Uint32Array {
  const larger = new Uint32Array(words.length * 2);
  larger.set(words);
  return larger;
}
