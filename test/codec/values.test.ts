// Tests of reading values: round trips, layout, and that any bytes give a value or MalformedBytes.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteReader, ByteWriter, MalformedBytes } from "../../src/codec/bytes.ts";
import { limits } from "../../src/codec/limits.ts";
import { readValue, skipValue, writeValue } from "../../src/codec/values.ts";
import { sameValue } from "../support/same-value.ts";
import { anyNumber, anyText, anyValue } from "./arbitraries.ts";

function encode(value: unknown): Uint8Array {
  const writer = new ByteWriter(0);
  writeValue(writer, value);
  return writer.bytes.slice(0, writer.position);
}

function decode(bytes: Uint8Array | readonly number[]): unknown {
  const reader = new ByteReader().open(Uint8Array.from(bytes), 0, bytes.length);
  const value = readValue(reader);
  expect(reader.atEnd).toBe(true);
  return value;
}

/** Reads without minding what is left; undefined where the bytes are malformed. */
function attempt(
  bytes: Uint8Array,
  read: (reader: ByteReader) => unknown = readValue,
  end: number = bytes.length,
): { value: unknown; position: number } | undefined {
  const reader = new ByteReader().open(bytes, 0, end);
  try {
    return { value: read(reader), position: reader.position };
  } catch (error) {
    if (error instanceof MalformedBytes) return undefined;
    throw error;
  }
}

describe("values", () => {
  it("come back as they were", () => {
    fc.assert(
      fc.property(anyValue(), (value) => sameValue(decode(encode(value)), value)),
      { numRuns: 1000 },
    );
  });

  it("come back as they were: numbers and texts", () => {
    fc.assert(
      fc.property(anyNumber(), (value) => Object.is(decode(encode(value)), value)),
      {
        numRuns: 2000,
      },
    );
    fc.assert(
      fc.property(anyText(), (value) => decode(encode(value)) === value),
      {
        numRuns: 1000,
      },
    );
  });

  it("come back as they were at every edge", () => {
    const edges: unknown[] = [
      0,
      -0,
      1,
      -1,
      127,
      128,
      -128,
      2 ** 31,
      -(2 ** 31),
      2 ** 53,
      -(2 ** 53),
    ];
    edges.push(Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, Number.MAX_VALUE, 5e-324);
    edges.push(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0.1);
    edges.push(
      0n,
      1n,
      -1n,
      255n,
      256n,
      -(2n ** 64n),
      2n ** 64n - 1n,
      2n ** 100_000n,
      -(7n ** 999n),
    );
    edges.push(
      new Date(0),
      new Date(Number.NaN),
      new Date(8.64e15),
      new Date(-8.64e15),
      new Date(-1),
    );
    edges.push("", "\0", "\ud800", "\udfff\ud800", "é".repeat(63), "x".repeat(63), "x".repeat(64));
    edges.push(new Uint8Array(0), new Uint8Array(70_000).fill(3), [], {}, [[]], { a: {} }, [null]);
    edges.push(
      Array.from({ length: 15 }, (_, i) => i),
      Array.from({ length: 16 }, (_, i) => i),
    );
    for (const edge of edges) expect(sameValue(decode(encode(edge)), edge)).toBe(true);
  });

  it("have the documented bytes", () => {
    const layouts: [unknown, number[]][] = [
      [null, [0x00]],
      [false, [0x01]],
      [true, [0x02]],
      [1.5, [0x03, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f]],
      [-0, [0x03, 0, 0, 0, 0, 0, 0, 0, 0x80]],
      [0, [0x80]],
      [127, [0xff]],
      [128, [0x04, 0x80, 1]],
      [-1, [0x05, 0]],
      [-129, [0x05, 0x80, 1]],
      [0n, [0x06, 0]],
      [258n, [0x06, 2, 1, 2]],
      [-258n, [0x07, 2, 1, 2]],
      ["", [0x40]],
      ["aé", [0x43, 0x61, 0xc3, 0xa9]],
      ["x".repeat(64), [0x08, 64, ...new Array<number>(64).fill(0x78)]],
      [Uint8Array.of(1, 2), [0x09, 2, 1, 2]],
      [new Date(1.5 - 0.5), [0x0a, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]],
      [[], [0x20]],
      [
        [null, [true]],
        [0x22, 0, 0x21, 2],
      ],
      [new Array<null>(16).fill(null), [0x0b, 16, ...new Array<number>(16).fill(0)]],
      [{}, [0x10]],
      [{ a: 1, b: {} }, [0x12, 1, 0x61, 0x81, 1, 0x62, 0x10]],
    ];
    for (const [value, bytes] of layouts) expect([...encode(value)]).toEqual(bytes);
    const sixteen = Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`k${i + 10}`, i]));
    expect([...encode(sixteen).slice(0, 5)]).toEqual([0x0c, 16, 3, 0x6b, 0x31]);
  });

  it("take every name of Object.prototype as a key, and give plain own properties", () => {
    const names = Object.getOwnPropertyNames(Object.prototype);
    const object = Object.fromEntries(names.map((name, i) => [name, { i }]));
    expect(Object.hasOwn(object, "__proto__")).toBe(true);
    const back = decode(encode(object)) as Record<string, unknown>;
    expect(Object.keys(back).sort()).toEqual([...names].sort());
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
    expect(Object.getOwnPropertyDescriptor(back, "__proto__")).toEqual({
      value: { i: names.indexOf("__proto__") },
      enumerable: true,
      configurable: true,
      writable: true,
    });
    expect(({} as Record<string, unknown>)["i"]).toBeUndefined();
  });

  it("give fresh bytes that are no Buffer and share nothing with the input", () => {
    const bytes = encode(Buffer.from([1, 2, 3]));
    const back = decode(bytes) as Uint8Array;
    expect(back.constructor).toBe(Uint8Array);
    expect(back.buffer.byteLength).toBe(3);
    const reader = new ByteReader().open(bytes, 0, bytes.length);
    const first = readValue(reader) as Uint8Array;
    bytes.fill(9);
    expect([...first]).toEqual([1, 2, 3]);
  });

  it("are stepped over to exactly where reading them ends", () => {
    fc.assert(
      fc.property(anyValue(), fc.uint8Array({ maxLength: 10 }), (value, tail) => {
        const bytes = Uint8Array.from([...encode(value), ...tail]);
        const reader = new ByteReader().open(bytes, 0, bytes.length);
        skipValue(reader);
        expect(reader.position).toBe(bytes.length - tail.length);
      }),
    );
  });
});

