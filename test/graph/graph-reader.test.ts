// Covers what reads promise beyond what the model compares: order, iterators held over writes, limits, hostile keys, hubs.
import { describe, expect, it } from "vitest";
import { VarveError } from "../../src/codec/errors.ts";
import type { GraphReader } from "../../src/graph/graph-reader.ts";
import { MemoryGraph } from "./support.ts";

function codeOf(run: () => unknown): string | undefined {
  try {
    run();
  } catch (error) {
    return error instanceof VarveError ? error.code : (error as Error).name;
  }
  return undefined;
}

/** What an iterator still gives. */
function rest(iterator: Iterator<unknown>): unknown[] {
  const values: unknown[] = [];
  for (let next = iterator.next(); next.done !== true; next = iterator.next()) {
    values.push(next.value);
  }
  return values;
}

/** A line of nodes n0 → n1 → … with an edge each. */
function line(count: number): MemoryGraph {
  const graph = new MemoryGraph();
  graph.transact((tx) => {
    const ids = tx.putNodes(Array.from({ length: count }, (_, i) => `n${i}`));
    tx.addEdges({ type: "NEXT", from: ids.slice(0, -1), to: ids.slice(1) });
  });
  return graph;
}

describe("iterables", () => {
  it("go on unchanged while everything under them is removed and replaced", () => {
    const graph = new MemoryGraph();
    graph.transact((tx) => {
      const ids = tx.putNodes(
        Array.from({ length: 500 }, (_, i) => `n${i}`),
        { labels: ["L"] },
      );
      tx.addEdges({ type: "T", from: new Uint32Array(500).fill(1), to: ids });
      tx.addEdges({ type: "T", from: ids, to: new Uint32Array(500).fill(1) });
    });
    const make = (): Record<string, IterableIterator<unknown>> => ({
      edges: graph.edges("n0", { direction: "both" }),
      reverse: graph.edges("n0", { direction: "both", reverse: true }),
      neighbors: graph.neighbors("n0"),
      nodes: graph.nodes(),
      labelled: graph.nodes({ label: "L" }),
      allEdges: graph.allEdges(),
      traverse: graph.traverse("n0"),
    });
    const expected = Object.values(make()).map((each) => [...each]);
    const held = Object.values(make());
    const seen = held.map((iterator) => [iterator.next().value]);
    for (let round = 0; round < 10; round++) {
      graph.transact((tx) => {
        for (let i = round * 50; i < round * 50 + 50; i++) tx.removeNode(`n${i}`);
        tx.putNode(`n${round}`, { props: { again: true } });
        tx.putNode(`m${round}`, { labels: ["L"] });
        tx.addEdge(`n${round}`, "T", `m${round}`, { round });
      });
      held.forEach((iterator, i) => {
        for (let step = 0; step < 20; step++) {
          const next = iterator.next();
          if (next.done !== true) seen[i]?.push(next.value);
        }
      });
    }
    for (const [i, iterator] of held.entries()) seen[i]?.push(...rest(iterator));
    expect(seen).toEqual(expected);
  });

  it("are as of their call, not of their first step", () => {
    const graph = line(3);
    const nodes = graph.nodes();
    const edges = graph.edges("n0");
    graph.transact((tx) => {
      tx.removeNode("n0");
      tx.putNode("n0a");
    });
    expect([...nodes].map(({ key }) => key)).toEqual(["n0", "n1", "n2"]);
    expect([...edges]).toHaveLength(1);
  });

  it("fail where what they show was taken back", () => {
    const graph = line(3);
    graph.transact((tx) => tx.putNode("x"));
    const nodes = graph.nodes();
    nodes.next();
    graph.rejectLast();
    expect(() => [...nodes]).toThrow(/rolled back/);
  });

  it("miss nothing where later entries that they stood on were taken back", () => {
    const graph = new MemoryGraph();
    graph.transact((tx) => {
      const ids = tx.putNodes(Array.from({ length: 60 }, (_, i) => `n${i + 10}`));
      tx.addEdges({ type: "T", from: new Uint32Array(60).fill(1), to: ids });
    });
    const before = graph.lastLsn;
    const lists = (view: GraphReader): Iterator<unknown>[] => [
      view.edges("n10"),
      view.edges("n10", { reverse: true }),
      view.nodes(),
    ];
    const expected = lists(graph).map((each) => rest(each));
    // Between any two entries of the view there are now some that it does not show.
    graph.transact((tx) => {
      const ids = tx.putNodes(Array.from({ length: 60 }, (_, i) => `n${i + 10}`));
      tx.putNodes(Array.from({ length: 60 }, (_, i) => `n${i + 10}x`));
      for (let round = 0; round < 2; round++) {
        tx.addEdges({ type: "T", from: new Uint32Array(60).fill(1), to: ids });
      }
    });
    const held = lists(graph.view(before));
    const firsts = held.map((each) => [each.next().value]);
    graph.rejectLast();
    expect(held.map((each, i) => [...(firsts[i] ?? []), ...rest(each)])).toEqual(expected);
  });

  it("end at once when they are returned", () => {
    const nodes = line(3).nodes();
    nodes.next();
    nodes.return?.();
    expect(nodes.next()).toEqual({ done: true, value: undefined });
  });
});

