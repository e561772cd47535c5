// Random lives of a database whose log is compacted: at and above the horizon, states and changes are what they were, live, after
// reopening, and after a replay of the compacted log alone.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Database } from "../../src/database/database.ts";
import { openTuned } from "../../src/database/open.ts";
import { GraphReader } from "../../src/graph/graph-reader.ts";
import { dropAll, type SimulatedDisk, simulatedPorts } from "../../src/testing/testing.ts";
import type { Change } from "../../src/varve.ts";
import { operation, perform, universe } from "../graph/operations.ts";
import { expectSame } from "../graph/read-face.ts";
import { compactorOf } from "../support/compactor-of.ts";
import { GraphModel } from "../support/graph-model.ts";
import { tinyTuning } from "../support/layered-script.ts";
import { loseIndex } from "../support/lose-index.ts";

const path = "/db";
/** Fills segments, and is dropped with everything else. */
const filler = "x".repeat(15_000);

async function openOn(disk: SimulatedDisk): Promise<Database> {
  const ports = simulatedPorts({ disk, seed: 5, tasks: "automatic" });
  const options = { ...ports, memoryBudget: 16 * 2 ** 20, implicitNodes: true };
  return await openTuned(path, { ...options, segmentBytes: 64 * 1024 }, tinyTuning);
}

/** The database as of an LSN, by the trees and the log alone. */
function viewAt(db: Database, lsn: number): GraphReader<object> {
  const { source } = Database.coreOf(db);
  return new GraphReader({
    index: source.index,
    names: source.names,
    events: source.events,
    hold: source.hold,
    epoch: source.epoch,
    graph: () => 0,
    lsn: () => lsn,
    check: () => {},
    counts: () => ({ nodes: 0, edges: 0 }),
  });
}

async function changesFrom(db: Database, from: number): Promise<Change[]> {
  const found: Change[] = [];
  for await (const batch of db.changes({ from, live: false })) found.push(...batch.changes);
  return found;
}

class Life {
  db!: Database;
  disk: SimulatedDisk;
  model: GraphModel = new GraphModel(universe.types);
  /** The model at each transaction's end. */
  past: GraphModel[] = [];

  constructor(disk: SimulatedDisk) {
    this.disk = disk;
  }

  async open(): Promise<void> {
    this.db = await openOn(this.disk);
    await this.learnNextId();
  }

  async learnNextId(): Promise<void> {
    let id = 0;
    const stop = new Error("stop");
    const asked = this.db.transact((tx) => {
      id = tx.putNode("never written");
      throw stop;
    });
    await expect(asked).rejects.toBe(stop);
    this.model.counters.nextNodeId = id + 1;
  }

  async begin(): Promise<void> {
    await this.open();
    await this.db.transact((tx) => {
      tx.putNode("types", { labels: universe.types });
      tx.removeNode("types");
    });
    this.model.putNode("types", universe.types, {});
    this.model.removeNode("types");
  }

  async commit(operations: readonly Parameters<typeof perform>[2][]): Promise<void> {
    const next = this.model.copy();
    await this.db.transact((tx) => {
      for (const each of operations) perform(tx, next, each);
      tx.emit("filler", filler);
      next.lsn++;
    });
    this.model = next;
    this.past.push(next);
  }

  /** Everything at and above the horizon, read by one way or another. */
  async check(db: Database, horizon: number, changes: readonly Change[]): Promise<void> {
    expectSame(db, this.model, universe, true);
    const kept = this.past.filter(({ lsn }) => lsn >= horizon);
    for (const model of new Set([kept[0], kept[kept.length >> 1]])) {
      if (model === undefined) continue;
      expectSame(
        viewAt(db, model.lsn),
        model,
        { ...universe, keys: ["a", "ab"], types: ["T1"] },
        false,
      );
    }
    expect(await changesFrom(db, horizon + 1)).toEqual(changes);
  }

  /** @param picked a bit for each segment that may be rewritten: any of them may be left as it is. */
  async compact(share: number, picked: number): Promise<number> {
    await this.db.checkpoint();
    const { db } = this;
    const horizon = this.past[Math.floor(share * (this.past.length - 1))]?.lsn ?? 0;
    const log = Database.coreOf(db).log;
    const at = Math.max(horizon, log.horizon);
    const before = await changesFrom(db, at + 1);
    const compactor = compactorOf(db);
    const all = compactor.everything(at);
    const segments = all?.segments.filter((_, i) => (picked & (1 << (i % 31))) !== 0) ?? [];
    if (all === undefined || segments.length === 0) return 0;
    const rewritten = await compactor.rewrite({ ...all, segments });
    await this.check(db, log.horizon, before);
    expect((await db.verify()).problems).toEqual([]);
    await this.replay(log.horizon, before);
    return rewritten.segments;
  }

  /** A copy of the disk without anything but the log. */
  async replay(horizon: number, changes: readonly Change[]): Promise<void> {
    const copy = this.disk.powerCut(dropAll);
    await loseIndex(copy);
    const replayed = await openOn(copy);
    await this.check(replayed, horizon, changes);
    const ids = this.past.flatMap(({ nodes }) => nodes.map(({ id }) => id));
    expect(Database.coreOf(replayed).index.nextNodeId).toBeGreaterThan(Math.max(0, ...ids));
    await replayed.close();
  }

  async reopen(): Promise<void> {
    await this.db.close();
    await this.open();
    expectSame(this.db, this.model, universe, true);
  }
}

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      step: fc.constant("commit" as const),
      operations: fc.array(operation, { maxLength: 8 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      step: fc.constant("compact" as const),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
      picked: fc.oneof(fc.constant(-1), fc.integer()),
    }),
  },
  { weight: 1, arbitrary: fc.record({ step: fc.constant("reopen" as const) }) },
);

const runs = process.env["VARVE_CRASH_SECONDS"] === undefined ? 4 : 300;

describe("a compacted log", () => {
  it("has the same states and changes at and above the horizon", { timeout: 600_000 }, async () => {
    let rewritten = 0;
    const property = fc.asyncProperty(
      fc.array(step, { minLength: 12, maxLength: 26 }),
      async (steps) => {
        const disk = simulatedPorts().disk;
        const life = new Life(disk);
        await life.begin();
        for (const each of steps) {
          if (each.step === "commit") await life.commit(each.operations);
          else if (each.step === "reopen") await life.reopen();
          else rewritten += await life.compact(each.share, each.picked);
        }
        rewritten += await life.compact(1, -1);
        await life.reopen();
        await life.db.close();
      },
    );
    await fc.assert(property, { numRuns: runs, seed: 17, endOnFailure: true });
    expect(rewritten).toBeGreaterThan(runs);
  });
});
