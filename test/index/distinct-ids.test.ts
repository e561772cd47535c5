// Holds that ids out of any number of ascending runs come back ascending and each once.
import fc from "fast-check";
import { expect, it } from "vitest";
import { distinct } from "../../src/index/distinct-ids.ts";

const runsUpTo = (max: number): fc.Arbitrary<number[][]> => {
  const id = fc.oneof(fc.nat(9), fc.integer({ min: 0, max }));
  const run = fc.array(id, { maxLength: 40 }).map((ids) => ids.sort((a, b) => a - b));
  return fc.oneof(fc.array(run, { maxLength: 6 }), fc.array(run, { maxLength: 100 }));
};

it.each([2 ** 31 - 1, 2 ** 32 - 1])(
  "agrees with a sorted set, for few runs and for many, of ids up to %d",
  (max) => {
    fc.assert(
      fc.property(runsUpTo(max), fc.nat(5), (runs, behind) => {
        const ids = runs.flat();
        const given = Uint32Array.from([...ids, ...new Array<number>(behind).fill(3)]);
        const expected = [...new Set(ids)].sort((a, b) => a - b);
        expect([...distinct(given, ids.length)]).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  },
);

it("falls back to a sort where nothing is in order", () => {
  const ids = Uint32Array.from({ length: 5000 }, (_, i) => (i * 7919) % 3001);
  expect([...distinct(ids, 5000)]).toEqual([...new Set(ids)].sort((a, b) => a - b));
});
