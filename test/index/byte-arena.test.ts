// The ByteArena gives back what it was given, across chunks and for items longer than a chunk, and orders items as bytes.

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteArena } from "../../src/index/byte-arena.ts";

function read(arena: ByteArena, offset: number): Uint8Array {
  const from = arena.positionOf(offset);
  return arena.chunkOf(offset).slice(from, from + arena.lengthOf(offset));
}

const hostileByte = fc.constantFrom(0, 0, 1, 0x61, 0x7f, 0x80, 0xff);
const hostileBytes = fc
  .array(hostileByte, { maxLength: 14 })
  .map((bytes) => Uint8Array.from(bytes));

describe("byte arena", () => {
  it("gives back every item, in small chunks and in chunks of its own", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 200, size: "max" }), { maxLength: 40 }),
        (items) => {
          const arena = new ByteArena(64);
          const offsets = items.map((item) => {
            const padded = Uint8Array.from([9, ...item, 9]);
            return arena.append(padded, 1, padded.length - 1);
          });
          expect(offsets.map((offset) => read(arena, offset))).toEqual(items);
          expect(new Set(offsets).size).toBe(items.length);
        },
      ),
    );
  });

  it("orders items as unsigned bytes, the shorter first, whatever lay in their place before", () => {
    fc.assert(
      fc.property(hostileBytes, hostileBytes, (a, b) => {
        const arena = new ByteArena();
        const first = arena.append(a, 0, a.length);
        const second = arena.reserve(16);
        arena.write(second, new Uint8Array(16).fill(0xee), 0, 16);
        arena.write(second, b, 0, b.length);
        expect(Math.sign(arena.compare(first, second))).toBe(Buffer.compare(a, b));
        expect(Math.sign(arena.compare(second, first))).toBe(Buffer.compare(b, a));
      }),
      { numRuns: 2_000 },
    );
  });

  it("has no memory in use before the first item and after clear", () => {
    const arena = new ByteArena(128);
    expect(arena.bytes).toBe(0);
    arena.append(new Uint8Array(5), 0, 5);
    expect(arena.bytes).toBe(128);
    arena.clear();
    expect(arena.bytes).toBe(0);
    const again = arena.append(Uint8Array.of(1, 2, 3), 0, 3);
    expect(read(arena, again)).toEqual(Uint8Array.of(1, 2, 3));
  });

  it("writes over the chunks that it had, and orders items as ever", () => {
    const arena = new ByteArena(64);
    const rubbish = new Uint8Array(60).fill(0xff);
    for (let i = 0; i < 4; i++) arena.append(rubbish, 0, 60);
    const chunks = new Set(arena.chunks);
    arena.clear();
    expect(arena.spareBytes).toBe(4 * 64);
    const short = arena.append(Uint8Array.of(1), 0, 1);
    const long = arena.append(Uint8Array.of(1, 0, 2), 0, 3);
    expect(arena.compare(short, long)).toBeLessThan(0);
    expect(read(arena, long)).toEqual(Uint8Array.of(1, 0, 2));
    expect(chunks.has(arena.chunkOf(short))).toBe(true);
    expect([arena.bytes, arena.spareBytes]).toEqual([64, 3 * 64]);
    // What no chunk has room for gets one of its own, which is not kept.
    arena.append(new Uint8Array(100), 0, 100);
    arena.clear();
    expect(arena.spareBytes).toBe(4 * 64);
  });

  it("refuses chunks that are not a power of two", () => {
    expect(() => new ByteArena(100)).toThrow(RangeError);
    expect(() => new ByteArena(32)).toThrow(RangeError);
  });
});
