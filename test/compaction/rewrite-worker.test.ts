// The worker that rewrites: what it says step by step, and that it fails with an error, and leaves nothing open, where its files do.
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { RemoteFailure, RemotePass } from "../../src/compaction/remote-pass.ts";
import type {
  RewriteOrder,
  RewriteRequest,
  RewriteStep,
} from "../../src/compaction/rewrite-messages.ts";
import { handle } from "../../src/compaction/rewrite-worker.ts";
import { SealedEvents } from "../../src/compaction/sealed-events.ts";
import { Database } from "../../src/database/database.ts";
import { openTuned } from "../../src/database/open.ts";
import { segmentHeaderBytes } from "../../src/log/segment-format.ts";
import type { FaultRule } from "../../src/testing/faults.ts";
import { type SimulatedDisk, simulatedPorts } from "../../src/testing/testing.ts";
import { tinyTuning } from "../support/layered-script.ts";

const directory = "/db";
const filler = "x".repeat(25_000);
const worker = new URL("../../src/compaction/rewrite-worker.ts", import.meta.url);

interface Asked {
  readonly order: RewriteOrder;
  /** As it is when the worker is asked. */
  readonly disk: SimulatedDisk;
}

/** What a compaction asks of its worker, which then does not do it. */
async function asked(): Promise<Asked> {
  const found: Asked[] = [];
  const ports = simulatedPorts({ seed: 5, tasks: "automatic" });
  Object.assign(ports.workers, { hasThread: () => true });
  ports.workers.register(worker, {
    handle: (message) => {
      const request = message as RewriteRequest;
      if (request.ask === "begin") found.push({ order: request.order, disk: ports.disk.clone() });
      throw new Error("no");
    },
  });
  const options = { ...ports, memoryBudget: 16 * 2 ** 20, segmentBytes: 64 * 1024 };
  const db = await openTuned(directory, { ...options, history: "latest" }, tinyTuning);
  Database.coreOf(db).background.compaction.pause();
  for (let i = 0; i < 24; i++) {
    await db.transact((tx) => {
      if (i === 0) tx.putNode("old", { props: { filler } });
      else tx.patchNode("old", { props: { [`p${i % 3}`]: i } });
      tx.putNode(`n${i}`, { props: { filler } });
      tx.graph("g").putNode("a", { props: { i } });
      tx.emit("note", filler);
    });
  }
  await db.compact();
  await db.close();
  // Of the newest segment as it was written: what its events build on stands in others.
  return found.filter(({ order }) => order.views[0]!.generation === 1).at(-1)!;
}

