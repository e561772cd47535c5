// Nodes of named graphs are erased as those of the default one are, dropped graphs included; and what graphs and maps that were dropped
// had goes from log and index once nobody can read it any more.
import { describe, expect, it } from "vitest";
import { openTuned } from "../../src/database/open.ts";
import { SimulatedDisk, simulatedPorts } from "../../src/testing/testing.ts";
import type { Change, Database, HistoryPolicy } from "../../src/varve.ts";
import { filesWith } from "../support/erased-bytes.ts";
import { tinyTuning } from "../support/layered-script.ts";
import { loseIndex } from "../support/lose-index.ts";

const path = "/db";
/** No other key begins as this does: what a tree stores of it is the whole. */
const secret = "Zq-forget-me-7";
const secrets = ["forget-me", "prop-of-mine", "on-my-edge", "once-was"];

async function openOn(disk: SimulatedDisk, history: HistoryPolicy = "all"): Promise<Database> {
  const ports = simulatedPorts({ disk, seed: 5, tasks: "automatic" });
  const options = { ...ports, memoryBudget: 16 * 2 ** 20, segmentBytes: 64 * 1024, history };
  return await openTuned(path, options, tinyTuning);
}

function create(): SimulatedDisk {
  return new SimulatedDisk({ seed: 3, trace: "none" });
}

async function fill(db: Database, name: string): Promise<void> {
  await db.transact((tx) => tx.putNode(name, { props: { text: "z".repeat(50_000) } }));
}

/** The node in a named graph, with every kind of event; its namesakes in the default graph, in another one, and in a map. */
async function live(db: Database): Promise<void> {
  await db.transact((tx) => {
    tx.putNode("first");
    const other = tx.graph("other");
    other.putNode("a", { labels: ["Person"], props: { n: 1 } });
    other.putNode("b", { labels: ["Person"] });
    other.putNode(secret, { labels: ["Person"], props: { name: "prop-of-mine" } });
    other.addEdge("a", "KNOWS", secret, { note: "on-my-edge" });
    other.addEdge("a", "KNOWS", "b", { note: "stays" });
    tx.map("config").put("k", "v");
  });
  await fill(db, "pad.1");
  await db.transact((tx) => {
    const other = tx.graph("other");
    other.patchNode(secret, { props: { old: "once-was" } });
    const [from, to] = [other.nodeId("b")!, other.nodeId(secret)!];
    const ids = [from, to, from].map((id) => Uint32Array.of(id));
    other.addEdges({ type: "NEXT", from: ids[0]!, to: ids[1]! });
    const loop = other.addEdge(secret, "IS", secret, { note: "on-my-edge" });
    other.patchEdge(loop, { note: "once-was" });
  });
  await fill(db, "pad.2");
}

async function changesOf(db: Database): Promise<Change[]> {
  const found: Change[] = [];
  for await (const { changes } of db.changes({ live: false })) found.push(...changes);
  return found;
}

