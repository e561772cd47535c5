// Damages the index files of an open database: what meets it fails with INDEX_REBUILDING, and all is well again soon after.
import { describe, expect, it } from "vitest";
import { VarveError } from "../../src/codec/errors.ts";
import type { Database } from "../../src/database/database.ts";
import { openTuned } from "../../src/database/open.ts";
import type { OpenOptions } from "../../src/database/options.ts";
import { readState, writeState } from "../../src/database/system-state.ts";
import type { Tuning } from "../../src/database/tuning.ts";
import { PAGE_HEADER, pageMagic } from "../../src/index/page-format.ts";
import {
  type SimulatedDisk,
  type SimulatedPorts,
  simulatedPorts,
} from "../../src/testing/testing.ts";
import { digestOf } from "../corruption/specimen.ts";
import { tinyTrees } from "../graph/support.ts";
import { codeOf } from "./support.ts";

/** Few pages in the cache, so that reads come by the files again and again. */
const tiny: Partial<Tuning> = {
  index: tinyTrees,
  activeEventsMax: 150,
  pageCacheBytes: 2048,
  pageCacheBytesMax: 2048,
  frameCacheBytes: 8192,
  pageBytes: 512,
  closeEventsMax: 3,
  mergeAbove: 3,
};

interface Opened {
  readonly db: Database;
  readonly ports: SimulatedPorts;
}

async function openTiny(
  disk: SimulatedDisk = simulatedPorts({ seed: 4 }).disk,
  tuned: Partial<Tuning> = {},
  options: OpenOptions = {},
): Promise<Opened> {
  const ports = simulatedPorts({ disk, seed: 4, tasks: "automatic" });
  const all = { ...ports, memoryBudget: 16 * 2 ** 20, implicitNodes: true, ...options };
  return { db: await openTuned("/db", all, { ...tiny, ...tuned }), ports };
}

/** Some layers of nodes, edges, labels, patches and removals, all of it in index files. */
async function fill(db: Database): Promise<void> {
  for (let round = 0; round < 5; round++) {
    await db.transact((tx) => {
      for (let i = 0; i < 60; i++) {
        tx.putNode(`n${i}-${round}`, { labels: i % 3 === 0 ? ["Dot"] : [], props: { i, round } });
      }
      for (let i = 0; i < 60; i++) {
        tx.addEdge(`n${i}-${round}`, `T${i % 2}`, `n${(i * 7) % 60}-${Math.max(0, round - 1)}`, {
          i,
        });
      }
    });
    await db.transact((tx) => {
      const edges = [...tx.edges(`n1-${round}`)];
      tx.patchEdge(edges[0]!.id, { patched: round });
      tx.removeEdge([...tx.edges(`n2-${round}`)][0]!.id);
      tx.removeNode(`n3-${round}`);
      tx.patchNode(`n4-${round}`, { props: { more: true }, addLabels: ["Dot"] });
      writeState(tx, "round", round);
    });
  }
  await db.checkpoint();
}

function treesOf(disk: SimulatedDisk): string[] {
  return disk.listAll().filter((path) => path.endsWith(".tree"));
}

