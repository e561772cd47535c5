// Walks the entries of a map in either direction, a page at a time, so that an iterator holds a few keys.

import { compareBytes } from "../codec/text.ts";
import type { KeySource } from "./disk-tree-merge.ts";
import { type KeyLayers, keyRemoved } from "./key-layers.ts";
import { twoTo32 } from "./tree-floor.ts";

const firstPageEntries = 16;
const pageEntriesMax = 256;

export interface EntryRange {
  /** Keys as the tree has them, from this one on … */
  readonly from: Uint8Array;
  /** … and below this one. */
  readonly to: Uint8Array;
  readonly lsn: number;
  readonly isReverse: boolean;
}

/** A walk as of the LSN of its range; the tree may change between two calls of `fill`. */
export class EntryPages {
  /** The entries of the page: keys as the tree has them, and the LSNs at which their values were put. */
  keys: Uint8Array[] = [];
  lsns: number[] = [];

  readonly #range: EntryRange;
  /** What is still to be walked over lies from here up to the end, or, in reverse, from the start up to here. */
  #place: Uint8Array;
  #isBehindPlace = false;
  #size = firstPageEntries;
  #hasEnded: boolean;

  constructor(range: EntryRange) {
    this.#range = range;
    this.#place = range.isReverse ? range.to : range.from;
    this.#hasEnded = compare(range.from, range.to) >= 0;
  }

  /** Takes the next entries; false when there are no more. */
  fill(layers: KeyLayers): boolean {
    this.keys = [];
    this.lsns = [];
    while (!this.#hasEnded && this.keys.length === 0) {
      if (this.#range.isReverse) this.#fillBackward(layers);
      else this.#fillForward(layers.cursor);
    }
    this.#size = Math.min(pageEntriesMax, this.#size * 4);
    return this.keys.length > 0;
  }

  #fillForward(cursor: KeySource): void {
    const { to } = this.#range;
    const place = this.#place;
    let more = cursor.seek(place, 0, place.length);
    if (this.#isBehindPlace) while (more && isKey(cursor, place)) more = cursor.next();
    for (let count = 0; more && count < this.#size; count++) {
      if (compareBytes(cursor.keyChunk!, cursor.keyFrom!, cursor.keyTo!, to, 0, to.length) >= 0) {
        this.#hasEnded = true;
        return;
      }
      more = this.#walkVersions(cursor);
    }
    if (!more) this.#hasEnded = true;
  }

  /** Takes in the versions of the current key and stands on the next one; false at the end. */
  #walkVersions(cursor: KeySource): boolean {
    const key = cursor.keyChunk!.slice(cursor.keyFrom, cursor.keyTo);
    let found = 0;
    let more = true;
    do {
      const { words, base } = cursor;
      const lsn = words[base]! * twoTo32 + words[base + 1]!;
      if (lsn <= this.#range.lsn) found = words[base + 3] === keyRemoved ? 0 : lsn;
      more = cursor.next();
    } while (more && isKey(cursor, key));
    if (found !== 0) this.#take(key, found);
    this.#place = key;
    this.#isBehindPlace = true;
    return more;
  }

  #fillBackward(layers: KeyLayers): void {
    const { from, lsn } = this.#range;
    for (let count = 0; count < this.#size; count++) {
      const key = layers.lastKeyBelow(this.#place);
      if (key === undefined || compare(key, from) < 0) {
        this.#hasEnded = true;
        return;
      }
      this.#place = key;
      if (!layers.findKey(key, lsn) || layers.foundFlags === keyRemoved) continue;
      this.#take(key, layers.foundLsn);
    }
  }

  #take(key: Uint8Array, lsn: number): void {
    this.keys.push(key);
    this.lsns.push(lsn);
  }
}

function isKey(cursor: KeySource, key: Uint8Array): boolean {
  return compareBytes(cursor.keyChunk!, cursor.keyFrom!, cursor.keyTo!, key, 0, key.length) === 0;
}

function compare(a: Uint8Array, b: Uint8Array): number {
  return compareBytes(a, 0, a.length, b, 0, b.length);
}
