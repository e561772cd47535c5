// Tests of the step from bytes to whole lines of text.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TextBlock } from "../../src/cli/rows.ts";
import { TextBlocks } from "../../src/cli/text-blocks.ts";
import { cutBytes } from "./inputs.ts";

function blocksOf(pieces: readonly Uint8Array[], lineBytesMax?: number): TextBlock[] {
  const blocks = new TextBlocks(lineBytesMax === undefined ? {} : { lineBytesMax });
  const given = [...pieces.map((piece) => blocks.push(piece)), blocks.end()];
  return given.filter((block) => block !== undefined);
}

describe("text blocks", () => {
  it("give the same text and line numbers however the bytes are cut", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("a", "ä", "漢", "🙂", "\n", "\r\n", "") }),
        fc.array(fc.nat()),
        (text, cuts) => {
          const blocks = blocksOf(cutBytes(Buffer.from(text), cuts));
          expect(blocks.map((block) => block.text).join("")).toBe(text);
          let line = 1;
          for (const block of blocks) {
            expect(block.firstLine).toBe(line);
            line += block.text.split("\n").length - 1;
          }
        },
      ),
    );
  });

  it("leave out a byte order mark, in pieces too, but only at the very start", () => {
    const bytes = Buffer.from("\ufeffa\n\ufeffb\n");
    for (const pieces of [[bytes], cutBytes(bytes, [1, 2, 3])]) {
      expect(
        blocksOf(pieces)
          .map((block) => block.text)
          .join(""),
      ).toBe("a\n\ufeffb\n");
    }
  });

  it("name the lines that are not UTF-8, and no others", () => {
    const bytes = Buffer.concat([
      Buffer.from("good\nbad"),
      Buffer.from([0xff]),
      Buffer.from("\nä\n"),
    ]);
    const [block] = blocksOf([bytes]);
    expect([...(block?.problems ?? [])]).toEqual([[2, "the text is not UTF-8"]]);
  });

  it("give up a line that is too long, keep its start, and go on behind it", () => {
    const pieces = ["one\n", "x".repeat(50), "x".repeat(60), "x".repeat(60), "xx\nthree\n"];
    const blocks = blocksOf(
      pieces.map((piece) => Buffer.from(piece)),
      100,
    );
    expect(blocks.map((block) => [block.firstLine, block.text.length])).toEqual([
      [1, 4],
      [2, 111],
      [3, 6],
    ]);
    expect(blocks[1]?.problems?.get(2)).toMatch(/longer than 100 bytes/);
  });
});
