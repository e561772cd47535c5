// Tests of the byte writer and reader: layout, round trips, growth and bounds.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ByteReader,
  ByteWriter,
  getU32,
  MalformedBytes,
  putU32,
  putVarint,
  varintBytes,
} from "../../src/codec/bytes.ts";
import { anyNumber, anyText } from "./arbitraries.ts";

const maxInteger = Number.MAX_SAFE_INTEGER;

/** What may follow a varint and is no part of it. */
const behind: readonly number[] = [255, 128, 0, 1, 255, 255, 255, 255, 255];

function written(write: (writer: ByteWriter) => void): number[] {
  const writer = new ByteWriter();
  write(writer);
  return [...writer.view(0, writer.position)];
}

function readerOf(bytes: readonly number[]): ByteReader {
  return new ByteReader().open(Uint8Array.from(bytes), 0, bytes.length);
}

const safeInteger = (): fc.Arbitrary<number> =>
  fc.oneof(
    fc.maxSafeNat(),
    fc.nat(),
    fc
      .tuple(fc.integer({ min: 0, max: 53 }), fc.integer({ min: -1, max: 0 }))
      .map(([power, offset]) => Math.max(0, Math.min(maxInteger, 2 ** power + offset))),
  );

describe("ByteWriter", () => {
  it("writes numbers little-endian", () => {
    expect(written((w) => w.u8(0xab))).toEqual([0xab]);
    expect(written((w) => w.u16(0x1234))).toEqual([0x34, 0x12]);
    expect(written((w) => w.u32(0xfedcba98))).toEqual([0x98, 0xba, 0xdc, 0xfe]);
    expect(written((w) => w.u64(0x1abcdef0123456))).toEqual([
      0x56, 0x34, 0x12, 0xf0, 0xde, 0xbc, 0x1a, 0,
    ]);
    expect(written((w) => w.f64(1.5))).toEqual([0, 0, 0, 0, 0, 0, 0xf8, 0x3f]);
    const otherNaN = new Float64Array(new BigUint64Array([0xfff0_0000_0000_0123n]).buffer)[0]!;
    for (const nan of [Number.NaN, otherNaN]) {
      expect(written((w) => w.f64(nan))).toEqual([0, 0, 0, 0, 0, 0, 0xf8, 0x7f]);
    }
  });

  it("writes a varint in seven-bit groups, low ones first, and as long as it says", () => {
    expect(written((w) => w.varint(0))).toEqual([0]);
    expect(written((w) => w.varint(127))).toEqual([0x7f]);
    expect(written((w) => w.varint(128))).toEqual([0x80, 1]);
    expect(written((w) => w.varint(300))).toEqual([0xac, 2]);
    expect(written((w) => w.varint(maxInteger))).toEqual([
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f,
    ]);
    fc.assert(
      fc.property(safeInteger(), (value) => {
        expect(written((w) => w.varint(value))).toHaveLength(varintBytes(value));
      }),
    );
  });

  it("grows from any capacity and keeps what it holds", () => {
    for (const capacity of [0, 1, 16, 17]) {
      const writer = new ByteWriter(capacity);
      for (let i = 0; i < 1000; i++) writer.u8(i & 0xff);
      writer.raw(new Uint8Array(100_000).fill(7));
      writer.u32(5);
      expect(writer.position).toBe(101_004);
      expect(writer.bytes[999]).toBe(999 & 0xff);
      expect(writer.bytes[100_999]).toBe(7);
    }
  });

  it("makes room at every alignment of the end of its buffer", () => {
    for (let used = 0; used <= 16; used++) {
      for (const write of everyWrite) {
        const writer = new ByteWriter(16);
        for (let i = 0; i < used; i++) writer.u8(0xee);
        write(writer);
        expect([...writer.view(used, writer.position)]).toEqual(written(write));
        expect(writer.bytes.length).toBeGreaterThanOrEqual(writer.position);
      }
    }
  });

  it("starts over at a reset, and shows what it wrote without copying", () => {
    const writer = new ByteWriter();
    writer.u32(1);
    const view = writer.view(0, 4);
    writer.reset();
    expect(writer.position).toBe(0);
    writer.u32(2);
    expect([...view]).toEqual([2, 0, 0, 0]);
  });

  it("fills in fixed places", () => {
    const bytes = new Uint8Array(12);
    putU32(bytes, 1, 0xffffffff);
    expect(getU32(bytes, 1)).toBe(0xffffffff);
    expect(putVarint(bytes, 4, 300)).toBe(6);
    expect([...bytes]).toEqual([0, 255, 255, 255, 0xac, 2, 0, 0, 0, 0, 0, 0]);
  });
});

const everyWrite: readonly ((writer: ByteWriter) => void)[] = [
  (w) => w.u8(1),
  (w) => w.u16(2),
  (w) => w.u32(3),
  (w) => w.u64(maxInteger),
  (w) => w.f64(0.1),
  (w) => w.varint(maxInteger),
  (w) => w.raw(Uint8Array.from([1, 2, 3])),
  (w) => w.text("héllo \ud800 wörld"),
  (w) => w.text("é".repeat(100)),
];

