// Rewriting in a worker writes what rewriting here does, byte for byte; and what a worker cannot do is done here.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RemoteFailure, RemotePass } from "../../src/compaction/remote-pass.ts";
import { handle } from "../../src/compaction/rewrite-worker.ts";
import { Database } from "../../src/database/database.ts";
import { openTuned } from "../../src/database/open.ts";
import type { ActorHandler } from "../../src/disk/ports.ts";
import type { GraphTransaction } from "../../src/graph/graph-transaction.ts";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.ts";
import { dropAll, type SimulatedPorts, simulatedPorts } from "../../src/testing/testing.ts";
import { tinyTuning } from "../support/layered-script.ts";

const path = "/db";
const filler = "x".repeat(9000);
const worker = new URL("../../src/compaction/rewrite-worker.ts", import.meta.url);

/** @param works what the worker does; without it there is none. */
function portsOf(disk: SimulatedDisk, works?: ActorHandler): SimulatedPorts {
  const ports = simulatedPorts({ disk, seed: 5, tasks: "automatic" });
  if (works === undefined) return ports;
  ports.workers.register(worker, { handle: works });
  Object.assign(ports.workers, { hasThread: () => true });
  return ports;
}

async function openOn(
  ports: SimulatedPorts,
  history: "all" | "latest" = "latest",
): Promise<Database> {
  const options = { ...ports, memoryBudget: 16 * 2 ** 20, history, implicitNodes: true };
  const tuned = { ...tinyTuning, sealBytesMin: 2 ** 30 };
  return await openTuned(path, { ...options, segmentBytes: 64 * 1024 } as const, tuned);
}

/** What a transaction does: to which nodes, with what. */
const operation = fc.record({
  act: fc.constantFrom("put", "patch", "remove", "add", "set", "edges", "unlink"),
  key: fc.constantFrom("a", "ab", "b", "c", "\ud83d", "k".repeat(300)),
  to: fc.constantFrom("a", "b", "c", "d"),
  size: fc.constantFrom(0, 1, 300),
  value: fc.oneof(fc.integer(), fc.string(), fc.constant(null)),
});
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

function perform(tx: GraphTransaction, { act, key, to, size, value }: Operation): void {
  const props = { value, [`filler${size}`]: "x".repeat(size) };
  if (act === "put") tx.putNode(key, { labels: [`L${size}`], props });
  else if (act === "patch") {
    if (tx.hasNode(key)) tx.patchNode(key, { addLabels: [`L${size}`], props });
  } else if (act === "remove") tx.removeNode(key);
  else if (act === "add") tx.addEdge(key, "T1", to, props);
  else if (act === "set") tx.putEdge(key, "T2", to, props);
  else if (act === "edges") for (let i = 0; i < 5; i++) tx.addEdge(key, "T3", to);
  else for (const { id } of [...tx.edges(key)].slice(0, 2)) tx.removeEdge(id);
}

/** A database of many small segments with all kinds of events, and system state. */
async function lived(commits: readonly (readonly Operation[])[]): Promise<SimulatedDisk> {
  const { disk } = simulatedPorts();
  const db = await openOn(portsOf(disk), "all");
  await db.transact((tx) => {
    tx.putNode("old", { props: { filler } });
    tx.map("m").put("k", 1);
    tx.graph("gone").putNode("a", { props: { filler } });
    tx.graph("stays").putNode("a", { props: { n: 1 } });
  });
  for (const [i, operations] of commits.entries()) {
    await db.transact((tx) => {
      for (const each of operations) perform(tx, each);
      tx.map("m").put("k", i);
      tx.patchNode("old", { props: { [`p${i % 7}`]: i } });
      if (i === 5) tx.dropGraph("gone");
      if (i % 4 === 3) tx.graph("stays").patchNode("a", { props: { n: i } });
      tx.emit("filler", filler);
    });
    await Database.coreOf(db).commitOwn((writes) => {
      writes.state("often", i);
      if (i % 9 === 0) writes.state(`state${i}`, i % 2 === 0 ? { i } : undefined);
      if (i % 9 === 5) writes.state(`state${i - 5}`, undefined);
    });
  }
  await db.checkpoint();
  await db.close();
  return disk;
}

interface Compacted {
  /** Of the log, by name. */
  readonly files: Record<string, string>;
  readonly picture: string;
}

async function compacted(source: SimulatedDisk, works?: ActorHandler): Promise<Compacted> {
  const disk = source.powerCut(dropAll);
  const ports = portsOf(disk, works);
  // Whatever goes on beside it, what is written says the same.
  Object.assign(ports.random, { bytes: (count: number) => new Uint8Array(count).fill(7) });
  const db = await openOn(ports);
  Database.coreOf(db).background.compaction.pause();
  await db.compact();
  expect((await db.verify()).problems).toEqual([]);
  const written = (value: unknown): unknown => (typeof value === "bigint" ? `${value}n` : value);
  const picture = JSON.stringify([[...db.nodes()], [...db.allEdges()]], (_, value) =>
    written(value),
  );
  await db.close();
  const logs = disk.listAll().filter((each) => each.endsWith(".log"));
  const files = logs.map((each) => [each, Buffer.from(disk.readFile(each)).toString("hex")]);
  return { files: Object.fromEntries(files), picture };
}