describe("erase in a named graph", () => {
  it("takes every byte of the node with the next compaction, and nothing else", async () => {
    const disk = create();
    const db = await openOn(disk);
    await live(db);
    await db.checkpoint();
    const before = await changesOf(db);
    const then = db.lastLsn;
    const { result } = await db.transact((tx) => {
      expect(tx.erase(secret)).toBe(false);
      expect(tx.graph("unknown").erase(secret)).toBe(false);
      return tx.graph("other").erase(secret);
    });
    expect(result).toBe(true);
    const other = db.graph("other");
    expect([other.hasNode(secret), other.nodeCount, other.edgeCount]).toEqual([false, 2, 1]);
    expect(db.stats().history.pendingErasures).toBe(1);
    expect(db.stats().graphs.map(({ name }) => name)).toEqual(["other"]);
    expect(filesWith(disk, secrets)).not.toEqual([]);

    expect((await db.compact()).pendingErasures).toBe(0);
    expect(filesWith(disk, secrets)).toEqual([]);
    const check = async (db: Database): Promise<void> => {
      const other = db.graph("other");
      expect([other.hasNode(secret), other.nodeCount, other.edgeCount]).toEqual([false, 2, 1]);
      expect(other.node("a")?.props).toEqual({ n: 1 });
      expect([...other.edges("a")].map(({ to, props }) => [to, props])).toEqual([
        ["b", { note: "stays" }],
      ]);
      expect([...other.nodes({ label: "Person" })].map(({ key }) => key)).toEqual(["a", "b"]);
      expect(db.map("config").get("k")).toBe("v");
      const past = await db.asOf(then);
      const { nodeCount, edgeCount } = past.graph("other");
      expect([past.graph("other").hasNode(secret), nodeCount, edgeCount]).toEqual([false, 2, 1]);
      past.close();
      const after = await changesOf(db);
      for (const change of before) {
        const { lsn, txLastLsn, at } = change;
        const isMine = JSON.stringify(change).includes("forget-me");
        const expected = isMine ? { kind: "erased", lsn, txLastLsn, at, graph: "" } : change;
        expect(after.find((each) => each.lsn === lsn)).toEqual(expected);
      }
      expect((await db.verify()).problems).toEqual([]);
    };
    await check(db);
    await db.close();
    const again = await openOn(disk);
    await check(again);
    await again.close();
    expect(filesWith(disk, secrets)).toEqual([]);
    await loseIndex(disk);
    const rebuilt = await openOn(disk);
    await check(rebuilt);
    await rebuilt.close();
  });

  it("spares namesakes in other graphs, and entries of maps, whatever their ids", async () => {
    const disk = create();
    const db = await openOn(disk);
    await db.transact((tx) => {
      tx.graph("other").putNode(secret, { props: { text: "once-was" } });
      tx.putNode(secret, { props: { stays: true } });
      tx.graph("third").putNode(secret, { props: { stays: true } });
      tx.map("other").put(secret, "stays");
    });
    // The first id of all: what an entry of a map has in its place.
    expect(db.graph("other").nodeId(secret)).toBe(1);
    await db.transact((tx) => tx.graph("other").erase(secret));
    expect((await db.compact()).pendingErasures).toBe(0);
    expect(filesWith(disk, ["once-was"])).toEqual([]);
    expect(db.graph("other").hasNode(secret)).toBe(false);
    expect(db.node(secret)?.props).toEqual({ stays: true });
    expect(db.graph("third").node(secret)?.props).toEqual({ stays: true });
    expect(db.map("other").get(secret)).toBe("stays");
    expect((await db.verify()).problems).toEqual([]);
    await db.close();
  });

  it("reaches graphs of the name that were dropped, which nothing else does", async () => {
    const disk = create();
    const db = await openOn(disk);
    await live(db);
    await db.transact((tx) => tx.dropGraph("other"));
    await fill(db, "pad.3");
    await db.compact();
    expect(filesWith(disk, secrets)).not.toEqual([]);
    const then = db.lastLsn;
    const { result, firstLsn, lastLsn } = await db.transact((tx) =>
      tx.graph("other").erase(secret),
    );
    expect([result, firstLsn, lastLsn]).toEqual([true, then + 1, then + 1]);
    expect(db.stats().graphs).toEqual([]);
    expect((await db.compact()).pendingErasures).toBe(0);
    expect(filesWith(disk, secrets)).toEqual([]);
    const past = await db.asOf(7);
    expect([...past.graph("other").nodes()].map(({ key }) => key)).toEqual(["a", "b"]);
    past.close();
    expect((await db.transact((tx) => tx.graph("other").erase(secret))).result).toBe(false);
    // Its numbers are nobody's now.
    await db.transact((tx) => {
      tx.graph("other").putNode(secret);
      expect(tx.graph("other").nodeId(secret)).toBeGreaterThan(4);
    });
    expect(db.graph("other").nodeCount).toBe(1);
    expect((await db.verify()).problems).toEqual([]);
    await db.close();
  });

  it("is no more than a write until it is accepted, and takes a graph that it leaves empty", async () => {
    const disk = create();
    const db = await openOn(disk);
    const stop = new Error("stop");
    await db.transact((tx) => tx.graph("other").putNode(secret));
    const asked = db.transact((tx) => {
      expect(tx.graph("other").erase(secret)).toBe(true);
      expect(() => tx.graph("other").erase("")).toThrow(RangeError);
      throw stop;
    });
    await expect(asked).rejects.toBe(stop);
    expect(db.graph("other").hasNode(secret)).toBe(true);
    expect(db.stats().history.pendingErasures).toBe(0);
    await db.transact((tx) => tx.graph("other").erase(secret));
    await db.compact();
    expect(filesWith(disk, secrets)).toEqual([]);
    await db.close();
    await loseIndex(disk);
    const again = await openOn(disk);
    await again.transact((tx) => tx.graph("other").putNode("new"));
    expect([...again.graph("other").nodes()].map(({ key }) => key)).toEqual(["new"]);
    await again.close();
  });
});

