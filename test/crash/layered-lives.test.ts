// Breaks random lives over tiny budgets, and the recoveries that follow, at every call of the disk: layers, checkpoints, replays larger than
// memory may hold, and an index that is being made anew.
import { expect, it } from "vitest";
import { type ExploreReport, explore } from "../../src/testing/testing.ts";
import { small } from "../support/commit-model.ts";
import { expectSound, shrinks } from "../support/expect-sound.ts";
import { exploreLives, exploringMs, isDeep } from "../support/explored-lives.ts";
import {
  type LayeredCommand,
  type LayeredMet,
  layeredSubject,
} from "../support/layered-subject.ts";
import { randomLayers, tuningOf } from "../support/random-layers.ts";

const families = [
  { what: "random lives over tiny budgets", spoils: false, lives: 2, stride: 13, least: 600 },
  {
    what: "lives whose index is damaged and made anew",
    spoils: true,
    lives: 2,
    stride: 8,
    least: 700,
  },
] as const;

interface Explored {
  readonly report: ExploreReport;
  readonly met: LayeredMet;
}

async function explored(seed: number, spoils: boolean, stride: number): Promise<Explored> {
  const afterwards: LayeredCommand[] = [
    small("again"),
    "checkpoint",
    "rest",
    seed % 3 === 0 ? "lose index" : "verify",
  ];
  const subject = layeredSubject({ tuned: tuningOf(seed), verifiesLater: true, afterwards });
  const report = await explore(subject, {
    scripts: [randomLayers(seed, isDeep ? 6 + (seed % 20) : 10, spoils)],
    sequenceLength: 0,
    crashes: 2,
    placeStride: isDeep ? 1 : stride,
    survivals: isDeep ? "all" : 3,
    afterwardsStride: 29,
    recoveryStride: isDeep ? 97 : 601,
    recoverySurvivals: isDeep ? 6 : "one",
    seed,
    shrinks,
  });
  return { report, met: subject.met };
}

it.each(families)(
  "$what lose nothing wherever they, or the recoveries that follow, are broken off",
  { timeout: exploringMs },
  async ({ what, spoils, lives, stride, least }) => {
    let [merges, rebuilds] = [0, 0];
    const sum = await exploreLives(lives, async (seed) => {
      const { report, met } = await explored(seed, spoils, stride);
      merges += met.merges;
      rebuilds += met.rebuilds;
      return report;
    });
    expectSound(what, sum);
    expect(merges).toBeGreaterThan(3);
    if (spoils) expect(rebuilds).toBeGreaterThan(1);
    for (const way of ["from a checkpoint", "flushed in its replay"]) {
      expect(sum.traits[way] ?? 0, way).toBeGreaterThan(20);
    }
    if (spoils) expect(sum.traits["met damage"]).toBeGreaterThan(5);
    expect(sum.distinct).toBeGreaterThan(least);
  },
);
