// Named graphs: apart from each other in everything that is asked for, in one transaction, and gone as a whole once dropped.
import { describe, expect, it } from "vitest";
import type { Change } from "../../src/changes/change.ts";
import type { Database } from "../../src/database/database.ts";
import { openTuned } from "../../src/database/open.ts";
import { dropAll, simulatedPorts } from "../../src/testing/testing.ts";
import { tinyTrees } from "../graph/support.ts";

const tuning = { index: tinyTrees, activeEventsMax: 6, pageBytes: 512, mergeAbove: 2 };

async function fresh(disk = simulatedPorts().disk, implicitNodes = false): Promise<Database> {
  const ports = simulatedPorts({ disk, seed: 3, tasks: "automatic" });
  return await openTuned("/db", { ...ports, memoryBudget: 16 * 2 ** 20, implicitNodes }, tuning);
}

async function changesOf(db: Database, options = {}): Promise<Change[]> {
  const changes: Change[] = [];
  for await (const change of db.changes({ live: false, ...options }).events()) changes.push(change);
  return changes;
}

/** The same keys, labels and types in the default graph and in two others. */
async function filled(db: Database): Promise<void> {
  await db.transact((tx) => {
    for (const graph of [tx, tx.graph("one"), tx.graph("two")]) {
      graph.putNode("a", { labels: ["L"], props: { nodes: graph.nodeCount } });
      graph.putNode("b", { labels: graph === tx ? ["L", "M"] : ["M"] });
      graph.addEdge("a", "T", "b", { of: graph === tx });
    }
    tx.graph("two").putNode("c");
    expect(tx.graph("two").nodeCount).toBe(3);
    expect(tx.nodeCount).toBe(2);
  });
}

