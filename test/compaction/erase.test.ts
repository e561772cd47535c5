// What is erased is gone from every file once the log is compacted, whatever the policy; and what the API says of it before and after.
import { describe, expect, it } from "vitest";
import { openTuned } from "../../src/database/open.ts";
import { SimulatedDisk, simulatedPorts } from "../../src/testing/testing.ts";
import type { Change, Database, HistoryPolicy } from "../../src/varve.ts";
import { filesWith } from "../support/erased-bytes.ts";
import { tinyTuning } from "../support/layered-script.ts";

const path = "/db";
/** No other key or value begins as these do: what a tree stores of them is the whole. */
const secret = "Zq-forget-me-7";
const secrets = ["forget-me", "prop-of-mine", "on-my-edge", "once-was", "large-of-mine"];

async function openOn(disk: SimulatedDisk, history: HistoryPolicy = "all"): Promise<Database> {
  const ports = simulatedPorts({ disk, seed: 5, tasks: "automatic" });
  const options = { ...ports, memoryBudget: 16 * 2 ** 20, segmentBytes: 64 * 1024, history };
  return await openTuned(path, options, tinyTuning);
}

async function fill(db: Database, name: string, bytes = 50_000): Promise<void> {
  await db.transact((tx) => tx.putNode(name, { props: { text: "z".repeat(bytes) } }));
}

/** A node with every kind of event, over several segments, among others that stay. */
async function live(db: Database): Promise<void> {
  await db.transact((tx) => {
    tx.putNodes(["a", "b", "c"], { labels: ["Person"] });
    tx.putNode(secret, { labels: ["Person"], props: { name: "prop-of-mine" } });
    tx.addEdge("a", "KNOWS", secret, { note: "on-my-edge" });
    tx.addEdge("a", "KNOWS", "b", { note: "stays" });
  });
  await fill(db, "pad.1");
  await db.transact((tx) => {
    const ids = ["a", secret, "b", "c"].map((key) => tx.nodeId(key)!);
    const from = Uint32Array.of(ids[0]!, ids[1]!, ids[2]!, ids[3]!);
    const to = Uint32Array.of(ids[1]!, ids[2]!, ids[3]!, ids[0]!);
    tx.addEdges({ type: "NEXT", from, to });
    tx.patchNode(secret, { props: { old: "once-was" } });
  });
  await fill(db, "pad.2");
  await db.transact((tx) => {
    tx.patchNode(secret, { props: { big: "large-of-mine".repeat(100) } });
    const loop = tx.addEdge(secret, "IS", secret, { note: "on-my-edge" });
    tx.patchEdge(loop, { note: "once-was" });
  });
  await fill(db, "pad.3");
}

async function changesOf(db: Database): Promise<Change[]> {
  const found: Change[] = [];
  for await (const { changes } of db.changes({ live: false })) found.push(...changes);
  return found;
}

async function create(): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk({ seed: 3, trace: "none" });
  return disk;
}

describe("erase", () => {
  it("removes a node at once, and every byte of it with the next compaction", async () => {
    const disk = await create();
    const db = await openOn(disk);
    await live(db);
    await db.checkpoint();
    const before = await changesOf(db);
    const { result, firstLsn, lastLsn } = await db.transact((tx) => tx.erase(secret));
    expect(result).toBe(true);
    expect(db.hasNode(secret)).toBe(false);
    expect([...db.neighbors("a")].sort()).toEqual(["b"]);
    expect(db.stats().history.pendingErasures).toBe(1);
    expect(filesWith(disk, secrets)).not.toEqual([]);

    const { pendingErasures, segments } = await db.compact();
    expect(pendingErasures).toBe(0);
    expect(segments).toBeGreaterThan(2);
    expect(db.stats().history).toMatchObject({ pendingErasures: 0, horizon: 0 });
    expect(filesWith(disk, secrets)).toEqual([]);
    expect(filesWith(disk, ["pad.2"]).length).toBeGreaterThan(1);

    const after = await changesOf(db);
    const isOf = ({ lsn }: Change): boolean => lsn >= firstLsn && lsn <= lastLsn;
    expect(after.filter(isOf).map(({ kind }) => kind)).toEqual(Array(5).fill("erased"));
    for (const change of before) {
      const now = after.find(({ lsn }) => lsn === change.lsn)!;
      const isMine = JSON.stringify(change).includes("forget-me");
      if (!isMine) expect(now).toEqual(change);
      else {
        const { lsn, txLastLsn, at } = change;
        expect(now).toEqual({ kind: "erased", lsn, txLastLsn, at, graph: "" });
      }
    }
    expect((await db.verify()).problems).toEqual([]);
    await db.close();
    expect(filesWith(disk, secrets)).toEqual([]);
    const again = await openOn(disk);
    expect(await changesOf(again)).toEqual(after);
    expect(again.hasNode(secret)).toBe(false);
    expect(again.stats().history.pendingErasures).toBe(0);
    await again.close();
    expect(filesWith(disk, secrets)).toEqual([]);
  });
});