describe("ByteReader", () => {
  it("reads back what the writer wrote, in order", () => {
    const piece = fc.oneof(
      fc.record({ kind: fc.constant("varint" as const), value: safeInteger() }),
      fc.record({ kind: fc.constant("u64" as const), value: safeInteger() }),
      fc.record({ kind: fc.constant("u32" as const), value: fc.nat(0xffffffff) }),
      fc.record({ kind: fc.constant("u16" as const), value: fc.nat(0xffff) }),
      fc.record({ kind: fc.constant("u8" as const), value: fc.nat(0xff) }),
      fc.record({ kind: fc.constant("f64" as const), value: anyNumber() }),
      fc.record({ kind: fc.constant("text" as const), value: anyText() }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const writer = new ByteWriter(0);
        for (const { kind, value } of pieces) {
          if (kind === "text") writer.text(value);
          else writer[kind](value);
        }
        const reader = new ByteReader().open(writer.bytes, 0, writer.position);
        for (const { kind, value } of pieces) expect(reader[kind]()).toBe(value);
        expect(reader.atEnd).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it("reads back texts around every width of their length", () => {
    for (const unit of ["a", "é", "€", "\ud83d\ude00", "\udfff"]) {
      for (const count of [0, 1, 31, 42, 43, 47, 48, 63, 64, 127, 128, 4096, 4097, 16383, 16384]) {
        const text = unit.repeat(count);
        const reader = readerOf(written((w) => w.text(text)));
        expect(reader.text() === text).toBe(true);
        expect(reader.atEnd).toBe(true);
      }
    }
  });

  it("refuses every read beyond its end, even where the array goes on", () => {
    for (const write of everyWrite) {
      const bytes = Uint8Array.from([...written(write), 0, 0, 0, 0, 0, 0, 0, 0, 0]);
      const full = bytes.length - 9;
      const read = everyRead[everyWrite.indexOf(write)]!;
      expect(() => read(new ByteReader().open(bytes, 0, full))).not.toThrow();
      for (let end = 0; end < full; end++) {
        expect(() => read(new ByteReader().open(bytes, 0, end))).toThrow(MalformedBytes);
      }
    }
    expect(() => readerOf([1]).skip(2)).toThrow(MalformedBytes);
    expect(() => readerOf([1]).raw(maxInteger)).toThrow(MalformedBytes);
  });

  it("refuses integers over 2^53 - 1 and varints longer than they need be", () => {
    expect(readerOf([255, 255, 255, 255, 255, 255, 31, 0]).u64()).toBe(maxInteger);
    expect(() => readerOf([0, 0, 0, 0, 0, 0, 32, 0]).u64()).toThrow(MalformedBytes);
    expect(readerOf([255, 255, 255, 255, 255, 255, 255, 15]).varint()).toBe(maxInteger);
    for (const bytes of [
      [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10],
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
      [0x80, 0x00],
      [0xff, 0x80, 0x00],
    ]) {
      expect(() => readerOf(bytes).varint()).toThrow(MalformedBytes);
      expect(() => readerOf([...bytes, ...behind]).varint()).toThrow(MalformedBytes);
    }
  });

  it("reads varints the same in the midst of bytes and at their end", () => {
    for (let power = 0; power <= 53; power++) {
      for (const value of [2 ** power - 1, 2 ** power, 2 ** power + 2 ** (power >> 1)]) {
        if (value > maxInteger) continue;
        const bytes = written((w) => w.varint(value));
        for (let more = 0; more <= behind.length; more++) {
          const reader = readerOf([...bytes, ...behind.slice(0, more)]);
          expect([reader.varint(), reader.position]).toEqual([value, bytes.length]);
        }
      }
    }
  });

  it("refuses a text whose length reaches beyond the end", () => {
    expect(() => readerOf([5, 97, 97]).text()).toThrow(MalformedBytes);
    expect(() => readerOf([255, 255, 255, 255, 255, 255, 255, 15]).text()).toThrow(MalformedBytes);
  });

  it("can be opened again, on a part of an array", () => {
    const reader = readerOf([1, 2]);
    reader.open(Uint8Array.from([1, 2, 3, 4]), 1, 3);
    expect([reader.u8(), reader.u8(), reader.atEnd]).toEqual([2, 3, true]);
    expect(() => reader.u8()).toThrow(MalformedBytes);
    expect(() => reader.open(new Uint8Array(3), 2, 4)).toThrow(RangeError);
    expect(() => reader.open(new Uint8Array(3), 2, 1)).toThrow(RangeError);
  });

  it("starts out empty", () => {
    const reader = new ByteReader();
    expect(reader.atEnd).toBe(true);
    expect(() => reader.u8()).toThrow(MalformedBytes);
  });
});

const everyRead: readonly ((reader: ByteReader) => unknown)[] = [
  (r) => r.u8(),
  (r) => r.u16(),
  (r) => r.u32(),
  (r) => r.u64(),
  (r) => r.f64(),
  (r) => r.varint(),
  (r) => r.raw(3),
  (r) => r.text(),
  (r) => r.text(),
];