describe("records", () => {
  it("are fresh objects: changing one changes nothing", () => {
    const graph = new MemoryGraph();
    graph.transact((tx) =>
      tx.putNode("a", { labels: ["L"], props: { list: [1], bytes: new Uint8Array(2) } }),
    );
    const node = graph.node("a");
    if (node === undefined) throw new Error("no node");
    (node.props["list"] as number[]).push(2);
    (node.props["bytes"] as Uint8Array)[0] = 9;
    node.labels.push("M");
    expect(graph.node("a")).toMatchObject({ labels: ["L"], props: { list: [1] } });
    expect(graph.node("a")?.props["bytes"]).toEqual(new Uint8Array(2));
  });

  it("keep every value exactly, in small records and in large ones", () => {
    const props = {
      nothing: null,
      zero: -0,
      nan: Number.NaN,
      far: Number.NEGATIVE_INFINITY,
      big: -(2n ** 200n),
      lone: "\udc00 \ud800",
      date: new Date(86_400_000),
      nested: { list: [[], {}, "x"], ["__proto__"]: 1 },
      ["__proto__"]: "own",
      skipped: undefined,
    };
    for (const fill of ["", "x".repeat(1000)]) {
      const graph = new MemoryGraph();
      graph.transact((tx) => {
        tx.putNode("a", { props: { ...props, ["__proto__"]: "own", fill } });
        tx.addEdge("a", "T", "a", props);
      });
      const { skipped: _, ...kept } = props;
      expect(graph.node("a")?.props).toStrictEqual({ ...kept, ["__proto__"]: "own", fill });
      expect(Object.is(graph.edge(2)?.props["zero"], -0)).toBe(true);
      expect(Object.getOwnPropertyDescriptor(graph.edge(2)?.props, "__proto__")?.value).toBe("own");
    }
  });
});

describe("keys", () => {
  it("are kept apart and in the order of their bytes, whatever they hold", () => {
    const keys = [
      "\u0000",
      "\u0000\u0000",
      "1",
      "10",
      "9",
      "__proto__",
      "a\u0000",
      "constructor",
      "k".repeat(1023),
      "k".repeat(1024),
      "é",
      "\ud800",
      "\udc00",
      "\uffff",
      "😀",
    ];
    const graph = new MemoryGraph();
    graph.transact((tx) => {
      for (const key of [...keys].reverse())
        tx.putNode(key, { labels: [key], props: { [key]: key } });
      for (const key of keys) tx.addEdge(key, key, key);
    });
    expect([...graph.nodes()].map(({ key }) => key)).toEqual(keys);
    for (const key of keys) {
      expect(graph.node(key)).toMatchObject({ key, labels: [key] });
      expect(Object.entries(graph.node(key)?.props ?? {})).toEqual([[key, key]]);
      expect([...graph.nodes({ label: key })]).toHaveLength(1);
      expect([...graph.neighbors(key, { type: key })]).toEqual([key]);
      expect(graph.nodeKey(graph.nodeId(key) ?? 0)).toBe(key);
    }
    expect([...graph.nodes({ prefix: "k".repeat(1024) })]).toHaveLength(1);
    expect([...graph.nodes({ after: "é", limit: 2 })].map(({ key }) => key)).toEqual([
      "\ud800",
      "\udc00",
    ]);
    expect(codeOf(() => graph.node("k".repeat(1025)))).toBe("RangeError");
    expect(codeOf(() => graph.node("😀".repeat(257)))).toBe("RangeError");
  });
});

