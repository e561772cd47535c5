// Reads a page from its file, checks it against what its parent says of it, and decodes it. Every fault is CORRUPT with file and offset.

import { getU32, MalformedBytes } from "../codec/bytes.ts";
import { hash64 } from "../codec/checksum.ts";
import { VarveError } from "../codec/errors.ts";
import type { DiskFile } from "../disk/ports.ts";
import { getU64 } from "../log/fields.ts";
import { ColumnReader } from "./page-columns.ts";
import { DecodedPage } from "./page-decoded.ts";
import {
  decodedBytesMax,
  type EntryShape,
  PAGE_HEADER,
  PAGE_KIND,
  pageEntriesMax,
  pageHasFence,
  pageHeaderBytes,
  pageLengthMax,
  pageMagic,
} from "./page-format.ts";

/** What is known of a page before it is read. */
export interface PageAddress {
  offset: number;
  length: number;
  hashLo: number;
  hashHi: number;
  level: number;
}

/** Room behind the page that packed numbers may be read from. */
const slackBytes = 8;

/** The error for a tree's file that is not what was written. */
export function corruptTree(path: string, offset: number, reason: string): VarveError {
  return new VarveError("CORRUPT", `${path} is damaged at offset ${offset} (${reason})`, {
    details: { file: path, offset, reason, tree: true },
  });
}

/** Whether an error tells of damage in a tree: what it held can be built again from the log. */
export function isTreeDamage(error: unknown): boolean {
  return error instanceof VarveError && error.code === "CORRUPT" && error.details["tree"] === true;
}

/** One serves many trees, one call at a time. */
export class PageReader {
  /** The bytes of the page last read start here; they hold until the next read. */
  bytes: Uint8Array = new Uint8Array(pageHeaderBytes + slackBytes);

  #view: DataView = new DataView(this.bytes.buffer);
  readonly #columns = new ColumnReader();
  readonly #hash = new Uint32Array(2);
  #lengths = new Uint32Array(64);

  /** Reads the page at an address and checks it whole, its header included. */
  read(file: DiskFile, address: PageAddress, treeId: number, kind: number): void {
    const { offset, length } = address;
    if (length < pageHeaderBytes || length > pageLengthMax) {
      throw corruptTree(file.path, offset, `page of ${length} bytes`);
    }
    this.#reserve(length);
    const { bytes } = this;
    if (file.readSync(bytes.subarray(0, length), offset) !== length) {
      throw corruptTree(file.path, offset, "page past the end of the file");
    }
    hash64(bytes, PAGE_HEADER.magic, length, 0, 0, this.#hash);
    const [hashLo, hashHi] = this.#hash;
    const fault =
      hashLo !== getU32(bytes, PAGE_HEADER.hash) || hashHi !== getU32(bytes, PAGE_HEADER.hash + 4)
        ? "page hash"
        : hashLo !== address.hashLo || hashHi !== address.hashHi
          ? "another page than its parent names"
          : this.#headerFault(length, address.level, treeId, kind);
    if (fault !== undefined) throw corruptTree(file.path, offset, fault);
  }

  /** Decodes the page last read. */
  decode(file: DiskFile, address: PageAddress, shape: EntryShape): DecodedPage {
    try {
      return this.#decode(address, shape);
    } catch (error) {
      if (!(error instanceof MalformedBytes)) throw error;
      throw corruptTree(file.path, address.offset, error.message);
    }
  }

  /** The count in the header of the page last read. */
  get count(): number {
    return getU32(this.bytes, PAGE_HEADER.count);
  }

  get ordinal(): number {
    return getU32(this.bytes, PAGE_HEADER.ordinal);
  }

  #headerFault(length: number, level: number, treeId: number, kind: number): string | undefined {
    const { bytes } = this;
    if (getU32(bytes, PAGE_HEADER.magic) !== pageMagic) return "page magic";
    if (bytes[PAGE_HEADER.kind] !== kind) return "page kind";
    if (bytes[PAGE_HEADER.level] !== level) return "page level";
    if (getU64(bytes, PAGE_HEADER.treeId) !== treeId) return "page of another tree";
    if (getU32(bytes, PAGE_HEADER.length) !== length) return "page length";
    return undefined;
  }

  #decode(address: PageAddress, shape: EntryShape): DecodedPage {
    const { length, level, offset } = address;
    const { bytes, count, ordinal } = this;
    const { width } = shape;
    if (count === 0 || count > pageEntriesMax) {
      throw new MalformedBytes(`page of ${count} entries`);
    }
    const flags = bytes[PAGE_HEADER.flags]!;
    const words = new Uint32Array(count * width);
    const hasFence = (flags & pageHasFence) !== 0;
    const page = new DecodedPage(count, level, ordinal, offset, hasFence, words);
    const columns = this.#columns;
    columns.open(this.#view, pageHeaderBytes, length);
    for (let word = 0; word < width; word++) columns.read(words, word, width, count);
    if (shape.keyBytes) this.#decodeKeys(page, columns);
    if (shape.blob) this.#decodeBlobs(page, columns);
    if (columns.position !== length) {
      throw new MalformedBytes(`${length - columns.position} bytes behind the last column`);
    }
    return page;
  }

  #decodeKeys(page: DecodedPage, columns: ColumnReader): void {
    const { count } = page;
    if (this.#lengths.length < count) this.#lengths = new Uint32Array(count);
    const sharedLengths = this.#lengths;
    columns.read(sharedLengths, 0, 1, count);
    const offsets = new Uint32Array(count + 1);
    columns.read(offsets, 1, 1, count);
    // What each key adds to the page, its shared bytes and its own, is where the next one starts.
    let suffixBytes = 0;
    let end = 0;
    let lastLength = 0;
    for (let i = 0; i < count; i++) {
      const shared = sharedLengths[i]!;
      if (shared > lastLength) throw new MalformedBytes(`key ${i} shares more than there is`);
      suffixBytes += offsets[i + 1]!;
      lastLength = shared + offsets[i + 1]!;
      end += lastLength;
      offsets[i + 1] = end;
    }
    if (end > decodedBytesMax) throw new MalformedBytes(`page of ${end} key bytes`);
    const keys = new Uint8Array(end);
    let from = columns.take(suffixBytes);
    const { bytes } = this;
    for (let i = 0, last = 0, at = 0; i < count; i++) {
      const shared = sharedLengths[i]!;
      const start = at;
      const next = offsets[i + 1]!;
      for (let stop = at + shared, copied = last; at < stop; at++) keys[at] = keys[copied++]!;
      for (; at < next; at++) keys[at] = bytes[from++]!;
      last = start;
    }
    page.keyOffsets = offsets;
    page.keys = keys;
  }

  #decodeBlobs(page: DecodedPage, columns: ColumnReader): void {
    const { count } = page;
    const offsets = new Uint32Array(count + 1);
    columns.read(offsets, 1, 1, count);
    let end = 0;
    for (let i = 1; i <= count; i++) {
      end += offsets[i]!;
      offsets[i] = end;
    }
    const from = columns.take(end);
    page.blobOffsets = offsets;
    page.blobs = this.bytes.slice(from, from + end);
  }

  #reserve(length: number): void {
    if (length + slackBytes <= this.bytes.length) return;
    this.bytes = new Uint8Array(Math.max(length + slackBytes, this.bytes.length * 2));
    this.#view = new DataView(this.bytes.buffer);
  }
}

/** The kind of the pages of a level. */
export function kindOfLevel(level: number): number {
  return level === 0 ? PAGE_KIND.leaf : PAGE_KIND.inner;
}
