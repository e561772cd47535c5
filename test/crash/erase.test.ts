// Breaks an erasure before and after every call of the disk: what is found then is whole, it is still known what is to go, and the next
// compaction leaves no byte of it.
import { describe, expect, it } from "vitest";
import {
  type SimulatedDisk as Disk,
  dropAll,
  keepAll,
  SimulatedDisk,
} from "../../src/testing/testing.ts";
import type { Change, Database, Transaction } from "../../src/varve.ts";
import { afterLoss, type Loss, lossesAt, recordCalls } from "../support/crash-explorer.ts";
import { databasePath, prepared } from "../support/crash-script.ts";
import { filesWith } from "../support/erased-bytes.ts";
import { checkOwners } from "../support/file-owners.ts";
import { openLayered, rest } from "../support/layered-script.ts";
import { loseIndex } from "../support/lose-index.ts";

/** Set by `npm run test:crash`: then every survival of every call is tried. */
const isThorough = process.env["VARVE_CRASH_SECONDS"] !== undefined;
const timeoutMs = isThorough ? 3_600_000 : 300_000;

const secret = "Zq-forget-me";
const secrets = ["forget-me", "of-mine"];

/** What is acknowledged: from "asked" on it is to go, from "done" on it is gone. */
type Stage = "before" | "asked" | "done";

async function filled(disk: Disk): Promise<Database> {
  const { db } = await openLayered(disk);
  await db.transact((tx) => {
    tx.putNode("a", { labels: ["T"], props: { n: 1 } });
    tx.putNode(secret, { labels: ["T"], props: { text: "of-mine".repeat(60) } });
    tx.addEdge("a", "knows", secret, { note: "of-mine" });
    // In a graph beside it, and in one that is no more.
    for (const name of ["other", "dropped"]) {
      const graph = tx.graph(name);
      graph.putNode("a");
      graph.putNode(secret, { labels: ["T"], props: { text: "of-mine" } });
      graph.addEdge(secret, "knows", "a", { note: "of-mine" });
      graph.addEdge("a", "knows", "a", { note: "stays" });
    }
    tx.map("entries").put("a", 1);
  });
  await db.transact((tx) => tx.dropGraph("dropped"));
  await db.transact((tx) => tx.putNode("pad", { props: { text: "z".repeat(50_000) } }));
  await db.transact((tx) => {
    tx.patchNode(secret, { props: { more: "of-mine" } });
    tx.putNode("b", { labels: ["T"] });
    tx.addEdge("a", "knows", "b", { note: "stays" });
    tx.addEdge(secret, "knows", "b");
  });
  await rest({ db, ports: undefined! });
  return db;
}

function erase(tx: Transaction): void {
  for (const graph of [tx, tx.graph("other"), tx.graph("dropped")]) {
    expect(graph.erase(secret)).toBe(true);
  }
}

/** Everything of the rest, without what the erasure does to the feed. */
async function stateOf(db: Database): Promise<string> {
  const nodes = [...db.nodes()].filter(({ key }) => key !== secret);
  const other = db.graph("other");
  const edges = [...db.allEdges(), ...other.allEdges()].filter(
    ({ from, to }) => from !== secret && to !== secret,
  );
  nodes.push(...[...other.nodes()].filter(({ key }) => key !== secret));
  const changes: Change[] = [];
  for await (const batch of db.changes({ live: false })) changes.push(...batch.changes);
  const others = changes.filter(
    (change) => change.kind !== "erased" && !JSON.stringify(change).includes(secret),
  );
  const counts = [db.map("entries").get("a"), db.stats().graphs.length];
  return JSON.stringify([
    nodes,
    edges,
    counts,
    others.map(({ txLastLsn: _, ...change }) => change),
  ]);
}

async function recorded(): Promise<{
  points: Awaited<ReturnType<typeof recordCalls<Stage>>>;
  state: string;
}> {
  const disk = prepared(new SimulatedDisk({ seed: 3, trace: "none" }));
  const db = await filled(disk);
  const state = await stateOf(db);
  let stage: Stage = "before";
  const points = await recordCalls(
    disk,
    () => stage,
    async () => {
      await db.transact(erase);
      stage = "asked";
      const { pendingErasures } = await db.compact();
      expect(pendingErasures).toBe(0);
      stage = "done";
      await db.close();
    },
  );
  expect(filesWith(disk, secrets)).toEqual([]);
  return { points, state };
}

async function judge(disk: Disk, stage: Stage, state: string, label: string): Promise<boolean> {
  const { db } = await openLayered(disk);
  await checkOwners(disk, databasePath, { isOpen: true, quarantined: db.recovery.quarantined });
  const isLive = db.hasNode(secret);
  expect(db.graph("other").hasNode(secret), label).toBe(isLive);
  if (stage !== "before") expect(isLive, label).toBe(false);
  const { pendingErasures } = db.stats().history;
  const isGone = !isLive && pendingErasures === 0;
  if (stage === "done") expect(isGone, label).toBe(true);
  // What is not waited for any more is gone already.
  if (isGone) expect(filesWith(disk, secrets), label).toEqual([]);
  else if (isLive) expect(pendingErasures, label).toBe(0);
  expect(await stateOf(db), label).toBe(state);
  if (isLive) await db.transact(erase);
  expect((await db.compact()).pendingErasures, label).toBe(0);
  expect(filesWith(disk, secrets), label).toEqual([]);
  expect(await stateOf(db), label).toBe(state);
  expect((await db.verify()).problems, label).toEqual([]);
  await db.close();
  return !isLive && !isGone;
}

function losses(disk: Disk, turn: number): Loss[] {
  const all = lossesAt(disk);
  return isThorough ? all : [[undefined, dropAll, keepAll, all[turn % all.length]][turn % 4]];
}

describe("an erasure", () => {
  it("is still to be done or done, wherever it is broken off", { timeout: timeoutMs }, async () => {
    const { points, state } = await recorded();
    let waiting = 0;
    let judged = 0;
    for (const [turn, point] of points.entries()) {
      if (!isThorough && turn % 11 !== 0) continue;
      for (const loss of losses(point.disk, judged)) {
        const { disk } = afterLoss(point.disk, loss);
        const label = `${point.label}; ${loss?.label ?? "kill"}`;
        if (await judge(disk, point.known, state, label)) waiting++;
        judged++;
      }
    }
    expect(points.filter(({ known }) => known === "asked").length).toBeGreaterThan(100);
    expect(waiting).toBeGreaterThan(5);
    expect(waiting).toBeLessThan(judged);
  });

  it("is so where the log is all that is left", { timeout: timeoutMs }, async () => {
    const { points, state } = await recorded();
    for (const [turn, point] of points.entries()) {
      if (turn % (isThorough ? 3 : 97) !== 0) continue;
      const { disk } = afterLoss(point.disk, [undefined, dropAll, keepAll][turn % 3]);
      await loseIndex(disk);
      await judge(disk, point.known, state, point.label);
    }
  });
});
