// Walks live nodes in the order of their keys' bytes a page at a time, so that an iterator holds a few ids and one key.

import type { KeySource } from "./disk-tree-merge.ts";
import { familyKeyTag, storedKey } from "./family-key.ts";
import { keyRemoved } from "./key-layers.ts";
import { twoTo32 } from "./tree-floor.ts";

const firstPageIds = 16;
const pageIdsMax = 256;

export interface KeyRange {
  /** The number of the graph. */
  readonly graph: number;
  /** Only keys that begin with these bytes. */
  readonly prefix: Uint8Array;
  /** Only keys above these bytes; empty for all. */
  readonly after: Uint8Array;
  readonly lsn: number;
}

/** A walk as of the LSN of its range; the tree may change between two calls of `fill`. */
export class KeyPages {
  readonly ids: Uint32Array = new Uint32Array(pageIdsMax);
  count = 0;

  readonly #lsn: number;
  /** How every key of the range begins, as the tree has it. */
  readonly #prefix: Uint8Array;
  /** The last key walked over; while it is empty, nothing was. */
  #place: Uint8Array;
  #size = firstPageIds;
  #hasEnded = false;

  constructor(range: KeyRange) {
    const { graph, prefix, after, lsn } = range;
    this.#lsn = lsn;
    this.#prefix = storedKey(graph, prefix);
    this.#place = after.length === 0 ? after : storedKey(graph, after);
  }

  /** Puts the next ids into `ids`; false when there are no more. */
  fill(cursor: KeySource): boolean {
    this.count = 0;
    while (!this.#hasEnded && this.count === 0) this.#fillOnce(cursor);
    this.#size = Math.min(pageIdsMax, this.#size * 4);
    return this.count > 0;
  }

  /** Walks over some keys, whether they are live or not. */
  #fillOnce(cursor: KeySource): void {
    const prefix = this.#prefix;
    const place = this.#place;
    const from = place.length > 0 && isAbove(place, prefix) ? place : prefix;
    let more = cursor.seek(from, 0, from.length);
    if (place.length > 0) while (more && isKey(cursor, place)) more = cursor.next();
    for (let keys = 0; more && keys < this.#size; keys++) {
      if (!startsWith(cursor, prefix) || (prefix.length === 0 && isOfFamily(cursor))) {
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
    let id = 0;
    let more = true;
    do {
      const { words, base } = cursor;
      if (words[base]! * twoTo32 + words[base + 1]! <= this.#lsn) {
        id = words[base + 3] === keyRemoved ? 0 : words[base + 2]!;
      }
      more = cursor.next();
    } while (more && isKey(cursor, key));
    if (id !== 0) this.ids[this.count++] = id;
    this.#place = key;
    return more;
  }
}

/** Whether the keys of the default graph, which come first, are over. */
function isOfFamily(cursor: KeySource): boolean {
  return cursor.keyChunk![cursor.keyFrom!] === familyKeyTag;
}

function isKey(cursor: KeySource, key: Uint8Array): boolean {
  return cursor.keyTo! - cursor.keyFrom! === key.length && startsWith(cursor, key);
}

function startsWith(cursor: KeySource, prefix: Uint8Array): boolean {
  const keyChunk = cursor.keyChunk!;
  const keyFrom = cursor.keyFrom!;
  if (cursor.keyTo! - keyFrom < prefix.length) return false;
  for (let i = 0; i < prefix.length; i++) {
    if (keyChunk[keyFrom + i] !== prefix[i]) return false;
  }
  return true;
}

function isAbove(a: Uint8Array, b: Uint8Array): boolean {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    if (a[i] !== b[i]) return a[i]! > b[i]!;
  }
  return a.length > b.length;
}
