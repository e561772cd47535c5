// Tests of the checksum against known answers of xxh64, computed by the reference implementation.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hash64 } from "../../src/codec/checksum.ts";

function hex(bytes: Uint8Array, seed = 0n, from = 0, to: number = bytes.length): string {
  const out = new Uint32Array(2);
  hash64(bytes, from, to, Number(seed & 0xffffffffn), Number(seed >> 32n), out);
  return ((BigInt(out[1]!) << 32n) | BigInt(out[0]!)).toString(16).padStart(16, "0");
}

const ascii = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "latin1"));

// The buffer that the reference implementation's own sanity check hashes.
function sanityBytes(count: number): Uint8Array {
  let generator = 2654435761n;
  return Uint8Array.from({ length: count }, () => {
    const byte = Number(generator >> 56n);
    generator = (generator * 11400714785074694797n) & 0xffffffffffffffffn;
    return byte;
  });
}

// xxh64 by its description, in BigInt: an independent second answer.
function xxh64(bytes: Uint8Array, seed: bigint): bigint {
  const mask = 2n ** 64n - 1n;
  const p1 = 0x9e3779b185ebca87n;
  const p2 = 0xc2b2ae3d27d4eb4fn;
  const p3 = 0x165667b19e3779f9n;
  const p4 = 0x85ebca77c2b2ae63n;
  const p5 = 0x27d4eb2f165667c5n;
  const rotate = (x: bigint, by: bigint) => ((x << by) | (x >> (64n - by))) & mask;
  const round = (acc: bigint, lane: bigint) => (rotate((acc + lane * p2) & mask, 31n) * p1) & mask;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  let hash = (seed + p5) & mask;
  if (bytes.length >= 32) {
    const lanes = [seed + p1 + p2, seed + p2, seed, seed - p1].map((x) => BigInt.asUintN(64, x));
    for (; at + 32 <= bytes.length; at += 32) {
      for (let i = 0; i < 4; i++) lanes[i] = round(lanes[i]!, view.getBigUint64(at + i * 8, true));
    }
    const turns = [1n, 7n, 12n, 18n];
    hash = lanes.reduce((sum, lane, i) => (sum + rotate(lane, turns[i]!)) & mask, 0n);
    for (const lane of lanes) hash = (((hash ^ round(0n, lane)) * p1) & mask) + p4;
  }
  hash = (hash + BigInt(bytes.length)) & mask;
  for (; at + 8 <= bytes.length; at += 8) {
    hash = (rotate(hash ^ round(0n, view.getBigUint64(at, true)), 27n) * p1 + p4) & mask;
  }
  if (at + 4 <= bytes.length) {
    hash = (rotate(hash ^ ((BigInt(view.getUint32(at, true)) * p1) & mask), 23n) * p2 + p3) & mask;
    at += 4;
  }
  for (; at < bytes.length; at++) {
    hash = (rotate(hash ^ ((BigInt(bytes[at]!) * p5) & mask), 11n) * p1) & mask;
  }
  hash = ((hash ^ (hash >> 33n)) * p2) & mask;
  hash = ((hash ^ (hash >> 29n)) * p3) & mask;
  return hash ^ (hash >> 32n);
}

describe("hash64", () => {
  it("gives the known answers of xxh64", () => {
    expect(hex(ascii(""))).toBe("ef46db3751d8e999");
    expect(hex(ascii("a"))).toBe("d24ec4f1a98c6e5b");
    expect(hex(ascii("abc"))).toBe("44bc2cf5ad770999");
    expect(hex(ascii("Nobody inspects the spammish repetition"))).toBe("fbcea83c8a378bf1");
  });

  it("gives the answers of the reference implementation's sanity check", () => {
    const prime = 2654435761n;
    expect(hex(sanityBytes(0), prime)).toBe("ac75fda2929b17ef");
    expect(hex(sanityBytes(1))).toBe("e934a84adb052768");
    expect(hex(sanityBytes(1), prime)).toBe("5014607643a9b4c3");
    expect(hex(sanityBytes(14))).toBe("8282dcc4994e35c8");
    expect(hex(sanityBytes(14), prime)).toBe("c3bd6bf63deb6df0");
    expect(hex(sanityBytes(222))).toBe("b641ae8cb691c174");
    expect(hex(sanityBytes(222), prime)).toBe("20cb8ab7ae10c14a");
  });

  it("agrees with an independent calculation for any bytes and seed", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        (bytes, seed) => {
          expect(hex(bytes, seed)).toBe(xxh64(bytes, seed).toString(16).padStart(16, "0"));
        },
      ),
    );
  });

  it("hashes exactly the range it is given", () => {
    const bytes = sanityBytes(222);
    expect(hex(bytes, 7n, 10, 90)).toBe(hex(bytes.slice(10, 90), 7n));
    expect(hex(bytes, 7n, 10, 90)).not.toBe(hex(bytes, 7n, 10, 91));
  });

  it("gives the same answer for long input, which it takes in pieces", () => {
    const bytes = new Uint8Array(600_001).map((_, i) => (i * 2654435761) >>> 13);
    for (const count of [262_143, 262_144, 262_145, 524_288, 600_001]) {
      const part = bytes.subarray(0, count);
      expect(hex(part, 2n ** 63n + 5n)).toBe(
        xxh64(part, 2n ** 63n + 5n)
          .toString(16)
          .padStart(16, "0"),
      );
    }
  });

  it("takes seed halves by their low 32 bits, signed ones too", () => {
    const out = new Uint32Array(2);
    const again = new Uint32Array(2);
    hash64(ascii("abc"), 0, 3, -1, 0x80000000, out);
    hash64(ascii("abc"), 0, 3, 0xffffffff, -0x80000000, again);
    expect([...out]).toEqual([...again]);
  });
});
