// Writes an on-disk tree from its first entry to its last, a page per level in memory. It holds nothing outside itself, so that
// it runs in a worker as well as in place; making the file durable is the caller's business.

import { compareBytes } from "../codec/text.ts";
import type { DiskFile } from "../disk/ports.ts";
import { type Hash64, hashOf, putHash, zeroHash } from "../log/fields.ts";
import { databaseIdBytes, encodeTreeFooter, treeVersion } from "./disk-tree-format.ts";
import { PageBuilder, sealPage } from "./page-builder.ts";
import { compareWords, noBytes } from "./page-decoded.ts";
import {
  FilterBuilder,
  filterLineBytes,
  filterLineWords,
  hashOfBytes,
  mixWord,
} from "./page-filter.ts";
import {
  blobBytesMax,
  CHILD_WORD,
  type EntryShape,
  innerShape,
  PAGE_KIND,
  pageBytesTargetDefault,
  pageBytesTargetMax,
  pageBytesTargetMin,
  pageHeaderBytes,
  requireShape,
  treeKeyBytesMax,
} from "./page-format.ts";
import { kindOfLevel } from "./page-reader.ts";
import { requireRange } from "./word-tree-core.ts";
import { copyWords } from "./word-tree-node.ts";

export interface DiskTreeOptions {
  readonly shape: EntryShape;
  /** 16 bytes. */
  readonly databaseId: Uint8Array;
  /** Names the tree in its database, and is never used for another one. */
  readonly treeId: number;
  /** Which index the tree is part of: a number of the caller's, 0 where absent. */
  readonly kind?: number;
  /** Where a page is closed, 512 to 65,536 bytes; default 4 KiB. */
  readonly pageBytes?: number;
  /** Written at once; default 256 KiB. */
  readonly bufferBytes?: number;
}

/** What the tree's entries stand for, both LSNs included. */
export interface LsnRange {
  readonly firstLsn: number;
  readonly lastLsn: number;
}

export interface WrittenTree {
  readonly fileBytes: number;
  readonly entryCount: number;
  readonly keyCount: number;
  readonly pageCount: number;
  readonly leafCount: number;
  readonly height: number;
  readonly filterBytes: number;
}

const bufferBytesDefault = 256 * 1024;
const twoTo32 = 2 ** 32;

export class DiskTreeWriter {
  entryCount = 0;

  readonly #file: DiskFile;
  readonly #options: DiskTreeOptions;
  readonly #shape: EntryShape;
  readonly #keyWords: number;
  readonly #pageBytes: number;
  readonly #filter = new FilterBuilder();
  /** The builder of the leaves, and of each level above them that has a page. */
  readonly #levels: PageBuilder[];
  readonly #pagesWritten: number[] = [0];
  readonly #child: Uint32Array;

  #buffer: Uint8Array;
  #buffered = 0;
  /** Bytes in the file; the buffer goes behind them. */
  #flushed = 0;
  #pageCount = 0;

  readonly #minWords: Uint32Array;
  readonly #maxWords: Uint32Array;
  #minKey: Uint8Array = noBytes;
  readonly #lastKey = new Uint8Array(treeKeyBytesMax);
  #lastKeyLength = 0;
  #hasKey = false;
  #isNewKey = false;
  #hasBlob = false;

