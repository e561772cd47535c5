// Which runs are merged: bounded runs for reads, bounded rewriting, only neighbours, and never nothing where there are too many.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chooseMerge, type MergePolicy, type RunSize } from "../../src/index/choose-merge.ts";

interface Outcome {
  readonly runsMost: number;
  /** Bytes that merges wrote, for each byte that was flushed. */
  readonly rewritten: number;
  readonly runs: readonly RunSize[];
}

/** Flushes runs one after the other, and merges for as long as the policy says. */
function simulate(sizes: readonly number[], policy: MergePolicy = {}): Outcome {
  let runs: RunSize[] = [];
  let flushed = 0;
  let rewritten = 0;
  let runsMost = 0;
  sizes.forEach((bytes, lsn) => {
    flushed += bytes;
    runs.unshift({ bytes, entries: bytes, firstLsn: lsn, lastLsn: lsn });
    for (let range = chooseMerge(runs, policy); range; range = chooseMerge(runs, policy)) {
      const { from, to } = range;
      expect(from >= 0 && to - from >= 2 && to <= runs.length).toBe(true);
      const taken = runs.slice(from, to);
      const sum = taken.reduce((total, run) => total + run.bytes, 0);
      expect(sum).toBeLessThanOrEqual(policy.bytesMax ?? Number.POSITIVE_INFINITY);
      rewritten += sum;
      const { firstLsn } = taken.at(-1)!;
      const merged = { bytes: sum, entries: sum, firstLsn, lastLsn: taken[0]!.lastLsn };
      runs = [...runs.slice(0, from), merged, ...runs.slice(to)];
    }
    runsMost = Math.max(runsMost, runs.length);
  });
  return { runsMost, rewritten: flushed === 0 ? 0 : rewritten / flushed, runs };
}

describe("merges of equal flushes", () => {
  it("keep 200 of them within eight runs, and rewrite less than four times", () => {
    const { runsMost, rewritten } = simulate(new Array<number>(200).fill(500_000));
    expect(runsMost).toBe(8);
    expect(rewritten).toBeLessThan(3);
  });

  it("rewrite little more for ten times as many", () => {
    const { runsMost, rewritten } = simulate(new Array<number>(2000).fill(500_000));
    expect(runsMost).toBe(8);
    expect(rewritten).toBeLessThan(6);
  });
});

describe("a merge", () => {
  const sized = (...sizes: number[]): RunSize[] =>
    sizes.map((bytes, i) => ({ bytes, entries: bytes, firstLsn: 100 - i, lastLsn: 100 - i }));

  it("is not made of as many runs as may be", () => {
    expect(chooseMerge(sized(1, 1, 1), { runsMax: 3 })).toBeUndefined();
    expect(chooseMerge([])).toBeUndefined();
  });

  it("leaves a large run alone where small ones are enough", () => {
    expect(chooseMerge(sized(1, 1, 1, 1000), { runsMax: 3 })).toEqual({ from: 0, to: 3 });
    expect(chooseMerge(sized(1000, 1, 1, 1), { runsMax: 3 })).toEqual({ from: 1, to: 4 });
  });

  it("keeps to its bound of bytes, and is none where every pair is beyond it", () => {
    expect(chooseMerge(sized(5, 5, 5, 5), { runsMax: 1, bytesMax: 14 })).toEqual({
      from: 0,
      to: 2,
    });
    expect(chooseMerge(sized(5, 5, 5, 5), { runsMax: 1, bytesMax: 9 })).toBeUndefined();
  });

  it("never fails to be chosen, whatever the sizes, and bounds both runs and rewriting", () => {
    const size = fc.oneof(
      fc.nat({ max: 10 }),
      fc.integer({ min: 1, max: 2 ** 20 }),
      fc.nat({ max: 40 }).map((bits) => 2 ** bits),
    );
    fc.assert(
      fc.property(
        fc.array(size, { minLength: 1, maxLength: 120, size: "max" }),
        fc.integer({ min: 1, max: 10 }),
        (sizes, runsMax) => {
          const { runsMost, runs } = simulate(sizes, { runsMax });
          expect(runsMost).toBeLessThanOrEqual(runsMax);
          expect(runs.reduce((sum, run) => sum + run.bytes, 0)).toBe(
            sizes.reduce((sum, bytes) => sum + bytes, 0),
          );
          for (let i = 1; i < runs.length; i++) {
            expect(runs[i]!.lastLsn).toBe(runs[i - 1]!.firstLsn - 1);
          }
        },
      ),
    );
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 16 }), { minLength: 150, maxLength: 250, size: "max" }),
        (sizes) => simulate(sizes).rewritten <= 4,
      ),
    );
  });
});
