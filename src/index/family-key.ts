// How keys of named graphs and of maps stand in the keys' tree and in node records: behind a prefix that begins with a byte no text
// has, so that those of the default graph are as they are and come first.

import { limits } from "../codec/limits.ts";

/** The first byte of the prefix; behind it the number of the family, the most significant byte first. Stored on disk. */
export const familyKeyTag = 0xff;

export const familyPrefixBytes = 5;

/** The longest key with its prefix. */
export const storedKeyBytesMax: number = limits.keyBytesMax + familyPrefixBytes;

/** Writes the prefix of a family's keys. */
export function putFamilyPrefix(bytes: Uint8Array, at: number, family: number): void {
  bytes[at] = familyKeyTag;
  bytes[at + 1] = family >>> 24;
  bytes[at + 2] = family >>> 16;
  bytes[at + 3] = family >>> 8;
  bytes[at + 4] = family;
}

/** The family whose key begins at a place; 0 for the default graph. */
export function familyOfKey(bytes: Uint8Array, from: number): number {
  if (bytes[from] !== familyKeyTag) return 0;
  const high = (bytes[from + 1]! << 24) | (bytes[from + 2]! << 16);
  return (high | (bytes[from + 3]! << 8) | bytes[from + 4]!) >>> 0;
}

/** A key as the tree has it; the default graph's as it is. */
export function storedKey(family: number, key: Uint8Array): Uint8Array {
  if (family === 0) return key;
  const stored = new Uint8Array(familyPrefixBytes + key.length);
  putFamilyPrefix(stored, 0, family);
  stored.set(key, familyPrefixBytes);
  return stored;
}

/** Key bytes with a prefix, one at a time, in one buffer. */
export class StoredKey {
  bytes: Uint8Array = new Uint8Array(storedKeyBytesMax);
  from = 0;
  to = 0;
  readonly #own: Uint8Array = this.bytes;

  /** Takes bytes[from … to) as a key of a family: as they lie for the default graph, else copied behind the prefix. */
  set(family: number, bytes: Uint8Array, from: number, to: number): this {
    if (family === 0) {
      this.bytes = bytes;
      this.from = from;
      this.to = to;
      return this;
    }
    const own = this.#own;
    putFamilyPrefix(own, 0, family);
    // A key that is too long is the tree's to refuse.
    own.set(bytes.subarray(from, Math.min(to, from + limits.keyBytesMax)), familyPrefixBytes);
    this.bytes = own;
    this.from = 0;
    this.to = familyPrefixBytes + (to - from);
    return this;
  }
}