describe("a named graph", () => {
  it("has keys, labels, edges and counts of its own, and ids that no other graph has", async () => {
    const db = await fresh();
    await filled(db);
    for (const name of ["one", "two"]) {
      const graph = db.graph(name);
      expect([...graph.nodes({ label: "L" })].map(({ key }) => key)).toEqual(["a"]);
      expect([...graph.nodes({ label: "M" })].map(({ key }) => key)).toEqual(["b"]);
      expect([...graph.nodes({ prefix: "b" })].map(({ key }) => key)).toEqual(["b"]);
      expect([...graph.nodes({ after: "a" })].map(({ key }) => key)[0]).toBe("b");
      expect([...graph.neighbors("a")]).toEqual(["b"]);
      expect([...graph.allEdges()].map(({ from, to, props }) => [from, to, props])).toEqual([
        ["a", "b", { of: false }],
      ]);
      expect(graph.shortestPath("a", "b")).toEqual(["a", "b"]);
      expect(graph.degree("b", { direction: "in" })).toBe(1);
      expect([...graph.traverse("a")].map(({ key }) => key)).toEqual(["a", "b"]);
    }
    expect([db.nodeCount, db.edgeCount]).toEqual([2, 1]);
    expect([db.graph("two").nodeCount, db.graph("two").edgeCount]).toEqual([3, 1]);
    expect([...db.nodes()].map(({ key }) => key)).toEqual(["a", "b"]);
    expect([...db.allEdges()].length).toBe(1);

    const id = db.graph("one").nodeId("a")!;
    const [edge] = db.graph("one").edgeIds(id);
    for (const other of [db, db.graph("two"), db.graph("none")]) {
      expect(other.nodeId("a")).not.toBe(id);
      expect(other.nodeKey(id)).toBeUndefined();
      expect(other.neighborIds(id).length).toBe(0);
      expect(other.edgeIds(id).length).toBe(0);
      expect(other.edge(edge!)).toBeUndefined();
    }
    expect(db.graph("one").edge(edge!)?.from).toBe("a");
    expect(db.graph("none").nodeCount).toBe(0);
    const { graphs, maps } = db.stats();
    expect(graphs).toEqual([
      { name: "one", nodes: 2, edges: 1 },
      { name: "two", nodes: 3, edges: 1 },
    ]);
    expect(maps).toEqual([]);
    await db.close();
  });

  it("lets no edge lead into another one, by keys or by ids", async () => {
    const db = await fresh();
    await filled(db);
    const ours = Uint32Array.of(db.nodeId("a")!);
    const theirs = Uint32Array.of(db.graph("two").nodeId("c")!);
    const ownEdge = [...db.allEdges()][0]!.id;
    await db.transact((tx) => {
      const absent = expect.objectContaining({ code: "NODE_NOT_FOUND" });
      expect(() => tx.addEdge("a", "T", "c")).toThrow(absent);
      expect(() => tx.addEdges({ type: "T", from: ours, to: theirs })).toThrow(absent);
      expect(() => tx.graph("two").addEdges({ type: "T", from: ours, to: theirs })).toThrow(absent);
      expect(() => tx.graph("none").addEdge("a", "T", "b")).toThrow(absent);
      expect(() => tx.graph("two").patchEdge(ownEdge, {})).toThrow(
        expect.objectContaining({ code: "EDGE_NOT_FOUND" }),
      );
      expect(tx.graph("two").removeEdge(ownEdge)).toBe(false);
      expect(tx.graph("none").removeNode("a")).toBe(false);
      expect(() => tx.graph("none").patchNode("a", {})).toThrow(absent);
      expect(() => tx.graph("")).toThrow(RangeError);
    });
    expect(db.stats().graphs.map(({ name }) => name)).toEqual(["one", "two"]);
    await db.close();
  });

  it("makes missing ends in itself where the option says so", async () => {
    const db = await fresh(undefined, true);
    await db.transact((tx) => tx.graph("g").addEdge("x", "T", "y"));
    expect([...db.graph("g").nodes()].map(({ key }) => key)).toEqual(["x", "y"]);
    expect(db.nodeCount).toBe(0);
    await db.close();
  });

  it("is named in every change, and filters by name", async () => {
    const db = await fresh();
    await filled(db);
    await db.transact((tx) => {
      tx.graph("one").patchNode("a", { addLabels: ["X"] });
      tx.graph("one").removeNode("b");
      tx.graph("two").emit("hello", 1);
    });
    const all = await changesOf(db);
    expect(new Set(all.map(({ graph }) => graph))).toEqual(new Set(["", "one", "two"]));
    for (const name of ["", "one", "two"]) {
      const own = await changesOf(db, { filter: { graphs: [name] } });
      expect(own).toEqual(all.filter(({ graph }) => graph === name));
      expect(own.length).toBeGreaterThan(2);
    }
    const labelled = await changesOf(db, { filter: { labels: ["X"] } });
    expect(labelled.map(({ kind, graph }) => [kind, graph])).toEqual([["node.patch", "one"]]);
    const ofL = await changesOf(db, { filter: { labels: ["L"], kinds: ["node.put"] } });
    expect(ofL.map(({ graph }) => graph)).toEqual(["", "", "one", "two"]);
    const before = await changesOf(db, { before: true, filter: { kinds: ["node.patch"] } });
    expect(before).toMatchObject([{ graph: "one", before: { key: "a", labels: ["L"] } }]);
    await db.close();
  });

  it("survives reopening, with the same numbers, and a projection follows it", async () => {
    const { disk } = simulatedPorts();
    let db = await fresh(disk);
    await filled(db);
    await db.checkpoint();
    await db.transact((tx) => tx.graph("one").putNode("late"));
    const cut = disk.powerCut(dropAll);
    disk.stop();
    db = await fresh(cut);
    expect(db.graph("one").nodeCount).toBe(3);
    const counted = await db.project("nodes per graph", {
      version: 1,
      init: (): Record<string, number> => ({}),
      apply(state, change) {
        if (change.kind === "node.put") state[change.graph] = (state[change.graph] ?? 0) + 1;
        return undefined;
      },
    });
    await counted.caughtUp();
    expect(counted.state).toEqual({ "": 2, one: 3, two: 3 });
    expect((await db.verify()).problems).toEqual([]);
    await db.close();
  });
});

