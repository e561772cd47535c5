// The layered index against a plain model: random events, freezes, flushes, merges, undoing and restores, read at several LSNs.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EdgePages, type EdgeRange } from "../../src/index/edge-pages.ts";
import { GraphIndex } from "../../src/index/graph-index.ts";
import { KeyPages } from "../../src/index/key-pages.ts";
import { EventBatch } from "../../src/log/event-batch.ts";
import { NameTable } from "../../src/log/name-table.ts";
import { readNameIds } from "../../src/log/props-codec.ts";
import { IndexModel, type ModelOperation } from "./index-model.ts";
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
      case "undo":
        for (let i = 0; i <= pick % 3; i++) this.undo();
        break;
      default:
        this.restore();
        // So often that the page of ids is read from the trees.
        for (let i = 0; i < 150 && pick % 2 === 0; i++) this.index.liveIds.has(1);
    }
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
      this.index.restore({ nextNodeId, lastLsn, nodeCount, edgeCount, runs });
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
    expect(picture(index, model.lsn, model)).toEqual(last);
    expect([index.lastLsn, index.nodeCount, index.edgeCount]).toEqual([
      model.lsn,
      model.nodeCount,
      model.edgeCount,
    ]);
    for (let id = 0; id <= model.idMax + 1; id++) {
      if (index.liveIds.has(id) !== (last.nodes[id]?.isLive ?? false)) throw new Error(`id ${id}`);
    }
    const past = this.written[pick % (this.written.length + 1)]?.model.lsn ?? 0;
    expect(picture(index, past, model)).toEqual(model.at(past));
  }
}

function walk(index: GraphIndex, side: "out" | "in", range: EdgeRange): number[] {
  const pages = new EdgePages(range);
  const edges: number[] = [];
  while (pages.fill(index.adjacency(side))) edges.push(...pages.edges.subarray(0, pages.count));
  return edges;
}

function keyOrder(index: GraphIndex, lsn: number): number[] {
  const pages = new KeyPages({ prefix: none, after: none, lsn });
  const ids: number[] = [];
  while (pages.fill(index.keyCursor)) ids.push(...pages.ids.subarray(0, pages.count));
  return ids;
}

/** What an index shows, in the shape of `IndexModel.at`. */
function picture(index: GraphIndex, lsn: number, model: IndexModel): ReturnType<IndexModel["at"]> {
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
});
