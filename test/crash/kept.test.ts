// Breaks random lives that drop history at every call of the disk, and the recoveries that follow, with everything that can survive: what
// is found must be whole at and above the horizon, and compaction goes on from there.
import { expect, it } from "vitest";
import { SimulatedDisk } from "../../src/testing/testing.ts";
import type { HistoryPolicy } from "../../src/varve.ts";
import { afterLoss, type Loss, lossesAt, someLosses } from "../support/crash-explorer.ts";
import { prepared } from "../support/crash-script.ts";
import { checkKept, KeptJudge } from "../support/kept-judge.ts";
import {
  type Kept,
  keyOfKept,
  type LifeOptions,
  recordKept,
  recordRecovery,
} from "../support/kept-life.ts";
import {
  firstSeed,
  isDeep,
  type Place,
  StateSweep,
  sweepTimeoutMs,
  told,
} from "../support/state-sweep.ts";

const policies: readonly HistoryPolicy[] = ["latest", { keepEvents: 40 }, { keepMs: 2000 }];

function optionsOf(seed: number): LifeOptions {
  return {
    seed,
    policy: policies[seed % policies.length]!,
    layerEvents: [1000, 5, 40][(seed >> 1) % 3]!,
    steps: isDeep ? seed % 9 : 1,
  };
}

interface Found {
  readonly sweep: StateSweep<Kept>;
  readonly judge: KeptJudge;
}

function begun(): Found {
  const sweep = new StateSweep(keyOfKept, (state) => judge.judge(state));
  const judge: KeptJudge = new KeptJudge((what) => sweep.meet(what));
  return { sweep, judge };
}

async function life(seed: number): Promise<{ places: Place<Kept>[]; rewritten: number }> {
  const disk = prepared(new SimulatedDisk({ seed, trace: "none" }));
  const { life, places } = await recordKept(disk, optionsOf(seed));
  return { places, rewritten: life.rewritten };
}

/** Fixed lives, then as many more as there is time for. */
const firstLives = 3;

/** All that can survive, or the kill, both extremes and six more in turn. */
function losses(disk: SimulatedDisk, turn: number): Loss[] {
  return isDeep ? lossesAt(disk) : someLosses(disk, 6, turn);
}

it("a life that drops history is whole at and above the horizon wherever it is broken off, and compaction goes on", {
  timeout: sweepTimeoutMs,
}, async () => {
  const { sweep, judge } = begun();
  let rewritten = 0;
  for (let seed = firstSeed; seed < firstSeed + firstLives || !sweep.isOver; seed++) {
    const lived = await life(seed);
    rewritten += lived.rewritten;
    for (const [turn, place] of lived.places.entries()) {
      const label = `seed ${seed}: ${place.label}`;
      await sweep.place({ ...place, label }, (disk) => losses(disk, turn >> 1));
    }
    sweep.forget();
  }
  sweep.report("lives that drop history");
  expect(rewritten).toBeGreaterThan(10);
  expect(judge.rewritten).toBeGreaterThan(20);
  expect(sweep.tally.states).toBeGreaterThan(10_000);
});

it("nor is anything lost where the recovery, and the compaction that goes on, are broken off as well", {
  timeout: sweepTimeoutMs,
}, async () => {
  const { sweep } = begun();
  for (let seed = firstSeed + 100; seed < firstSeed + 102 || !sweep.isOver; seed++) {
    const { places } = await life(seed);
    for (let turn = 0; turn < (isDeep ? 40 : 2); turn++) {
      const place = places[(turn * 7919 + seed * 131) % places.length]!;
      await recovered(sweep, place, turn + seed, `seed ${seed}: ${place.label}`);
    }
    sweep.forget();
  }
  sweep.report("recoveries of lives that drop history");
  expect(sweep.tally.states).toBeGreaterThan(3000);
});

async function recovered(
  sweep: StateSweep<Kept>,
  { disk, known }: Place<Kept>,
  turn: number,
  label: string,
): Promise<void> {
  const all = lossesAt(disk);
  const loss = all[turn % all.length];
  const { disk: after, death } = afterLoss(disk, loss);
  const first = `${label}; ${loss?.label ?? "kill"}`;
  sweep.tally.recoveries++;
  const places = await told(first, () =>
    recordRecovery({ disk: after, known }, (opened) => checkKept(opened, death, known)),
  );
  for (const [at, place] of places.entries()) {
    const second = `${first}; ${place.label}`;
    await sweep.place({ ...place, label: second }, (each) => losses(each, at >> 1));
  }
}
