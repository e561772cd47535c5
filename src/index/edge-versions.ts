// The versions of edges that were patched or removed; every other edge is as the log has it at the LSN that is its id.

import { twoTo32 } from "./tree-floor.ts";
import { WordLayers } from "./word-layers.ts";
import type { WordTreeOptions } from "./word-tree.ts";

export const edgeRemoved = 1;
const depthShift = 8;

/** Entries are (edge id, LSN | flags); the LSN is that of the patch or the removal. */
export class EdgeVersions {
  /** What the last successful `find` found. */
  foundLsn = 0;
  foundIsRemoval = false;
  /** Patches since the last full state. */
  foundDepth = 0;

  readonly layers: WordLayers;
  readonly #probe = new Uint32Array(5);

  constructor(options: Omit<WordTreeOptions, "width" | "payloadWords">) {
    this.layers = new WordLayers({ ...options, width: 5, payloadWords: 1 });
  }

  get count(): number {
    return this.layers.count;
  }

  insertPatch(edge: number, lsn: number, depth: number): void {
    this.#insert(edge, lsn, depth << depthShift);
  }

  insertRemoval(edge: number, lsn: number): void {
    this.#insert(edge, lsn, edgeRemoved);
  }

  remove(edge: number, lsn: number): void {
    this.#aim(this.#probe, edge, lsn);
    this.layers.remove(this.#probe);
  }

  /** Finds the newest version at or below an LSN; false where the edge is as it was added. */
  find(edge: number, lsn: number): boolean {
    const { layers } = this;
    const probe = this.#probe;
    this.#aim(probe, edge, lsn);
    if (!layers.find(probe, 2)) return false;
    const { words, base } = layers;
    this.foundLsn = words[base + 2]! * twoTo32 + words[base + 3]!;
    this.foundIsRemoval = (words[base + 4]! & edgeRemoved) !== 0;
    this.foundDepth = words[base + 4]! >>> depthShift;
    return true;
  }

  /** The first edge at or above an id that has a version, or Infinity: lets a scan skip the look-ups in between. */
  nextEdge(edge: number): number {
    const probe = this.#probe;
    this.#aim(probe, edge, 0);
    let next = Number.POSITIVE_INFINITY;
    for (const cursor of this.layers.cursors) {
      if (!cursor.seek(probe, 2)) continue;
      next = Math.min(next, cursor.words[cursor.base]! * twoTo32 + cursor.words[cursor.base + 1]!);
    }
    return next;
  }

  #insert(edge: number, lsn: number, flags: number): void {
    const { active } = this.layers;
    const { probe } = active;
    this.#aim(probe, edge, lsn);
    probe[4] = flags;
    active.insert();
  }

  #aim(probe: Uint32Array, edge: number, lsn: number): void {
    probe[0] = edge / twoTo32;
    probe[1] = edge >>> 0;
    probe[2] = lsn / twoTo32;
    probe[3] = lsn >>> 0;
  }
}
