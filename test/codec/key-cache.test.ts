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

  it("does not take a byte above ASCII for the unit of that number", () => {
    // Enough texts that for some of them the valid and the malformed bytes share a slot.
    const writer = new ByteWriter();
    const reader = new ByteReader();
    for (let units = 0x8080; units <= 0xffff; units++) {
      const latin1 = Uint8Array.of(2, units >> 8, units & 0xff);
      if (latin1[1]! < 0x80 || latin1[2]! < 0x80 || isUtf8Pair(latin1)) continue;
      const text = String.fromCharCode(latin1[1]!, latin1[2]!);
      writer.reset();
      writer.text(text);
      if (readKey(reader.open(writer.bytes, 0, writer.position)) !== text) expect.fail(text);
      expectMalformed(reader.open(latin1, 0, latin1.length));
    }
  });

  it("gives the very string again for a name it knows, and keeps names of 32 bytes at most", () => {
    // Seen through the decoder: a cached name is not decoded, so that it costs no second call.
    for (const [text, calls] of [
      ["born", 1],
      ["x".repeat(32), 1],
      ["x".repeat(33), 2],
      ["é", 2],
    ] as const) {
      const writer = new ByteWriter();
      writer.text(text);
      writer.text(text);
      const reader = new CountingReader().open(writer.bytes, 0, writer.position);
      expect([readKey(reader), readKey(reader)]).toEqual([text, text]);
      expect(reader.calls).toBe(calls);
    }
  });
});

class CountingReader extends ByteReader {
  calls = 0;

  override textOf(count: number): string {
    this.calls++;
    return super.textOf(count);
  }
}

function isUtf8Pair(latin1: Uint8Array): boolean {
  return latin1[1]! >= 0xc2 && latin1[1]! < 0xe0 && latin1[2]! < 0xc0;
}

function expectMalformed(reader: ByteReader): void {
  try {
    readKey(reader);
  } catch (error) {
    if (error instanceof MalformedBytes) return;
    throw error;
  }
  expect.fail(`bytes ${reader.bytes.join(" ")} were read as text`);
}
