// When a segment is sealed early and a checkpoint taken: over all combinations of what that is decided from.
import { describe, expect, it } from "vitest";
import {
  type SealingView,
  sealForEverything,
  sealInBackground,
} from "../../src/compaction/sealing.ts";

const marks = [0, 1, 50, 99, 100, 101, 150, 199, 200];

const views: SealingView[] = marks.flatMap((freeHorizon) =>
  [0, 50, 100].flatMap((reachable) =>
    [100, 150, 200].flatMap((lastLsn) =>
      [0, 999, 1000].flatMap((bytesBehind) =>
        [0, 99, 100, 1000].map((liveCount) => ({
          freeHorizon,
          reachable,
          sealedLsn: 100,
          lastLsn,
          bytesBehind,
          bytesMin: 1000,
          liveCount,
        })),
      ),
    ),
  ),
);

describe("what is sealed so that everything may be rewritten that the policy lets go", () => {
  it("is the active segment where half of it may go, and a checkpoint where anything may behind the last one", () => {
    for (const view of views) {
      const { freeHorizon, lastLsn, reachable } = view;
      const middle = (100 + lastLsn) / 2;
      const rolls = lastLsn > 100 && freeHorizon >= middle;
      const { rolls: is, passes } = sealForEverything(view);
      expect(is, JSON.stringify(view)).toBe(rolls);
      const gains = Math.min(freeHorizon, 100) > reachable;
      expect(passes, JSON.stringify(view)).toBe(rolls || gains);
    }
  });

  it("is nothing once everything is behind a checkpoint and nothing was written since", () => {
    const done = { freeHorizon: 100, reachable: 100, sealedLsn: 100, lastLsn: 100 };
    const view = { ...done, bytesBehind: 5000, bytesMin: 1, liveCount: 0 };
    expect(sealForEverything(view)).toEqual({ rolls: false, passes: false });
  });
});

describe("what is sealed in the background", () => {
  it("is the same, but nothing before a quarter as many events as there are things have gathered, and enough bytes", () => {
    let sealed = 0;
    for (const view of views) {
      const { freeHorizon, reachable, bytesBehind, liveCount } = view;
      const isWorth = freeHorizon - reachable >= liveCount / 4 && bytesBehind >= 1000;
      const expected = isWorth ? sealForEverything(view) : { rolls: false, passes: false };
      expect(sealInBackground(view), JSON.stringify(view)).toEqual(expected);
      if (expected.passes) sealed++;
    }
    expect(sealed).toBeGreaterThan(20);
    expect(sealed).toBeLessThan(views.length / 2);
  });
});
