// Owns text as bytes for everyone: exact for every JS string, one encoding per string, and byte order is code point
// order. wtf8.ts has the encoding itself.

import { MalformedBytes } from "./bytes.ts";
import { decode, encode, encodedLength } from "./wtf8.ts";

/** Bytes that `encodeWtf8` writes for this text. */
export function wtf8Length(text: string): number {
  return encodedLength(text);
}

/**
 * Writes the text at `at` and returns the position behind it. The caller has made room for `wtf8Length(text)` bytes,
 * or for three per UTF-16 unit.
 */
export function encodeWtf8(text: string, into: Uint8Array, at: number): number {
  return encode(text, into, at);
}

/** The text in `bytes[from, to)`, which lie within the array; throws `MalformedBytes` for bytes no text has. */
export function decodeWtf8(bytes: Uint8Array, from: number, to: number): string {
  const text = decode(bytes, from, to);
  if (text === undefined) throw new MalformedBytes(`bytes ${from} to ${to} are not WTF-8`);
  return text;
}

/** The text as a fresh array of exactly its bytes. */
export function wtf8Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(wtf8Length(text));
  encodeWtf8(text, bytes, 0);
  return bytes;
}

/** Order of two byte ranges, as unsigned bytes, a prefix before what it begins: negative, 0 or positive. */
export function compareBytes(
  a: Uint8Array,
  aFrom: number,
  aTo: number,
  b: Uint8Array,
  bFrom: number,
  bTo: number,
): number {
  const aCount = aTo - aFrom;
  const bCount = bTo - bFrom;
  const shared = Math.min(aCount, bCount);
  for (let i = 0; i < shared; i++) {
    const difference = a[aFrom + i]! - b[bFrom + i]!;
    if (difference !== 0) return difference;
  }
  return aCount - bCount;
}
