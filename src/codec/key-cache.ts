// Owns the reading of property names: few names come again and again, so that finding the string made last time
// is cheaper than making and interning a new one. Bounded, and invisible but for speed.

import type { ByteReader } from "./bytes.ts";

const slotCount = 1024;
const cachedBytesMax = 32;

const slots: string[] = new Array<string>(slotCount).fill("");

/** Reads text as `reader.text()` does; the same string object may be given again. */
export function readKey(reader: ByteReader): string {
  const count = reader.varint();
  if (count > cachedBytesMax) return reader.textOf(count);
  const from = reader.advance(count);
  const bytes = reader.bytes;
  let hash = count;
  for (let i = from; i < from + count; i++) hash = (Math.imul(hash, 31) + bytes[i]!) | 0;
  const slot = (hash ^ (hash >>> 10)) & (slotCount - 1);
  const cached = slots[slot]!;
  if (isSame(cached, bytes, from, count)) return cached;
  reader.position = from;
  const key = reader.textOf(count);
  // Only ASCII has as many units as bytes. A cached "é" would match the lone byte 0xe9, which is no text at all.
  if (key.length === count) slots[slot] = key;
  return key;
}

function isSame(cached: string, bytes: Uint8Array, from: number, count: number): boolean {
  if (cached.length !== count) return false;
  for (let i = 0; i < count; i++) {
    if (cached.charCodeAt(i) !== bytes[from + i]) return false;
  }
  return true;
}
