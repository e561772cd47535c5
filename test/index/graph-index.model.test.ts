// The layered index against a plain model: random events, freezes, flushes, merges that drop history or not, undoing and restores,
// read at several LSNs.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EdgePages, type EdgeRange } from "../../src/index/edge-pages.ts";
import { GraphIndex } from "../../src/index/graph-index.ts";
import { KeyPages } from "../../src/index/key-pages.ts";
import { treeNames } from "../../src/index/tree-kind.ts";
import { EventBatch } from "../../src/log/event-batch.ts";
import { NameTable } from "../../src/log/name-table.ts";
import { readNameIds } from "../../src/log/props-codec.ts";
import { IndexModel, type ModelOperation, type Picture } from "./index-model.ts";
import { LayerMover } from "./layers-support.ts";

const tiny = {
  leafCapacity: 4,
  innerCapacity: 4,
  stagingCapacity: 8,
  chunkBytes: 2048,
  keyCacheSlots: 4,
  keyStringSlots: 4,
  liveIdPages: 1,
};
const keys = ["a", "ab", "b", "nul", "nul\u0000", "k".repeat(27), "k".repeat(28), "l".repeat(300)];
const labels = [1, 2, 3];
const types = [4, 5];
const names = ["L1", "L2", "L3", "T4", "T5", "p"];
const none = new Uint8Array(0);

const key = fc.nat({ max: keys.length - 1 }).map((at) => keys[at]!);
const someLabels = fc.uniqueArray(fc.constantFrom(...labels), { maxLength: 3 });
const type = fc.constantFrom(...types);
const operation: fc.Arbitrary<ModelOperation> = fc.oneof(
  fc.record({ op: fc.constant("put"), key, labels: someLabels, isBig: fc.boolean() }),
  fc.record({ op: fc.constant("patch"), key, labels: someLabels, isBig: fc.boolean() }),
  fc.record({ op: fc.constant("remove"), key }),
  { weight: 2, arbitrary: fc.record({ op: fc.constant("edge"), key, type, to: key }) },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant("run"), type, count: fc.nat(20), pick: fc.nat() }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("removeEdge"), pick: fc.nat() }) },
  fc.record({ op: fc.constant("patchEdge"), pick: fc.nat() }),
);
const operations = fc.array(operation, { minLength: 1, maxLength: 5 });
const noOperations = fc.constant<ModelOperation[]>([]);
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("write"), operations, pick: fc.nat() }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        "freeze",
        "flush",
        "freeze and flush",
        "merge",
        "undo",
        "undo",
        "restore",
      ),
      operations: noOperations,
      pick: fc.nat(),
    }),
  },
);

/** What is written between two merges that drop history. */
const round = fc.record({
  writes: fc.array(operations, { minLength: 1, maxLength: 4 }),
  kind: fc.constantFrom("none", "undo", "restore", "merge", "freeze"),
  pick: fc.nat(),
});

interface Written {
  readonly bytes: Uint8Array;
  readonly firstLsn: number;
  readonly nextNodeId: number;
  readonly model: IndexModel;
}

/** An index, the events that it has, and what it should say at the end of each transaction. */
class Bench {
  readonly names = new NameTable();
  index: GraphIndex;
  mover: LayerMover;
  readonly written: Written[] = [];
  /** What merges may drop: nothing is read below it. */
  horizon = 0;
  constructor() {
    for (const name of names) this.names.add(name);
    this.index = new GraphIndex(this.names, tiny);
    this.mover = new LayerMover(this.index);
  }

  get model(): IndexModel {
    return this.written.at(-1)?.model ?? new IndexModel();
  }

  do(kind: string, operations: readonly ModelOperation[], pick: number): void {
    const { mover } = this;
    switch (kind) {
      case "write":
        this.write(operations, pick);
        break;
      case "freeze":
        mover.freeze();
        break;
      case "flush":
        mover.flush();
        break;
      case "freeze and flush":
        mover.freeze();
        mover.flush();
        break;
      case "merge": {
        const from = pick % (this.index.runs.length + 1);
        mover.merge(from, Math.min(this.index.runs.length, from + 2 + (pick % 3)));
        break;
      }
      case "dropping merge": {
        this.raiseHorizon(pick >>> 2);
        const from = pick % (this.index.runs.length + 1);
        this.drop(from, from + 1 + (pick % 3), pick % 3 > 0);
        break;
      }
      case "undo":
        for (let i = 0; i <= pick % 3; i++) this.undo();
        break;
      case "none":
        break;
      default:
        this.restore();
        // So often that the page of ids is read from the trees.
        for (let i = 0; i < 150 && pick % 2 === 0; i++) this.index.liveIds.has(1);
    }
  }

