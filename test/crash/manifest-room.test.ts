// Leaves no room for an edit of the manifest: by a checkpoint, a roll and a compaction. Nothing is poisoned, and wherever the machine stops
// on the way back, either the old manifest or the new one is there with all that it names.
import { expect, it } from "vitest";
import { type FaultRule, SimulatedDisk } from "../../src/testing/testing.ts";
import { compactAll, filledLife } from "../support/compacted-script.ts";
import { recordCalls, someLosses } from "../support/crash-explorer.ts";
import { settles } from "../support/crash-faults.ts";
import { History } from "../support/crash-oracle.ts";
import { large, type Opened, prepared, small } from "../support/crash-script.ts";
import { judgeLayered, keyOfLayered, type Layered } from "../support/layered-lives.ts";
import { rest } from "../support/layered-script.ts";
import { isDeep, StateSweep, sweepTimeoutMs } from "../support/state-sweep.ts";

const refused = { code: "DISK_FULL" };

/** What is asked for while there is no room, how often the edit is refused, and that it fails without poison. */
const edits = {
  checkpoint: {
    occurrences: [1],
    ask: async ({ db }: Opened, history: History) => {
      await history.submit(db, small("unsaved"));
      await expect(db.checkpoint()).rejects.toMatchObject(refused);
    },
  },
  // The second time the reserve has been given up; between them the first copy is written back.
  roll: {
    occurrences: [1, 3],
    ask: async ({ db }: Opened, history: History) => {
      const rolls = history.submit(db, large("refused", 45_000));
      await expect(rolls).rejects.toMatchObject(refused);
    },
  },
  compaction: {
    occurrences: [1],
    ask: async (opened: Opened) => {
      await expect(compactAll(opened)).rejects.toMatchObject(refused);
    },
  },
} as const;

it.each(
  (["checkpoint", "roll", "compaction"] as const).flatMap((edit) =>
    (["none", "prefix", "all"] as const).map((applied) => ({ edit, applied })),
  ),
)(
  "a $edit that the manifest has no room for leaves everything as it was ($applied arrives)",
  {
    timeout: sweepTimeoutMs,
  },
  async ({ edit, applied }) => {
    const disk = prepared(new SimulatedDisk({ seed: 3, trace: "none" }));
    const history = new History();
    const opened = await filledLife(history, disk);
    const { db, ports } = opened;
    await rest(opened);
    const { occurrences, ask } = edits[edit];
    const path = /manifest\.b$/;
    for (const occurrence of occurrences) {
      const rule: FaultRule = { operation: "write", path, errno: "ENOSPC", applied, occurrence };
      disk.faults.push(rule);
    }
    const places = await recordCalls(
      disk,
      (): Layered => ({ history: history.snapshot(), tuned: {}, isDamaged: false }),
      async () => {
        await ask(opened, history);
        disk.faults.length = 0;
        for (const work of [
          () => history.submit(db, small("behind")),
          () => db.checkpoint(),
          () => compactAll(opened),
          () => history.submit(db, large("rolls", 45_000)),
          () => db.close(),
        ]) {
          expect(await settles<unknown>("work", ports, work())).toMatchObject({
            status: "fulfilled",
          });
        }
      },
    );
    expect(disk.openFiles).toBe(0);
    const sweep: StateSweep<Layered> = new StateSweep(keyOfLayered, (state) =>
      judgeLayered(state, (what) => sweep.meet(what)),
    );
    for (const [turn, place] of places.entries()) {
      if (!isDeep && turn % 12 !== 1) continue;
      await sweep.place(place, (each) => someLosses(each, 6, turn).slice(isDeep ? 0 : turn % 3));
    }
    sweep.report(`no room for a ${edit}`);
    expect(sweep.tally.states).toBeGreaterThan(50);
  },
);
