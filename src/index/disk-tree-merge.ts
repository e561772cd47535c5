// Reads several sorted sources as one: in-memory trees, frozen ones and on-disk ones. Of entries with the same key the newest source's
// is shown, and the others are passed over. Forward only.

import { compareBytes } from "../codec/text.ts";
import { compareWords, noBytes, noWords } from "./page-decoded.ts";

/**
 * What the cursors of all trees have. While `isValid`, entries lie in `words` from `base` to `leafEnd`. Sources over byte
 * strings or with blobs show those of the entry at `base`.
 */
export interface EntrySource {
  readonly words: Uint32Array;
  readonly base: number;
  readonly leafEnd: number;
  readonly isValid: boolean;
  next(): boolean;
  nextLeaf(): boolean;
  moveTo(base: number): void;
  readonly keyChunk?: Uint8Array;
  readonly keyFrom?: number;
  readonly keyTo?: number;
  readonly blobChunk?: Uint8Array;
  readonly blobFrom?: number;
  readonly blobTo?: number;
}

export interface WordSource extends EntrySource {
  seek(probe: Uint32Array, words: number): boolean;
}

export interface KeySource extends EntrySource {
  seek(bytes: Uint8Array, from: number, to: number): boolean;
}

/** What sources have in common. */
export interface MergedShape {
  readonly width: number;
  readonly keyWords: number;
  readonly keyBytes: boolean;
}

/** A source in the order of the merge. */
interface Place {
  readonly source: EntrySource;
  /** 0 for the newest. */
  readonly age: number;
}

/**
 * The sources must not change while the cursor is used; a seek after a change starts afresh. `words`, `base` and `leafEnd` are
 * as in the cursors of one tree: `leafEnd` ends what one source has below the next entry of any other, so that scans run in
 * loops where sources do not interleave.
 */
export abstract class MergedCursor {
  words: Uint32Array = noWords;
  base = 0;
  leafEnd = 0;
  isValid = false;
  /** Entries passed over so far, because a newer source has their key. */
  shadowed = 0;

  readonly #shape: MergedShape;
  /** Those with entries left, the lowest first, and of equal ones the newest. */
  readonly #places: Place[] = [];

  /** @param shape that of every source. */
  constructor(shape: MergedShape) {
    this.#shape = shape;
  }

  /** Moves to the next entry; false at the end. */
  next(): boolean {
    if (!this.isValid) return false;
    const base = this.base + this.#shape.width;
    if (base === this.leafEnd) return this.nextLeaf();
    this.moveTo(base);
    return true;
  }

  /** Moves past all entries up to `leafEnd`; false at the end. */
  nextLeaf(): boolean {
    if (!this.isValid) return false;
    const { source } = this.#places[0]!;
    if (this.leafEnd === source.leafEnd) {
      source.nextLeaf();
    } else {
      source.moveTo(this.leafEnd);
    }
    this.#settle(0);
    return this.#show();
  }

  /** Makes another entry before `leafEnd` the current one. */
  moveTo(base: number): void {
    this.base = base;
    this.#places[0]!.source.moveTo(base);
  }

  get keyChunk(): Uint8Array {
    return this.#head?.keyChunk ?? noBytes;
  }

  get keyFrom(): number {
    return this.#head?.keyFrom ?? 0;
  }

  get keyTo(): number {
    return this.#head?.keyTo ?? 0;
  }

  get blobChunk(): Uint8Array {
    return this.#head?.blobChunk ?? noBytes;
  }

  get blobFrom(): number {
    return this.#head?.blobFrom ?? 0;
  }

  get blobTo(): number {
    return this.#head?.blobTo ?? 0;
  }

  /** Starts over from where the sources stand. */
  protected start(sources: readonly EntrySource[]): boolean {
    const places = this.#places;
    places.length = 0;
    for (let age = sources.length - 1; age >= 0; age--) {
      const source = sources[age]!;
      if (!source.isValid) continue;
      places.unshift({ source, age });
      this.#settle(0);
    }
    return this.#show();
  }

