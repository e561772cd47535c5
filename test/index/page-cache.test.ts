// The page cache keeps to its budget whatever is read, and counts what it does.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PageCache } from "../../src/index/page-cache.ts";
import { DecodedPage } from "../../src/index/page-decoded.ts";

function page(offset: number, words = 100): DecodedPage {
  return new DecodedPage(1, 0, 0, offset, false, new Uint32Array(words));
}

const pageBytes = page(0).bytes;

describe("page cache", () => {
  it("never holds more than its budget, and always exactly the pages it says it holds", () => {
    const step = fc.tuple(
      fc.nat({ max: 2 }),
      fc.nat({ max: 30 }),
      fc.integer({ min: 1, max: 900 }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.nat({ max: 20_000 }), (steps, budget) => {
        const cache = new PageCache(budget);
        const shares = [cache.share(), cache.share(), cache.share()];
        let asked = 0;
        for (const [tree, offset, words] of steps) {
          const share = shares[tree]!;
          if (words === 9) share.clear();
          asked++;
          if (share.get(offset) === undefined) share.put(page(offset, words));
          expect(cache.bytes).toBeLessThanOrEqual(budget);
          expect(cache.bytes).toBe(shares.reduce((sum, { bytes }) => sum + bytes, 0));
          expect(cache.pageCount).toBe(shares.reduce((sum, share) => sum + share.pageCount, 0));
        }
        expect(shares.reduce((sum, { hits, misses }) => sum + hits + misses, 0)).toBe(asked);
        expect(cache.evictions).toBe(shares.reduce((sum, share) => sum + share.evictions, 0));
      }),
      { numRuns: 200 },
    );
  });

  it("keeps what is used again while others pass by", () => {
    const cache = new PageCache(4 * pageBytes);
    const share = cache.share();
    share.put(page(1));
    for (let offset = 2; offset < 100; offset++) {
      expect(share.get(1)).toBeDefined();
      share.put(page(offset));
    }
    expect(share.misses).toBe(0);
    expect(share.evictions).toBe(95);
  });

  it("drops what came first where nothing was used again", () => {
    const cache = new PageCache(4 * pageBytes);
    const share = cache.share();
    for (let offset = 1; offset <= 9; offset++) {
      share.put(page(offset));
      expect(share.pageCount).toBe(Math.min(offset, 4));
    }
    for (const offset of [6, 7, 8, 9]) expect(share.get(offset)).toBeDefined();
  });

  it("gives way to what is charged, and shrinks at once when the budget does", () => {
    const cache = new PageCache(10 * pageBytes);
    const share = cache.share();
    for (let offset = 0; offset < 10; offset++) share.put(page(offset));
    expect(cache.pageCount).toBe(10);
    cache.charge(4 * pageBytes);
    expect(cache.pageCount).toBe(6);
    cache.charge(-4 * pageBytes);
    cache.setBytesMax(2 * pageBytes);
    expect(cache.pageCount).toBe(2);
    share.clear();
    expect([cache.pageCount, cache.bytes, share.bytes]).toEqual([0, 0, 0]);
  });
});