  /** @param file empty, open for writing. */
  constructor(file: DiskFile, options: DiskTreeOptions) {
    const { shape, databaseId } = options;
    requireShape(shape);
    this.#file = file;
    this.#options = options;
    this.#shape = shape;
    this.#keyWords = shape.width - shape.payloadWords;
    this.#pageBytes = options.pageBytes ?? pageBytesTargetDefault;
    requireRange("pageBytes", this.#pageBytes, pageBytesTargetMin, pageBytesTargetMax);
    requireRange("databaseId length", databaseId.length, databaseIdBytes, databaseIdBytes);
    requireRange("treeId", options.treeId, 0, Number.MAX_SAFE_INTEGER);
    this.#levels = [new PageBuilder(shape, this.#pageBytes)];
    this.#child = new Uint32Array(innerShape(shape).width);
    this.#buffer = new Uint8Array(options.bufferBytes ?? bufferBytesDefault);
    this.#minWords = new Uint32Array(this.#keyWords);
    this.#maxWords = new Uint32Array(this.#keyWords);
  }

  /** The byte string of the entry that `add` comes with next. */
  setKey(bytes: Uint8Array, from: number, to: number): void {
    if (!this.#shape.keyBytes || to - from > treeKeyBytesMax) {
      throw new RangeError(`DiskTreeWriter.setKey: ${to - from} bytes do not fit the tree`);
    }
    const last = this.#lastKey;
    const order = compareBytes(bytes, from, to, last, 0, this.#lastKeyLength);
    if (this.entryCount > 0 && order < 0) throw outOfOrder(this.entryCount);
    this.#isNewKey = this.entryCount === 0 || order > 0;
    this.#hasKey = true;
    this.#levels[0]!.addKey(bytes, from, to);
    if (!this.#isNewKey) return;
    for (let i = from, at = 0; i < to; i++) last[at++] = bytes[i]!;
    this.#lastKeyLength = to - from;
    if (this.entryCount === 0) this.#minKey = bytes.slice(from, to);
    this.#filter.add(hashOfBytes(bytes, from, to));
  }

  /** The blob of the entry that `add` comes with next. */
  setBlob(bytes: Uint8Array, from: number, to: number): void {
    if (!this.#shape.blob || to - from > blobBytesMax) {
      throw new RangeError(`DiskTreeWriter.setBlob: ${to - from} bytes do not fit the tree`);
    }
    this.#hasBlob = true;
    this.#levels[0]!.addBlob(bytes, from, to);
  }

  /** Adds an entry, above all before it. Its key and blob, where the shape has them, were set right before. */
  add(words: Uint32Array, base: number): void {
    if (this.#hasKey !== this.#shape.keyBytes || this.#hasBlob !== this.#shape.blob) {
      throw new RangeError("DiskTreeWriter.add: set the key and the blob of each entry first");
    }
    const keyWords = this.#keyWords;
    const last = this.#maxWords;
    if (this.#hasKey) {
      if (!this.#isNewKey && compareWords(words, base, last, 0, keyWords) <= 0) {
        throw outOfOrder(this.entryCount);
      }
    } else {
      this.#checkFirst(words, base);
    }
    copyWords(words, base, last, 0, keyWords);
    if (this.entryCount === 0) this.#minWords.set(last);
    const leaf = this.#levels[0]!;
    leaf.add(words, base);
    this.entryCount++;
    this.#hasKey = false;
    this.#hasBlob = false;
    if (leaf.isFull) this.#closePage(0, false);
  }

  /** Adds the entries words[base … end), for trees of words alone. */
  addRun(words: Uint32Array, base: number, end: number): void {
    const { width } = this.#shape;
    if (end - base < 4 * width || this.#shape.keyBytes || this.#shape.blob) {
      for (let at = base; at < end; at += width) this.add(words, at);
      return;
    }
    this.add(words, base);
    const leaf = this.#levels[0]!;
    const keyWords = this.#keyWords;
    let at = base + width;
    while (at < end) {
      const stop = Math.min(end, at + leaf.unmeasuredCount * width);
      this.entryCount += (stop - at) / width;
      for (; at < stop; at += width) {
        const before = words[at - width]!;
        if (words[at]! !== before) this.#filter.add(mixWord(words[at]!));
        if (words[at]! <= before && compareWords(words, at, words, at - width, keyWords) <= 0) {
          throw outOfOrder(this.entryCount);
        }
        leaf.add(words, at);
      }
      if (leaf.isFull) this.#closePage(0, false);
    }
    copyWords(words, end - width, this.#maxWords, 0, keyWords);
  }

  /** Writes what is left, the filter and the footer. Nothing can be added after. */
  finish(lsns: LsnRange = { firstLsn: 0, lastLsn: 0 }): WrittenTree {
    const root = this.#closeLevels();
    const leafCount = this.#pagesWritten[0]!;
    const filterOffset = this.#position;
    const filter = this.#writeFilter();
    const footerOffset = this.#position;
    const { databaseId, treeId, kind } = this.#options;
    const pageCount = this.#pageCount - filter.blockCount;
    const height = root === undefined ? 0 : root.level + 1;
    const footer = encodeTreeFooter({
      version: treeVersion,
      shape: this.#shape,
      databaseId,
      treeId,
      kind: kind ?? 0,
      pageBytesTarget: this.#pageBytes,
      height,
      pageCount,
      leafCount,
      entryCount: this.entryCount,
      footerOffset,
      rootOffset: root?.offset ?? 0,
      rootLength: root?.length ?? 0,
      rootHash: root?.hash ?? zeroHash,
      filterOffset,
      filterLines: filter.lineCount,
      filterBlockLines: this.#blockLines,
      filterHash: filter.hash,
      keyCount: this.#filter.count,
      firstLsn: lsns.firstLsn,
      lastLsn: lsns.lastLsn,
      minWords: this.#minWords,
      maxWords: this.#maxWords,
      minKey: this.#minKey,
      maxKey: this.#lastKey.slice(0, this.#lastKeyLength),
    });
    this.#reserve(footer.length);
    this.#buffer.set(footer, this.#buffered);
    this.#buffered += footer.length;
    this.#flush();
    return {
      fileBytes: this.#flushed,
      entryCount: this.entryCount,
      keyCount: this.#filter.count,
      pageCount,
      leafCount,
      height,
      filterBytes: footerOffset - filterOffset,
    };
  }

  get #position(): number {
    return this.#flushed + this.#buffered;
  }

  get #blockLines(): number {
    return Math.max(1, Math.floor(this.#pageBytes / filterLineBytes));
  }

  /** Checks an entry of words against the one before, and counts its first word. */
  #checkFirst(words: Uint32Array, base: number): void {
    const last = this.#maxWords;
    if (this.entryCount > 0 && compareWords(words, base, last, 0, this.#keyWords) <= 0) {
      throw outOfOrder(this.entryCount);
    }
    if (this.entryCount === 0 || words[base] !== last[0]) this.#filter.add(mixWord(words[base]!));
  }

  /** Writes the page of a level, and names it to the level above. */
  #closePage(level: number, hasFence: boolean): void {
    const page = this.#levels[level]!;
    this.#reserve(page.bytesMax);
    const offset = this.#position;
    const length = page.write(this.#buffer, this.#buffered, {
      kind: kindOfLevel(level),
      level,
      treeId: this.#options.treeId,
      ordinal: this.#pageCount++,
      hasFence,
    });
    this.#buffered += length;
    this.#pagesWritten[level]!++;
    const child = this.#child;
    const keyWords = this.#keyWords;
    copyWords(page.words, 0, child, 0, keyWords);
    child[keyWords + CHILD_WORD.offsetHi] = offset / twoTo32;
    child[keyWords + CHILD_WORD.offsetLo] = offset >>> 0;
    child[keyWords + CHILD_WORD.length] = length;
    child[keyWords + CHILD_WORD.hashHi] = page.hash[1]!;
    child[keyWords + CHILD_WORD.hashLo] = page.hash[0]!;
    const { firstKey } = page;
    page.reset();
    this.#addChild(level + 1, firstKey, child);
  }

  /** A page that is full ends with the first child of the next one, so that its last child's neighbour is known in it. */
  #addChild(level: number, firstKey: Uint8Array, child: Uint32Array): void {
    if (level === this.#levels.length) {
      this.#levels.push(new PageBuilder(innerShape(this.#shape), this.#pageBytes));
      this.#pagesWritten.push(0);
    }
    const page = this.#levels[level]!;
    if (page.count >= 2 && page.isFull) {
      const next = child.slice();
      place(page, firstKey, next);
      this.#closePage(level, true);
      place(page, firstKey, next);
    } else {
      place(page, firstKey, child);
    }
  }

  /** Closes what is open from the leaves up, until one page is above all; undefined where there is none. */
  #closeLevels(): { offset: number; length: number; level: number; hash: Hash64 } | undefined {
    if (this.entryCount === 0) return undefined;
    if (this.#levels[0]!.count > 0) this.#closePage(0, false);
    for (let level = 1; ; level++) {
      const page = this.#levels[level]!;
      if (page.count === 1 && this.#pagesWritten[level] === 0) {
        const { words } = page;
        const at = this.#keyWords;
        return {
          offset: words[at + CHILD_WORD.offsetHi]! * twoTo32 + words[at + CHILD_WORD.offsetLo]!,
          length: words[at + CHILD_WORD.length]!,
          level: level - 1,
          hash: { lo: words[at + CHILD_WORD.hashLo]!, hi: words[at + CHILD_WORD.hashHi]! },
        };
      }
      this.#closePage(level, false);
    }
  }

  /** Writes the blocks of the filter, and behind them the table of their hashes. */
  #writeFilter(): { blockCount: number; lineCount: number; hash: Hash64 } {
    const words = this.#filter.build();
    const lineCount = words.length / filterLineWords;
    const blockLines = this.#blockLines;
    const blockCount = Math.ceil(lineCount / blockLines);
    const hashes = new Uint8Array(blockCount * 8);
    const hash = new Uint32Array(2);
    for (let block = 0; block < blockCount; block++) {
      const from = block * blockLines;
      const lines = Math.min(blockLines, lineCount - from);
      const length = pageHeaderBytes + lines * filterLineBytes;
      this.#reserve(length);
      const at = this.#buffered;
      putWords(this.#buffer, at + pageHeaderBytes, words, from * filterLineWords, lines);
      const ordinal = this.#pageCount++;
      const { treeId } = this.#options;
      const header = { kind: PAGE_KIND.filter, level: 0, treeId, ordinal, hasFence: false };
      sealPage(this.#buffer, at, length, lines, header, hash);
      putHash(hashes, block * 8, { lo: hash[0]!, hi: hash[1]! });
      this.#buffered += length;
    }
    this.#reserve(hashes.length);
    this.#buffer.set(hashes, this.#buffered);
    this.#buffered += hashes.length;
    return { blockCount, lineCount, hash: hashOf(hashes, 0, hashes.length) };
  }

  /** Makes room in the buffer for so many bytes and the slack that packing writes. */
  #reserve(bytes: number): void {
    const needed = bytes + 8;
    if (this.#buffered + needed <= this.#buffer.length) return;
    this.#flush();
    if (needed > this.#buffer.length) this.#buffer = new Uint8Array(needed);
  }

  #flush(): void {
    if (this.#buffered === 0) return;
    this.#file.writeSync(this.#buffer.subarray(0, this.#buffered), this.#flushed);
    this.#flushed += this.#buffered;
    this.#buffered = 0;
  }
}

function place(page: PageBuilder, key: Uint8Array, child: Uint32Array): void {
  if (page.shape.keyBytes) page.addKey(key, 0, key.length);
  page.add(child, 0);
}

function putWords(
  into: Uint8Array,
  at: number,
  words: Uint32Array,
  from: number,
  lines: number,
): void {
  for (let i = from, to = at; i < from + lines * filterLineWords; i++) {
    const word = words[i]!;
    into[to++] = word;
    into[to++] = word >>> 8;
    into[to++] = word >>> 16;
    into[to++] = word >>> 24;
  }
}

function outOfOrder(ordinal: number): RangeError {
  return new RangeError(`DiskTreeWriter.add: entry ${ordinal} is not above the one before it`);
}
