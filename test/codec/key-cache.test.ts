// Tests of the cache of property names: it must never be seen.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteReader, ByteWriter, MalformedBytes } from "../../src/codec/bytes.ts";
import { readKey } from "../../src/codec/key-cache.ts";
import { anyText } from "./arbitraries.ts";

describe("readKey", () => {
  it("reads the same as the reader's text, first and again", () => {
    fc.assert(
      fc.property(fc.array(anyText(), { maxLength: 40 }), (texts) => {
        const writer = new ByteWriter();
        for (const text of [...texts, ...texts]) writer.text(text);
        const reader = new ByteReader().open(writer.bytes, 0, writer.position);
        for (const text of [...texts, ...texts]) expect(readKey(reader)).toBe(text);
        expect(reader.atEnd).toBe(true);
      }),
    );
  });

  it("keeps apart thousands of names that share its slots", () => {
    const writer = new ByteWriter();
    for (let i = 0; i < 5000; i++) writer.text(`name${i}`);
    for (let round = 0; round < 2; round++) {
      const reader = new ByteReader().open(writer.bytes, 0, writer.position);
      for (let i = 0; i < 5000; i++) {
        if (readKey(reader) !== `name${i}`) expect.fail(`name ${i} in round ${round}`);
      }
    }
  });

  it("does not take one byte above ASCII for the unit of that number", () => {
    const writer = new ByteWriter();
    writer.text("é");
    const valid = new ByteReader().open(writer.bytes, 0, writer.position);
    expect(readKey(valid)).toBe("é");
    const latin1 = new ByteReader().open(Uint8Array.from([1, 0xe9]), 0, 2);
    expect(() => readKey(latin1)).toThrow(MalformedBytes);
  });
});
