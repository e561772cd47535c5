// Random lives in which nodes are erased: once compacted, everything else is as it was, now, in the past and in the feed, and of what was
// erased no byte is in any file.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openTuned } from "../../src/database/open.ts";
import { type SimulatedDisk, simulatedPorts } from "../../src/testing/testing.ts";
import type { Change, Database } from "../../src/varve.ts";
import { type Operation, perform } from "../graph/operations.ts";
import { expectSame, type Universe } from "../graph/read-face.ts";
import { filesWith } from "../support/erased-bytes.ts";
import { GraphModel } from "../support/graph-model.ts";
import { tinyTuning } from "../support/layered-script.ts";
import { loseIndex } from "../support/lose-index.ts";

/** No two begin alike: trees leave out what a key shares with the one before. */
const universe: Universe = {
  keys: ["alpha-key", "bravo-key", "carol-key", "delta-key", "eagle-key"],
  labels: ["L1", "L2"],
  types: ["T1", "T2"],
};

async function openOn(disk: SimulatedDisk): Promise<Database> {
  const ports = simulatedPorts({ disk, seed: 5, tasks: "automatic" });
  const options = { ...ports, memoryBudget: 16 * 2 ** 20, implicitNodes: true };
  return await openTuned("/db", { ...options, segmentBytes: 64 * 1024 }, tinyTuning);
}

async function changesOf(db: Database): Promise<Change[]> {
  const found: Change[] = [];
  for await (const { changes } of db.changes({ live: false })) found.push(...changes);
  return found;
}

function names(change: Change, key: string): boolean {
  if ("key" in change) return change.key === key;
  return "from" in change && (change.from === key || change.to === key);
}

function erasedOf({ lsn, txLastLsn, at, graph }: Change): Change {
  return { kind: "erased", lsn, txLastLsn, at, graph };
}

class Life {
  db!: Database;
  readonly disk: SimulatedDisk;
  model: GraphModel = new GraphModel(universe.types);
  readonly past: GraphModel[] = [];
  /** By key, the LSN up to which it was erased. */
  readonly erased: Map<string, number> = new Map();
  /** What the feed has to have, by now. */
  changes: Change[] = [];

  constructor(disk: SimulatedDisk) {
    this.disk = disk;
  }

  async open(): Promise<void> {
    this.db = await openOn(this.disk);
    let id = 0;
    const stop = new Error("stop");
    const asked = this.db.transact((tx) => {
      id = tx.putNode("never written");
      throw stop;
    });
    await expect(asked).rejects.toBe(stop);
    this.model.counters.nextNodeId = id + 1;
  }

  async commit(operations: readonly Operation[], erases: readonly string[]): Promise<void> {
    const next = this.model.copy();
    await this.db.transact((tx) => {
      for (const each of operations) perform(tx, next, each);
      for (const key of erases) {
        const isLive = next.node(key) !== undefined;
        if (tx.erase(key)) this.erased.set(key, Number.POSITIVE_INFINITY);
        else expect(isLive).toBe(false);
        next.removeNode(key);
      }
      tx.emit("filler", "x".repeat(12_000));
    });
    // What had a node once takes an LSN of its own when it is erased.
    next.lsn = this.db.lastLsn;
    for (const key of erases) if (this.erased.has(key)) this.erased.set(key, next.lsn);
    this.model = next;
    this.past.push(next);
  }

  #isErased(change: Change): boolean {
    return [...this.erased].some(([key, lsn]) => change.lsn <= lsn && names(change, key));
  }

  async compact(): Promise<number> {
    this.changes = (await changesOf(this.db)).map((change) =>
      this.#isErased(change) ? erasedOf(change) : change,
    );
    const { pendingErasures, segments } = await this.db.compact();
    expect(pendingErasures).toBe(0);
    await this.check(this.db);
    expect((await this.db.verify()).problems).toEqual([]);
    const gone = universe.keys.filter(
      (key) => this.erased.has(key) && !this.changes.some((change) => names(change, key)),
    );
    expect(filesWith(this.disk, gone)).toEqual([]);
    return segments;
  }

  async check(db: Database): Promise<void> {
    expectSame(db, this.model, universe, true);
    expect(await changesOf(db)).toEqual(this.changes);
    for (const model of new Set([this.past[0], this.past[this.past.length >> 1]])) {
      if (model === undefined) continue;
      const then = model.copy();
      for (const [key, lsn] of this.erased) if (lsn >= model.lsn) then.removeNode(key);
      then.lsn = model.lsn;
      const view = await db.asOf(model.lsn);
      expectSame(view, then, { ...universe, keys: ["alpha-key", "bravo-key"] }, true);
      view.close();
    }
  }

  /** The same from a replay of the log alone. */
  async replay(): Promise<void> {
    const disk = this.disk.clone();
    await loseIndex(disk);
    const db = await openOn(disk);
    await this.check(db);
    await db.close();
  }
}

const key = fc.constantFrom(...universe.keys);
const props = fc.record({ p: fc.integer(), q: fc.constantFrom("short", "y".repeat(400)) });
const type = fc.constantFrom(...universe.types);
const labels = fc.array(fc.constantFrom(...universe.labels), { maxLength: 2 });
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ op: fc.constant("putNode" as const), key, labels, props }),
  fc.record({ op: fc.constant("patchNode" as const), key, labels, remove: labels, props }),
  fc.record({ op: fc.constant("removeNode" as const), key }),
  fc.record({ op: fc.constant("addEdge" as const), key, type, to: key, props }),
  fc.record({ op: fc.constant("patchEdge" as const), pick: fc.nat(), props }),
  fc.record({ op: fc.constant("removeEdge" as const), pick: fc.nat() }),
  fc.record({ op: fc.constant("addEdges" as const), type, count: fc.nat(8), pick: fc.nat() }),
);
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      step: fc.constant("commit" as const),
      operations: fc.array(operation, { maxLength: 8 }),
      erases: fc.oneof(
        { weight: 3, arbitrary: fc.constant([]) },
        { weight: 2, arbitrary: fc.array(key, { minLength: 1, maxLength: 2 }) },
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ step: fc.constant("compact" as const) }) },
  { weight: 1, arbitrary: fc.record({ step: fc.constant("reopen" as const) }) },
);

const runs = process.env["VARVE_CRASH_SECONDS"] === undefined ? 2 : 300;

describe("erase", () => {
  it("takes nothing but what it was called for", { timeout: 600_000 }, async () => {
    let rewritten = 0;
    let erased = 0;
    const property = fc.asyncProperty(
      fc.array(step, { minLength: 8, maxLength: 16 }),
      async (steps) => {
        const life = new Life(simulatedPorts().disk);
        await life.open();
        // The model knows types and labels by the order of their first use.
        await life.commit(
          [{ op: "putNode", key: "alpha-key", labels: [...universe.types], props: {} }],
          [],
        );
        for (const each of steps) {
          if (each.step === "commit") await life.commit(each.operations, each.erases);
          else if (each.step === "compact") rewritten += await life.compact();
          else {
            await life.db.close();
            await life.open();
          }
        }
        rewritten += await life.compact();
        await life.replay();
        erased += life.changes.filter(({ kind }) => kind === "erased").length;
        await life.db.close();
      },
    );
    await fc.assert(property, { numRuns: runs, seed: 23, endOnFailure: true });
    expect(rewritten).toBeGreaterThan(runs);
    expect(erased).toBeGreaterThan(runs * 3);
  });
});