describe("a dropped graph or map", () => {
  it("is gone at once, told by one change, and one of its name begins anew", async () => {
    const db = await fresh();
    await filled(db);
    await db.transact((tx) => tx.map("m").put("k", 1));
    const view = db.snapshot();
    const { lastLsn } = db;
    await db.transact((tx) => {
      expect(tx.dropGraph("one")).toBe(true);
      expect(tx.dropGraph("one")).toBe(false);
      expect(tx.dropGraph("none")).toBe(false);
      expect(tx.graph("one").hasNode("a")).toBe(false);
      expect(tx.graph("one").nodeCount).toBe(0);
      tx.graph("one").putNode("a", { labels: ["L"] });
      expect(tx.dropMap("m")).toBe(true);
      expect([...tx.map("m").range()]).toEqual([]);
      expect(tx.map("m").delete("k")).toBe(false);
      expect(() => tx.dropMap("")).toThrow(RangeError);
    });
    expect([...db.graph("one").nodes()].map(({ labels }) => labels)).toEqual([["L"]]);
    expect([db.graph("one").nodeCount, db.graph("one").edgeCount]).toEqual([1, 0]);
    expect([...db.graph("one").edges("a")]).toEqual([]);
    expect(db.map("m").get("k")).toBeUndefined();
    expect(db.stats().maps).toEqual([]);
    expect(
      (await changesOf(db, { from: lastLsn + 1 })).map(({ kind, graph }) => [kind, graph]),
    ).toEqual([
      ["graph.drop", "one"],
      ["node.put", "one"],
      ["map.drop", ""],
    ]);
    expect((await changesOf(db, { filter: { kinds: ["map.drop"], maps: ["m"] } })).length).toBe(1);
    expect(
      (await changesOf(db, { filter: { graphs: ["one"], kinds: ["graph.drop"] } })).length,
    ).toBe(1);

    expect([view.graph("one").nodeCount, view.graph("one").edgeCount]).toEqual([2, 1]);
    expect([...view.graph("one").neighbors("a")]).toEqual(["b"]);
    expect(view.map("m").get("k")).toBe(1);
    view.close();
    const past = await db.asOf(lastLsn);
    expect(past.graph("one").node("b")?.labels).toEqual(["M"]);
    past.close();
    await db.close();
  });

  it("is there again where its drop is taken back", async () => {
    const db = await fresh();
    await filled(db);
    const stop = new Error("stop");
    const failing = db.transact((tx) => {
      tx.dropGraph("one");
      tx.graph("one").putNode("other");
      throw stop;
    });
    await expect(failing).rejects.toBe(stop);
    expect([db.graph("one").nodeCount, db.graph("one").edgeCount]).toEqual([2, 1]);
    expect([...db.graph("one").neighbors("a")]).toEqual(["b"]);
    await db.transact((tx) => tx.graph("one").putNode("c"));
    expect(db.graph("one").nodeCount).toBe(3);
    await db.close();
  });

  it("stays dropped through checkpoints and replays", async () => {
    const { disk } = simulatedPorts();
    let db = await fresh(disk);
    await filled(db);
    await db.transact((tx) => tx.dropGraph("two"));
    await db.checkpoint();
    await db.transact((tx) => {
      tx.dropGraph("one");
      tx.graph("two").putNode("new");
    });
    const cut = disk.powerCut(dropAll);
    disk.stop();
    db = await fresh(cut);
    expect(db.stats().graphs).toEqual([{ name: "two", nodes: 1, edges: 0 }]);
    expect([...db.graph("two").nodes()].map(({ key }) => key)).toEqual(["new"]);
    expect((await db.verify()).problems).toEqual([]);
    await db.close();
  });
});