  /** To the end of a transaction that is in a run. */
  raiseHorizon(pick: number): void {
    const ends = this.written.map(({ model }) => model.lsn);
    const flushed = ends.filter((lsn) => lsn <= this.mover.flushedLsn && lsn >= this.horizon);
    this.horizon = flushed[pick % Math.max(1, flushed.length)] ?? this.horizon;
  }

  /** @param all whether the log has no trace any more of the edges that were removed. */
  drop(from: number, to: number, all: boolean): void {
    const compacted = Float64Array.of(1, all ? this.horizon : 0);
    this.mover.merge(from, to, { horizon: this.horizon, compacted });
  }

  write(operations: readonly ModelOperation[], pick: number): void {
    const model = this.model.copy();
    const batch = new EventBatch(this.names);
    batch.begin(model.lsn + 1);
    model.nextNodeId = Math.max(model.nextNodeId, this.index.nextNodeId);
    for (const each of operations) model.perform(each, batch);
    if (batch.records.position === 0) return;
    const { firstLsn } = batch;
    const bytes = batch.records.view(0, batch.records.position).slice();
    this.index.apply(bytes, 0, bytes.length, firstLsn);
    this.written.push({ bytes, firstLsn, nextNodeId: this.index.nextNodeId, model });
    // Now and then a transaction is taken back and comes again.
    if (pick % 5 === 0) {
      this.index.unapply(bytes, 0, bytes.length, firstLsn);
      this.index.apply(bytes, 0, bytes.length, firstLsn);
    }
  }

  undo(): void {
    const last = this.written.at(-1);
    if (last === undefined || last.firstLsn <= this.mover.flushedLsn) return;
    this.written.pop();
    this.index.unapply(last.bytes, 0, last.bytes.length, last.firstLsn);
  }

  /** Goes on with a new index: from the runs, and the events behind them. */
  restore(): void {
    const { flushedLsn } = this.mover;
    const { runs } = this.index;
    const flushed = this.written.find(({ model }) => model.lsn === flushedLsn);
    this.index = new GraphIndex(this.names, tiny);
    this.mover = new LayerMover(this.index);
    if (flushed !== undefined) {
      const { nextNodeId, model } = flushed;
      const { nodeCount, edgeCount, lsn: lastLsn } = model;
      this.index.restore({ nextNodeId, lastLsn, nodeCount, edgeCount, families: [], runs });
    }
    for (const { bytes, firstLsn } of this.written) {
      if (firstLsn > flushedLsn) this.index.apply(bytes, 0, bytes.length, firstLsn);
    }
  }

  /** Compares what is read now, and as of the end of some transaction. */
  compare(pick: number): void {
    const { index, model } = this;
    index.check();
    const last = model.at(model.lsn);
    expect(this.picture(model.lsn)).toEqual(last);
    expect([index.lastLsn, index.nodeCount, index.edgeCount]).toEqual([
      model.lsn,
      model.nodeCount,
      model.edgeCount,
    ]);
    for (let id = 0; id <= model.idMax + 1; id++) {
      if (index.liveIds.has(id) !== (last.nodes[id]?.isLive ?? false)) throw new Error(`id ${id}`);
    }
    const past = this.written[pick % (this.written.length + 1)]?.model.lsn ?? 0;
    if (past >= this.horizon) expect(this.picture(past)).toEqual(model.at(past));
    if (this.horizon > 0) expect(this.picture(this.horizon)).toEqual(model.at(this.horizon));
  }

  /** What the index shows; what may be gone is as the model has it. */
  picture(lsn: number): Picture {
    const { index, model, horizon } = this;
    const shown = picture(index, lsn, model);
    if (horizon === 0) return shown;
    const expected = model.at(lsn);
    const isGone = (id: number): boolean =>
      model.nodes.some((node) => node.id === id && node.to <= horizon);
    const nodes = shown.nodes.map((node, id) =>
      node.key === undefined && isGone(id) ? { ...node, key: expected.nodes[id]!.key } : node,
    );
    const versions = shown.versions.map((version, at) => {
      const [removedAt, isRemoval] = expected.versions[at] ?? [];
      const mayBeGone = isRemoval === true && (removedAt as number) <= horizon;
      return version === undefined && mayBeGone ? expected.versions[at] : version;
    });
    return { ...shown, nodes, versions, changed: expected.changed };
  }

