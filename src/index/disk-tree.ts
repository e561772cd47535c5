// An immutable B+Tree in a file: opened by its footer alone, its pages read when they are needed, through the cache that all share.

import { VarveError } from "../codec/errors.ts";
import { compareBytes } from "../codec/text.ts";
import type { DiskFile } from "../disk/ports.ts";
import { sameBytes } from "../log/fields.ts";
import { DiskKeyCursor, DiskWordCursor } from "./disk-tree-cursor.ts";
import { TreeFilter } from "./disk-tree-filter.ts";
import {
  decodeTreeFooter,
  type TreeFooter,
  treeFooterBytesMax,
  treeVersion,
} from "./disk-tree-format.ts";
import type { CachedPages, PageCache } from "./page-cache.ts";
import { childOffset, type DecodedPage } from "./page-decoded.ts";
import { hashOfBytes, mixWord } from "./page-filter.ts";
import { CHILD_WORD, type EntryShape, innerShape } from "./page-format.ts";
import { corruptTree, kindOfLevel, type PageAddress } from "./page-reader.ts";

/** What a caller knows of a tree before it opens it; what differs is CORRUPT. */
export interface ExpectedTree {
  readonly databaseId: Uint8Array;
  readonly treeId: number;
}

export class DiskTree {
  readonly file: DiskFile;
  readonly fileBytes: number;
  readonly footer: TreeFooter;
  readonly shape: EntryShape;
  readonly width: number;
  readonly keyWords: number;
  /** Pages that are held, with hits, misses and evictions. */
  readonly pages: CachedPages;

  readonly #filter: TreeFilter;
  readonly #innerShape: EntryShape;
  readonly #address: PageAddress = { offset: 0, length: 0, hashLo: 0, hashHi: 0, level: 0 };

  private constructor(file: DiskFile, fileBytes: number, footer: TreeFooter, cache: PageCache) {
    this.file = file;
    this.fileBytes = fileBytes;
    this.footer = footer;
    this.shape = footer.shape;
    this.width = footer.shape.width;
    this.keyWords = footer.shape.width - footer.shape.payloadWords;
    this.pages = cache.share();
    this.#filter = new TreeFilter(file, footer, cache.reader);
    this.#innerShape = innerShape(footer.shape);
  }

  /**
   * Opens a tree by its footer: one read, which proves that the file has `fileBytes` bytes. Throws CORRUPT where it has not, or where
   * the footer is not whole or names another tree, and FORMAT_UNSUPPORTED for a newer version of the format.
   */
  static open(
    file: DiskFile,
    fileBytes: number,
    cache: PageCache,
    expected?: ExpectedTree,
  ): DiskTree {
    const tailBytes = Math.min(fileBytes, treeFooterBytesMax);
    const tailOffset = fileBytes - tailBytes;
    // One byte more: there must be none.
    const tail = new Uint8Array(tailBytes + 1);
    const count = file.readSync(tail, tailOffset);
    const footer =
      count === tailBytes
        ? decodeTreeFooter(tail.subarray(0, tailBytes), fileBytes)
        : `the file does not end behind ${fileBytes} bytes`;
    if (typeof footer === "number") {
      throw new VarveError("FORMAT_UNSUPPORTED", `${file.path} has format ${footer}`, {
        details: { file: file.path, version: footer, supported: treeVersion },
      });
    }
    if (typeof footer === "string") throw corruptTree(file.path, tailOffset, footer);
    if (
      expected !== undefined &&
      (footer.treeId !== expected.treeId || !sameBytes(footer.databaseId, expected.databaseId))
    ) {
      throw corruptTree(file.path, footer.footerOffset, "another tree than was expected");
    }
    return new DiskTree(file, fileBytes, footer, cache);
  }

  get height(): number {
    return this.footer.height;
  }

  /** Entries. */
  get count(): number {
    return this.footer.entryCount;
  }

  get filterBlocksRead(): number {
    return this.#filter.blocksRead;
  }

  /** Memory of the filter's blocks that were read, in bytes; on the budget of the cache. */
  get filterBytes(): number {
    return this.#filter.bytes;
  }

