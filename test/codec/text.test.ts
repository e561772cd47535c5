// Tests of WTF-8: exact round trips, one encoding per string, byte order as code point order.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MalformedBytes } from "../../src/codec/bytes.ts";
import {
  compareBytes,
  decodeWtf8,
  encodeWtf8,
  wtf8Bytes,
  wtf8Length,
} from "../../src/codec/text.ts";
import { anyText } from "./arbitraries.ts";

const decode = (bytes: readonly number[]): string =>
  decodeWtf8(Uint8Array.from(bytes), 0, bytes.length);

describe("WTF-8", () => {
  it("gives back any string exactly, wherever it stands in the array", () => {
    fc.assert(
      fc.property(anyText(), fc.nat(9), (text, offset) => {
        const length = wtf8Length(text);
        const bytes = new Uint8Array(offset + length + 5).fill(0xff);
        expect(encodeWtf8(text, bytes, offset)).toBe(offset + length);
        expect(bytes.subarray(offset + length)).toEqual(new Uint8Array(5).fill(0xff));
        expect(decodeWtf8(bytes, offset, offset + length)).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });

  it("is UTF-8 for every text without lone surrogates", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
        expect(wtf8Bytes(text)).toEqual(new TextEncoder().encode(text));
      }),
    );
  });

  it("gives back every single UTF-16 unit, and ASCII of every short length", () => {
    for (let unit = 0; unit <= 0xffff; unit++) {
      const bytes = wtf8Bytes(String.fromCharCode(unit));
      if (decodeWtf8(bytes, 0, bytes.length).charCodeAt(0) !== unit) expect.fail(`unit ${unit}`);
    }
    for (let length = 0; length < 70; length++) {
      const text = "abcdefghijklmnopqrstuvwxyz".repeat(3).slice(0, length);
      expect(decodeWtf8(wtf8Bytes(text), 0, length)).toBe(text);
    }
  });

  it("keeps a byte order mark, NUL, and surrogates in the wrong order", () => {
    for (const text of ["\ufeffx", "a\0b", "\udc00\ud800", "\ud800\ud800\udc00\udc00", "x\udfff"]) {
      const long = `${text}long enough for the runtime's own encoder, which knows no surrogates`;
      for (const each of [text, long, long + text]) {
        const bytes = wtf8Bytes(each);
        expect(decodeWtf8(bytes, 0, bytes.length)).toBe(each);
      }
    }
  });

  it.each([
    ["a continuation byte alone", [0x80]],
    ["overlong two bytes", [0xc0, 0x80]],
    ["overlong two bytes of the highest", [0xc1, 0xbf]],
    ["overlong three bytes", [0xe0, 0x9f, 0xbf]],
    ["overlong four bytes", [0xf0, 0x8f, 0xbf, 0xbf]],
    ["a point beyond U+10FFFF", [0xf4, 0x90, 0x80, 0x80]],
    ["a first byte beyond all", [0xf5, 0x80, 0x80, 0x80]],
    ["0xff", [0xff]],
    ["two bytes cut to one", [0xc3]],
    ["three bytes cut to two", [0xe2, 0x82]],
    ["four bytes cut to three", [0xf0, 0x9f, 0x98]],
    ["a second byte that continues nothing", [0xe2, 0x28, 0xa1]],
    ["a third byte that continues nothing", [0xe2, 0x82, 0x28]],
    ["a fourth byte that continues nothing", [0xf0, 0x9f, 0x98, 0x28]],
    ["a pair as two surrogates", [0xed, 0xa0, 0x80, 0xed, 0xb0, 0x80]],
  ])("refuses %s", (_, bytes) => {
    expect(() => decode(bytes)).toThrow(MalformedBytes);
    expect(() => decode([0x61, ...bytes])).toThrow(MalformedBytes);
    expect(() => decode([...bytes, 0x61])).toThrow(MalformedBytes);
  });

  it("refuses every truncation inside a character", () => {
    fc.assert(
      fc.property(anyText(), (text) => {
        const bytes = wtf8Bytes(text);
        for (let to = 0; to < bytes.length; to++) {
          if ((bytes[to]! & 0xc0) !== 0x80) continue;
          expect(() => decodeWtf8(bytes, 0, to)).toThrow(MalformedBytes);
        }
      }),
    );
  });

  it("gives for any bytes the one text that has them as its encoding, or refuses them", () => {
    const nearText = fc.array(
      fc.oneof(fc.nat(255), fc.constantFrom(0xed, 0xa0, 0xb0, 0x80, 0xbf, 0xf0, 0x90, 0xe0)),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(nearText, (bytes) => {
        let text: string;
        try {
          text = decode(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedBytes);
          return;
        }
        expect([...wtf8Bytes(text)]).toEqual(bytes);
      }),
      { numRuns: 5000 },
    );
  });
});

describe("compareBytes", () => {
  it("orders texts by code point", () => {
    fc.assert(
      fc.property(anyText(), anyText(), (a, b) => {
        const left = wtf8Bytes(a);
        const right = wtf8Bytes(b);
        const order = compareBytes(left, 0, left.length, right, 0, right.length);
        expect(Math.sign(order)).toBe(comparePoints([...a], [...b]));
      }),
    );
  });

  it("looks at its ranges only, and puts a prefix first", () => {
    const a = Uint8Array.from([9, 1, 2, 3, 9]);
    const b = Uint8Array.from([1, 2, 200]);
    expect(compareBytes(a, 1, 3, b, 0, 2)).toBe(0);
    expect(compareBytes(a, 1, 3, b, 0, 3)).toBeLessThan(0);
    expect(compareBytes(a, 1, 4, b, 0, 2)).toBeGreaterThan(0);
    expect(compareBytes(a, 1, 4, b, 0, 3)).toBeLessThan(0);
    expect(compareBytes(a, 2, 2, b, 0, 0)).toBe(0);
  });
});

function comparePoints(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const difference = a[i]!.codePointAt(0)! - b[i]!.codePointAt(0)!;
    if (difference !== 0) return Math.sign(difference);
  }
  return Math.sign(a.length - b.length);
}