  /** Merges everything into one run as of now, and compares the counts of entries with what is live. */
  dropAll(): void {
    const { model, mover } = this;
    mover.flush();
    mover.freeze();
    mover.flush();
    for (const { model } of this.written) {
      if (model.lsn <= mover.flushedLsn) this.horizon = model.lsn;
    }
    this.drop(0, Number.POSITIVE_INFINITY, true);
    const live = model.nodes.filter(({ to }) => to > this.horizon);
    const edges = model.edges.filter(({ removed }) => removed > this.horizon);
    const [run] = this.index.runs;
    const counts = Object.fromEntries(treeNames.map((name) => [name, run?.tree(name)?.count ?? 0]));
    expect(counts).toEqual({
      keys: live.length,
      nodes: live.length,
      out: edges.length,
      in: edges.length,
      edges: edges.filter(({ patches }) => patches.length > 0).length,
      labels: live.reduce((sum, node) => sum + (node.versions.at(-1)?.labels.length ?? 0), 0),
    });
    expect(this.index.runs.length).toBeLessThanOrEqual(1);
    expect(run?.record.removals ?? 0).toBe(0);
    this.compare(0);
  }
}

function walk(index: GraphIndex, side: "out" | "in", range: EdgeRange): number[] {
  const pages = new EdgePages(range);
  const edges: number[] = [];
  while (pages.fill(index.adjacency(side))) edges.push(...pages.edges.subarray(0, pages.count));
  return edges;
}

function keyOrder(index: GraphIndex, lsn: number): number[] {
  const pages = new KeyPages({ graph: 0, prefix: none, after: none, lsn });
  const ids: number[] = [];
  while (pages.fill(index.keyCursor)) ids.push(...pages.ids.subarray(0, pages.count));
  return ids;
}

/** What an index shows, in the shape of `IndexModel.at`. */
function picture(index: GraphIndex, lsn: number, model: IndexModel): Picture {
  const nodes = [];
  for (let id = 0; id <= model.idMax; id++) {
    const isLive = index.isLive(id, lsn);
    const nodeLabels =
      isLive && index.nodes.findLive(id, lsn) ? readNameIds(index.nodes.open()) : [];
    const version = isLive ? index.nodes.foundLsn : 0;
    const range = { node: id, type: 0, other: 0, lsn, isReverse: false };
    const out = [...index.edgeIds(id, "out", undefined, lsn)];
    const into = [...index.edgeIds(id, "in", [4], lsn)];
    expect(walk(index, "out", range)).toEqual(out);
    expect(walk(index, "out", { ...range, isReverse: true }).reverse()).toEqual(out);
    expect(walk(index, "in", { ...range, type: 4, isReverse: true }).reverse()).toEqual(into);
    nodes.push({
      key: index.keyOf(id),
      isLive,
      version,
      labels: nodeLabels,
      out,
      into,
      to: walk(index, "out", { ...range, type: 5, other: 1 }),
      both: [...index.edgeIds(id, "both", undefined, lsn)],
      neighbors: [...index.neighborIds(id, "both", undefined, lsn)],
      sources: [...index.neighborIds(id, "in", [5], lsn)],
      degree: index.degree(id, "both", [5], lsn),
    });
  }
  const versions = [];
  for (let edge = 1; edge <= model.lsn; edge++) {
    const found = index.edges.find(edge, lsn);
    versions.push(found ? [index.edges.foundLsn, index.edges.foundIsRemoval] : undefined);
  }
  return {
    nodes,
    versions,
    changed: index.edges.nextEdge(0),
    ids: keys.map((each) => index.nodeIdOf(each, lsn)),
    keyOrder: keyOrder(index, lsn),
    labelled: labels.map((label) => [...(index.labels.nodesWith(label, lsn, 1000) ?? [-1])]),
    has: labels.map((label) => index.labels.has(label, 1, lsn)),
  };
}

describe("the layered index under random histories", () => {
  it("answers as the model does, whatever lies in which layer", () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 24, size: "max" }), (steps) => {
        const bench = new Bench();
        for (const { kind, operations, pick } of steps) {
          bench.do(kind, operations, pick);
          bench.compare(pick);
        }
      }),
      { numRuns: Number(process.env["VARVE_LAYER_RUNS"] ?? 60) },
    );
  });

  it("answers as the model does at the horizon and above, whatever merges have dropped, and drops all it may", () => {
    fc.assert(
      fc.property(fc.array(round, { minLength: 2, maxLength: 8, size: "max" }), (rounds) => {
        const bench = new Bench();
        for (const { writes, kind, pick } of rounds) {
          for (const [i, operations] of writes.entries()) {
            bench.do("write", operations, 1);
            // Every transaction may become a run of its own.
            if ((pick >>> i) % 2 === 0) bench.do("freeze and flush", [], 0);
          }
          bench.do(kind, [], pick);
          bench.do("dropping merge", [], pick);
          bench.compare(pick);
        }
        bench.dropAll();
      }),
      { numRuns: Number(process.env["VARVE_LAYER_RUNS"] ?? 60) },
    );
  });
});
