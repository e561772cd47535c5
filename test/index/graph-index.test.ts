// Covers applying events to the trees and taking them back: exactly, in any portion, and never what contradicts itself.
import { describe, expect, it } from "vitest";
import { MalformedBytes } from "../../src/codec/bytes.ts";
import { GraphIndex } from "../../src/index/graph-index.ts";
import { KeyBytes } from "../../src/index/key-bytes.ts";
import { EventBatch } from "../../src/log/event-batch.ts";
import { NameTable } from "../../src/log/name-table.ts";
import { LayerMover } from "./layers-support.ts";

const tiny = { leafCapacity: 4, innerCapacity: 4, stagingCapacity: 8, chunkBytes: 1024 };

interface Written {
  readonly bytes: Uint8Array;
  readonly firstLsn: number;
  readonly lastLsn: number;
}

/** Encodes one transaction with its name definitions in front, as the log stores it. */
function encode(names: NameTable, firstLsn: number, write: (batch: EventBatch) => void): Written {
  const batch = new EventBatch(names);
  batch.begin(firstLsn);
  write(batch);
  batch.commit();
  const bytes = new Uint8Array(batch.bytes);
  bytes.set(batch.definitions.view(0, batch.definitions.position));
  bytes.set(batch.records.view(0, batch.records.position), batch.definitions.position);
  return { bytes, firstLsn, lastLsn: batch.lastLsn };
}

function apply(index: GraphIndex, { bytes, firstLsn }: Written): void {
  index.apply(bytes, 0, bytes.length, firstLsn);
}

function unapply(index: GraphIndex, { bytes, firstLsn }: Written): void {
  index.unapply(bytes, 0, bytes.length, firstLsn);
}

/** What an index shows of ids 1 to 20 at one LSN. */
function picture(index: GraphIndex, lsn: number): unknown {
  const nodes = [];
  for (let id = 1; id <= 20; id++) {
    const found = index.nodes.find(id, lsn);
    nodes.push({
      live: index.isLive(id, lsn),
      version: found ? [index.nodes.foundLsn, index.nodes.foundFlags] : undefined,
      out: index.edgeIds(id, "out", undefined, lsn),
      into: index.edgeIds(id, "in", undefined, lsn),
      neighbors: index.neighborIds(id, "both", undefined, lsn),
    });
  }
  const labels = [];
  for (let label = 1; label <= 12; label++) labels.push(index.labels.nodesWith(label, lsn, 100));
  const keys = ["a", "b", "c"].map((key) => index.nodeIdOf(key, lsn));
  return { nodes, labels, keys };
}

function entryCounts(index: GraphIndex): number[] {
  const { keys, nodes, outgoing, incoming, edges, labels } = index;
  return [keys, nodes, outgoing, incoming, edges, labels].map((tree) => tree.count);
}

/** A history that has every kind of event. */
function history(names: NameTable): Written[] {
  const write = [
    (b: EventBatch) => {
      const person = b.intern("Person");
      for (let id = 1; id <= 10; id++) {
        b.nodePut(0, id, id < 4 ? "abc"[id - 1] : `node ${id}`, [person], { id, fill: "x" });
      }
    },
    (b: EventBatch) => {
      const ids = Uint32Array.from({ length: 40 }, (_, i) => (i % 10) + 1);
      b.edgeRun(0, b.intern("T"), ids, ids.slice().reverse());
      b.edgeAdd(0, b.intern("U"), 1, 1, { w: 1 });
    },
    (b: EventBatch) => {
      b.nodePut(0, 1, undefined, [b.intern("Poet")], { big: "x".repeat(500) });
      b.nodePatch(0, 2, 2, [b.intern("Poet")], [b.intern("Person")], { id: null, y: 2 }, undefined);
      b.edgePatch(0, { id: 51, type: b.intern("U"), from: 1, to: 1 }, 51, { w: 2 }, undefined);
      b.userEvent(b.intern("hello"), { to: "all" });
    },
    (b: EventBatch) => {
      b.edgeRemove(0, { id: 51, type: b.intern("U"), from: 1, to: 1 });
      b.nodeRemove(0, 3, "c", [b.intern("Person")]);
      b.nodePut(0, 11, "c", [], undefined);
    },
  ];
  let firstLsn = 1;
  return write.map((each) => {
    const written = encode(names, firstLsn, each);
    firstLsn = written.lastLsn + 1;
    return written;
  });
}

