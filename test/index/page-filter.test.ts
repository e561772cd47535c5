// The filter forgets no key, and lets few through that it never saw.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  FilterBuilder,
  filterLineOf,
  filterLineWords,
  hashOfBytes,
  lineHas,
  mixWord,
} from "../../src/index/page-filter.ts";

function filterOf(hashes: readonly number[]): (hash: number) => boolean {
  const builder = new FilterBuilder();
  for (const hash of hashes) builder.add(hash);
  const words = builder.build();
  const lines = words.length / filterLineWords;
  return (hash) => lineHas(words, filterLineOf(hash, lines) * filterLineWords, hash);
}

describe("page filter", () => {
  it("has every key it was given", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 2 ** 32 - 1 }), { minLength: 1 }), (words) => {
        const has = filterOf(words.map(mixWord));
        expect(words.every((word) => has(mixWord(word)))).toBe(true);
      }),
    );
    const many = Array.from({ length: 50_000 }, (_, i) => mixWord(i));
    const has = filterOf(many);
    expect(many.every(has)).toBe(true);
  });

  it("lets fewer than 2 of 100 others through, for words in a row and for keys", () => {
    const has = filterOf(Array.from({ length: 20_000 }, (_, i) => mixWord(i)));
    let passed = 0;
    for (let word = 20_000; word < 120_000; word++) if (has(mixWord(word))) passed++;
    expect(passed / 100_000).toBeLessThan(0.02);
    expect(passed).toBeGreaterThan(0);

    const hashOfText = (text: string) => hashOfBytes(Buffer.from(text), 0, text.length);
    const hasKey = filterOf(Array.from({ length: 20_000 }, (_, i) => hashOfText(`person/${i}`)));
    let keysPassed = 0;
    for (let i = 20_000; i < 60_000; i++) if (hasKey(hashOfText(`person/${i}`))) keysPassed++;
    expect(keysPassed / 40_000).toBeLessThan(0.02);
  });

  it("hashes as the format says", () => {
    expect([0, 1, 0xffff_ffff].map(mixWord)).toEqual([0, 0x514e28b7, 0x81f16f39]);
    expect(hashOfBytes(Uint8Array.of(0x61), 0, 1)).toBe(mixWord(0xe40c292c));
  });
});
