// Breaks backups of a database that drops history at every call of the disk, and the backups that follow them: what is there opens as the
// old one or as the new one, and the next one goes through.
import { expect, it } from "vitest";
import { SimulatedDisk } from "../../src/testing/testing.ts";
import {
  type Copied,
  CopiedLife,
  judgeCopied,
  keyOfCopied,
  recordNextBackup,
} from "../support/copied-life.ts";
import { afterLoss, type Loss, lossesAt, someLosses } from "../support/crash-explorer.ts";
import { prepared } from "../support/crash-script.ts";
import { firstSeed, isDeep, StateSweep, sweepTimeoutMs, told } from "../support/state-sweep.ts";

const policies = ["latest", { keepEvents: 40 }] as const;

function losses(disk: SimulatedDisk, turn: number): Loss[] {
  return isDeep ? lossesAt(disk) : someLosses(disk, 6, turn);
}

it("a backup of a database that drops history is the old one or the new one wherever it is broken off", {
  timeout: sweepTimeoutMs,
}, async () => {
  const sweep: StateSweep<Copied> = new StateSweep(keyOfCopied, (state) =>
    judgeCopied(state, (what) => sweep.meet(what)),
  );
  for (let seed = firstSeed; seed < firstSeed + 2 || !sweep.isOver; seed++) {
    const disk = prepared(new SimulatedDisk({ seed, trace: "none" }));
    const policy = policies[seed % 2]!;
    const life = new CopiedLife(disk, { seed, policy, layerEvents: 1000, steps: 0 });
    let backup = 0;
    for await (const places of life.backups()) {
      const name = `seed ${seed}, backup ${++backup}`;
      for (const [turn, place] of places.entries()) {
        const label = `${name}: ${place.label}`;
        await sweep.place({ ...place, label }, (each) => losses(each, turn >> 1));
      }
      // One that was broken off is followed by one that is broken off as well.
      const first = places[(seed * 131 + backup * 37) % places.length]!;
      const all = lossesAt(first.disk);
      const loss = all[(seed + backup * 5) % all.length];
      const { disk: after, death } = afterLoss(first.disk, loss);
      const trail = `${name}: ${first.label}; ${loss?.label ?? "kill"}`;
      const { history } = first.known.kept;
      const kept = {
        ...first.known.kept,
        history: death === "kill" ? history : history.weakened(),
      };
      sweep.tally.recoveries++;
      const next = await told(trail, () =>
        recordNextBackup({ disk: after, known: { ...first.known, kept } }, backup),
      );
      for (const [turn, place] of next.entries()) {
        const label = `${trail}; ${place.label}`;
        await sweep.place({ ...place, label }, (each) => losses(each, turn >> 1));
      }
    }
    sweep.forget();
  }
  sweep.report("backups of a database that drops history");
  for (const kind of ["old", "new", "none"]) expect(sweep.met.get(kind)).toBeGreaterThan(20);
  expect(sweep.tally.states).toBeGreaterThan(5000);
});
