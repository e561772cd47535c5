// Owns text as bytes: WTF-8, which is UTF-8 that also gives lone surrogates their three-byte form, so that every JS
// string round-trips exactly and byte order is code point order. Each string has exactly one encoding.

import { MalformedBytes } from "./malformed-bytes.ts";

// From this length the fixed cost of a call into the runtime is won back; measured on Node 20.
const nativeEncodeUnitsMin = 48;

const textEncoder = new TextEncoder();
// Buffer's decoders work on any Uint8Array and skip the cost of wrapping one.
const { latin1Slice, utf8Slice } = Buffer.prototype as unknown as {
  latin1Slice(this: Uint8Array, from: number, to: number): string;
  utf8Slice(this: Uint8Array, from: number, to: number): string;
};
const units = String.fromCharCode;

/** Bytes that `encodeWtf8` writes for this text. */
export function wtf8Length(text: string): number {
  const unitCount = text.length;
  let bytes = unitCount;
  for (let i = 0; i < unitCount; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    if (unit < 0x800) {
      bytes += 1;
      continue;
    }
    bytes += 2;
    // A pair takes four bytes together: the first unit counted three, the second counts one.
    if (
      (unit & 0xfc00) === 0xd800 &&
      i + 1 < unitCount &&
      (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00
    ) {
      i++;
    }
  }
  return bytes;
}

/**
 * Writes the text at `at` and returns the position behind it. The caller has made room for `wtf8Length(text)` bytes,
 * or for three per UTF-16 unit.
 */
export function encodeWtf8(text: string, into: Uint8Array, at: number): number {
  const unitCount = text.length;
  if (unitCount >= nativeEncodeUnitsMin && isWellFormed(text)) {
    return at + textEncoder.encodeInto(text, into.subarray(at)).written;
  }
  let position = at;
  for (let i = 0; i < unitCount; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) return encodeUnits(text, i, into, position);
    into[position++] = unit;
  }
  return position;
}

function encodeUnits(text: string, start: number, into: Uint8Array, at: number): number {
  const unitCount = text.length;
  let position = at;
  for (let i = start; i < unitCount; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) {
      into[position++] = unit;
    } else if (unit < 0x800) {
      into[position++] = 0xc0 | (unit >> 6);
      into[position++] = 0x80 | (unit & 0x3f);
    } else {
      const next = (unit & 0xfc00) === 0xd800 && i + 1 < unitCount ? text.charCodeAt(i + 1) : 0;
      if ((next & 0xfc00) === 0xdc00) {
        const point = 0x10000 + ((unit & 0x3ff) << 10) + (next & 0x3ff);
        into[position++] = 0xf0 | (point >> 18);
        into[position++] = 0x80 | ((point >> 12) & 0x3f);
        into[position++] = 0x80 | ((point >> 6) & 0x3f);
        into[position++] = 0x80 | (point & 0x3f);
        i++;
      } else {
        into[position++] = 0xe0 | (unit >> 12);
        into[position++] = 0x80 | ((unit >> 6) & 0x3f);
        into[position++] = 0x80 | (unit & 0x3f);
      }
    }
  }
  return position;
}

/** The text as a fresh array of exactly its bytes. */
export function wtf8Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(wtf8Length(text));
  encodeWtf8(text, bytes, 0);
  return bytes;
}

// The runtime has it since Node 20; the library of ES2022 does not name it.
function isWellFormed(text: string): boolean {
  return (text as unknown as { isWellFormed(): boolean }).isWellFormed();
}

/**
 * The text in `bytes[from, to)`, which lie within the array. Throws `MalformedBytes` where the bytes are not what
 * `encodeWtf8` writes: overlong, cut off, beyond U+10FFFF, or a pair written as two lone surrogates.
 */
export function decodeWtf8(bytes: Uint8Array, from: number, to: number): string {
  let at = from;
  while (at < to && bytes[at]! < 0x80) at++;
  if (at === to) return decodeAscii(bytes, from, to);
  return hasSurrogates(bytes, at, to)
    ? decodePoints(bytes, from, to)
    : utf8Slice.call(bytes, from, to);
}

