// Breaks random lives over tiny budgets, and the recoveries that follow, at every call of the disk: layers, checkpoints, replays larger than
// memory may hold, and an index that is being made anew.
import { expect, it } from "vitest";
import { SimulatedDisk } from "../../src/testing/testing.ts";
import { afterLoss, type Loss, lossesAt, someLosses } from "../support/crash-explorer.ts";
import { prepared } from "../support/crash-script.ts";
import {
  judgeLayered,
  keyOfLayered,
  type Layered,
  recordLayered,
  recordLayeredRecovery,
  tuningOf,
} from "../support/layered-lives.ts";
import { firstSeed, isDeep, StateSweep, sweepTimeoutMs, told } from "../support/state-sweep.ts";

function losses(disk: SimulatedDisk, turn: number): Loss[] {
  return isDeep ? lossesAt(disk) : someLosses(disk, 6, turn).slice(turn % 3);
}

/** In `npm test` so many places are left out for each that is tried. */
const stride = isDeep ? 1 : 5;

it.each([
  { what: "random lives over tiny budgets", damages: false, least: 1200 },
  { what: "lives whose index is damaged and made anew", damages: true, least: 700 },
])(
  "$what lose nothing wherever they, or the recoveries that follow, are broken off",
  {
    timeout: sweepTimeoutMs,
  },
  async ({ what, damages, least }) => {
    const sweep: StateSweep<Layered> = new StateSweep(keyOfLayered, (state) =>
      judgeLayered(state, (met) => sweep.meet(met)),
    );
    const sums = { rebuilds: 0, merges: 0 };
    const lives = damages ? 2 : 4;
    for (let seed = firstSeed; seed < firstSeed + lives || !sweep.isOver; seed++) {
      const disk = prepared(new SimulatedDisk({ seed, trace: "none" }));
      const steps = isDeep ? 6 + (seed % 20) : 10;
      const options = { seed, steps, damages, tuned: tuningOf(seed) };
      const { life, places } = await told(`seed ${seed}`, () => recordLayered(disk, options));
      sums.rebuilds += life.rebuilds;
      sums.merges += life.merges;
      for (const [turn, place] of places.entries()) {
        if (turn % stride !== seed % stride) continue;
        const label = `seed ${seed}: ${place.label}`;
        await sweep.place({ ...place, label }, (each) => losses(each, turn));
      }
      for (let at = 0; at < (isDeep ? 20 : 1); at++) {
        const first = places[(seed * 131 + at * 7919 + (places.length >> 1)) % places.length]!;
        const all = lossesAt(first.disk);
        const loss = all[(seed + at) % all.length];
        const { disk: after, death } = afterLoss(first.disk, loss);
        const trail = `seed ${seed}: ${first.label}; ${loss?.label ?? "kill"}`;
        sweep.tally.recoveries++;
        const next = await told(trail, () => recordLayeredRecovery(after, death, first.known));
        for (const [turn, place] of next.entries()) {
          if (turn % stride !== seed % stride) continue;
          const label = `${trail}; ${place.label}`;
          await sweep.place({ ...place, label }, (each) => losses(each, turn));
        }
      }
      sweep.forget();
    }
    sweep.report(what);
    expect(sums.merges).toBeGreaterThan(3);
    if (damages) expect(sums.rebuilds).toBeGreaterThan(1);
    for (const way of ["from a checkpoint", "flushed in its replay"]) {
      expect(sweep.met.get(way) ?? 0, way).toBeGreaterThan(20);
    }
    if (damages) expect(sweep.met.get("met damage")).toBeGreaterThan(5);
    expect(sweep.tally.states).toBeGreaterThan(least);
  },
);