describe("a hub", () => {
  it("with 100,000 edges is read whole, in part, in the past and after it is gone", () => {
    const count = 100_000;
    const graph = new MemoryGraph({});
    graph.transact((tx) => {
      const ids = tx.putNodes(Array.from({ length: count }, (_, i) => `n${i}`));
      tx.addEdges({ type: "T", from: new Uint32Array(count).fill(1), to: ids });
      tx.addEdge("n0", "U", "n1");
    });
    const before = graph.lastLsn;
    expect(graph.degree("n0", { direction: "both" })).toBe(count + 2);
    expect(graph.neighborIds(1)).toEqual(Uint32Array.from({ length: count }, (_, i) => i + 1));
    expect(graph.edgeIds(1, { type: "T" })[99_999]).toBe(count * 2);
    const last = [...graph.edges("n0", { reverse: true, limit: 2, type: "T" })];
    expect(last.map(({ to }) => to)).toEqual(["n99999", "n99998"]);
    graph.transact((tx) => tx.removeEdge(count + 1));
    expect(graph.neighborIds(1).length).toBe(count - 1);
    graph.transact((tx) => tx.removeNode("n0"));
    expect([graph.nodeCount, graph.edgeCount]).toEqual([count - 1, 0]);
    expect([...graph.allEdges()]).toEqual([]);
    expect(graph.neighborIds(1).length).toBe(0);
    expect(graph.view(before).neighborIds(1).length).toBe(count);
    expect(graph.view(before).degree("n1", { direction: "in" })).toBe(2);
  });
});

describe("searches", () => {
  it("stop at the depth asked for, and say by which edge they came", () => {
    const graph = line(5);
    expect([...graph.traverse("n0", { depth: 2 })]).toEqual([
      { key: "n0", depth: 0, via: undefined },
      { key: "n1", depth: 1, via: 6 },
      { key: "n2", depth: 2, via: 7 },
    ]);
    expect([...graph.traverse("n0", { depth: 0 })]).toHaveLength(1);
    expect([...graph.traverse("n4", { direction: "in" })].map(({ key }) => key)).toEqual([
      "n4",
      "n3",
      "n2",
      "n1",
      "n0",
    ]);
  });

  it("visit no more nodes than they may", () => {
    const graph = line(10);
    expect([...graph.traverse("n0", { maxVisited: 10 })]).toHaveLength(10);
    expect(codeOf(() => [...graph.traverse("n0", { maxVisited: 9 })])).toBe("LIMIT_EXCEEDED");
    expect(graph.shortestPath("n0", "n9", { maxVisited: 10 })).toHaveLength(10);
    expect(codeOf(() => graph.shortestPath("n0", "n9", { maxVisited: 5 }))).toBe("LIMIT_EXCEEDED");
  });

  it("find the shortest way, not the first", () => {
    const graph = line(50);
    graph.transact((tx) => {
      tx.addEdge("n0", "JUMP", "n30");
      tx.addEdge("n30", "JUMP", "n48");
    });
    expect(graph.shortestPath("n0", "n49")).toEqual(["n0", "n30", "n48", "n49"]);
    expect(graph.shortestPath("n0", "n49", { type: "NEXT" })).toHaveLength(50);
    expect(graph.shortestPath("n49", "n0")).toBeUndefined();
    expect(graph.shortestPath("n49", "n0", { direction: "in" })).toHaveLength(4);
    expect(graph.shortestPath("n3", "n3")).toEqual(["n3"]);
    expect(graph.shortestPath("n3", "nobody")).toBeUndefined();
  });
});

