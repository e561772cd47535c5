// The filter of an open on-disk tree: blocks are read when they are first asked, and stay.

import { getU32 } from "../codec/bytes.ts";
import type { DiskFile } from "../disk/ports.ts";
import { getHash, hashOf, sameHash } from "../log/fields.ts";
import type { TreeFooter } from "./disk-tree-format.ts";
import { noWords } from "./page-decoded.ts";
import { filterLineBytes, filterLineOf, filterLineWords, lineHas } from "./page-filter.ts";
import { PAGE_KIND, pageHeaderBytes } from "./page-format.ts";
import { corruptTree, type PageReader } from "./page-reader.ts";

export class TreeFilter {
  /** Blocks read so far. */
  blocksRead = 0;
  /** Memory held, in bytes. */
  bytes = 0;

  readonly #file: DiskFile;
  readonly #footer: TreeFooter;
  readonly #reader: PageReader;
  readonly #blockCount: number;
  /** The lines of each block; none for a block that was not read yet. */
  #blocks: Uint32Array[] = [];
  #hashes: Uint8Array | undefined = undefined;

  constructor(file: DiskFile, footer: TreeFooter, reader: PageReader) {
    this.#file = file;
    this.#footer = footer;
    this.#reader = reader;
    this.#blockCount = Math.ceil(footer.filterLines / footer.filterBlockLines);
  }

  /** False only where no entry has a key with this hash. */
  mayContain(hash: number): boolean {
    const { filterLines, filterBlockLines } = this.#footer;
    const line = filterLineOf(hash, filterLines);
    const block = Math.floor(line / filterBlockLines);
    const words = this.#block(block);
    return lineHas(words, (line - block * filterBlockLines) * filterLineWords, hash);
  }

  /** Reads all blocks that were not read yet. @param damaged told of each that cannot be, instead of an error. */
  load(damaged?: (error: unknown) => void): void {
    for (let block = 0; block < this.#blockCount; block++) {
      try {
        this.#block(block);
      } catch (error) {
        if (damaged === undefined) throw error;
        damaged(error);
        // Without the hashes of the blocks none of them can be told from another.
        if (this.#blocks.length === 0) return;
      }
    }
  }

  clear(): void {
    this.#blocks = [];
    this.#hashes = undefined;
    this.bytes = 0;
  }

  #block(block: number): Uint32Array {
    if (this.#blocks.length === 0) this.#open();
    const held = this.#blocks[block]!;
    return held.length > 0 ? held : this.#read(block);
  }

  #open(): void {
    this.#hashes = this.#readHashes();
    this.#blocks = new Array<Uint32Array>(this.#blockCount).fill(noWords);
  }

  #readHashes(): Uint8Array {
    const { footerOffset, filterHash } = this.#footer;
    const hashes = new Uint8Array(this.#blockCount * 8);
    const offset = footerOffset - hashes.length;
    const count = this.#file.readSync(hashes, offset);
    if (count !== hashes.length || !sameHash(hashOf(hashes, 0, count), filterHash)) {
      throw corruptTree(this.#file.path, offset, "hashes of the filter");
    }
    return hashes;
  }

  #read(block: number): Uint32Array {
    const { filterOffset, filterLines, filterBlockLines, treeId, pageCount } = this.#footer;
    const from = block * filterBlockLines;
    const lines = Math.min(filterBlockLines, filterLines - from);
    const hash = getHash(this.#hashes!, block * 8);
    const address = {
      offset: filterOffset + block * pageHeaderBytes + from * filterLineBytes,
      length: pageHeaderBytes + lines * filterLineBytes,
      hashLo: hash.lo,
      hashHi: hash.hi,
      level: 0,
    };
    const reader = this.#reader;
    reader.read(this.#file, address, treeId, PAGE_KIND.filter);
    if (reader.count !== lines || reader.ordinal !== pageCount + block) {
      throw corruptTree(this.#file.path, address.offset, "another block of the filter");
    }
    const words = new Uint32Array(lines * filterLineWords);
    for (let i = 0; i < words.length; i++) {
      words[i] = getU32(reader.bytes, pageHeaderBytes + 4 * i);
    }
    this.#blocks[block] = words;
    this.blocksRead++;
    this.bytes += words.byteLength;
    return words;
  }
}