  /** A cursor over a tree of words alone. */
  cursor(): DiskWordCursor {
    return new DiskWordCursor(this);
  }

  /** A cursor over a tree whose entries begin with byte strings. */
  keyCursor(): DiskKeyCursor {
    return new DiskKeyCursor(this);
  }

  /** False only where no entry has this first word. Reads at most one block of the filter, once. */
  mayContain(firstWord: number): boolean {
    const { footer } = this;
    if (footer.height === 0) return false;
    if (firstWord < footer.minWords[0]! || firstWord > footer.maxWords[0]!) return false;
    return this.#ask(mixWord(firstWord));
  }

  /**
   * False only where no entry has this byte string.
   * @param hash `hashOfBytes` of the bytes, for a caller that has it.
   */
  mayContainKey(bytes: Uint8Array, from: number, to: number, hash?: number): boolean {
    const { height, minKey, maxKey } = this.footer;
    if (height === 0) return false;
    if (compareBytes(bytes, from, to, minKey, 0, minKey.length) < 0) return false;
    if (compareBytes(bytes, from, to, maxKey, 0, maxKey.length) > 0) return false;
    return this.#ask(hash ?? hashOfBytes(bytes, from, to));
  }

  /** Reads all of the filter that was not read yet. */
  loadFilter(damaged?: (error: unknown) => void): void {
    const before = this.#filter.bytes;
    this.#filter.load(damaged);
    this.pages.cache.charge(this.#filter.bytes - before);
  }

  /** Gives its pages back to the cache; the file is the caller's to close. Cursors on it are worthless. */
  release(): void {
    this.pages.clear();
    this.pages.cache.charge(-this.#filter.bytes);
    this.#filter.clear();
  }

  /** The root page; the tree has entries. */
  root(): DecodedPage {
    const { footer } = this;
    return (
      this.pages.get(footer.rootOffset) ??
      this.#read(
        footer.rootOffset,
        footer.rootLength,
        footer.rootHash.lo,
        footer.rootHash.hi,
        footer.height - 1,
      )
    );
  }

  /** The child that an entry of an inner page names. */
  child(page: DecodedPage, ordinal: number): DecodedPage {
    const { words } = page;
    const { keyWords } = this;
    const at = ordinal * this.#innerShape.width + keyWords;
    const offset = childOffset(words, at);
    return (
      this.pages.get(offset) ??
      this.#read(
        offset,
        words[at + CHILD_WORD.length]!,
        words[at + CHILD_WORD.hashLo]!,
        words[at + CHILD_WORD.hashHi]!,
        page.level - 1,
      )
    );
  }

  /** Words from one entry of a page to the next. */
  strideOf(page: DecodedPage): number {
    return page.level === 0 ? this.width : this.#innerShape.width;
  }

  /** Reads, checks and decodes a page, and leaves the cache alone. */
  readPage(address: PageAddress): DecodedPage {
    const { file, footer } = this;
    const { reader } = this.pages.cache;
    reader.read(file, address, footer.treeId, kindOfLevel(address.level));
    return reader.decode(file, address, address.level === 0 ? this.shape : this.#innerShape);
  }

  #read(
    offset: number,
    length: number,
    hashLo: number,
    hashHi: number,
    level: number,
  ): DecodedPage {
    const address = this.#address;
    address.offset = offset;
    address.length = length;
    address.hashLo = hashLo;
    address.hashHi = hashHi;
    address.level = level;
    try {
      const page = this.readPage(address);
      this.pages.put(page);
      return page;
    } catch (error) {
      throw this.pages.cache.damaged(error);
    }
  }

  #ask(hash: number): boolean {
    const before = this.#filter.bytes;
    const may = this.#filterMayContain(hash);
    if (this.#filter.bytes !== before) this.pages.cache.charge(this.#filter.bytes - before);
    return may;
  }

  #filterMayContain(hash: number): boolean {
    try {
      return this.#filter.mayContain(hash);
    } catch (error) {
      throw this.pages.cache.damaged(error);
    }
  }
}
