// Fixed-width fields of file headers: 64-bit counts as JS numbers, and checksums of whole blocks.
import { getU32, putU32 } from "../codec/bytes.ts";
import { hash64 } from "../codec/checksum.ts";

/** A 64-bit hash in two halves, as typed arrays and headers hold it. */
export interface Hash64 {
  readonly lo: number;
  readonly hi: number;
}

export const zeroHash: Hash64 = { lo: 0, hi: 0 };

const twoTo32 = 2 ** 32;

export function putU64(bytes: Uint8Array, at: number, value: number): void {
  putU32(bytes, at, value >>> 0);
  putU32(bytes, at + 4, Math.floor(value / twoTo32));
}

/** Reads a count; what does not fit a JS integer comes back as Infinity, which no check lets pass. */
export function getU64(bytes: Uint8Array, at: number): number {
  const value = getU32(bytes, at + 4) * twoTo32 + getU32(bytes, at);
  return value <= Number.MAX_SAFE_INTEGER ? value : Number.POSITIVE_INFINITY;
}

export function putHash(bytes: Uint8Array, at: number, hash: Hash64): void {
  putU32(bytes, at, hash.lo);
  putU32(bytes, at + 4, hash.hi);
}

export function getHash(bytes: Uint8Array, at: number): Hash64 {
  return { lo: getU32(bytes, at), hi: getU32(bytes, at + 4) };
}

export function sameHash(a: Hash64, b: Hash64): boolean {
  return a.lo === b.lo && a.hi === b.hi;
}

const scratch = new Uint32Array(2);

/** The checksum of `bytes[from, to)`, seeded. Allocates: for headers, not for hot paths. */
export function hashOf(
  bytes: Uint8Array,
  from: number,
  to: number,
  seed: Hash64 = zeroHash,
): Hash64 {
  hash64(bytes, from, to, seed.lo, seed.hi, scratch);
  return { lo: scratch[0]!, hi: scratch[1]! };
}

/** Puts the checksum of everything behind the first 8 bytes of a block into those 8 bytes. */
export function sealBlock(bytes: Uint8Array, from: number, to: number): void {
  putHash(bytes, from, hashOf(bytes, from + 8, to));
}

/** Whether a block written by `sealBlock` is whole. */
export function blockIsSound(bytes: Uint8Array, from: number, to: number): boolean {
  return sameHash(getHash(bytes, from), hashOf(bytes, from + 8, to));
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

export function hex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}
