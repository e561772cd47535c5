// Runs random lives of a database whose index is frozen, flushed, merged, evicted and loaded again all the time, and compares the
// whole read face with the model after every step, also in the past, after kills and after reopening.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Database } from "../../src/database/database.ts";
import { openTuned } from "../../src/database/open.ts";
import type { Snapshot } from "../../src/database/snapshot.ts";
import type { Tuning } from "../../src/database/tuning.ts";
import { dropAll, type SimulatedDisk, simulatedPorts } from "../../src/testing/testing.ts";
import { type Operation, operation, perform, universe } from "../graph/operations.ts";
import { expectSame } from "../graph/read-face.ts";
import { tinyTrees } from "../graph/support.ts";
import { GraphModel } from "../support/graph-model.ts";

/** A few entries to a layer, a few pages to the cache. */
const tiny: Partial<Tuning> = {
  index: tinyTrees,
  activeEventsMax: 6,
  pageCacheBytes: 8 * 1024,
  pageCacheBytesMax: 8 * 1024,
  pageBytes: 512,
  closeEventsMax: 3,
  mergeAbove: 2,
};

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      step: fc.constantFrom("commit" as const, "commit" as const, "throw" as const),
      operations: fc.array(operation, { maxLength: 12 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      step: fc.constantFrom("checkpoint" as const, "reopen" as const, "kill" as const),
      operations: fc.constant<Operation[]>([]),
    }),
  },
);

/** `npm run test:crash` sets the seconds. */
const runs = process.env["VARVE_CRASH_SECONDS"] === undefined ? 20 : 300;

class Life {
  db!: Database;
  disk: SimulatedDisk;
  model: GraphModel = new GraphModel(universe.types);
  views: { view: Snapshot; model: GraphModel }[] = [];
  readonly #activeEventsMax: number;

  constructor(disk: SimulatedDisk, activeEventsMax: number) {
    this.disk = disk;
    this.#activeEventsMax = activeEventsMax;
  }

  async open(): Promise<void> {
    const ports = simulatedPorts({ disk: this.disk, seed: 5, tasks: "automatic" });
    const options = { ...ports, memoryBudget: 16 * 2 ** 20, implicitNodes: true };
    const tuned = { ...tiny, activeEventsMax: this.#activeEventsMax };
    this.db = await openTuned("/db", options, tuned);
    this.views = [];
    await this.#learnNextId();
  }

  /** Which ids of nodes that were never written a database passes over depends on how it ended. */
  async #learnNextId(): Promise<void> {
    let id = 0;
    const stop = new Error("stop");
    const asked = this.db.transact((tx) => {
      id = tx.putNode("never written");
      throw stop;
    });
    await expect(asked).rejects.toBe(stop);
    expect(id).toBeGreaterThan(Math.max(0, ...this.model.nodes.map((node) => node.id)));
    this.model.counters.nextNodeId = id + 1;
  }

  /** Defines the edge types in order, so that the model need not know how names are numbered. */
  async defineTypes(): Promise<void> {
    await this.db.transact((tx) => {
      tx.putNode("types", { labels: universe.types });
      tx.removeNode("types");
    });
    this.model.putNode("types", universe.types, {});
    this.model.removeNode("types");
  }

  async commit(operations: readonly Operation[], throws: boolean): Promise<void> {
    const next = this.model.copy();
    const stop = new Error("stop");
    const committed = this.db.transact((tx) => {
      for (const each of operations) perform(tx, next, each);
      if (throws) throw stop;
    });
    if (throws) await expect(committed).rejects.toBe(stop);
    else await committed;
    if (throws) return;
    this.model = next;
    this.views.push({ view: this.db.snapshot(), model: next });
    if (this.views.length > 4) this.views.shift()!.view.close();
  }

  async reopen(): Promise<void> {
    await this.db.close();
    await this.open();
  }

  async kill(): Promise<void> {
    const next = this.disk.powerCut(dropAll);
    this.disk.stop();
    this.disk = next;
    await this.open();
  }

  /** Leaves the merges in the background some turns of their own. */
  async rest(): Promise<void> {
    for (let i = 0; i < 40; i++) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Adds what the present open has done. */
  count(seen: Map<string, number>): void {
    const { counters, index } = this.db.stats();
    for (const [what, count] of Object.entries({ ...counters, runs: index.runs })) {
      seen.set(what, (seen.get(what) ?? 0) + count);
    }
  }

  compare(pick: number): void {
    expectSame(this.db, this.model, universe, true);
    const past = this.views[pick % Math.max(1, this.views.length)];
    if (past !== undefined) expectSame(past.view, past.model, universe, true);
  }
}

describe("a database with an index of many layers", () => {
  it("answers as the model does after every step of its lives", {
    timeout: 1_800_000,
  }, async () => {
    const seen = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 14 }),
        fc.integer({ min: 1, max: 20 }),
        fc.nat(),
        async (steps, activeEventsMax, seed) => {
          let pick = seed;
          const life = new Life(simulatedPorts().disk, activeEventsMax);
          await life.open();
          await life.defineTypes();
          for (const { step, operations } of steps) {
            if (step === "commit" || step === "throw") {
              await life.commit(operations, step === "throw");
            } else if (step === "checkpoint") {
              await life.db.checkpoint();
              expect(life.db.stats().checkpoint.lag).toBe(0);
            } else {
              life.count(seen);
              await life[step]();
            }
            if (pick++ % 2 === 0) await life.rest();
            if (pick % 3 === 0) life.compare(pick);
          }
          life.compare(pick);
          life.count(seen);
          const { sound, problems } = await life.db.verify();
          expect(problems).toEqual([]);
          expect(sound).toBe(true);
          await life.db.close();
        },
      ),
      { numRuns: runs },
    );
    for (const what of ["flushes", "merges", "checkpoints", "pageHits", "pageMisses", "runs"]) {
      expect(seen.get(what), what).toBeGreaterThan(0);
    }
  });
});
