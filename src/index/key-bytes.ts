// A key as bytes and a hash of these: what the key tree and its cache are asked with.

import { limits } from "../codec/limits.ts";
import { encodeWtf8 } from "../codec/text.ts";
import { familyPrefixBytes, putFamilyPrefix } from "./family-key.ts";

const hashSeed = 0x811c_9dc5;
const hashFactor = 0x0100_0193;

/** Words of a short key as `KeyBytes.words` has it, and the longest such key. */
export const shortKeyWords = 7;
export const shortKeyBytesMax: number = shortKeyWords * 4 - 1;

/** One key at a time; `bytes[0 … length)` and `hash` hold until the next `set`. */
export class KeyBytes {
  readonly bytes: Uint8Array = new Uint8Array(3 * limits.keyBytesMax + 8);
  /** Of a key of up to `shortKeyBytesMax` bytes: its bytes, zeros, and its length in the last byte. */
  readonly words: Uint32Array = new Uint32Array(this.bytes.buffer, 0, shortKeyWords);
  length = 0;
  hash = 0;

  /** Takes a key whose length the caller has checked. */
  set(key: string): void {
    const { bytes, words } = this;
    for (let word = 0; word < shortKeyWords; word++) words[word] = 0;
    const units = key.length;
    let hash = hashSeed;
    for (let i = 0; i < units; i++) {
      const unit = key.charCodeAt(i);
      if (unit >= 0x80) {
        this.length = encodeWtf8(key, bytes, 0);
        this.hash = hashOf(bytes, 0, this.length);
        if (this.length <= shortKeyBytesMax) bytes[shortKeyBytesMax] = this.length;
        return;
      }
      bytes[i] = unit;
      hash = Math.imul(hash ^ unit, hashFactor);
    }
    this.length = units;
    this.hash = spread(hash);
    if (units <= shortKeyBytesMax) bytes[shortKeyBytesMax] = units;
  }

  /** Takes a key as the tree has it for a graph other than the default one, or for a map. */
  setIn(family: number, key: string): void {
    const { bytes, words } = this;
    for (let word = 0; word < shortKeyWords; word++) words[word] = 0;
    putFamilyPrefix(bytes, 0, family);
    this.length = encodeWtf8(key, bytes, familyPrefixBytes);
    this.hash = hashOf(bytes, 0, this.length);
    if (this.length <= shortKeyBytesMax) bytes[shortKeyBytesMax] = this.length;
  }
}

/** The hash that `KeyBytes` gives the key with these bytes. */
export function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = hashSeed;
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ bytes[i]!, hashFactor);
  return spread(hash);
}

/** Lets every bit of the key count in the low bits, which choose the slot. */
function spread(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
