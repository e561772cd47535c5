// All runs of the index are merged once compaction has let go as much as half of what is live, however few they are.
import { expect, it } from "vitest";
import { Database } from "../../src/database/database.ts";
import { openTuned } from "../../src/database/open.ts";
import type { OpenOptions } from "../../src/database/options.ts";
import type { ActorHandler } from "../../src/disk/ports.ts";
import { handle } from "../../src/index/tree-worker.ts";
import { type SimulatedPorts, simulatedPorts } from "../../src/testing/simulated-ports.ts";

const treeWorker = new URL("../../src/index/tree-worker.ts", import.meta.url);
const filler = "x".repeat(150);

async function start(
  history: OpenOptions["history"],
  works: ActorHandler = handle,
): Promise<{ db: Database; ports: SimulatedPorts }> {
  const ports = simulatedPorts({ tasks: "automatic" });
  ports.workers.register(treeWorker, { handle: works });
  const all = { ...ports, segmentBytes: 64 * 1024, memoryBudget: 16 * 2 ** 20 };
  const tuned = { mergeAbove: 1000, runsMax: 2000, activeEventsMax: 100, sealBytesMin: 1 };
  const options = history === undefined ? all : { ...all, history };
  return { db: await openTuned("/db", options, tuned), ports };
}

async function overwrite(db: Database, round: number): Promise<void> {
  await db.transact((tx) => {
    for (let i = 0; i < 100; i++) tx.putNode(`n${i}`, { props: { round, filler } });
  });
}

/** How many merges there were, and runs are, after everything was overwritten a few times. */
async function churned(
  history: OpenOptions["history"],
  isPinned = false,
): Promise<{ merges: number; runs: number; entries: number }> {
  const { db, ports } = await start(history);
  await db.transact((tx) => tx.putNode("first"));
  const pin = isPinned ? db.snapshot() : undefined;
  for (let round = 0; round < 8; round++) {
    await overwrite(db, round);
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

it("has writers wait where as much again is superseded before that is done", async () => {
  let release = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let merges = 0;
  const slow: ActorHandler = async (message, disk) => {
    if ((message as { ask: string }).ask === "merge" && merges++ === 0) await released;
    return handle(message, disk);
  };
  const { db, ports } = await start("latest", slow);
  let written = 0;
  const writing = (async () => {
    for (; written < 30; written++) await overwrite(db, written);
  })();
  for (let i = 0; i < 60; i++) await ports.scheduler.advance(1000);
  expect(merges).toBe(1);
  expect(db.stats().pressure.reason).toBe("merge");
  const before = written;
  expect(before).toBeLessThan(12);
  for (let i = 0; i < 20; i++) await ports.scheduler.advance(1000);
  expect(written).toBe(before);
  release();
  for (let i = 0; i < 200 && written < 30; i++) await ports.scheduler.advance(1000);
  await writing;
  expect((await db.verify()).problems).toEqual([]);
  await db.close();
});

it("removes what was merged while a flush is under way", async () => {
  let held: string | undefined = "merge";
  let release = (): void => {};
  const holding: ActorHandler = async (message, disk) => {
    if ((message as { ask: string }).ask === held) {
      held = undefined;
      await new Promise<void>((resolve) => {
        release = resolve;
      });
    }
    return handle(message, disk);
  };
  const { db, ports } = await start("latest", holding);
  const { runs } = Database.coreOf(db);
  const turns = async (): Promise<void> => {
    for (let i = 0; i < 10; i++) await ports.scheduler.advance(1000);
  };
  for (let round = 0; held !== undefined; round++) {
    await overwrite(db, round);
    await turns();
  }
  const endMerge = release;
  held = "write";
  const writing = overwrite(db, 99);
  await turns();
  await writing;
  expect(held).toBeUndefined();
  expect(runs.counters.merges).toBe(0);
  endMerge();
  await turns();
  expect(runs.counters.merges).toBeGreaterThan(0);
  expect(db.stats().index.isFlushing).toBe(true);
  const files = (await ports.disk.list("/db")).filter((name) => name.endsWith(".tree"));
  expect(files).toHaveLength(runs.records.flatMap(({ trees }) => trees).length);
  release();
  await turns();
  expect((await db.verify()).problems).toEqual([]);
  await db.close();
});
