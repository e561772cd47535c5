// Owns reading and writing of numbers, varints and text in byte arrays, little-endian on every machine. It knows
// nothing of frames, files or values.

import { decode, encode, encodedLength } from "./wtf8.ts";

/**
 * The internal error of every decoder: bytes that no encoder of ours writes. It never reaches users as it is; the
 * caller that knows the file and offset turns it into `VarveError` `CORRUPT`, or into a torn tail.
 */
export class MalformedBytes extends Error {
  override readonly name: string = "MalformedBytes";
}

const twoTo28 = 2 ** 28;
const twoTo32 = 2 ** 32;
const longVarintBytesMax = 8;
// Up to here text is encoded into room for the worst case, instead of being measured first.
const guessedUnitsMax = 4096;

// One scratch number for all conversions: nothing here yields, so it is never shared by two at a time.
const scratch: DataView = new DataView(new ArrayBuffer(8));

/**
 * Appends to a buffer that grows by doubling. `bytes` is replaced when it grows: keep positions, not arrays.
 * Numbers are trusted to be in range; checking callers' input is the job of whoever takes it.
 */
export class ByteWriter {
  bytes: Uint8Array;
  position: number;

  constructor(capacity: number = 1024) {
    this.bytes = new Uint8Array(Math.max(capacity, 16));
    this.position = 0;
  }

  /** Makes room for `count` more bytes; writes to `bytes` behind `position` are then in bounds. */
  reserve(count: number): void {
    if (this.position + count > this.bytes.length) grow(this, count);
  }

  u8(value: number): void {
    if (this.position === this.bytes.length) grow(this, 1);
    this.bytes[this.position++] = value;
  }

  u16(value: number): void {
    this.reserve(2);
    const { bytes, position } = this;
    bytes[position] = value;
    bytes[position + 1] = value >>> 8;
    this.position = position + 2;
  }

  u32(value: number): void {
    this.reserve(4);
    putU32(this.bytes, this.position, value);
    this.position += 4;
  }

  /** An integer from 0 to 2^53 - 1, in eight bytes. */
  u64(value: number): void {
    this.reserve(8);
    putU32(this.bytes, this.position, value);
    putU32(this.bytes, this.position + 4, (value / twoTo32) >>> 0);
    this.position += 8;
  }

  /** Any number; every NaN is written as the same bytes. */
  f64(value: number): void {
    this.reserve(8);
    scratch.setFloat64(0, Number.isNaN(value) ? Number.NaN : value, true);
    putU32(this.bytes, this.position, scratch.getUint32(0, true));
    putU32(this.bytes, this.position + 4, scratch.getUint32(4, true));
    this.position += 8;
  }

  /** An integer from 0 to 2^53 - 1, seven bits to a byte, low bits first: 1 to 8 bytes. */
  varint(value: number): void {
    this.reserve(8);
    this.position = putVarint(this.bytes, this.position, value);
  }

  raw(source: Uint8Array): void {
    this.reserve(source.length);
    this.bytes.set(source, this.position);
    this.position += source.length;
  }

  /** The text's byte length as a varint, then its WTF-8 bytes. */
  text(value: string): void {
    const units = value.length;
    if (units > guessedUnitsMax) {
      const count = encodedLength(value);
      this.reserve(count + 8);
      this.position = encode(value, this.bytes, putVarint(this.bytes, this.position, count));
      return;
    }
    // Guesses the length's width as it is for ASCII, and moves the text where it is wider.
    this.reserve(4 + 3 * units);
    const { bytes, position } = this;
    const guessed = position + (units < 0x80 ? 1 : 2);
    const end = encode(value, bytes, guessed);
    const count = end - guessed;
    const width = varintBytes(count);
    if (position + width !== guessed) bytes.copyWithin(position + width, guessed, end);
    this.position = putVarint(bytes, position, count) + count;
  }

  /** Forgets what was written and keeps the buffer. */
  reset(): void {
    this.position = 0;
  }

  /** The written bytes `[from, to)`, not copied: they change when the writer is reused. */
  view(from: number, to: number): Uint8Array {
    return this.bytes.subarray(from, to);
  }
}

function grow(writer: ByteWriter, count: number): void {
  const needed = writer.position + count;
  const larger = new Uint8Array(Math.max(needed, writer.bytes.length * 2));
  larger.set(writer.bytes.subarray(0, writer.position));
  writer.bytes = larger;
}

/** Writes the low 32 bits of `value` at a fixed place, for fields that are filled in later. */
export function putU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

/** Writes a varint at a fixed place, up to 8 bytes, and returns the position behind it. */
export function putVarint(bytes: Uint8Array, at: number, value: number): number {
  let position = at;
  let rest = value;
  while (rest > 0x7fffffff) {
    bytes[position++] = (rest & 0x7f) | 0x80;
    rest = Math.floor(rest / 128);
  }
  let small = rest | 0;
  while (small >= 0x80) {
    bytes[position++] = (small & 0x7f) | 0x80;
    small >>>= 7;
  }
  bytes[position] = small;
  return position + 1;
}

/** How many bytes `varint` writes for this integer. */
export function varintBytes(value: number): number {
  let count = 1;
  for (let limit = 128; value >= limit && count < 8; limit *= 128) count++;
  return count;
}

/**
 * Reads `bytes[position, end)`. One reader can be opened again and again; every read beyond `end`, and every length
 * that reaches beyond it, throws `MalformedBytes`. After a throw the position is unspecified.
 */
export class ByteReader {
  bytes: Uint8Array;
  position: number;
  end: number;

