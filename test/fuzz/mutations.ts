// Changes bytes as somebody would who knows the format: fields set to the numbers that break decoders, parts moved, doubled, cut.
import type { SimulatedRandom } from "../../src/testing/testing.ts";

/** Lengths, counts and ids that decoders have been seen to trust. */
const numbers: readonly number[] = [
  0, 1, 2, 7, 8, 127, 128, 255, 256, 4095, 4096, 65_535, 65_536, 0x7fff_ffff, 0x8000_0000,
  0xffff_fffe, 0xffff_ffff,
];

/** The largest numbers that a variable-length integer can hold, and beyond. */
const varints: readonly (readonly number[])[] = [
  [0],
  [0x7f],
  [0xff, 0x7f],
  [0xff, 0xff, 0xff, 0xff, 0x0f],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  [0x80, 0x80, 0x80, 0x00],
];

/** A changed copy: one to four changes, each at or behind `from`. */
export function changed(bytes: Uint8Array, from: number, random: SimulatedRandom): Uint8Array {
  let out: Uint8Array = bytes.slice();
  for (let count = 1 + random.below(4); count > 0; count--) out = changedOnce(out, from, random);
  return out;
}

function changedOnce(bytes: Uint8Array, from: number, random: SimulatedRandom): Uint8Array {
  const room = bytes.length - from;
  if (room <= 0) return bytes;
  const at = from + random.below(room);
  const length = 1 + random.below(Math.min(64, bytes.length - at));
  switch (random.below(9)) {
    case 0:
      bytes[at]! ^= 1 << random.below(8);
      return bytes;
    case 1:
      return withNumber(bytes, at, 4, random);
    case 2:
      return withNumber(bytes, at, 8, random);
    case 3:
      return withBytes(bytes, at, varints[random.below(varints.length)]!);
    case 4:
      bytes.fill([0, 0xff, 0x80][random.below(3)]!, at, at + length);
      return bytes;
    case 5:
      return spliced(bytes, at, at + length, new Uint8Array(0));
    case 6:
      return spliced(bytes, at, at, bytes.slice(at, at + length));
    case 7:
      bytes.copyWithin(at, from + random.below(room), from + room);
      return bytes;
    default:
      return bytes.slice(0, at);
  }
}

/** Sets a little-endian field, most often where fields are. */
function withNumber(
  bytes: Uint8Array,
  at: number,
  size: number,
  random: SimulatedRandom,
): Uint8Array {
  const place = random.below(4) === 0 ? at : at - (at % 4);
  let number = numbers[random.below(numbers.length)]!;
  if (random.below(3) === 0) number = bytes.length + random.below(9) - 4;
  for (let i = 0; i < size && place + i < bytes.length; i++) {
    bytes[place + i] = i < 4 ? number >>> (8 * i) : random.below(2) * 0x1f;
  }
  return bytes;
}

function withBytes(bytes: Uint8Array, at: number, put: readonly number[]): Uint8Array {
  for (const [i, byte] of put.entries()) if (at + i < bytes.length) bytes[at + i] = byte;
  return bytes;
}

function spliced(bytes: Uint8Array, from: number, to: number, put: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length - (to - from) + put.length);
  out.set(bytes.subarray(0, from));
  out.set(put, from);
  out.set(bytes.subarray(to), from + put.length);
  return out;
}
