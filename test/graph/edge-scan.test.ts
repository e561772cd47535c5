// The scan of all edges makes some of them ahead: nobody may notice, whatever it meets.
import { describe, expect, it } from "vitest";
import { EdgeScan, type EdgeScanPlan } from "../../src/graph/edge-scan.ts";
import type { ReadSource } from "../../src/graph/read-source.ts";
import type { EventLookup } from "../../src/log/event-lookup.ts";
import { MemoryGraph } from "./support.ts";

/** Transactions of a few edges each, runs without props among them, some patched and some removed; the ids that are left. */
function filled(graph: MemoryGraph): number[] {
  const left: number[] = [];
  const ids = graph.transact((tx) => tx.putNodes(Array.from({ length: 40 }, (_, i) => `n${i}`)));
  for (let round = 0; round < 60; round++) {
    const added = graph.transact((tx) =>
      Array.from({ length: 5 }, (_, i) => tx.addEdge(`n${i}`, "T", `n${(round + i) % 40}`, { i })),
    );
    if (round % 3 === 0) graph.transact((tx) => tx.patchEdge(added[1]!, { patched: round }));
    if (round % 4 === 0) {
      graph.transact((tx) => tx.removeEdge(added[2]!));
      added.splice(2, 1);
    }
    left.push(...added);
    if (round % 5 === 0) {
      const before = graph.lastLsn;
      graph.transact((tx) => tx.addEdges({ type: "RUN", from: ids, to: ids }));
      left.push(...Array.from({ length: 40 }, (_, i) => before + 1 + i));
    }
  }
  return left;
}

function sourceOf(graph: MemoryGraph): ReadSource {
  return (graph as unknown as { readonly source: ReadSource }).source;
}

function scanOf(source: ReadSource, plan: Partial<EdgeScanPlan> = {}): EdgeScan {
  const all = { graph: 0, types: undefined, after: 0, limit: Number.POSITIVE_INFINITY };
  return new EdgeScan(source, { ...all, lsn: source.lsn("scan"), ...plan });
}

/** The same source, whose log fails where a scan comes to its `count`th record. */
function failingAfter(source: ReadSource, count: number): ReadSource {
  const events: EventLookup = {
    find: (lsn) => source.events.find(lsn),
    scan: (from, to) => {
      const records = source.events.scan(from, to);
      let left = count;
      const next = () => {
        if (left-- === 0) throw new Error("unreadable");
        return records.next();
      };
      return { next };
    },
  };
  return Object.create(source, { events: { value: events } }) as ReadSource;
}

/** The LSN behind the first `count` records. */
function endOf(source: ReadSource, count: number): number {
  const records = source.events.scan(1, source.lsn("end"));
  let end = 0;
  for (let i = 0; i < count; i++) end = records.next()!.nextLsn;
  return end;
}

describe("the scan of all edges", () => {
  it("gives the records that each edge has by its id, in order, from anywhere, up to any number", () => {
    const graph = new MemoryGraph();
    const left = filled(graph);
    const source = sourceOf(graph);
    const whole = [...scanOf(source)];
    expect(whole.map(({ id }) => id)).toEqual(left);
    expect(whole).toEqual(left.map((id) => graph.edge(id)));
    for (const limit of [1, 2, 3, 63, 64, 65, 127, 200]) {
      const after = left[limit]!;
      expect([...scanOf(source, { limit })]).toEqual(whole.slice(0, limit));
      expect([...scanOf(source, { limit, after })]).toEqual(whole.slice(limit + 1, limit * 2 + 1));
    }
  });

  it("shows what is as of its LSN while all of it is removed", () => {
    const graph = new MemoryGraph();
    filled(graph);
    const source = sourceOf(graph);
    const expected = [...scanOf(source)];
    const scan = scanOf(source);
    const seen: unknown[] = [];
    for (const edge of scan) {
      seen.push(edge);
      if (seen.length % 10 === 1)
        graph.transact((tx) => tx.removeEdge(expected.at(-1)!.id - seen.length));
    }
    expect(seen).toEqual(expected);
  });

  it("gives every edge before the place that it cannot read, fails there, and is over", () => {
    const graph = new MemoryGraph();
    filled(graph);
    const source = sourceOf(graph);
    const expected = [...scanOf(source)];
    for (const count of [0, 1, 41, 50, 120, 200]) {
      const scan = scanOf(failingAfter(source, count), { lsn: graph.lastLsn });
      const seen: unknown[] = [];
      expect(() => {
        for (const edge of scan) seen.push(edge);
      }).toThrow("unreadable");
      expect(seen).toEqual(expected.filter(({ id }) => id < endOf(source, count)));
      expect(scan.next()).toEqual({ done: true, value: undefined });
    }
  });

  it("gives every edge before one whose end has no key", () => {
    const graph = new MemoryGraph();
    filled(graph);
    const source = sourceOf(graph);
    const expected = [...scanOf(source)];
    const bad = expected[100]!;
    const badId = graph.nodeId(bad.to)!;
    const first = expected.findIndex(({ from, to }) => from === bad.to || to === bad.to);
    const index = Object.create(source.index, {
      keyOf: { value: (id: number) => (id === badId ? undefined : source.index.keyOf(id)) },
      edges: { value: source.index.edges },
    });
    const broken = Object.create(source, { index: { value: index } }) as ReadSource;
    const seen: unknown[] = [];
    expect(() => {
      for (const edge of scanOf(broken)) seen.push(edge);
    }).toThrow(`no key for node ${badId}`);
    expect(seen).toEqual(expected.slice(0, first));
  });

  it("asks at every step whether what it shows is still there", () => {
    const graph = new MemoryGraph();
    filled(graph);
    const source = sourceOf(graph);
    let isGone = false;
    const check = () => {
      if (isGone) throw new Error("gone");
    };
    const scan = scanOf(Object.create(source, { check: { value: check } }) as ReadSource);
    for (let step = 0; step < 20; step++) scan.next();
    isGone = true;
    expect(() => scan.next()).toThrow("gone");
  });
});