  get #head(): EntrySource | undefined {
    return this.isValid ? this.#places[0]!.source : undefined;
  }

  /** Puts the source at a place where it belongs, after it moved on; or out, at its end. */
  #settle(at: number): void {
    const places = this.#places;
    const place = places[at]!;
    if (!place.source.isValid) {
      places.splice(at, 1);
      return;
    }
    let to = at;
    for (; to + 1 < places.length; to++) {
      const other = places[to + 1]!;
      const order = this.#compare(place.source, place.source.base, other.source);
      if (order < 0 || (order === 0 && place.age < other.age)) break;
      places[to] = other;
    }
    places[to] = place;
  }

  #show(): boolean {
    const places = this.#places;
    const head = places[0]?.source;
    this.isValid = head !== undefined;
    if (head === undefined) {
      this.words = noWords;
      this.base = 0;
      this.leafEnd = 0;
      return false;
    }
    while (places.length > 1 && this.#compare(head, head.base, places[1]!.source) === 0) {
      this.shadowed++;
      places[1]!.source.next();
      this.#settle(1);
    }
    this.words = head.words;
    this.base = head.base;
    this.leafEnd = this.#runEnd(head, places[1]?.source);
    return true;
  }

  /** Where the head's entries end that lie in its leaf and below the next source's. */
  #runEnd(head: EntrySource, other: EntrySource | undefined): number {
    const { width, keyBytes } = this.#shape;
    const { base, leafEnd } = head;
    if (other === undefined) return leafEnd;
    // The keys of entries that are not current are out of reach.
    if (keyBytes) return base + width;
    // Strides that double find a place behind the run, halving then finds its end: the entry at `low` is in the run.
    let low = base;
    let step = width;
    while (low + step < leafEnd && this.#compare(head, low + step, other) < 0) {
      low += step;
      step *= 2;
    }
    let high = Math.min(low + step, leafEnd);
    while (high - low > width) {
      const middle = low + Math.floor((high - low) / width / 2) * width;
      if (this.#compare(head, middle, other) < 0) low = middle;
      else high = middle;
    }
    return high;
  }

  #compare(source: EntrySource, base: number, other: EntrySource): number {
    const { keyWords, keyBytes } = this.#shape;
    if (keyBytes) {
      const order = compareBytes(
        source.keyChunk!,
        source.keyFrom!,
        source.keyTo!,
        other.keyChunk!,
        other.keyFrom!,
        other.keyTo!,
      );
      if (order !== 0) return order;
    }
    return compareWords(source.words, base, other.words, other.base, keyWords);
  }
}

/** Merges sources of words, newest first. */
export class MergedWordCursor extends MergedCursor {
  readonly #sources: readonly WordSource[];

  constructor(sources: readonly WordSource[], width: number, keyWords: number) {
    super({ width, keyWords, keyBytes: false });
    this.#sources = sources;
  }

  /** Moves to the first entry whose first `words` words are at or above the probe's; false when there is none. */
  seek(probe: Uint32Array, words: number): boolean {
    this.isValid = false;
    for (const source of this.#sources) source.seek(probe, words);
    return this.start(this.#sources);
  }
}

/** Merges sources that begin with byte strings, newest first. */
export class MergedKeyCursor extends MergedCursor {
  readonly #sources: readonly KeySource[];

  constructor(sources: readonly KeySource[], width: number, keyWords: number) {
    super({ width, keyWords, keyBytes: true });
    this.#sources = sources;
  }

  /** Moves to the first entry of the first key at or above bytes[from … to); false when there is none. */
  seek(bytes: Uint8Array, from: number, to: number): boolean {
    this.isValid = false;
    for (const source of this.#sources) source.seek(bytes, from, to);
    return this.start(this.#sources);
  }
}

/** Writes all that is left of a cursor, and returns the count of entries. */
export function writeAll(
  cursor: MergedCursor | EntrySource,
  writer: EntrySink,
  shape: { readonly keyBytes: boolean; readonly blob: boolean; readonly width: number },
): number {
  const before = writer.entryCount;
  writeSome(cursor, writer, shape, Number.POSITIVE_INFINITY);
  return writer.entryCount - before;
}

/** As `writeAll`, until at least so many entries are written; the cursor stands on the first that is left. */
export function writeSome(
  cursor: MergedCursor | EntrySource,
  writer: EntrySink,
  shape: { readonly keyBytes: boolean; readonly blob: boolean; readonly width: number },
  entries: number,
): void {
  const end = writer.entryCount + entries;
  if (!shape.keyBytes && !shape.blob) {
    for (let more = cursor.isValid; more && writer.entryCount < end; more = cursor.nextLeaf()) {
      writer.addRun(cursor.words, cursor.base, cursor.leafEnd);
    }
  } else {
    for (let more = cursor.isValid; more && writer.entryCount < end; more = cursor.next()) {
      if (shape.keyBytes) writer.setKey(cursor.keyChunk!, cursor.keyFrom!, cursor.keyTo!);
      if (shape.blob) writer.setBlob(cursor.blobChunk!, cursor.blobFrom!, cursor.blobTo!);
      writer.add(cursor.words, cursor.base);
    }
  }
}

/** What `writeAll` wants of a `DiskTreeWriter`. */
export interface EntrySink {
  readonly entryCount: number;
  addRun(words: Uint32Array, base: number, end: number): void;
  setKey(bytes: Uint8Array, from: number, to: number): void;
  setBlob(bytes: Uint8Array, from: number, to: number): void;
  add(words: Uint32Array, base: number): void;
}
