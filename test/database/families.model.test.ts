// Runs random lives of a database with several graphs and maps, whose index is frozen, flushed, merged and loaded again all the time,
// and compares everything with plain objects: now, in views, in the past, after kills, and as its feed tells it.
import fc from "fast-check";
import { expect, it } from "vitest";
import type { Database } from "../../src/database/database.ts";
import { openTuned } from "../../src/database/open.ts";
import type { Snapshot } from "../../src/database/snapshot.ts";
import { dropAll, type SimulatedDisk, simulatedPorts } from "../../src/testing/testing.ts";
import { tinyTrees } from "../graph/support.ts";
import {
  emptyFolded,
  type FamilyOperation,
  type Folded,
  fold,
  graphNames,
  keys,
  mapNames,
  perform,
  readAll,
  withoutEmpty,
} from "../support/families-model.ts";
import { loseIndex } from "../support/lose-index.ts";

const graph = fc.constantFrom(...graphNames);
const map = fc.constantFrom(...mapNames);
const key = fc.constantFrom(...keys);
const value = fc.nat(9);
const labels = fc.subarray(["g1", "L", "M"]);

const operation: fc.Arbitrary<FamilyOperation> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("put" as const), graph, key, labels, value }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("patch" as const), graph, key, labels, value }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("remove" as const), graph, key }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("edge" as const), graph, key, to: key, value }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("run" as const), graph }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("unedge" as const), graph, value }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("map.put" as const), map, key, value }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("map.delete" as const), map, key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("drop" as const), graph }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("map.drop" as const), map }) },
);

const step = fc.record({
  ending: fc.constantFrom("on", "on", "throw", "checkpoint", "reopen", "kill", "compact"),
  operations: fc.array(operation, { maxLength: 10 }),
});

/** `npm run test:crash` sets the seconds. */
const runs = process.env["VARVE_CRASH_SECONDS"] === undefined ? 6 : 300;
/** Given for the few lives that every run has, so that these are known to rewrite segments. */
const seed = runs > 20 ? Date.now() : 4;
const tuning = { index: tinyTrees, activeEventsMax: 6, pageBytes: 512, mergeAbove: 2 };

const filler = "x".repeat(50_000);

async function openOn(disk: SimulatedDisk, forgets: boolean): Promise<Database> {
  const ports = simulatedPorts({ disk, seed: 3, tasks: "automatic" });
  const history = forgets ? ("latest" as const) : ("all" as const);
  const options = { ...ports, history, memoryBudget: 16 * 2 ** 20, segmentBytes: 64 * 1024 };
  return await openTuned("/db", options, tuning);
}

it("a database of graphs and maps is what was done to it, by every way to ask", {
  timeout: 600_000,
}, async () => {
  let rewritten = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 16 }),
      fc.boolean(),
      async (steps, forgets) => {
        let { disk } = simulatedPorts();
        const open = (): Promise<Database> => openOn(disk, forgets);
        let db = await open();
        let model = emptyFolded();
        let views: { view: Snapshot; model: Folded }[] = [];
        const past: { lsn: number; model: Folded }[] = [];
        for (const { ending, operations } of steps) {
          const next = structuredClone(model);
          const stop = new Error("stop");
          const done = db.transact((tx) => {
            for (const each of operations) perform(tx, next, each);
            // Fills segments, so that some are sealed and can be rewritten.
            if (forgets) tx.emit("filler", filler);
            if (ending === "throw") throw stop;
          });
          if (ending === "throw") {
            await expect(done).rejects.toBe(stop);
          } else {
            await done;
            model = next;
          }
          if (ending === "checkpoint") await db.checkpoint();
          if (ending === "compact") {
            rewritten += (await db.compact()).segments;
            const copy = disk.powerCut(dropAll);
            await loseIndex(copy);
            const replayed = await openOn(copy, forgets);
            expect(readAll(replayed)).toEqual(withoutEmpty(model));
            await replayed.close();
          }
          if (ending === "reopen") {
            await db.close();
            db = await open();
            views = [];
          } else if (ending === "kill") {
            const after = disk.powerCut(dropAll);
            disk.stop();
            disk = after;
            db = await open();
            views = [];
          }
          expect(readAll(db)).toEqual(withoutEmpty(model));
          for (const { view, model } of views) expect(readAll(view)).toEqual(withoutEmpty(model));
          if (views.length < 3) views.push({ view: db.snapshot(), model });
          past.push({ lsn: db.lastLsn, model });
        }
        for (const { lsn, model } of forgets ? [] : past) {
          const view = await db.asOf(lsn);
          expect(readAll(view)).toEqual(withoutEmpty(model));
          view.close();
        }
        for (const from of forgets ? (["snapshot"] as const) : (["start", "snapshot"] as const)) {
          const told = emptyFolded();
          for await (const change of db.changes({ from, live: false }).events()) fold(told, change);
          expect(withoutEmpty(told)).toEqual(withoutEmpty(model));
        }
        expect((await db.verify()).problems).toEqual([]);
        await db.close();
      },
    ),
    { numRuns: runs, seed },
  );
  expect(rewritten).toBeGreaterThan(0);
});