// One call with all the units beats the runtime's decoder up to here by two to three times, and beats appending unit by
// unit everywhere (Node 20: 15 against 35 and 41 ns for eight).
function decodeAscii(b: Uint8Array, i: number, to: number): string {
  switch (to - i) {
    case 0:
      return "";
    case 1:
      return units(b[i]!);
    case 2:
      return units(b[i]!, b[i + 1]!);
    case 3:
      return units(b[i]!, b[i + 1]!, b[i + 2]!);
    case 4:
      return units(b[i]!, b[i + 1]!, b[i + 2]!, b[i + 3]!);
    case 5:
      return units(b[i]!, b[i + 1]!, b[i + 2]!, b[i + 3]!, b[i + 4]!);
    case 6:
      return units(b[i]!, b[i + 1]!, b[i + 2]!, b[i + 3]!, b[i + 4]!, b[i + 5]!);
    case 7:
      return units(b[i]!, b[i + 1]!, b[i + 2]!, b[i + 3]!, b[i + 4]!, b[i + 5]!, b[i + 6]!);
    case 8:
      // biome-ignore format: one line like those above it
      return units(b[i]!, b[i + 1]!, b[i + 2]!, b[i + 3]!, b[i + 4]!, b[i + 5]!, b[i + 6]!, b[i + 7]!);
    default:
      return latin1Slice.call(b, i, to);
  }
}

// Checks the bytes and says whether they hold lone surrogates, which the runtime's own decoders do not know.
function hasSurrogates(bytes: Uint8Array, from: number, to: number): boolean {
  let found = false;
  let highSurrogateEnd = -1;
  for (let at = from; at < to; ) {
    const lead = bytes[at]!;
    if (lead < 0x80) {
      at++;
      continue;
    }
    const width = sequenceBytes(lead);
    if (width === 0 || at + width > to) throw malformedText(at);
    const second = bytes[at + 1]!;
    if ((second & 0xc0) !== 0x80) throw malformedText(at);
    if (width > 2) {
      if ((bytes[at + 2]! & 0xc0) !== 0x80) throw malformedText(at);
      if (width > 3 && (bytes[at + 3]! & 0xc0) !== 0x80) throw malformedText(at);
      if (lead === 0xe0 && second < 0xa0) throw malformedText(at);
      if (lead === 0xf0 && second < 0x90) throw malformedText(at);
      if (lead === 0xf4 && second >= 0x90) throw malformedText(at);
      if (lead === 0xed && second >= 0xa0) {
        found = true;
        if (second < 0xb0) highSurrogateEnd = at + 3;
        else if (highSurrogateEnd === at) throw malformedText(at);
      }
    }
    at += width;
  }
  return found;
}

// How many bytes a sequence with this first byte has; 0 for bytes that never begin one.
function sequenceBytes(lead: number): 0 | 2 | 3 | 4 {
  if (lead < 0xc2) return 0;
  if (lead < 0xe0) return 2;
  if (lead < 0xf0) return 3;
  return lead < 0xf5 ? 4 : 0;
}

// Only for text with lone surrogates, already checked; rare enough that speed does not matter.
function decodePoints(bytes: Uint8Array, from: number, to: number): string {
  const parts: string[] = [];
  let wellFormedFrom = from;
  for (let at = from; at < to; ) {
    const lead = bytes[at]!;
    if (lead === 0xed && bytes[at + 1]! >= 0xa0) {
      parts.push(utf8Slice.call(bytes, wellFormedFrom, at));
      const unit = 0xd000 | ((bytes[at + 1]! & 0x3f) << 6) | (bytes[at + 2]! & 0x3f);
      parts.push(String.fromCharCode(unit));
      wellFormedFrom = at + 3;
    }
    at += lead < 0x80 ? 1 : sequenceBytes(lead);
  }
  parts.push(utf8Slice.call(bytes, wellFormedFrom, to));
  return parts.join("");
}

function malformedText(at: number): MalformedBytes {
  return new MalformedBytes(`text is not WTF-8 at byte ${at}`);
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
