// The versions of edges that were patched or removed; every other edge is as the log has it at the LSN that is its id.

import { TreeFloor, twoTo32 } from "./tree-floor.ts";
import { type WordCursor, WordTree, type WordTreeOptions } from "./word-tree.ts";

const edgeRemoved = 1;
const depthShift = 8;

/** Entries are (edge id, LSN | flags); the LSN is that of the patch or the removal. */
export class EdgeVersions {
  /** What the last successful `find` found. */
  foundLsn = 0;
  foundIsRemoval = false;
  /** Patches since the last full state. */
  foundDepth = 0;

  readonly #tree: WordTree;
  readonly #cursor: WordCursor;
  readonly #floor = new TreeFloor();
  readonly #probe = new Uint32Array(5);

  constructor(options: Omit<WordTreeOptions, "width" | "payloadWords">) {
    this.#tree = new WordTree({ ...options, width: 5, payloadWords: 1 });
    this.#cursor = this.#tree.cursor();
  }

  get splits(): number {
    return this.#tree.splits;
  }

  get bytes(): number {
    return this.#tree.bytes;
  }

  get count(): number {
    return this.#tree.count;
  }

  insertPatch(edge: number, lsn: number, depth: number): void {
    this.#insert(edge, lsn, depth << depthShift);
  }

  insertRemoval(edge: number, lsn: number): void {
    this.#insert(edge, lsn, edgeRemoved);
  }

  remove(edge: number, lsn: number): void {
    this.#aim(this.#tree.probe, edge, lsn);
    this.#tree.remove();
  }

  /** Finds the newest version at or below an LSN; false where the edge is as it was added. */
  find(edge: number, lsn: number): boolean {
    if (this.#tree.count === 0) return false;
    const probe = this.#probe;
    this.#aim(probe, edge, lsn);
    const floor = this.#floor;
    if (!floor.find(this.#tree, probe)) return false;
    const { words, base } = floor;
    if (words[base + 1] !== probe[1] || words[base] !== probe[0]) return false;
    this.foundLsn = words[base + 2]! * twoTo32 + words[base + 3]!;
    this.foundIsRemoval = (words[base + 4]! & edgeRemoved) !== 0;
    this.foundDepth = words[base + 4]! >>> depthShift;
    return true;
  }

  /** The first edge at or above an id that has a version, or Infinity: lets a scan skip the look-ups in between. */
  nextEdge(edge: number): number {
    const cursor = this.#cursor;
    const probe = this.#probe;
    this.#aim(probe, edge, 0);
    if (!cursor.seek(probe, 2)) return Number.POSITIVE_INFINITY;
    return cursor.words[cursor.base]! * twoTo32 + cursor.words[cursor.base + 1]!;
  }

  clear(): void {
    this.#tree.clear();
  }

  /** Throws an Error naming the first broken invariant of the tree. */
  check(): void {
    this.#tree.check();
  }

  #insert(edge: number, lsn: number, flags: number): void {
    const { probe } = this.#tree;
    this.#aim(probe, edge, lsn);
    probe[4] = flags;
    this.#tree.insert();
  }

  #aim(probe: Uint32Array, edge: number, lsn: number): void {
    probe[0] = edge / twoTo32;
    probe[1] = edge >>> 0;
    probe[2] = lsn / twoTo32;
    probe[3] = lsn >>> 0;
  }
}
