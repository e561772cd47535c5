// The versions of every node's record: labels always, props where they are small enough; the rest stays in the log.

import { ByteReader } from "../codec/bytes.ts";
import { ByteArena } from "./byte-arena.ts";
import { NodeTable } from "./node-table.ts";
import { TreeFloor, twoTo32 } from "./tree-floor.ts";
import type { WordTreeOptions } from "./word-tree.ts";
import { WordTree } from "./word-tree.ts";

/** The item begins with the key: the record that created the node. */
export const versionHasKey = 1;
export const versionRemoves = 2;
/** The item ends with the labels; the props are those that the log has at the version's LSN. */
export const versionPropsInLog = 4;
/** Above these bits: how many patches were logged since the last full state. */
export const versionDepthShift = 8;

export interface NodeVersionsOptions {
  readonly tree: Omit<WordTreeOptions, "width" | "payloadWords">;
  readonly chunkBytes: number | undefined;
}

/**
 * Entries are (node id, LSN | offset, flags). The item at the offset is
 * `[key length, key]? labels* 0 [props* 0]?` in the encoding of events.
 */
export class NodeVersions {
  readonly arena: ByteArena;
  readonly table: NodeTable = new NodeTable();
  /** What the last successful `find` found. */
  foundLsn = 0;
  foundFlags = 0;
  foundOffset = 0;

  readonly #tree: WordTree;
  readonly #floor = new TreeFloor();
  readonly #probe = new Uint32Array(5);
  readonly #reader = new ByteReader();

  constructor(options: NodeVersionsOptions) {
    this.#tree = new WordTree({ ...options.tree, width: 5, payloadWords: 2 });
    this.arena = new ByteArena(options.chunkBytes);
  }

  get splits(): number {
    return this.#tree.splits;
  }

  get bytes(): number {
    return this.#tree.bytes + this.arena.bytes + this.table.bytes;
  }

  /** Versions held. */
  get count(): number {
    return this.#tree.count;
  }

  insert(id: number, lsn: number, offset: number, flags: number): void {
    const { probe } = this.#tree;
    probe[0] = id;
    probe[1] = lsn / twoTo32;
    probe[2] = lsn >>> 0;
    probe[3] = offset;
    probe[4] = flags;
    this.#tree.insert();
  }

  remove(id: number, lsn: number): void {
    const { probe } = this.#tree;
    probe[0] = id;
    probe[1] = lsn / twoTo32;
    probe[2] = lsn >>> 0;
    this.#tree.remove();
  }

  /** Finds the newest version at or below an LSN, a removal included. */
  find(id: number, lsn: number): boolean {
    const probe = this.#probe;
    probe[0] = id;
    probe[1] = lsn / twoTo32;
    probe[2] = lsn >>> 0;
    const floor = this.#floor;
    if (!floor.find(this.#tree, probe)) return false;
    const { words, base } = floor;
    if (words[base] !== id) return false;
    this.foundLsn = words[base + 1]! * twoTo32 + words[base + 2]!;
    this.foundOffset = words[base + 3]!;
    this.foundFlags = words[base + 4]!;
    return true;
  }

  /** Finds the newest version at or below an LSN; false where that is a removal. */
  findLive(id: number, lsn: number): boolean {
    return this.find(id, lsn) && (this.foundFlags & versionRemoves) === 0;
  }

  /** A reader on the labels of the version found, with what follows them behind it; good until the next call. */
  open(): ByteReader {
    return this.openAt(this.foundOffset, this.foundFlags);
  }

  openAt(offset: number, flags: number): ByteReader {
    const { arena } = this;
    const from = arena.positionOf(offset);
    const reader = this.#reader.open(arena.chunkOf(offset), from, from + arena.lengthOf(offset));
    if ((flags & versionHasKey) !== 0) reader.skip(reader.varint());
    return reader;
  }

  /** Whether a node that is not unknown has the key `key[0 … length)`. */
  hasKey(id: number, key: Uint8Array, length: number): boolean {
    const { arena } = this;
    const offset = this.table.offsetOf(id);
    const chunk = arena.chunkOf(offset);
    let at = arena.positionOf(offset);
    // The item begins with the key's length, one byte or two.
    const first = chunk[at++]!;
    if (first < 0x80 ? first !== length : ((chunk[at++]! << 7) | (first & 0x7f)) !== length) {
      return false;
    }
    for (let i = 0; i < length; i++, at++) if (chunk[at] !== key[i]) return false;
    return true;
  }

  /** A reader on the key of a node that is not unknown; its end is the key's end. */
  openKey(id: number): ByteReader {
    const { arena } = this;
    const offset = this.table.offsetOf(id);
    const from = arena.positionOf(offset);
    const reader = this.#reader.open(arena.chunkOf(offset), from, from + arena.lengthOf(offset));
    const length = reader.varint();
    reader.end = reader.position + length;
    return reader;
  }

  clear(): void {
    this.#tree.clear();
    this.arena.clear();
    this.table.clear();
  }

  /** Throws an Error naming the first broken invariant of the tree. */
  check(): void {
    this.#tree.check();
  }
}