const runs = process.env["VARVE_CRASH_SECONDS"] === undefined ? 3 : 100;

describe("rewriting in a worker", () => {
  it("writes the same bytes", { timeout: 600_000 }, async () => {
    let steps = 0;
    const counting: ActorHandler = (message, disk) => {
      steps++;
      return handle(message, disk);
    };
    const property = fc.asyncProperty(
      fc.array(fc.array(operation, { maxLength: 12 }), { minLength: 15, maxLength: 40 }),
      async (commits) => {
        const disk = await lived(commits);
        steps = 0;
        const there = await compacted(disk, counting);
        expect(steps).toBeGreaterThan(5);
        expect(there).toEqual(await compacted(disk));
      },
    );
    await fc.assert(property, { numRuns: runs, seed: 3, endOnFailure: true });
  });

  it("is done here where the worker fails, at whatever request", async () => {
    const disk = await lived(Array.from({ length: 20 }, () => []));
    const here = await compacted(disk);
    let last = Number.POSITIVE_INFINITY;
    for (let failing = 0; failing < last && failing < 8; failing++) {
      let requests = 0;
      const there = await compacted(disk, (message, on) => {
        if (requests++ === failing) throw new Error("no");
        return handle(message, on);
      });
      last = requests;
      expect(there.picture).toBe(here.picture);
      const sizes = ({ files }: Compacted): number[] => Object.values(files).map((f) => f.length);
      expect(sizes(there)).toEqual(sizes(here));
    }
    expect(last).toBeGreaterThan(8);
  });

  it("is given up where the work is aborted, and nothing has changed", async () => {
    const disk = await lived(Array.from({ length: 10 }, () => []));
    const stop = new AbortController();
    const ports = portsOf(disk, (message, on) => {
      if ((message as { ask: string }).ask === "step") stop.abort();
      return handle(message, on);
    });
    const db = await openOn(ports);
    Database.coreOf(db).background.compaction.pause();
    await expect(db.compact({ signal: stop.signal })).rejects.toMatchObject({ code: "ABORTED" });
    expect(stop.signal.aborted).toBe(true);
    const { log } = Database.coreOf(db);
    expect(log.segments().every(({ horizon }) => horizon === 0)).toBe(true);
    expect((await db.verify()).problems).toEqual([]);
    await db.close();
  });

  it("begins again where runs were merged right then, and only there", async () => {
    const first = { lastLsn: 1 };
    const second = { lastLsn: 2 };
    const done = { dropped: 1, changed: 2, keptEvents: 3 };
    const begun = async (then: { lastLsn: number }): Promise<[unknown, unknown[]]> => {
      let runs = [first];
      const orders: unknown[] = [];
      const request = async (message: never): Promise<unknown> => {
        const { ask, order } = message as { ask: string; order?: { runs: unknown } };
        if (ask === "step") return { frames: [], readBytes: 0, done };
        if (ask === "begin") orders.push(order?.runs);
        if (ask !== "begin" || orders.length > 1) return undefined;
        runs = [then];
        throw new Error("no such file");
      };
      const actor = { request, stop: () => Promise.resolve() };
      const pass = new RemotePass({
        ports: { ...simulatedPorts(), workers: { start: () => actor } },
        directory: path,
        databaseId: new Uint8Array(16),
        runs: () => [...runs],
        durableStates: () => new Map(),
        families: () => [],
      } as never);
      const order = { views: [], segments: [], chosen: new Set<number>(), horizon: 1 };
      const host = { check: () => {}, pace: () => undefined };
      const result = await pass.run(order, host, () => {}).catch((error: unknown) => error);
      return [result, orders];
    };
    expect(await begun(second)).toEqual([done, [[first], [second]]]);
    const [failure, orders] = await begun(first);
    expect(failure).toBeInstanceOf(RemoteFailure);
    expect(orders).toEqual([[first]]);
  });

  it("is asked for nothing by who has closed, or where the index on disk does not reach", async () => {
    const disk = await lived(Array.from({ length: 10 }, () => []));
    const asked: unknown[] = [];
    const ports = portsOf(disk, (message) => {
      asked.push(message);
      return new Promise(() => {});
    });
    const db = await openOn(ports);
    const compacting = db.compact();
    compacting.catch(() => {});
    while (asked.length === 0) await ports.scheduler.advance(10);
    await db.close();
    await expect(compacting).rejects.toMatchObject({ code: "CLOSED" });
    expect(asked).toHaveLength(1);
    const left = Database.coreOf(db).log;
    expect(left.segments().every(({ horizon }) => horizon === 0)).toBe(true);
  });
});
