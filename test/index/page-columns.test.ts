// Columns come back as they were written, in the shortest encoding, and bytes that are no column are refused.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MalformedBytes } from "../../src/codec/bytes.ts";
import { BitWriter } from "../../src/index/page-bits.ts";
import { ColumnReader, ColumnStats, writeColumn } from "../../src/index/page-columns.ts";
import { COLUMN_KIND } from "../../src/index/page-format.ts";

const slackBytes = 8;

/** Writes a column that lies strided among other words, after statistics taken in portions. */
function encode(values: readonly number[], stride: number, cut: number): Uint8Array {
  const words = new Uint32Array(values.length * stride).fill(0xabcdef);
  values.forEach((value, i) => {
    words[i * stride + stride - 1] = value;
  });
  const stats = new ColumnStats();
  const first = stride - 1;
  const head = Math.min(cut, values.length);
  stats.add(words, first, stride, head);
  stats.add(words, head * stride + first, stride, values.length - head);
  const into = new Uint8Array(stats.bytes + slackBytes).fill(0xee);
  const end = writeColumn(words, stride, values.length, stats, into, 0, new BitWriter(), first);
  expect(end).toBe(stats.bytes);
  return into.slice(0, end);
}

function decode(bytes: Uint8Array, count: number, stride: number): number[] {
  const padded = new Uint8Array(bytes.length + slackBytes).fill(0xff);
  padded.set(bytes);
  const reader = new ColumnReader();
  reader.open(new DataView(padded.buffer), 0, bytes.length);
  const words = new Uint32Array(count * stride);
  reader.read(words, stride - 1, stride, count);
  expect(reader.position).toBe(bytes.length);
  return Array.from({ length: count }, (_, i) => words[i * stride + stride - 1]!);
}

const value = fc.oneof(
  fc.nat({ max: 3 }),
  fc.nat({ max: 100_000 }),
  fc.nat({ max: 2 ** 32 - 1 }),
  fc.constantFrom(0, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1),
);
const repeated = fc
  .array(fc.tuple(value, fc.integer({ min: 1, max: 60 })), { minLength: 1, maxLength: 20 })
  .map((runs) => runs.flatMap(([value, times]) => new Array<number>(times).fill(value)));
const plain = fc.array(value, { minLength: 1, maxLength: 200, size: "max" });
const sorted = fc.oneof(plain, repeated).map((values) => [...values].sort((a, b) => a - b));

describe("page columns", () => {
  it("come back whatever they hold", () => {
    fc.assert(
      fc.property(
        fc.oneof(plain, repeated, sorted),
        fc.integer({ min: 1, max: 8 }),
        fc.nat({ max: 250 }),
        (values, stride, cut) => {
          expect(decode(encode(values, stride, cut), values.length, stride)).toEqual(values);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it("come back at every count of bits", () => {
    for (let bits = 0; bits <= 32; bits++) {
      const top = 2 ** bits - 1;
      // Without runs, and long enough for a number of all ones to begin at every bit of a byte.
      const mixed = Array.from({ length: 40 }, (_, i) =>
        i === 1 ? 0 : i % 2 === 1 ? top : Math.max(0, top - 1),
      );
      expect(decode(encode(mixed, 1, 3), 40, 1)).toEqual(mixed);
      const rising = [0, top, top];
      expect(decode(encode(rising, 2, 1), 3, 2)).toEqual(rising);
    }
  });

  it("take the encoding that suits them", () => {
    const kindOf = (values: number[]) => encode(values, 1, 0)[0];
    expect(kindOf([7, 7, 7, 7])).toBe(COLUMN_KIND.plain);
    expect(encode(new Array<number>(4000).fill(7), 1, 0).length).toBe(6);
    expect(kindOf([9, 3, 8, 1, 7, 2])).toBe(COLUMN_KIND.plain);
    expect(kindOf(Array.from({ length: 100 }, (_, i) => 1e6 + 1000 * i))).toBe(
      COLUMN_KIND.ascending,
    );
    const steps = Array.from({ length: 1000 }, (_, i) => 1000 * (i >> 6));
    expect(kindOf(steps)).toBe(COLUMN_KIND.ascendingRuns);
    expect(kindOf(steps.map((step, i) => (i < 500 ? step ^ 5 : 3)))).toBe(COLUMN_KIND.runs);
  });

  it("refuse bytes that are none, with MalformedBytes and nothing else", () => {
    const header = fc.tuple(
      fc.nat({ max: 5 }),
      fc.nat({ max: 34 }),
      fc.constantFrom(0, 1, 0xff),
      fc.nat({ max: 40 }),
      fc.nat({ max: 34 }),
    );
    const bytes = fc
      .tuple(header, fc.uint8Array({ maxLength: 60 }))
      .map(([[kind, bits, base, runs, lengthBits], rest]) =>
        Uint8Array.of(kind, bits, base, base, base, base, runs, 0, 0, 0, lengthBits, ...rest),
      );
    let refused = 0;
    fc.assert(
      fc.property(
        bytes,
        fc.integer({ min: 1, max: 50 }),
        fc.nat({ max: 71 }),
        (all, count, cut) => {
          const reader = new ColumnReader();
          const end = Math.min(cut, all.length);
          const padded = new Uint8Array(end + slackBytes);
          padded.set(all.subarray(0, end));
          reader.open(new DataView(padded.buffer), 0, end);
          const words = new Uint32Array(count + 1).fill(0x5a5a);
          try {
            reader.read(words, 0, 1, count);
          } catch (error) {
            if (!(error instanceof MalformedBytes)) throw error;
            refused++;
          }
          expect(words[count]).toBe(0x5a5a);
        },
      ),
      { numRuns: 3000 },
    );
    expect(refused).toBeGreaterThan(100);
  });
});
