// Walks the layers of a logical tree as one, in either direction, an entry at a time.

import { compareWords, noWords } from "./page-decoded.ts";
import { hasPrefix, type LayerCursor, type WordLayers } from "./word-layers.ts";

/** What a walk over one layer or several needs. */
export interface WalkCursor {
  readonly words: Uint32Array;
  readonly base: number;
  seek(probe: Uint32Array, words: number): boolean;
  seekLast(probe: Uint32Array, words: number): boolean;
  next(): boolean;
  prev(): boolean;
}

/**
 * A seek fixes the direction of the moves that follow: `next` after `seek`, `prev` after `seekLast`. It is for entries with the
 * probe's first word: where it runs off these, it may leave out others.
 */
export class StackCursor implements WalkCursor {
  words: Uint32Array = noWords;
  base = 0;

  readonly #layers: WordLayers;
  readonly #keyWords: number;
  readonly #key: Uint32Array;
  /** The cursors with entries left, newest first. */
  #cursors: LayerCursor[] = [];

  constructor(layers: WordLayers) {
    this.#layers = layers;
    this.#keyWords = layers.active.keyWords;
    this.#key = new Uint32Array(this.#keyWords);
  }

  /** Moves to the first entry whose first `words` words are at or above the probe's; false when there is none. */
  seek(probe: Uint32Array, words: number): boolean {
    this.#cursors = this.#layers.cursors.filter(
      (cursor, i) => this.#layers.mayContain(i, probe[0]!) && cursor.seek(probe, words),
    );
    return this.#show(1);
  }

  /** Moves to the last entry whose first `words` words are at or below the probe's; false when there is none. */
  seekLast(probe: Uint32Array, words: number): boolean {
    this.#cursors = this.#layers.cursors.filter(
      (cursor, i) => this.#layers.mayContain(i, probe[0]!) && cursor.seekLast(probe, words),
    );
    return this.#show(-1);
  }

  next(): boolean {
    return this.#pass(1);
  }

  prev(): boolean {
    return this.#pass(-1);
  }

  /** Moves every cursor past the current key. */
  #pass(direction: 1 | -1): boolean {
    const key = this.#key;
    const cursors = this.#cursors;
    let kept = 0;
    for (const cursor of cursors) {
      if (hasPrefix(cursor.words, cursor.base, key, this.#keyWords)) {
        if (!(direction === 1 ? cursor.next() : cursor.prev())) continue;
      }
      cursors[kept++] = cursor;
    }
    cursors.length = kept;
    return this.#show(direction);
  }

  #show(direction: 1 | -1): boolean {
    let head: LayerCursor | undefined;
    for (const cursor of this.#cursors) {
      if (head === undefined || this.#compare(cursor, head) * direction < 0) head = cursor;
    }
    if (head === undefined) return false;
    this.words = head.words;
    this.base = head.base;
    this.#key.set(head.words.subarray(head.base, head.base + this.#keyWords));
    return true;
  }

  #compare(a: LayerCursor, b: LayerCursor): number {
    return compareWords(a.words, a.base, b.words, b.base, this.#keyWords);
  }
}