describe("nodes with a label", () => {
  it("come in order whether they are few or nearly all", () => {
    const graph = new MemoryGraph({});
    const keys = Array.from({ length: 5000 }, (_, i) => `n${(i * 7919) % 5000}`);
    graph.transact((tx) => {
      tx.putNodes(keys, { labels: ["Many"] });
      tx.putNodes(keys.slice(0, 700), { labels: ["Many", "Few"] });
      tx.putNode("n1", { labels: [] });
    });
    const many = [...graph.nodes({ label: "Many" })].map(({ key }) => key);
    expect(many).toEqual([...keys].filter((key) => key !== "n1").sort());
    const few = [...graph.nodes({ label: "Few", prefix: "n1", after: "n11" })].map(
      ({ key }) => key,
    );
    const expected = keys.slice(0, 700).filter((key) => /^n1./.test(key) && key > "n11");
    expect(few).toEqual(expected.sort());
  });
});

describe("arguments of reads", () => {
  const graph = line(3);
  const refused: [string, (graph: GraphReader<object>) => unknown, RegExp][] = [
    ["a number as a key", (g) => g.node(1 as never), /node: key must be a string, got 1/],
    ["no key at all", (g) => g.edges(undefined as never), /edges: key .* undefined/],
    ["an empty key", (g) => g.hasNode(""), /1 to 1024 bytes/],
    ["an id that is a string", (g) => g.edge("1" as never), /edge: id/],
    ["an unknown option", (g) => g.edges("n0", { dir: "in" } as never), /unknown option "dir"/],
    ["a direction that is none", (g) => g.degree("n0", { direction: "up" as never }), /direction/],
    ["a negative limit", (g) => g.edges("n0", { limit: -1 }), /limit .* -1/],
    ["a limit that is no whole number", (g) => g.nodes({ limit: 1.5 }), /limit/],
    ["a limit that is text", (g) => g.nodes({ limit: "3" as never }), /limit must be a number/],
    ["a depth that is NaN", (g) => g.traverse("n0", { depth: Number.NaN }), /depth/],
    ["a bound of no nodes", (g) => g.shortestPath("n0", "n1", { maxVisited: 0 }), /maxVisited/],
    ["an empty type", (g) => g.neighbors("n0", { type: "" }), /type/],
    ["a list with a number", (g) => g.neighborIds(1, { type: ["A", 1] as never }), /type\[1\]/],
    ["options that are a string", (g) => g.nodes("Person" as never), /options must be an object/],
    ["options that are null", (g) => g.allEdges(null as never), /options .* null/],
    ["a flag that is a number", (g) => g.edges("n0", { reverse: 1 as never }), /reverse/],
    ["a prefix that is a number", (g) => g.nodes({ prefix: 1 as never }), /prefix/],
    ["an after that is a key of an edge", (g) => g.allEdges({ after: "n0" as never }), /after/],
  ];

  it.each(refused)("refuse %s at the call, naming it", (_title, run, message) => {
    expect(() => run(graph)).toThrow(message);
    expect(codeOf(() => run(graph))).toMatch(/^(Type|Range)Error$/);
  });

  it("may be undefined wherever they are optional", () => {
    const none = { direction: undefined, type: undefined, to: undefined, limit: undefined };
    expect([...graph.edges("n0", { ...none, reverse: undefined })]).toHaveLength(1);
    expect([
      ...graph.nodes({ label: undefined, prefix: undefined, after: undefined }),
    ]).toHaveLength(3);
  });

  it("find nothing where they name what is not there", () => {
    expect(graph.node("no")).toBeUndefined();
    for (const id of [0, -1, 1.5, 2 ** 32 + 1, Number.NaN, 1e300]) {
      expect(graph.edge(id)).toBeUndefined();
      expect(graph.nodeKey(id)).toBeUndefined();
      expect(graph.neighborIds(id)).toEqual(new Uint32Array(0));
      expect(graph.edgeIds(id, { direction: "both" })).toEqual(new Float64Array(0));
    }
    expect([...graph.edges("n0", { type: "no" })]).toEqual([]);
    expect([...graph.edges("n0", { type: [] })]).toEqual([]);
    expect([...graph.edges("n0", { to: "no" })]).toEqual([]);
    expect([...graph.nodes({ label: "no" })]).toEqual([]);
    expect([...graph.nodes({ limit: 0 })]).toEqual([]);
    expect([...graph.allEdges({ type: "no" })]).toEqual([]);
    expect([...graph.traverse("no")]).toEqual([]);
  });
});