  constructor() {
    this.bytes = noBytes;
    this.position = 0;
    this.end = 0;
  }

  /** Starts over at `bytes[from, to)`; a range that is not within the array is an error of ours. */
  open(bytes: Uint8Array, from: number, to: number): this {
    if (!(from >= 0 && from <= to && to <= bytes.length)) {
      throw new RangeError(`ByteReader.open: ${from} to ${to} is not within ${bytes.length} bytes`);
    }
    this.bytes = bytes;
    this.position = from;
    this.end = to;
    return this;
  }

  get atEnd(): boolean {
    return this.position === this.end;
  }

  u8(): number {
    if (this.position >= this.end) throw pastEnd(this, 1);
    return this.bytes[this.position++]!;
  }

  u16(): number {
    const at = this.advance(2);
    return this.bytes[at]! | (this.bytes[at + 1]! << 8);
  }

  u32(): number {
    return getU32(this.bytes, this.advance(4));
  }

  /** Eight bytes that hold at most 2^53 - 1; more is `MalformedBytes`. */
  u64(): number {
    const at = this.advance(8);
    const high = getU32(this.bytes, at + 4);
    if (high > 0x1fffff) throw new MalformedBytes(`integer over 2^53 - 1 at byte ${at}`);
    return high * twoTo32 + getU32(this.bytes, at);
  }

  f64(): number {
    const at = this.advance(8);
    scratch.setUint32(0, getU32(this.bytes, at), true);
    scratch.setUint32(4, getU32(this.bytes, at + 4), true);
    return scratch.getFloat64(0, true);
  }

  /** An integer as `varint` of the writer puts it: in as few bytes as it takes, at most 2^53 - 1. */
  varint(): number {
    const first = this.u8();
    return first < 0x80 ? first : readLongVarint(this, first);
  }

  /** The next `count` bytes, not copied. */
  raw(count: number): Uint8Array {
    const at = this.advance(count);
    return this.bytes.subarray(at, at + count);
  }

  text(): string {
    return this.textOf(this.varint());
  }

  /** The next `count` bytes as text, for lengths that are written otherwise. */
  textOf(count: number): string {
    const at = this.advance(count);
    const text = decode(this.bytes, at, at + count);
    if (text === undefined) throw new MalformedBytes(`${count} bytes at byte ${at} are not WTF-8`);
    return text;
  }

  skip(count: number): void {
    this.advance(count);
  }

  /** Steps over `count` bytes that must be there and returns where they begin. */
  advance(count: number): number {
    const at = this.position;
    if (count > this.end - at) throw pastEnd(this, count);
    this.position = at + count;
    return at;
  }
}

const noBytes: Uint8Array = new Uint8Array(0);

/** Four bytes at a fixed place, as an unsigned integer; the caller knows that they are there. */
export function getU32(bytes: Uint8Array, at: number): number {
  const low = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
  return (low | (bytes[at + 3]! << 24)) >>> 0;
}

// Without a loop, and in 32-bit integers as long as they will do: most of what is read are varints of two to six bytes.
function readLongVarint(reader: ByteReader, first: number): number {
  const { bytes, position } = reader;
  if (reader.end - position < longVarintBytesMax - 1) return readLastVarint(reader, first);
  let byte = bytes[position]!;
  const low2 = (first & 0x7f) | ((byte & 0x7f) << 7);
  if (byte < 0x80) return endVarint(reader, position + 1, byte, low2);
  byte = bytes[position + 1]!;
  const low3 = low2 | ((byte & 0x7f) << 14);
  if (byte < 0x80) return endVarint(reader, position + 2, byte, low3);
  byte = bytes[position + 2]!;
  const low = low3 | ((byte & 0x7f) << 21);
  if (byte < 0x80) return endVarint(reader, position + 3, byte, low);
  byte = bytes[position + 3]!;
  const high1 = byte & 0x7f;
  if (byte < 0x80) return endVarint(reader, position + 4, byte, high1 * twoTo28 + low);
  byte = bytes[position + 4]!;
  const high2 = high1 | ((byte & 0x7f) << 7);
  if (byte < 0x80) return endVarint(reader, position + 5, byte, high2 * twoTo28 + low);
  byte = bytes[position + 5]!;
  const high3 = high2 | ((byte & 0x7f) << 14);
  if (byte < 0x80) return endVarint(reader, position + 6, byte, high3 * twoTo28 + low);
  byte = bytes[position + 6]!;
  const value = (high3 | (byte << 21)) * twoTo28 + low;
  if (byte >= 0x80 || value > Number.MAX_SAFE_INTEGER) throw overlong(position + 7);
  return endVarint(reader, position + 7, byte, value);
}

function endVarint(reader: ByteReader, position: number, last: number, value: number): number {
  reader.position = position;
  // A last byte of zero adds nothing: the writer would have stopped before it.
  if (last === 0) throw overlong(position);
  return value;
}

// The same where the longest one might reach beyond the end.
function readLastVarint(reader: ByteReader, first: number): number {
  let value = first & 0x7f;
  let scale = 128;
  for (;;) {
    const byte = reader.u8();
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return endVarint(reader, reader.position, byte, value);
    scale *= 128;
  }
}

function overlong(position: number): MalformedBytes {
  return new MalformedBytes(`varint is overlong or over 2^53 - 1 before byte ${position}`);
}

function pastEnd(reader: ByteReader, count: number): MalformedBytes {
  return new MalformedBytes(
    `${count} bytes wanted at byte ${reader.position}, ${reader.end - reader.position} left`,
  );
}
