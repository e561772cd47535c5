// A page of an on-disk tree as memory holds it: typed arrays that scans run over, and its place in the cache. Also the search in it.

import { CHILD_WORD } from "./page-format.ts";

const pageOverheadBytes = 300;
const twoTo32 = 2 ** 32;

export const noBytes: Uint8Array = new Uint8Array(0);
export const noWords: Uint32Array = new Uint32Array(0);

/** What the cache wants of the owner of a page. */
export interface PageOwner {
  forget(page: DecodedPage): void;
}

/** Entry i has the words from `i * width`, the key from `keyOffsets[i]` and the blob from `blobOffsets[i]`, each to the next. */
export class DecodedPage {
  readonly count: number;
  readonly level: number;
  readonly ordinal: number;
  /** Where the page lies in its file, in bytes. */
  readonly offset: number;
  /** The last entry is the first of the next page of this level. */
  readonly hasFence: boolean;
  readonly words: Uint32Array;
  keyOffsets: Uint32Array = noWords;
  keys: Uint8Array = noBytes;
  blobOffsets: Uint32Array = noWords;
  blobs: Uint8Array = noBytes;

  /** The cache's: set by every use, cleared by the hand that looks for something to drop. */
  wasUsed = false;
  owner: PageOwner | undefined = undefined;

  constructor(
    count: number,
    level: number,
    ordinal: number,
    offset: number,
    hasFence: boolean,
    words: Uint32Array,
  ) {
    this.count = count;
    this.level = level;
    this.ordinal = ordinal;
    this.offset = offset;
    this.hasFence = hasFence;
    this.words = words;
  }

  /** Memory it takes, in bytes, estimated. */
  get bytes(): number {
    const { words, keyOffsets, keys, blobOffsets, blobs } = this;
    return (
      pageOverheadBytes +
      words.byteLength +
      keyOffsets.byteLength +
      keys.byteLength +
      blobOffsets.byteLength +
      blobs.byteLength
    );
  }
}

/** Where the child at the first of its words lies in the file. */
export function childOffset(words: Uint32Array, at: number): number {
  return words[at + CHILD_WORD.offsetHi]! * twoTo32 + words[at + CHILD_WORD.offsetLo]!;
}

/** What a search looks for: a byte string, where the tree has them, and words. */
export class PageProbe {
  readonly words: Uint32Array;
  bytes: Uint8Array = noBytes;
  from = 0;
  to = 0;

  constructor(keyWords: number) {
    this.words = new Uint32Array(keyWords);
  }
}

/** The order of two tuples of words: below, at or above 0. */
export function compareWords(
  a: Uint32Array,
  aBase: number,
  b: Uint32Array,
  bBase: number,
  count: number,
): number {
  for (let word = 0; word < count; word++) {
    const difference = a[aBase + word]! - b[bBase + word]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * Searches a page of word entries for the probe; `tie` 0 returns the ordinal behind the last entry at or below it, `tie` -1
 * that of the first entry at or above it.
 */
export function boundWords(
  page: DecodedPage,
  stride: number,
  probe: Uint32Array,
  keyWords: number,
  tie: 0 | -1,
): number {
  const { words } = page;
  const first = probe[0]!;
  let low = 0;
  let high = page.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const base = middle * stride;
    const here = words[base]!;
    let isBelow = here < first;
    if (here === first) {
      isBelow = compareWords(words, base + 1, probe, 1, keyWords - 1) <= tie;
    }
    if (isBelow) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** As `boundWords`, in a page whose entries begin with a byte string. */
export function boundKeys(
  page: DecodedPage,
  stride: number,
  probe: PageProbe,
  keyWords: number,
  tie: 0 | -1,
): number {
  const { keys, keyOffsets } = page;
  const { bytes, from } = probe;
  const length = probe.to - from;
  let low = 0;
  let high = page.count;
  // What the probe shares with the key below and with the one above it, it shares with all in between.
  let sharedLow = 0;
  let sharedHigh = 0;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const start = keyOffsets[middle]!;
    const keyLength = keyOffsets[middle + 1]! - start;
    const sharedMax = Math.min(keyLength, length);
    let shared = Math.min(sharedLow, sharedHigh);
    while (shared < sharedMax && keys[start + shared] === bytes[from + shared]) shared++;
    let order = keyLength - length;
    if (shared < sharedMax) order = keys[start + shared]! - bytes[from + shared]!;
    else if (order === 0) {
      order = compareWords(page.words, middle * stride, probe.words, 0, keyWords);
    }
    if (order <= tie) {
      low = middle + 1;
      sharedLow = shared;
    } else {
      high = middle;
      sharedHigh = shared;
    }
  }
  return low;
}
