// The filter of an on-disk tree, a Bloom filter in lines of 64 bytes: which first words, or keys, the tree cannot hold. A key's bits
// lie in one line, so that one block of the file answers for it.

import { hashOf as hashOfKey } from "./key-bytes.ts";

export const filterLineBytes = 64;
export const filterLineWords = 16;
const filterLineBits = 512;
const filterBitsPerKey = 10;
const filterProbes = 6;

const chunkHashes = 16_384;
const twoTo32 = 2 ** 32;

/** Spreads a word over all bits; the last step of murmur3. Part of the format. */
export function mixWord(word: number): number {
  let h = word;
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The hash of a byte string: FNV-1a, spread by `mixWord`; the same that the key cache uses. Part of the format. */
export function hashOfBytes(bytes: Uint8Array, from: number, to: number): number {
  return hashOfKey(bytes, from, to);
}

/** Lines of a filter for so many keys. */
export function filterLinesFor(keyCount: number): number {
  return Math.ceil((keyCount * filterBitsPerKey) / filterLineBits);
}

/** The line with the bits of a key. */
export function filterLineOf(hash: number, lineCount: number): number {
  return Math.floor((hash * lineCount) / twoTo32);
}

/** Whether a line has all bits of a key; `base` is the line's first word. */
export function lineHas(words: Uint32Array, base: number, hash: number): boolean {
  const mixed = mixWord(hash ^ 0x9e37_79b9);
  const step = (mixed >>> 9) | 1;
  for (let i = 0, bit = mixed | 0; i < filterProbes; i++, bit = (bit + step) | 0) {
    const at = bit & (filterLineBits - 1);
    if ((words[base + (at >>> 5)]! & (1 << (at & 31))) === 0) return false;
  }
  return true;
}

function addToLine(words: Uint32Array, base: number, hash: number): void {
  const mixed = mixWord(hash ^ 0x9e37_79b9);
  const step = (mixed >>> 9) | 1;
  for (let i = 0, bit = mixed | 0; i < filterProbes; i++, bit = (bit + step) | 0) {
    const at = bit & (filterLineBits - 1);
    words[base + (at >>> 5)]! |= 1 << (at & 31);
  }
}

/** Keeps the hashes, 4 bytes each, until their number is known. */
export class FilterBuilder {
  count = 0;
  readonly #chunks: Uint32Array[] = [];

  add(hash: number): void {
    const place = this.count & (chunkHashes - 1);
    if (place === 0) this.#chunks.push(new Uint32Array(chunkHashes));
    this.#chunks[this.#chunks.length - 1]![place] = hash;
    this.count++;
  }

  /** The words of the lines, one after another. */
  build(): Uint32Array {
    const lineCount = filterLinesFor(this.count);
    const words = new Uint32Array(lineCount * filterLineWords);
    for (let i = 0; i < this.count; i++) {
      const hash = this.#chunks[Math.floor(i / chunkHashes)]![i & (chunkHashes - 1)]!;
      addToLine(words, filterLineOf(hash, lineCount) * filterLineWords, hash);
    }
    return words;
  }
}
