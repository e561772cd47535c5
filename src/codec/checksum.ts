// Owns the checksum of everything on disk, xxh64, and is the only file that knows which library computes it. Callers
// see 32-bit halves; BigInt stays in here.

import xxhash from "xxhash-wasm";

// Longer input is fed in pieces, because the library's memory grows to the largest piece and never shrinks.
const pieceBytesMax = 256 * 1024;

const { h64Raw, create64 } = await xxhash();

const scratch: DataView = new DataView(new ArrayBuffer(8));

/**
 * Writes xxh64 of `bytes[from, to)` under the given seed to `out`: low half to `out[0]`, high half to `out[1]`.
 * Halves are unsigned 32-bit integers; only the low 32 bits of the seed halves count.
 */
export function hash64(
  bytes: Uint8Array,
  from: number,
  to: number,
  seedLow: number,
  seedHigh: number,
  out: Uint32Array,
): void {
  scratch.setUint32(0, seedLow, true);
  scratch.setUint32(4, seedHigh, true);
  const seed = scratch.getBigUint64(0, true);
  const hash =
    to - from <= pieceBytesMax
      ? h64Raw(bytes.subarray(from, to), seed)
      : hashInPieces(bytes, from, to, seed);
  scratch.setBigUint64(0, hash, true);
  out[0] = scratch.getUint32(0, true);
  out[1] = scratch.getUint32(4, true);
}

function hashInPieces(bytes: Uint8Array, from: number, to: number, seed: bigint): bigint {
  const state = create64(seed);
  for (let at = from; at < to; at += pieceBytesMax) {
    state.update(bytes.subarray(at, Math.min(at + pieceBytesMax, to)));
  }
  return state.digest();
}
