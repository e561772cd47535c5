// Walks a node's edges a page at a time, so that an iterator holds a few numbers and a place, and no part of a tree.

import type { Adjacency } from "./adjacency.ts";
import { twoTo32 } from "./tree-floor.ts";
import type { WordCursor } from "./word-tree.ts";

const width = 7;
const firstPageEdges = 16;
const pageEdgesMax = 256;

export interface EdgeRange {
  readonly node: number;
  /** 0 for every type. */
  readonly type: number;
  /** 0 for every other end. */
  readonly other: number;
  readonly lsn: number;
  readonly isReverse: boolean;
}

/** A walk as of the LSN of its range; the trees may change between two calls of `fill`. */
export class EdgePages {
  readonly types: Uint32Array = new Uint32Array(pageEdgesMax);
  readonly others: Uint32Array = new Uint32Array(pageEdgesMax);
  readonly edges: Float64Array = new Float64Array(pageEdgesMax);
  count = 0;

  readonly #range: EdgeRange;
  readonly #prefixWords: number;
  readonly #place = new Uint32Array(width);
  #size = firstPageEdges;
  #hasStarted = false;
  #hasEnded = false;
  /** Walking backward, a removal comes before what it removes. */
  #removedEdge = 0;

  constructor(range: EdgeRange) {
    this.#range = range;
    // Without a type the other end does not narrow the walk, it only chooses from it.
    this.#prefixWords = range.type === 0 ? 1 : range.other === 0 ? 2 : 3;
    this.#place[0] = range.node;
    this.#place[1] = range.type;
    this.#place[2] = range.other;
  }

  /** Puts the next edges into the columns; false when there are no more. */
  fill(adjacency: Adjacency): boolean {
    this.count = 0;
    if (this.#hasEnded) return false;
    const { cursor } = adjacency;
    const more = this.#range.isReverse ? this.#fillBackward(cursor) : this.#fillForward(cursor);
    if (!more) this.#hasEnded = true;
    this.#hasStarted = true;
    this.#size = Math.min(pageEdgesMax, this.#size * 4);
    return this.count > 0;
  }

  #fillForward(cursor: WordCursor): boolean {
    const place = this.#place;
    let more = cursor.seek(place, this.#hasStarted ? width : this.#prefixWords);
    if (more && this.#hasStarted && this.#isAtPlace(cursor)) more = cursor.next();
    while (more) {
      const { words, base } = cursor;
      if (!this.#isInRange(words, base)) return false;
      const edge = words[base + 3]! * twoTo32 + words[base + 4]!;
      const removedAt = words[base + 5]! * twoTo32 + words[base + 6]!;
      if (removedAt !== 0) {
        if (removedAt <= this.#range.lsn && this.edges[this.count - 1] === edge) this.count--;
      } else {
        // A full page ends before an edge, never before the removal of its last one.
        if (this.count === this.#size) return true;
        if (edge <= this.#range.lsn && this.#isWanted(words, base)) this.#add(words, base, edge);
      }
      this.#stand(words, base);
      more = cursor.next();
    }
    return false;
  }

  #fillBackward(cursor: WordCursor): boolean {
    const place = this.#place;
    let more = cursor.seekLast(place, this.#hasStarted ? width : this.#prefixWords);
    if (more && this.#hasStarted && this.#isAtPlace(cursor)) more = cursor.prev();
    while (more) {
      const { words, base } = cursor;
      if (!this.#isInRange(words, base)) return false;
      const edge = words[base + 3]! * twoTo32 + words[base + 4]!;
      const removedAt = words[base + 5]! * twoTo32 + words[base + 6]!;
      if (removedAt !== 0) {
        if (removedAt <= this.#range.lsn) this.#removedEdge = edge;
      } else if (
        edge <= this.#range.lsn &&
        edge !== this.#removedEdge &&
        this.#isWanted(words, base)
      ) {
        if (this.count === this.#size) return true;
        this.#add(words, base, edge);
      }
      this.#stand(words, base);
      more = cursor.prev();
    }
    return false;
  }

  #add(words: Uint32Array, base: number, edge: number): void {
    this.types[this.count] = words[base + 1]!;
    this.others[this.count] = words[base + 2]!;
    this.edges[this.count] = edge;
    this.count++;
  }

  #stand(words: Uint32Array, base: number): void {
    for (let word = 1; word < width; word++) this.#place[word] = words[base + word]!;
  }

  #isAtPlace(cursor: WordCursor): boolean {
    for (let word = 0; word < width; word++) {
      if (cursor.words[cursor.base + word] !== this.#place[word]) return false;
    }
    return true;
  }

  #isInRange(words: Uint32Array, base: number): boolean {
    if (words[base] !== this.#range.node) return false;
    if (this.#prefixWords > 1 && words[base + 1] !== this.#range.type) return false;
    return this.#prefixWords < 3 || words[base + 2] === this.#range.other;
  }

  #isWanted(words: Uint32Array, base: number): boolean {
    return this.#range.other === 0 || words[base + 2] === this.#range.other;
  }
}