describe("graph index", () => {
  it("takes back exactly what it applied, one transaction after the other, and applies it again", () => {
    const names = new NameTable();
    const written = history(names);
    const index = new GraphIndex(names, tiny);
    const stages: unknown[] = [];
    for (const each of written) {
      stages.push([
        picture(index, index.lastLsn),
        entryCounts(index),
        index.nodeCount,
        index.edgeCount,
      ]);
      apply(index, each);
      index.check();
    }
    const end = picture(index, index.lastLsn);
    for (const each of [...written].reverse()) {
      unapply(index, each);
      index.check();
      const stage = [
        picture(index, index.lastLsn),
        entryCounts(index),
        index.nodeCount,
        index.edgeCount,
      ];
      expect(stage).toEqual(stages.pop());
    }
    expect(entryCounts(index)).toEqual([0, 0, 0, 0, 0, 0]);
    for (const each of written) apply(index, each);
    expect(picture(index, index.lastLsn)).toEqual(end);
    expect([index.nodeCount, index.edgeCount]).toEqual([10, 40]);
  });

  it("shows every LSN of the past as it was when it was the newest", () => {
    const names = new NameTable();
    const written = history(names);
    const whole = new GraphIndex(names, tiny);
    for (const each of written) apply(whole, each);
    const grown = new GraphIndex(names, tiny);
    for (const each of written) {
      apply(grown, each);
      expect(picture(whole, each.lastLsn)).toEqual(picture(grown, each.lastLsn));
    }
  });

  it("comes out the same when a transaction is applied in portions", () => {
    const names = new NameTable();
    const batch = new EventBatch(names);
    batch.begin(1);
    const index = new GraphIndex(names, tiny);
    const positions = [0];
    for (let id = 1; id <= 10; id++) {
      batch.nodePut(0, id, `k${id}`, [batch.intern(`L${id % 3}`)], { id });
      batch.edgeAdd(0, batch.intern("T"), id, 1, undefined);
      const from = positions.at(-1) ?? 0;
      index.apply(batch.records.bytes, from, batch.records.position, id * 2 - 1);
      positions.push(batch.records.position);
    }
    const atOnce = new GraphIndex(names, tiny);
    atOnce.apply(batch.records.bytes, 0, batch.records.position, 1);
    expect(picture(index, 20)).toEqual(picture(atOnce, 20));
    expect(index.nextNodeId).toBe(11);
  });

  it("goes on in the active layer where a part of the frozen one was taken back", () => {
    const names = new NameTable();
    const index = new GraphIndex(names, tiny);
    const type = names.add("T");
    const edge = { id: 0, type, from: 1, to: 2 };
    apply(
      index,
      encode(names, 1, (b) => {
        b.nodePut(0, 1, "a", [], undefined);
        b.nodePut(0, 2, "b", [], undefined);
      }),
    );
    const first = encode(names, 3, (b) =>
      b.edgeRun(0, type, Uint32Array.of(1, 1), Uint32Array.of(1, 1)),
    );
    apply(index, first);
    const frozen = index.freeze();
    expect([frozen.firstLsn, frozen.lastLsn, frozen.count("out")]).toEqual([1, 4, 2]);
    unapply(index, first);
    expect([frozen.lastLsn, frozen.count("out")]).toEqual([2, 0]);
    apply(
      index,
      encode(names, 3, (b) => b.edgeAdd(0, type, 1, 2, undefined)),
    );
    const removal = encode(names, 4, (b) => b.edgeRemove(0, { ...edge, id: 3 }));
    apply(index, removal);
    expect(index.edgeIds(1, "out", undefined, 4)).toHaveLength(0);
    unapply(index, removal);
    expect(index.edgeIds(1, "out", undefined, 3)).toEqual(Float64Array.of(3));
    expect([frozen.removals, index.outgoing.removals]).toEqual([0, 0]);
    index.check();
  });

  it("keeps the memory of a flushed layer for the next one while something comes, and lets it go at the end", () => {
    const names = new NameTable();
    const index = new GraphIndex(names, tiny);
    const layers = new LayerMover(index);
    const label = names.add("L");
    const longKey = (ordinal: number): string => `node ${ordinal} `.padEnd(400, "x");
    let lsn = 0;
    const add = (count: number): void => {
      for (let i = 0; i < count; i++) {
        const key = longKey(lsn);
        const created = encode(names, lsn + 1, (b) =>
          b.nodePut(0, index.nextNodeId, key, [label], undefined),
        );
        apply(index, created);
        lsn = created.lastLsn;
      }
    };
    add(300);
    const held = index.activeBytes;
    layers.freeze();
    expect(index.spareBytes).toBe(0);
    add(1);
    layers.flush();
    expect(index.spareBytes).toBeGreaterThan(held / 2);
    expect(index.spareBytes).toBeLessThan(held * 1.1);
    layers.freeze();
    expect(index.activeEntries).toBe(0);
    add(300);
    expect(index.spareBytes).toBeLessThan(held / 3);
    expect(index.activeBytes).toBeLessThan(held * 1.2);
    index.check();
    for (let i = 0; i < 601; i++) expect(index.nodeIdOf(longKey(i), lsn)).toBe(i + 1);
    expect(index.nodeIdOf(longKey(601), lsn)).toBe(0);
    for (let i = 0; i < 2; i++) {
      layers.flush();
      layers.freeze();
    }
    layers.flush();
    expect([index.spareBytes, index.frozenBytes]).toEqual([0, 0]);
  });

  it("knows the keys of removed nodes, and gives no id twice", () => {
    const names = new NameTable();
    const index = new GraphIndex(names, tiny);
    const written = history(names);
    for (const each of written) apply(index, each);
    expect(index.keyOf(3)).toBe("c");
    expect(index.keyOf(11)).toBe("c");
    expect(index.nodeIdOf("c", index.lastLsn)).toBe(11);
    expect(index.nodeIdOf("c", 20)).toBe(3);
    expect(index.keyOf(12)).toBeUndefined();
    unapply(index, written[3]!);
    expect(index.keyOf(11)).toBeUndefined();
    expect(index.nextNodeId).toBe(12);
  });

  it("learns names from the log, and notices where it knows them otherwise", () => {
    const written = history(new NameTable());
    const names = new NameTable();
    const index = new GraphIndex(names, tiny);
    for (const each of written) apply(index, each);
    expect(names.idOf("Poet")).toBeGreaterThan(0);
    const others = new NameTable();
    others.add("Something else");
    expect(() => apply(new GraphIndex(others, tiny), written[0]!)).toThrow(MalformedBytes);
  });

  it("refuses events of graphs and maps that are not defined, or of another kind", () => {
    const names = new NameTable();
    const other = encode(names, 1, (b) => b.nodePut(7, 1, "a", [], undefined));
    expect(() => apply(new GraphIndex(names), other)).toThrow(MalformedBytes);
    const inMap = encode(names, 1, (b) =>
      b.nodePut(b.internScoped(2, 0, "map"), 1, "a", [], undefined),
    );
    expect(() => apply(new GraphIndex(names), inMap)).toThrow(MalformedBytes);
  });

  it.each([
    [
      "a node that is made twice",
      (b: EventBatch) => {
        b.nodePut(0, 1, "a", [], undefined);
        b.nodePut(0, 1, "b", [], undefined);
      },
    ],
    ["a node without a number", (b: EventBatch) => b.nodePut(0, 0, "a", [], undefined)],
    ["a put of a node that is not there", (b: EventBatch) => b.nodePut(0, 5, undefined, [], {})],
    ["a removal of a node that is not there", (b: EventBatch) => b.nodeRemove(0, 5, "e", [])],
  ])("notices %s", (_title, write) => {
    const names = new NameTable();
    const written = encode(names, 1, write);
    expect(() => apply(new GraphIndex(names, tiny), written)).toThrow(MalformedBytes);
  });

  it("tells keys apart whose hashes are the same", () => {
    const seen = new Map<number, string>();
    const bytes = new KeyBytes();
    let pair: [string, string] | undefined;
    for (let i = 0; pair === undefined; i++) {
      // All of one length, and far apart: equal lengths and hashes leave only the bytes to tell them apart.
      const key = `${Math.imul(i, 0x9e37_79b1) >>> 0}`.padStart(10, "0");
      bytes.set(key);
      const same = seen.get(bytes.hash);
      if (same !== undefined) pair = [same, key];
      seen.set(bytes.hash, key);
    }
    const [first, second] = pair;
    const names = new NameTable();
    const index = new GraphIndex(names, { keyCacheSlots: 8 });
    apply(
      index,
      encode(names, 1, (b) => b.nodePut(0, 1, first, [], undefined)),
    );
    expect([index.nodeIdOf(first, 1), index.nodeIdOf(second, 1)]).toEqual([1, 0]);
    apply(
      index,
      encode(names, 2, (b) => b.nodePut(0, 2, second, [], undefined)),
    );
    expect([index.nodeIdOf(first, 2), index.nodeIdOf(second, 2)]).toEqual([1, 2]);
  });

  it("keeps LSNs above 32 bits apart", () => {
    const names = new NameTable();
    const index = new GraphIndex(names, tiny);
    const base = 2 ** 32 - 2;
    const nodes = encode(names, base, (b) => {
      for (let id = 1; id <= 4; id++) b.nodePut(0, id, `k${id}`, [b.intern("L")], { id });
      b.edgeAdd(0, b.intern("T"), 1, 2, undefined);
      b.nodePut(0, 1, undefined, [], undefined);
    });
    apply(index, nodes);
    expect(index.edgeIds(1, "out", undefined, index.lastLsn)).toEqual(Float64Array.of(base + 4));
    expect(index.edgeIds(1, "out", undefined, base + 3)).toHaveLength(0);
    expect(index.isLive(1, base - 1)).toBe(false);
    expect(index.labels.nodesWith(names.idOf("L"), base + 4, 10)).toEqual(
      Uint32Array.of(1, 2, 3, 4),
    );
    expect(index.labels.nodesWith(names.idOf("L"), base + 5, 10)).toEqual(Uint32Array.of(2, 3, 4));
    index.check();
  });
});