/** Spoils every page and filter block of the trees, not their footers. */
function spoil(disk: SimulatedDisk, name = /\.tree$/): number {
  const paths = treesOf(disk).filter((path) => name.test(path));
  for (const path of paths) {
    const bytes = Buffer.from(disk.readFile(path));
    let length = 0;
    for (let at = 0; bytes.readUInt32LE(at + PAGE_HEADER.magic) === pageMagic; at += length) {
      length = bytes.readUInt32LE(at + PAGE_HEADER.length);
      bytes[at + length - 1]! ^= 0x55;
    }
    disk.writeFile(path, bytes);
  }
  return paths.length;
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Waits until the index serves again. */
async function rebuilt(db: Database): Promise<void> {
  for (let turn = 0; turn < 5000; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    if ((await codeOf(() => db.hasNode("any"))) === "no error") return;
  }
  throw new Error("the rebuild does not end");
}

/** Reads through everything until something meets the damage. */
function meet(db: Database): VarveError {
  try {
    for (const { key } of db.nodes()) for (const _ of db.edges(key, { direction: "both" }));
  } catch (error) {
    expect(error).toBeInstanceOf(VarveError);
    return error as VarveError;
  }
  throw new Error("no read met the damage");
}

describe("damage met by a read", () => {
  it("fails it with INDEX_REBUILDING, and everything answers as before once the rebuild is over", async () => {
    const { db, ports } = await openTiny();
    await fill(db);
    const before = await digestOf(db);
    const view = db.snapshot();
    const old = treesOf(ports.disk);
    expect(spoil(ports.disk)).toBeGreaterThan(5);
    const error = meet(db);
    expect(error).toMatchObject({
      code: "INDEX_REBUILDING",
      retryable: true,
      details: { file: expect.stringMatching(/\.tree$/), offset: expect.any(Number) },
    });
    expect(await codeOf(() => db.node("n1-1"))).toBe("INDEX_REBUILDING");
    expect(await codeOf(() => view.node("n1-1"))).toBe("INDEX_REBUILDING");
    expect(await codeOf(() => db.transact(() => {}))).toBe("INDEX_REBUILDING");
    expect(await codeOf(() => db.checkpoint())).toBe("INDEX_REBUILDING");
    expect(readState(db, "round")).toBe(4);
    await rebuilt(db);
    expect(await digestOf(db)).toBe(before);
    expect([...view.nodes()].length).toBe(db.nodeCount);
    expect(db.stats().index.rebuilds).toBe(1);
    expect(readState(db, "round")).toBe(4);
    await db.checkpoint();
    expect(treesOf(ports.disk).filter((path) => old.includes(path))).toEqual([]);
    expect((await db.verify()).problems).toEqual([]);
    await db.close();
    const again = await openTiny(ports.disk.clone());
    expect(again.db.recovery).toMatchObject({ clean: true, rebuilt: [], replayedEvents: 0 });
    expect(await digestOf(again.db)).toBe(before);
    await again.db.close();
  });

  it("is mended again and again, and a sector that cannot be read is damage too", async () => {
    const { db, ports } = await openTiny();
    await fill(db);
    const before = await digestOf(db);
    spoil(ports.disk);
    expect(meet(db).code).toBe("INDEX_REBUILDING");
    await rebuilt(db);
    await db.checkpoint();
    ports.disk.faults.push({ operation: "read", path: ".tree", errno: "EIO" });
    expect(meet(db).code).toBe("INDEX_REBUILDING");
    await rebuilt(db);
    expect(await digestOf(db)).toBe(before);
    expect(db.stats().index.rebuilds).toBe(2);
    await db.close();
  });

  it.each(["keys", "nodes", "out", "in", "edges", "labels"])("in any tree: %s", async (name) => {
    const { db, ports } = await openTiny();
    await fill(db);
    const before = await digestOf(db);
    expect(spoil(ports.disk, new RegExp(`-${name}\\.tree$`))).toBeGreaterThan(0);
    expect(await codeOf(() => digestOf(db))).toBe("INDEX_REBUILDING");
    await rebuilt(db);
    expect(await digestOf(db)).toBe(before);
    await db.close();
  });

  it("is waited for by close, which leaves sound files behind", async () => {
    const { db, ports } = await openTiny(undefined, { closeEventsMax: 1_000_000 });
    await fill(db);
    const before = await digestOf(db);
    spoil(ports.disk);
    meet(db);
    await db.close();
    const again = await openTiny(ports.disk.clone());
    expect(again.db.recovery).toMatchObject({ clean: true, rebuilt: [] });
    expect(await digestOf(again.db)).toBe(before);
    expect(again.db.stats().index.rebuilds).toBe(0);
    await again.db.close();
  });

  it("disturbs no feed: it waits for the index, and goes on where it stood", async () => {
    const { db, ports } = await openTiny(undefined, { activeBytesMax: 64 * 1024 });
    await fill(db);
    const feed = db.changes({ live: false })[Symbol.asyncIterator]();
    const first = await feed.next();
    const lsns = first.value!.changes.map(({ lsn }) => lsn);
    spoil(ports.disk);
    // The rebuild stands still half-way.
    ports.disk.faults.push({ operation: "write", path: ".tree", errno: "ENOSPC", times: 2 });
    meet(db);
    await turns(200);
    let isThere = false;
    const next = feed.next().finally(() => {
      isThere = true;
    });
    await turns(50);
    expect([isThere, await codeOf(() => db.node("n1-1"))]).toEqual([false, "INDEX_REBUILDING"]);
    for (let i = 0; i < 20; i++) {
      await ports.scheduler.advance(10_000);
      await turns(50);
    }
    await rebuilt(db);
    for (let read = await next; !read.done; read = await feed.next()) {
      lsns.push(...read.value.changes.map(({ lsn }) => lsn));
    }
    expect(lsns).toEqual(Array.from({ length: db.lastLsn }, (_, i) => i + 1));
    await db.close();
  });

  it("keeps memory bounded while the index is made again", async () => {
    const { db, ports } = await openTiny(undefined, { activeBytesMax: 64 * 1024 });
    await fill(db);
    const before = await digestOf(db);
    spoil(ports.disk);
    const { flushes } = db.stats().counters;
    meet(db);
    await rebuilt(db);
    expect(db.stats().counters.flushes).toBeGreaterThan(flushes);
    expect(await digestOf(db)).toBe(before);
    await db.close();
  });
});

describe("damage met by a write", () => {
  it("rejects it with INDEX_REBUILDING, and no name that it had defined is left", async () => {
    const { db, ports } = await openTiny();
    await fill(db);
    const before = await digestOf(db);
    spoil(ports.disk);
    let calls = 0;
    const written = db.transact((tx) => {
      tx.putNode("new", { labels: ["NeverSeen"], props: { neverSeen: 1 } });
      for (let i = 0; i < 60; i++) {
        try {
          tx.removeNode(`n${i}-0`);
        } catch {
          // Whoever goes on all the same writes nothing.
          calls++;
        }
      }
    });
    await expect(written).rejects.toMatchObject({ code: "INDEX_REBUILDING", retryable: true });
    expect(calls).toBeGreaterThan(0);
    await rebuilt(db);
    expect(await digestOf(db)).toBe(before);
    // A name that was left defined without a record in the log would make this one unreadable after a reopen.
    await db.transact((tx) => {
      tx.putNode("after", { labels: ["NeverSeen"], props: { neverSeen: 2 } });
    });
    const after = await digestOf(db);
    await db.close();
    for (const path of [...treesOf(ports.disk), ...ports.disk.listAll()]) {
      if (/\.tree$|checkpoint/.test(path) && treesOf(ports.disk).length > 0) {
        if (ports.disk.listAll().includes(path)) ports.disk.removeFile(path);
      }
    }
    const again = await openTiny(ports.disk.clone());
    expect(await digestOf(again.db)).toBe(after);
    expect(again.db.node("after")).toMatchObject({ labels: ["NeverSeen"] });
    await again.db.close();
  });

  it("in the way of taking a rejected transaction back leaves no trace of it", async () => {
    const { db, ports } = await openTiny();
    await fill(db);
    const before = await digestOf(db);
    const keys = [...db.nodes({ limit: 40 })].map(({ key }) => key);
    ports.disk.faults.push({ operation: "write", path: ".log", errno: "EIO" });
    const written = db.transact((tx) => {
      for (const key of keys) tx.patchNode(key, { addLabels: ["NeverSeen"] });
    });
    spoil(ports.disk);
    await expect(written).rejects.toMatchObject({ code: "IO" });
    ports.disk.faults.length = 0;
    if ((await codeOf(() => digestOf(db))) !== "no error") await rebuilt(db);
    expect(await digestOf(db)).toBe(before);
    await db.transact((tx) => tx.putNode("after", { labels: ["NeverSeen"] }));
    expect((await db.verify()).problems).toEqual([]);
    await db.close();
  });
});

describe("damage met in the background", () => {
  it("by a merge: the index is made again", async () => {
    const { db, ports } = await openTiny(undefined, { mergeAbove: 100 });
    await fill(db);
    const before = [[...db.nodes()], [...db.allEdges()]];
    await db.close();
    spoil(ports.disk);
    const again = await openTiny(ports.disk.clone(), { mergeAbove: 1 });
    // Nothing is read: what is flushed wakes the merges.
    await again.db.transact((tx) => tx.emit("wake"));
    const saved = codeOf(() => again.db.checkpoint());
    for (let turn = 0; turn < 500 && again.db.stats().index.rebuilds === 0; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(again.db.stats().index.rebuilds).toBe(1);
    expect(await saved).toBe("no error");
    await rebuilt(again.db);
    expect([[...again.db.nodes()], [...again.db.allEdges()]]).toEqual(before);
    expect(again.db.stats().pressure.failure).toBeUndefined();
    await again.db.close();
  });
});

describe("damage of the log found by a rebuild", () => {
  it("is CORRUPT for every read and write from then on, no hang, and no checkpoint is made of what was read", async () => {
    const { db, ports } = await openTiny(undefined, { frameCacheBytes: 1 });
    await fill(db);
    // More than a clean close leaves to the next open's replay.
    await db.transact((tx) => tx.putNodes(Array.from({ length: 20 }, (_, i) => `late${i}`)));
    const [path] = ports.disk.listAll().filter((name) => name.endsWith(".log"));
    const sound = ports.disk.readFile(path!);
    const bytes = Buffer.from(sound);
    bytes[4096 + 300]! ^= 1;
    ports.disk.writeFile(path!, bytes);
    spoil(ports.disk);
    const checkpoints = ports.disk.listAll().filter((name) => name.includes("checkpoint-"));
    meet(db);
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
    for (const call of [
      () => db.node("n1-1"),
      () => [...db.nodes()],
      () => db.transact((tx) => tx.putNode("x")),
      () => db.checkpoint(),
    ]) {
      expect(await codeOf(call)).toBe("CORRUPT");
    }
    expect((await db.verify()).sound).toBe(false);
    await db.close();
    expect(ports.disk.listAll().filter((name) => name.includes("checkpoint-"))).toEqual(
      checkpoints,
    );
  });
});

describe("a rebuild that fails", () => {
  it("is tried again while reads go on failing with INDEX_REBUILDING", async () => {
    const { db, ports } = await openTiny(undefined, { activeBytesMax: 64 * 1024 });
    await fill(db);
    const before = await digestOf(db);
    spoil(ports.disk);
    ports.disk.faults.push({ operation: "write", path: ".tree", errno: "ENOSPC", times: 2 });
    meet(db);
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(await codeOf(() => db.node("n1-1"))).toBe("INDEX_REBUILDING");
    for (let i = 0; i < 20; i++) {
      await ports.scheduler.advance(10_000);
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
    await rebuilt(db);
    expect(await digestOf(db)).toBe(before);
    await db.close();
  });
});