describe("the worker that rewrites", () => {
  let made: Asked;
  let disk: SimulatedDisk;
  let order: RewriteOrder;

  beforeAll(async () => {
    made = await asked();
  });

  beforeEach(() => {
    ({ order } = made);
    disk = made.disk.clone();
  });

  const ask = async (request: RewriteRequest): Promise<unknown> =>
    (await handle(request, disk)).result;
  const step = async (): Promise<RewriteStep> =>
    (await ask({ ask: "step", directory })) as RewriteStep;

  /** To the end; returns how many frames there were, and the steps. */
  async function all(): Promise<{ readonly frames: number; readonly steps: number }> {
    let frames = 0;
    for (let steps = 1; ; steps++) {
      const { frames: made, done } = await step();
      frames += made.length;
      if (done !== undefined) return { frames, steps };
    }
  }

  afterEach(async () => {
    await ask({ ask: "close", directory });
    expect(disk.openFiles).toBe(0);
  });

  it("is asked for what it reads in steps", async () => {
    await ask({ ask: "begin", order });
    const { frames, steps } = await all();
    expect(frames).toBeGreaterThan(0);
    expect(steps).toBeGreaterThan(1);
    expect(disk.openFiles).toBeGreaterThan(0);
  });

  it("knows of no job before it begins, and of none once it is closed", async () => {
    await expect(step()).rejects.toThrow("no segment is read in /db");
    await ask({ ask: "begin", order });
    await step();
    await ask({ ask: "close", directory });
    await expect(step()).rejects.toThrow(TypeError);
  });

  it("closes what it had open when it begins anew", async () => {
    await ask({ ask: "begin", order });
    await step();
    const before = disk.openFiles;
    await ask({ ask: "begin", order });
    await step();
    expect(disk.openFiles).toBe(before);
  });

  it("does without a tree that a run has not", async () => {
    const runs = order.runs.map((run) => ({
      ...run,
      trees: run.trees.filter(({ name }) => name !== "keys"),
    }));
    await ask({ ask: "begin", order: { ...order, runs } });
    expect((await all()).frames).toBeGreaterThan(0);
  });

  it("keeps what is of a graph that it knows nothing of", async () => {
    await ask({ ask: "begin", order });
    const { frames } = await all();
    await ask({ ask: "begin", order: { ...order, dropped: new Map([[99, order.horizon]]) } });
    expect((await all()).frames).toBe(frames);
  });

  it.each([
    [100, "length"],
    [0, "wrong end"],
  ])("fails where the manifest has its segment end after %i bytes", async (bytes, fault) => {
    const views = order.views.map((view) => ({ ...view, dataEnd: segmentHeaderBytes + bytes }));
    await expect(ask({ ask: "begin", order: { ...order, views } }).then(all)).rejects.toMatchObject(
      { code: "CORRUPT", details: { fault } },
    );
  });

  const own = (): string => `${directory}/${order.views[0]!.name}`;
  const tree = (): string => disk.listAll().find((path) => path.includes("nodes"))!;
  const first = (): string => `${directory}/${order.segments[0]!.name}`;
  const cut = (path: string, bytes: number): void =>
    disk.writeFile(path, disk.readFile(path).slice(0, bytes));
  const rotten = (path: string, from: number, to = from + 1): void => {
    const bytes = disk.readFile(path).slice();
    for (let at = from; at < to; at++) bytes[at]! ^= 1;
    disk.writeFile(path, bytes);
  };
  const failing = (rule: FaultRule): void => void disk.faults.push(rule);

  it.each<[string, () => void, string]>([
    ["its segment is gone", () => disk.removeFile(own()), "NOT_FOUND"],
    ["its segment has no header", () => cut(own(), 100), "CORRUPT"],
    ["its segment ends within its frames", () => cut(own(), 30_000), "CORRUPT"],
    ["its segment is rotten", () => rotten(own(), 30_000), "CORRUPT"],
    [
      "its segment cannot be read",
      () => failing({ operation: "read", path: own(), errno: "EIO" }),
      "IO",
    ],
    [
      "there are no handles left",
      () => failing({ operation: "open", path: own(), errno: "EMFILE" }),
      "IO",
    ],
    ["a tree is gone", () => disk.removeFile(tree()), "CORRUPT"],
    ["a tree is too short", () => cut(tree(), 100), "CORRUPT"],
    ["the pages of a tree are rotten", () => rotten(tree(), 0, 4000), "CORRUPT"],
    [
      "a tree cannot be read",
      () => failing({ operation: "read", path: "nodes", errno: "EIO", times: "forever" }),
      "IO",
    ],
    ["what a patch builds on is gone", () => disk.removeFile(first()), "NOT_FOUND"],
    ["what a patch builds on is another segment", () => rotten(first(), 20), "CORRUPT"],
  ])("fails where %s", async (_, damage, code) => {
    damage();
    await expect(ask({ ask: "begin", order }).then(all)).rejects.toMatchObject({ code });
  });
});

describe("the side that asks", () => {
  it("asks nothing for an index that has no run, nor once it was stopped", async () => {
    const ports = simulatedPorts();
    Object.assign(ports.workers, { hasThread: () => true });
    const { order } = await asked();
    const { databaseId, views, segments, horizon } = order;
    const parts = {
      ports,
      directory,
      databaseId,
      durableStates: () => new Map(),
      families: () => [],
    };
    expect(new RemotePass({ ...parts, runs: () => [] }).reaches(1)).toBe(false);
    const remote = new RemotePass({ ...parts, runs: () => order.runs });
    expect(remote.reaches(horizon)).toBe(true);
    await remote.stop();
    expect(remote.reaches(horizon)).toBe(false);
    const pass = { views, segments, chosen: new Set<number>(), horizon };
    const host = { check: () => {}, pace: () => undefined };
    await expect(remote.run(pass, host, () => {})).rejects.toBeInstanceOf(RemoteFailure);
  });
});

describe("events of sealed segments", () => {
  it("are found in as many segments as there are, and nowhere else", async () => {
    const { order, disk } = await asked();
    const { segments, databaseId } = order;
    expect(segments.length).toBeGreaterThan(17);
    const events = new SealedEvents(disk, directory, databaseId, segments);
    const last = segments.at(-1)!.lastLsn;
    for (const lsns of [
      [1, last],
      [last, 1],
    ] as const) {
      const stride = lsns[0] < lsns[1] ? 1 : -1;
      for (let lsn: number = lsns[0]; lsn !== lsns[1]; lsn += stride) {
        const found = events.find(lsn)!;
        expect([found.lsn <= lsn, lsn < found.lsn + found.eventCount]).toEqual([true, true]);
      }
    }
    for (const lsn of [0, last + 1]) expect(events.find(lsn)).toBeUndefined();
    await events.close();
    expect(disk.openFiles).toBe(0);
  });
});
