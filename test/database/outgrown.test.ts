// All runs of the index are merged once compaction has let go as much as half of what is live, however few they are.
import { expect, it } from "vitest";
import { Database } from "../../src/database/database.ts";
import { openTuned } from "../../src/database/open.ts";
import type { OpenOptions } from "../../src/database/options.ts";
import { handle } from "../../src/index/tree-worker.ts";
import { simulatedPorts } from "../../src/testing/simulated-ports.ts";

const treeWorker = new URL("../../src/index/tree-worker.ts", import.meta.url);
const filler = "x".repeat(150);

/** How many merges there were, and runs are, after everything was overwritten a few times. */
async function churned(
  history: OpenOptions["history"],
  isPinned = false,
): Promise<{ merges: number; runs: number; entries: number }> {
  const ports = simulatedPorts({ tasks: "automatic" });
  ports.workers.register(treeWorker, { handle });
  const all = { ...ports, segmentBytes: 64 * 1024, memoryBudget: 16 * 2 ** 20 };
  const tuned = { mergeAbove: 1000, runsMax: 2000, activeEventsMax: 100, sealBytesMin: 1 };
  const db = await openTuned("/db", history === undefined ? all : { ...all, history }, tuned);
  await db.transact((tx) => tx.putNode("first"));
  const pin = isPinned ? db.snapshot() : undefined;
  for (let round = 0; round < 8; round++) {
    await db.transact((tx) => {
      for (let i = 0; i < 100; i++) tx.putNode(`n${i}`, { props: { round, filler } });
    });
    for (let i = 0; i < 5; i++) await ports.scheduler.advance(1000);
  }
  const { runs } = Database.coreOf(db);
  const entries = runs.records
    .flatMap(({ trees }) => trees)
    .filter(({ name }) => name === "nodes")
    .reduce((sum, tree) => sum + tree.entries, 0);
  const found = { merges: runs.counters.merges, runs: runs.runs.length, entries };
  pin?.close();
  expect((await db.verify()).problems).toEqual([]);
  await db.close();
  return found;
}

it("keeps few runs, and little more in them than what is live, with history that goes", async () => {
  const { merges, runs, entries } = await churned("latest");
  expect(merges).toBeGreaterThan(2);
  expect(runs).toBeLessThan(4);
  expect(entries).toBeLessThan(500);
});

it("merges nothing for that where history stays, or somebody holds it", async () => {
  expect(await churned(undefined)).toMatchObject({ merges: 0, entries: 801 });
  const held = await churned("latest", true);
  expect(held.merges).toBe(0);
  expect(held.runs).toBeGreaterThan(4);
});