describe("damaged values", () => {
  it("are malformed at every truncation", () => {
    fc.assert(
      fc.property(anyValue(), (value) => {
        const bytes = encode(value);
        // Long ones at some hundred places only: each is read from its beginning.
        const step = 1 + (bytes.length >> 8);
        for (let end = 0; end < bytes.length; end += step) {
          if (attempt(bytes, readValue, end) !== undefined) expect.fail(`read at ${end}`);
          if (attempt(bytes, skipValue, end) !== undefined) expect.fail(`stepped over at ${end}`);
        }
      }),
    );
  });

  it("are malformed or another value that can be stored, whatever the bytes", () => {
    const nearValue = fc.array(fc.oneof(fc.nat(255), fc.nat(0x2f), fc.constantFrom(0x41, 0x0c)), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(nearValue, (bytes) => {
        const found = attempt(Uint8Array.from(bytes));
        if (found === undefined) return;
        expect(sameValue(decode(encode(found.value)), found.value)).toBe(true);
        const reader = new ByteReader().open(Uint8Array.from(bytes), 0, bytes.length);
        skipValue(reader);
        expect(reader.position).toBe(found.position);
      }),
      { numRuns: 5000 },
    );
  });

  it("never fail otherwise for one changed byte", () => {
    fc.assert(
      fc.property(anyValue(), fc.nat(), fc.integer({ min: 1, max: 255 }), (value, at, flip) => {
        const bytes = encode(value);
        bytes[at % bytes.length]! ^= flip;
        attempt(bytes);
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ["a tag that means nothing", [0x0d]],
    ["a tag between the ranges", [0x30]],
    ["a bigint with a leading zero", [0x06, 2, 0, 1]],
    ["a bigint of minus zero", [0x07, 0]],
    ["an integer below the safe ones", [0x05, 255, 255, 255, 255, 255, 255, 255, 15]],
    ["a date of half a millisecond", [0x0a, 0, 0, 0, 0, 0, 0, 0xe0, 0x3f]],
    ["a date after the last", [0x0a, 0, 0, 0, 0, 0, 0, 0xf0, 0x7f]],
    ["text that is not WTF-8", [0x41, 0xff]],
    ["a key that is not WTF-8", [0x11, 1, 0xff, 0]],
  ])("are refused: %s", (_, bytes) => {
    expect(() => decode(bytes)).toThrow(MalformedBytes);
  });

  it("cannot claim more elements than there are bytes, at any depth", () => {
    const count = [0xff, 0xff, 0xff, 0x07];
    for (const tag of [0x0b, 0x0c, 0x08, 0x09, 0x06]) {
      expect(() => decode([tag, ...count, 0, 0])).toThrow(MalformedBytes);
    }
    expect(() => decode([0x0c, 2, 0, 0, 0])).toThrow("2 elements claimed");
    expect(() => decode([0x0b, 16, 0, 0])).toThrow("16 elements claimed");
    // As many elements are claimed at each depth as bytes are left: memory must follow what is really there.
    const mebi8 = 8 * 2 ** 20;
    const nested = new Uint8Array(mebi8);
    for (let depth = 0; depth < 60; depth++) nested.set([0x0b, 0x80, 0xf8, 0xff, 3], depth * 5);
    expect(attempt(nested)).toBeUndefined();
  });

  it("cannot nest deeper than what can be written", () => {
    const deep = (levels: number): Uint8Array => {
      const bytes = new Uint8Array(levels + 1).fill(0x21);
      bytes[levels] = 0;
      return bytes;
    };
    expect(attempt(deep(limits.valueDepthMax))).toBeDefined();
    for (const levels of [limits.valueDepthMax + 1, 1_000_000]) {
      expect(attempt(deep(levels))).toBeUndefined();
      const reader = new ByteReader().open(deep(levels), 0, levels + 1);
      expect(() => skipValue(reader)).toThrow(MalformedBytes);
    }
  });
});
