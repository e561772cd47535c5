// Numbers of a fixed count of bits, one behind the other, low bits first: what columns are packed with.

import { putU32 } from "../codec/bytes.ts";

/** How many bits a number takes, 0 for 0. */
export function bitsOf(value: number): number {
  return 32 - Math.clz32(value);
}

/** Bytes of `count` packed numbers. */
export function packedBytes(count: number, bits: number): number {
  return (count * bits + 7) >>> 3;
}

/** Packs numbers into a buffer that has room for them, and 4 bytes more. */
export class BitWriter {
  position = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #pending = 0;
  #pendingBits = 0;

  open(bytes: Uint8Array, position: number): void {
    this.#bytes = bytes;
    this.position = position;
    this.#pending = 0;
    this.#pendingBits = 0;
  }

  /** Adds the low `bits` bits of a value that has no others, 0 to 32. */
  put(value: number, bits: number): void {
    const held = this.#pendingBits;
    const pending = this.#pending | (value << held);
    const total = held + bits;
    if (total < 32) {
      this.#pending = pending;
      this.#pendingBits = total;
      return;
    }
    putU32(this.#bytes, this.position, pending);
    this.position += 4;
    this.#pending = held === 0 ? 0 : value >>> (32 - held);
    this.#pendingBits = total - 32;
  }

  /** Writes out what is pending and starts at a byte again; returns the position behind it. */
  align(): number {
    putU32(this.#bytes, this.position, this.#pending);
    this.position += (this.#pendingBits + 7) >>> 3;
    this.#pending = 0;
    this.#pendingBits = 0;
    return this.position;
  }
}

/** One packed number, 1 to 32 bits of it, at a bit of the view; the view reaches 8 bytes beyond. */
export function bitsAt(view: DataView, at: number, bit: number, bits: number): number {
  const byte = at + (bit >>> 3);
  const shift = bit & 7;
  let value = view.getUint32(byte, true) >>> shift;
  if (shift + bits > 32) value |= view.getUint8(byte + 4) << (32 - shift);
  return bits === 32 ? value >>> 0 : value & ((1 << bits) - 1);
}
