// Random lives of a database, then every LSN of them: asOf against the model as it was, diff and history against the feed and
// against the model that they lead to.
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openTuned } from "../../src/database/open.ts";
import type { Tuning } from "../../src/database/tuning.ts";
import { dropAll, type SimulatedDisk, simulatedPorts } from "../../src/testing/testing.ts";
import type { Change, Database } from "../../src/varve.ts";
import { type Operation, operation, perform, universe } from "../graph/operations.ts";
import { expectSame } from "../graph/read-face.ts";
import { tinyTrees } from "../graph/support.ts";
import { GraphModel } from "../support/graph-model.ts";

const tiny: Partial<Tuning> = {
  index: tinyTrees,
  pageCacheBytes: 8 * 1024,
  pageCacheBytesMax: 8 * 1024,
  frameCacheBytes: 2048,
  pageBytes: 512,
  closeEventsMax: 3,
  mergeAbove: 2,
  countAnchorEvents: 5,
};

/** What the whole read face is compared for: enough of everything, and not so much that it takes for ever. */
const compared = {
  keys: universe.keys.slice(1, 3),
  labels: universe.labels.slice(0, 2),
  types: universe.types.slice(0, 2),
};

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      step: fc.constantFrom(
        "commit" as const,
        "commit" as const,
        "throw" as const,
        "fail" as const,
      ),
      operations: fc.array(operation, { minLength: 1, maxLength: 12 }),
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
const isDeep = process.env["VARVE_CRASH_SECONDS"] !== undefined;
const runs = isDeep ? 200 : 4;

interface State {
  readonly lsn: number;
  readonly model: GraphModel;
}

class Life {
  db!: Database;
  disk: SimulatedDisk = simulatedPorts().disk;
  model: GraphModel = new GraphModel(universe.types);
  /** As of the end of each transaction. */
  readonly states: State[] = [{ lsn: 0, model: new GraphModel(universe.types) }];
  rejected = 0;
  readonly #activeEventsMax: number;

  constructor(activeEventsMax: number) {
    this.#activeEventsMax = activeEventsMax;
  }

  async open(readOnly = false): Promise<void> {
    const ports = simulatedPorts({ disk: this.disk, seed: 5, tasks: "automatic" });
    const options = { ...ports, memoryBudget: 16 * 2 ** 20, implicitNodes: !readOnly, readOnly };
    const tuned = { ...tiny, activeEventsMax: this.#activeEventsMax };
    this.db = await openTuned("/db", options, tuned);
    this.model.lsn = this.db.lastLsn;
  }

  /** Defines the edge types in order, so that the model need not know how names are numbered. */
  async defineTypes(): Promise<void> {
    await this.db.transact((tx) => {
      tx.putNode("types", { labels: universe.types });
      tx.removeNode("types");
    });
    this.model.putNode("types", universe.types, {});
    this.model.removeNode("types");
    this.#note();
  }

  async transact(operations: readonly Operation[], ending: "commit" | "throw" | "fail") {
    const next = this.model.copy();
    const stop = new Error("stop");
    await this.#learnNextId();
    if (ending === "fail") {
      this.disk.faults.push({ operation: "write", path: ".log", errno: "ENOSPC" });
    }
    const committed = this.db.transact((tx) => {
      for (const each of operations) perform(tx, next, each);
      if (ending === "throw") throw stop;
    });
    if (ending === "throw") {
      await expect(committed).rejects.toBe(stop);
    } else if (ending === "fail" && next.lsn > this.model.lsn) {
      await expect(committed).rejects.toMatchObject({ code: "DISK_FULL" });
      this.rejected++;
      this.model.lsn = next.lsn;
    } else {
      await committed;
      const isEmpty = next.lsn === this.model.lsn;
      this.model = next;
      if (!isEmpty) this.#note();
    }
    this.disk.faults.length = 0;
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

  async rest(): Promise<void> {
    for (let i = 0; i < 40; i++) await new Promise((resolve) => setImmediate(resolve));
  }

  stateAt(lsn: number): State {
    return this.states.filter((state) => state.lsn <= lsn).at(-1)!;
  }

  #note(): void {
    this.states.push({ lsn: this.model.lsn, model: this.model.copy() });
  }

  /** Which ids of nodes a database passes over depends on how it ended, and on what was rejected. */
  async #learnNextId(): Promise<void> {
    let id = 0;
    const stop = new Error("stop");
    const asked = this.db.transact((tx) => {
      id = tx.putNode("never written");
      throw stop;
    });
    await expect(asked).rejects.toBe(stop);
    this.model.counters.nextNodeId = id + 1;
  }
}

async function listOf<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const one of iterable) list.push(one);
  return list;
}

/** Leaves the values out of what it says: some of them are more than a printer of differences can take. */
function expectChanges(found: readonly Change[], wanted: readonly Change[]): void {
  if (isDeepStrictEqual(found, wanted)) return;
  const text = (list: readonly Change[]) =>
    list.map(({ lsn, txLastLsn, kind }) => `${lsn} ${txLastLsn} ${kind}`).join(", ");
  throw new Error(`${text(found)} instead of ${text(wanted)}`);
}