describe("what was dropped", () => {
  it("is gone from log and index once nobody reads of before", async () => {
    const disk = create();
    const db = await openOn(disk, "latest");
    const values = ["value-of-map", "key-of-map", "key-of-graph", "prop-of-graph"];
    await db.transact((tx) => {
      tx.map("gone").put("Yx-key-of-map", "value-of-map");
      tx.map("stays").put("k", 1);
      const graph = tx.graph("gone");
      for (const key of ["Xw-key-of-graph", "Wv-key-of-graph"]) {
        graph.putNode(key, { labels: ["L"], props: { text: "prop-of-graph" } });
      }
      graph.addEdge("Xw-key-of-graph", "KNOWS", "Wv-key-of-graph", { text: "prop-of-graph" });
      tx.putNode("a");
      tx.addEdge("a", "KNOWS", "a");
      tx.graph("kept").putNode("b", { labels: ["L"] });
      tx.graph("kept").addEdge("b", "KNOWS", "b");
    });
    await fill(db, "pad.1");
    await db.checkpoint();
    const view = db.snapshot();
    await db.transact((tx) => {
      tx.dropMap("gone");
      tx.dropGraph("gone");
    });
    await db.compact();
    expect(view.map("gone").get("Yx-key-of-map")).toBe("value-of-map");
    expect(view.graph("gone").edgeCount).toBe(1);
    view.close();
    const before = db.stats().bytes.index;
    await db.compact();
    expect(filesWith(disk, values)).toEqual([]);
    expect(db.stats().bytes.index).toBeLessThan(before);
    const check = (db: Database): void => {
      expect([db.nodeCount, db.edgeCount]).toEqual([2, 1]);
      expect(db.map("stays").get("k")).toBe(1);
      expect([...db.allEdges()].map(({ from }) => from)).toEqual(["a"]);
      const kept = db.graph("kept");
      expect([...kept.nodes({ label: "L" })].map(({ key }) => key)).toEqual(["b"]);
      expect([...kept.neighbors("b")]).toEqual(["b"]);
      expect(db.graph("gone").nodeCount).toBe(0);
      expect(db.map("gone").get("Yx-key-of-map")).toBeUndefined();
    };
    check(db);
    expect((await db.verify()).problems).toEqual([]);
    await db.close();
    const again = await openOn(disk, "latest");
    check(again);
    await again.transact((tx) => tx.graph("gone").putNode("new"));
    expect([...again.graph("gone").nodes()].map(({ key }) => key)).toEqual(["new"]);
    await again.close();
  });

  it("stays as long as the policy says", async () => {
    const disk = create();
    const db = await openOn(disk);
    await db.transact((tx) => tx.map("gone").put("Yx-key-of-map", "value-of-map"));
    const { lastLsn } = db;
    await db.transact((tx) => tx.dropMap("gone"));
    await db.compact();
    const past = await db.asOf(lastLsn);
    expect(past.map("gone").get("Yx-key-of-map")).toBe("value-of-map");
    past.close();
    await db.close();
  });
});
