// Breaks random lives that drop history at every call of the disk, and the recoveries that follow, with everything that can survive: what
// is found must be whole at and above the horizon, and compaction goes on from there.
import { expect, it } from "vitest";
import type { HistoryPolicy } from "../../src/varve.ts";
import { linked } from "../support/commit-model.ts";
import { expectSound } from "../support/expect-sound.ts";
import { exploreLife, exploreLives, exploringMs, isDeep } from "../support/explored-lives.ts";
import { randomLife } from "../support/history-lives.ts";
import { type HistorySubject, historySubject } from "../support/history-subject.ts";

const policies: readonly HistoryPolicy[] = ["latest", { keepEvents: 40 }, { keepMs: 2000 }];

function subjectOf(seed: number, losesIndex = false): HistorySubject {
  return historySubject({
    history: policies[seed % policies.length]!,
    layerEvents: [1000, 5, 40][(seed >> 1) % 3]!,
    afterwards: [linked("x", "x"), "compact"],
    losesIndex,
    hasWorker: seed % 2 === 1,
  });
}

const lifeOf = (seed: number): ReturnType<typeof randomLife> =>
  randomLife(seed, isDeep ? seed % 9 : 1);

it("a life that drops history is whole at and above the horizon wherever it and its recoveries are broken off, and compaction goes on", {
  timeout: exploringMs,
}, async () => {
  let [rewritten, asked] = [0, 0];
  const report = await exploreLives(2, async (seed) => {
    const subject = subjectOf(seed);
    const found = await exploreLife(subject, lifeOf(seed), {
      survivals: 4,
      afterwardsStride: 23,
      recoveryStride: 1100,
    });
    rewritten += subject.met.rewritten;
    asked += subject.met.asked;
    return found;
  });
  expectSound("lives that drop history", report);
  expect(rewritten).toBeGreaterThan(isDeep ? 0 : 20);
  expect(asked).toBeGreaterThan(isDeep ? 0 : 20);
  expect(report.distinct).toBeGreaterThan(isDeep ? 0 : 2600);
});

it("and so it is where the log is all that is left", { timeout: exploringMs }, async () => {
  const density = { placeStride: 41, survivals: 1, afterwardsStride: 4 };
  const report = await exploreLives(
    3,
    (seed) => exploreLife(subjectOf(seed, true), lifeOf(seed), density),
    0.1,
  );
  expectSound("replays of lives that drop history", report);
  expect(report.distinct).toBeGreaterThan(isDeep ? 0 : 100);
});
