// Walks a node's edges a page at a time, so that an iterator holds a few numbers and a place, and no part of a tree.

import type { Adjacency } from "./adjacency.ts";
import type { WalkCursor } from "./stack-cursor.ts";
import { twoTo32 } from "./tree-floor.ts";

/** Words that tell an entry from all others. */
const keyWords = 5;
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
  readonly #place = new Uint32Array(keyWords);
  #size = firstPageEdges;
  #hasStarted = false;
  #hasEnded = false;

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
    const { isReverse } = this.#range;
    let more = this.#seek(cursor);
    while (more && this.#isInRange(cursor.words, cursor.base)) {
      if (this.count === this.#size) break;
      const { words, base } = cursor;
      if (this.#isWanted(words, base)) this.#add(words, base);
      this.#stand(words, base);
      more = isReverse ? cursor.prev() : cursor.next();
    }
    this.#hasStarted = true;
    // A page that is not full is the last one.
    if (this.count < this.#size) this.#hasEnded = true;
    this.#size = Math.min(pageEdgesMax, this.#size * 4);
    return this.count > 0;
  }

  /** Goes to the first entry, or to the one behind the last one walked over. */
  #seek(cursor: WalkCursor): boolean {
    const { isReverse } = this.#range;
    const place = this.#place;
    const words = this.#hasStarted ? keyWords : this.#prefixWords;
    const more = isReverse ? cursor.seekLast(place, words) : cursor.seek(place, words);
    if (!more || !this.#hasStarted || !this.#isAtPlace(cursor)) return more;
    return isReverse ? cursor.prev() : cursor.next();
  }

  #add(words: Uint32Array, base: number): void {
    this.types[this.count] = words[base + 1]!;
    this.others[this.count] = words[base + 2]!;
    this.edges[this.count] = words[base + 3]! * twoTo32 + words[base + 4]!;
    this.count++;
  }

  #stand(words: Uint32Array, base: number): void {
    for (let word = 1; word < keyWords; word++) this.#place[word] = words[base + word]!;
  }

  #isAtPlace(cursor: WalkCursor): boolean {
    for (let word = 0; word < keyWords; word++) {
      if (cursor.words[cursor.base + word] !== this.#place[word]) return false;
    }
    return true;
  }

  #isInRange(words: Uint32Array, base: number): boolean {
    if (words[base] !== this.#range.node) return false;
    if (this.#prefixWords > 1 && words[base + 1] !== this.#range.type) return false;
    return this.#prefixWords < 3 || words[base + 2] === this.#range.other;
  }

  /** Whether an entry is live as of the LSN, and has the right other end. */
  #isWanted(words: Uint32Array, base: number): boolean {
    const { other, lsn } = this.#range;
    if (other !== 0 && words[base + 2] !== other) return false;
    if (words[base + 3]! * twoTo32 + words[base + 4]! > lsn) return false;
    const removedAt = words[base + 5]! * twoTo32 + words[base + 6]!;
    return removedAt === 0 || removedAt > lsn;
  }
}