/** Does to a model what a change says. */
function redo(model: GraphModel, change: Change): void {
  model.lsn = change.lsn - 1;
  switch (change.kind) {
    case "node.put":
      model.putNode(change.key, change.labels, change.props);
      break;
    case "node.patch":
      model.patchNode(change.key, change.props, change.addLabels, change.removeLabels);
      break;
    case "node.remove":
      model.removeNode(change.key);
      break;
    case "edge.add":
      model.addEdge(change.from, change.type, change.to, change.props);
      break;
    case "edge.patch":
      model.patchEdge(change.id, change.props);
      break;
    case "edge.remove":
      model.removeEdge(change.id);
      break;
    default:
      break;
  }
  expect(model.lsn).toBe(change.lsn);
}

function plain({ nodes, edgeList }: GraphModel): unknown {
  const withoutIds = nodes.map(({ id: _id, ...node }) => node);
  return { nodes: withoutIds.sort((a, b) => a.lsn - b.lsn), edgeList };
}

/** Every LSN: the state, with its exact counts; and where it is wanted, once for each state, the whole read face. */
async function compareViews(life: Life, isWhole: boolean): Promise<void> {
  const { db } = life;
  let seen: State | undefined;
  for (let lsn = 0; lsn <= db.lastLsn; lsn++) {
    const state = life.stateAt(lsn);
    const view = await db.asOf(lsn);
    const { model } = state;
    // LSNs that were rejected are between transactions.
    expect(view.lsn).toBeGreaterThanOrEqual(state.lsn);
    expect(view.lsn).toBeLessThanOrEqual(lsn);
    expect([view.nodeCount, view.edgeCount]).toEqual([model.nodes.length, model.edgeList.length]);
    expect([...view.nodes()]).toEqual(model.nodesWhere());
    expect([...view.allEdges()]).toEqual(model.allEdges());
    if (isWhole && state !== seen) expectSame(view, model, compared, true);
    seen = state;
    view.close();
  }
}

async function compareTimes(life: Life, feed: readonly Change[]): Promise<void> {
  const times = [...new Set(feed.map(({ at }) => at))];
  for (const at of times) {
    for (const ms of [at - 1, at, at + 1]) {
      const last = feed.filter((change) => change.at <= ms).at(-1)?.lsn ?? 0;
      const view = await life.db.asOf(new Date(ms));
      expect(life.stateAt(view.lsn)).toBe(life.stateAt(last));
      view.close();
    }
  }
}

async function compareLists(life: Life, feed: readonly Change[], pick: number): Promise<void> {
  const { db } = life;
  const last = db.lastLsn;
  const model = new GraphModel(universe.types);
  for (const [i, { lsn, model: then }] of life.states.entries()) {
    const changes = await listOf(db.diff(life.states[i - 1]?.lsn ?? 0, lsn));
    for (const change of changes) redo(model, change);
    expect(plain(model)).toEqual(plain(then));
  }
  for (let a = 0; a <= last; a += 1 + (pick % 5)) {
    const b = Math.min(last, a + (pick % 23));
    const within = ({ lsn }: Change): boolean => lsn > a && lsn <= b;
    expectChanges(await listOf(db.diff(a, b)), feed.filter(within));
    const keys = new Set([...universe.keys, "types"]);
    for (const key of keys) {
      const wanted = feed.filter((change) => "key" in change && change.key === key);

      expectChanges(await listOf(db.history(key, { from: a + 1, to: b })), wanted.filter(within));
      if (a === 0) expectChanges(await listOf(db.history(key)), wanted);
    }
  }
  for (let id = 0; id <= last + 1; id++) {
    const wanted = feed.filter((change) => "id" in change && change.id === id);
    expectChanges(await listOf(db.history(id)), wanted);
    const from = 1 + (pick % last);
    const late = wanted.filter(({ lsn }) => lsn >= from);
    expectChanges(await listOf(db.history(id, { from })), late);
  }
}

async function compare(life: Life, pick: number, isWhole: boolean): Promise<void> {
  const feed = await listOf(life.db.changes({ live: false }).events());
  await compareViews(life, isWhole);
  await compareTimes(life, feed);
  await compareLists(life, feed, pick);
}

describe("the past of a database", () => {
  it("is at every LSN what it was, now, after reopening and to those who only read", {
    timeout: 1_800_000,
  }, async () => {
    const seen = { rejected: 0, merges: 0, flushes: 0, states: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 4, maxLength: 10 }),
        fc.integer({ min: 1, max: 20 }),
        fc.nat(),
        async (steps, activeEventsMax, pick) => {
          const life = new Life(activeEventsMax);
          await life.open();
          await life.defineTypes();
          for (const [i, { step, operations }] of steps.entries()) {
            if (step === "checkpoint") await life.db.checkpoint();
            else if (step === "reopen" || step === "kill") await life[step]();
            else await life.transact(operations, step);
            if ((pick + i) % 2 === 0) await life.rest();
            if (i === pick % 12) await compareViews(life, true);
            const { counters } = life.db.stats();
            seen.merges = Math.max(seen.merges, counters.merges);
            seen.flushes = Math.max(seen.flushes, counters.flushes);
          }
          await compare(life, pick, true);
          await life.reopen();
          await compareViews(life, isDeep);
          await life.db.close();
          await life.open(true);
          await compare(life, pick, isDeep);
          await life.db.close();
          seen.rejected += life.rejected;
          seen.states += life.states.length;
        },
      ),
      { numRuns: runs },
    );
    // A few lives need not meet everything.
    const met = isDeep ? Object.entries(seen) : [["states", seen.states] as const];
    for (const [what, count] of met) expect(count, what).toBeGreaterThan(0);
  });
});
