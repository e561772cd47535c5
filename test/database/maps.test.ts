// Ordered maps: what is put is there, in order, in the past too, after every way to end, and in the feed.
import { describe, expect, it } from "vitest";
import type { Change } from "../../src/changes/change.ts";
import type { Database } from "../../src/database/database.ts";
import { openTuned } from "../../src/database/open.ts";
import { dropAll, simulatedPorts } from "../../src/testing/testing.ts";
import { tinyTrees } from "../graph/support.ts";

const tuning = { index: tinyTrees, activeEventsMax: 6, pageBytes: 512, mergeAbove: 2 };

async function fresh(disk = simulatedPorts().disk): Promise<Database> {
  const ports = simulatedPorts({ disk, seed: 3, tasks: "automatic" });
  return await openTuned("/db", { ...ports, memoryBudget: 16 * 2 ** 20 }, tuning);
}

async function changesOf(db: Database, options = {}): Promise<Change[]> {
  const changes: Change[] = [];
  for await (const change of db.changes({ live: false, ...options }).events()) changes.push(change);
  return changes;
}

describe("a map", () => {
  it("gives back what was put, and nothing once it is deleted", async () => {
    const db = await fresh();
    await db.transact((tx) => {
      const map = tx.map("config");
      map.put("a", { deep: [1, new Date(5), 7n] });
      map.put("b", null);
      expect(map.get("a")).toEqual({ deep: [1, new Date(5), 7n] });
      expect(map.delete("b")).toBe(true);
      expect(map.delete("b")).toBe(false);
      expect(map.get("b")).toBeUndefined();
      map.put("b", 2);
    });
    expect(db.map("config").get("a")).toEqual({ deep: [1, new Date(5), 7n] });
    expect([...db.map("config").range()].map(([key]) => key)).toEqual(["a", "b"]);
    expect(db.map("other").get("a")).toBeUndefined();
    expect([...db.map("other").range()]).toEqual([]);
    expect(db.nodeCount).toBe(0);
    expect([...db.nodes()]).toEqual([]);
    await db.close();
  });

  it("ranges between any bounds, in both directions, over layers in memory and on disk", async () => {
    const db = await fresh();
    const stored = ["\u{10ffff}", "é", "\ud800", "z".repeat(1024)];
    for (let i = 0; i < 40; i++) stored.push(`k${i}`);
    for (const key of stored) {
      await db.transact((tx) => tx.map("m").put(key, key.length));
    }
    await db.transact((tx) => tx.map("m").delete("k7"));
    await db.checkpoint();
    const sorted = [...db.map("m").range()].map(([key]) => key);
    expect(new Set(sorted)).toEqual(new Set(stored.filter((key) => key !== "k7")));
    expect([...db.map("m").range({ reverse: true })].map(([key]) => key)).toEqual(
      [...sorted].reverse(),
    );
    const within = (options: object): string[] =>
      [...db.map("m").range(options)].map(([key]) => key);
    const at = (key: string): number => sorted.indexOf(key);
    expect(within({ gte: "k2", lt: "k3" })).toEqual(sorted.slice(at("k2"), at("k3")));
    expect(within({ gt: "k2", lte: "k3" })).toEqual(sorted.slice(at("k2") + 1, at("k3") + 1));
    expect(within({ gt: "k2", lte: "k3", reverse: true, limit: 3 })).toEqual(
      sorted
        .slice(at("k2") + 1, at("k3") + 1)
        .reverse()
        .slice(0, 3),
    );
    expect(within({ prefix: "k1" })).toEqual(sorted.filter((key) => key.startsWith("k1")));
    expect(within({ gte: "x", lt: "b" })).toEqual([]);
    expect(within({ limit: 0 })).toEqual([]);
    await db.close();
  });

  it("refuses what is no key, no value and no range", async () => {
    const db = await fresh();
    await db.transact((tx) => {
      expect(() => tx.map("m").put("", 1)).toThrow(RangeError);
      expect(() => tx.map("m").put("x".repeat(1025), 1)).toThrow(RangeError);
      expect(() => tx.map("m").put("x", undefined)).toThrow(TypeError);
      expect(() => tx.map("m").put("x", () => 1)).toThrow(TypeError);
      expect(() => tx.map("")).toThrow(RangeError);
      expect(() => tx.map(7 as never)).toThrow(TypeError);
    });
    expect(db.lastLsn).toBe(0);
    expect(() => db.map("m").range({ from: "a" } as never)).toThrow(TypeError);
    expect(() => db.map("m").get(1 as never)).toThrow(TypeError);
    await db.close();
  });

  it("is in snapshots and views of the past as it was", async () => {
    const db = await fresh();
    await db.transact((tx) => tx.map("m").put("a", 1));
    const view = db.snapshot();
    const running = db.map("m").range();
    await db.transact((tx) => {
      tx.map("m").put("a", 2);
      tx.map("m").put("b", 3);
    });
    await db.checkpoint();
    expect([...view.map("m").range()]).toEqual([["a", 1]]);
    expect([...running]).toEqual([["a", 1]]);
    const past = await db.asOf(1);
    expect(past.map("m").get("a")).toBe(1);
    expect(past.map("m").get("b")).toBeUndefined();
    expect(db.map("m").get("a")).toBe(2);
    await db.close();
  });

  it("is taken back with its transaction", async () => {
    const db = await fresh();
    await db.transact((tx) => tx.map("m").put("a", 1));
    const stop = new Error("stop");
    const failing = db.transact((tx) => {
      tx.map("m").put("a", 2);
      tx.map("new").put("a", 2);
      expect([...tx.map("m").range()]).toEqual([["a", 2]]);
      tx.map("m").delete("a");
      expect([...tx.map("m").range()]).toEqual([]);
      throw stop;
    });
    await expect(failing).rejects.toBe(stop);
    expect([...db.map("m").range()]).toEqual([["a", 1]]);
    await db.transact((tx) => tx.putNode("n", { labels: ["new"] }));
    expect(db.map("new").get("a")).toBeUndefined();
    expect(db.node("n")?.labels).toEqual(["new"]);
    await db.close();
  });

  it("survives checkpoints, closing and power cuts", async () => {
    let { disk } = simulatedPorts();
    let db = await fresh(disk);
    for (let round = 0; round < 12; round++) {
      await db.transact((tx) => {
        tx.map("m").put(`k${round}`, { round });
        tx.putNode(`k${round}`);
        if (round > 2) tx.map("m").delete(`k${round - 3}`);
      });
      if (round % 3 === 0) await db.checkpoint();
      if (round % 4 === 1) {
        await db.close();
        db = await fresh(disk);
      } else if (round % 4 === 3) {
        const after = disk.powerCut(dropAll);
        disk.stop();
        disk = after;
        db = await fresh(disk);
      }
      const expected = [round - 2, round - 1, round]
        .filter((i) => i >= 0)
        .map((i) => [`k${i}`, { round: i }] as const)
        .sort(([a], [b]) => (a < b ? -1 : 1));
      expect([...db.map("m").range()]).toEqual(expected);
      expect(db.nodeCount).toBe(round + 1);
    }
    const { problems } = await db.verify();
    expect(problems).toEqual([]);
    await db.close();
  });

  it("has its changes in the feed, with what they replaced, by map and by prefix", async () => {
    const db = await fresh();
    await db.transact((tx) => {
      tx.putNode("a1");
      tx.map("m").put("a1", 1);
      tx.map("m").put("a1", 2);
      tx.map("n").put("b1", 3);
      tx.map("m").delete("a1");
    });
    const all = await changesOf(db, { before: true });
    expect(all.slice(1).map(({ txLastLsn: _, at: __, ...change }) => change)).toEqual([
      { kind: "map.put", lsn: 2, graph: "", map: "m", key: "a1", value: 1, before: undefined },
      {
        kind: "map.put",
        lsn: 3,
        graph: "",
        map: "m",
        key: "a1",
        value: 2,
        before: { key: "a1", value: 1, lsn: 2 },
      },
      { kind: "map.put", lsn: 4, graph: "", map: "n", key: "b1", value: 3, before: undefined },
      {
        kind: "map.delete",
        lsn: 5,
        graph: "",
        map: "m",
        key: "a1",
        before: { key: "a1", value: 2, lsn: 3 },
      },
    ]);
    const lsns = async (filter: object): Promise<number[]> =>
      (await changesOf(db, { filter })).map(({ lsn }) => lsn);
    expect(await lsns({ maps: ["m"] })).toEqual([2, 3, 5]);
    expect(await lsns({ maps: ["m", "n"], kinds: ["map.put"] })).toEqual([2, 3, 4]);
    expect(await lsns({ maps: ["none"] })).toEqual([]);
    expect(await lsns({ keyPrefix: "a" })).toEqual([1, 2, 3, 5]);
    expect(await lsns({ graphs: [""] })).toEqual([1]);
    await db.close();
  });

  it("is in the snapshot that a feed begins with, between nodes and edges", async () => {
    const db = await fresh();
    await db.transact((tx) => {
      tx.map("m").put("x", 1);
      tx.map("m").put("y", 2);
      tx.putNode("a");
      tx.addEdge("a", "T", "a");
      tx.map("m").delete("y");
    });
    const kinds = (await changesOf(db, { from: "snapshot" })).map(({ kind, lsn }) => [kind, lsn]);
    expect(kinds).toEqual([
      ["node.put", 5],
      ["map.put", 5],
      ["edge.add", 5],
    ]);
    expect((await changesOf(db, { from: "snapshot", filter: { maps: ["m"] } })).length).toBe(1);
    await db.close();
  });
});
