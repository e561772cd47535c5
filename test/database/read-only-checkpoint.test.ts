// A read-only handle reads the newest checkpoint's trees, goes over to newer ones while the writer merges and removes them under
// it, and gets along without any.
import { describe, expect, it } from "vitest";
import type { Database } from "../../src/database/database.ts";
import { openTuned } from "../../src/database/open.ts";
import type { Tuning } from "../../src/database/tuning.ts";
import { PAGE_HEADER, pageMagic } from "../../src/index/page-format.ts";
import { dropAll, SimulatedDisk, simulatedPorts } from "../../src/testing/testing.ts";
import { allOf } from "../changes/live-support.ts";
import { digestOf } from "../corruption/specimen.ts";
import { History, readView } from "../support/crash-oracle.ts";
import { databasePath, prepared } from "../support/crash-script.ts";
import {
  layeredLife,
  layeredPorts,
  openLayered,
  rest,
  tinyTuning,
} from "../support/layered-script.ts";
import { MovingDisk } from "../support/moving-disk.ts";
import { type CrashPoint, record } from "../support/recorded-life.ts";
import { codeOf } from "./support.ts";

const tiny: Partial<Tuning> = { ...tinyTuning, activeEventsMax: 100, closeEventsMax: 3 };
/** So that every checkpoint is worth going over to. */
const eager: Partial<Tuning> = { ...tiny, activeBytesMax: 1 };

interface Reader {
  readonly db: Database;
  readonly disk: MovingDisk;
  readonly ports: ReturnType<typeof simulatedPorts>;
}

async function openReader(
  disk: SimulatedDisk | MovingDisk,
  tuned: Partial<Tuning> = tiny,
): Promise<Reader> {
  const moving = disk instanceof MovingDisk ? disk : new MovingDisk(disk);
  const ports = simulatedPorts({ disk: moving.now, tasks: "automatic" });
  const options = { ...ports, disk: moving, readOnly: true, memoryBudget: 16 * 2 ** 20 };
  return { db: await openTuned(databasePath, options, tuned), disk: moving, ports };
}

async function openWriter(disk: SimulatedDisk): Promise<Database> {
  const options = { ...layeredPorts(disk), memoryBudget: 16 * 2 ** 20, implicitNodes: true };
  return await openTuned(databasePath, options, tiny);
}

function fresh(): SimulatedDisk {
  return prepared(new SimulatedDisk({ seed: 5, trace: "none" }));
}

async function fill(db: Database, round: number): Promise<void> {
  await db.transact((tx) => {
    for (let i = 0; i < 40; i++) tx.putNode(`n${round}-${i}`, { labels: ["N"], props: { i } });
    for (let i = 0; i < 40; i++) {
      tx.addEdge(`n${round}-${i}`, "T", `n${round >> 1}-${(i * 7) % 40}`, { i });
    }
  });
  await db.transact((tx) => {
    tx.patchNode(`n${round}-1`, { props: { round }, addLabels: ["P"] });
    tx.removeEdge([...tx.edges(`n${round}-2`)][0]!.id);
    tx.removeNode(`n${round}-3`);
    tx.emit("round", round);
  });
}

function graphOf(view: Pick<Database, "nodes" | "allEdges">): string {
  return JSON.stringify([[...view.nodes()], [...view.allEdges()]]);
}

function treesOf(disk: SimulatedDisk): string[] {
  return disk.listAll().filter((path) => path.endsWith(".tree"));
}

function spoil(disk: SimulatedDisk, paths: readonly string[]): void {
  for (const path of paths) {
    const bytes = Buffer.from(disk.readFile(path));
    for (let at = 0; bytes.readUInt32LE(at + PAGE_HEADER.magic) === pageMagic; ) {
      at += bytes.readUInt32LE(at + PAGE_HEADER.length);
      bytes[at - 1]! ^= 0x55;
    }
    disk.writeFile(path, bytes);
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

async function rebuilt(db: Database): Promise<void> {
  for (let turn = 0; turn < 5000; turn++) {
    await turns(1);
    if ((await codeOf(() => db.hasNode("any"))) === "no error") return;
  }
  throw new Error("the rebuild does not end");
}

describe("a read-only handle on a database with a checkpoint", () => {
  it("replays only what comes behind it, and answers and feeds as the writer does", async () => {
    const disk = fresh();
    const writer = await openWriter(disk);
    for (let round = 0; round < 5; round++) await fill(writer, round);
    await writer.checkpoint();
    const saved = writer.lastLsn;
    await fill(writer, 5);
    const { db } = await openReader(disk);
    expect(db.recovery).toMatchObject({
      checkpointLsn: saved,
      replayedEvents: writer.lastLsn - saved,
      lastLsn: writer.lastLsn,
    });
    expect(db.stats().index.trees.out.files).toBeGreaterThan(0);
    expect(await digestOf(db)).toBe(await digestOf(writer));
    const all = await allOf(db.changes({ live: false }));
    expect(all.map(({ lsn }) => lsn)).toEqual(all.map((_, i) => i + 1));
    expect(all).toHaveLength(writer.lastLsn);
    expect((await db.verify()).problems).toEqual([]);
    await db.close();
    await writer.close();
  });

  it("goes over to newer trees while it is read, however the writer merges and removes files", async () => {
    const disk = fresh();
    const writer = await openWriter(disk);
    await fill(writer, 0);
    await writer.checkpoint();
    const reader = await openReader(disk, eager);
    const { db } = reader;
    const first = treesOf(disk);
    const walk = db.nodes()[Symbol.iterator]();
    const walked = [walk.next().value!.key];
    const due = [...db.nodes()].map(({ key }) => key);
    const view = db.snapshot();
    const seen = graphOf(view);
    for (let round = 1; round <= 9; round++) {
      await fill(writer, round);
      if (round % 3 === 0) await writer.checkpoint();
      await rest({ db: writer, ports: layeredPorts(disk) }, 1000);
      await db.flush();
      await turns(30);
      await db.flush();
      expect(await digestOf(db), `round ${round}`).toBe(await digestOf(writer));
      const next = walk.next();
      if (!next.done) walked.push(next.value.key);
      if (round % 4 === 0) expect((await db.verify()).problems).toEqual([]);
    }
    expect(treesOf(disk).filter((path) => first.includes(path))).toEqual([]);
    for (const { key } of walk) walked.push(key);
    expect(walked).toEqual(due);
    expect(graphOf(view)).toBe(seen);
    // What is in memory is what came behind the last checkpoint, not all that came while it was open.
    await writer.checkpoint();
    await reader.ports.scheduler.advance(1100);
    await turns(50);
    await db.flush();
    await turns(50);
    expect(db.stats().checkpointLsn).toBe(writer.lastLsn);
    const other = await openReader(disk, eager);
    expect(other.db.recovery.replayedEvents).toBe(0);
    expect(db.stats().bytes.memory).toBe(other.db.stats().bytes.memory);
    await other.db.close();
    expect(await digestOf(db)).toBe(await digestOf(writer));
    await writer.close();
    await db.close();
    expect(reader.disk.openHandles).toBe(0);
  });

  it("takes the newer checkpoint where a file is gone before it could be opened, else the whole log", async () => {
    const disk = fresh();
    const writer = await openWriter(disk);
    await fill(writer, 0);
    await writer.checkpoint();
    const older = disk.clone();
    await fill(writer, 1);
    await writer.checkpoint();
    await fill(writer, 2);
    await writer.close();
    const due = await openReader(disk);
    const digest = await digestOf(due.db);
    await due.db.close();

    const moving = new MovingDisk(older);
    const openSync = moving.openSync.bind(moving);
    moving.openSync = (path) => {
      if (path.endsWith(".tree")) moving.now = disk;
      return openSync(path);
    };
    for (const path of treesOf(older)) if (disk.listAll().includes(path)) disk.removeFile(path);
    const late = await openReader(moving);
    expect(await digestOf(late.db)).toBe(digest);
    await late.db.close();

    for (const what of [/\.tree$/, /checkpoint-/]) {
      const lost = disk.clone();
      const name = lost.listAll().find((path) => what.test(path));
      if (name !== undefined) lost.removeFile(name);
      const { db } = await openReader(lost);
      expect(db.recovery).toMatchObject({ checkpointLsn: 0, replayedEvents: db.lastLsn });
      expect(await digestOf(db)).toBe(digest);
      await db.close();
    }
  });

  it("answers from the log where pages are damaged that the opening reads", async () => {
    const disk = fresh();
    const writer = await openWriter(disk);
    await fill(writer, 0);
    await writer.checkpoint();
    await writer.transact((tx) => tx.patchNode("n0-5", { props: { late: true } }));
    const digest = await digestOf(writer);
    spoil(disk, treesOf(disk));
    const { db } = await openReader(disk);
    expect(db.recovery).toMatchObject({ checkpointLsn: 0, replayedEvents: db.lastLsn });
    expect(await digestOf(db)).toBe(digest);
    await db.close();
  });

  it("meets damage with INDEX_REBUILDING, goes on following, and answers again, having written nothing", async () => {
    const disk = fresh();
    const writer = await openWriter(disk);
    for (let round = 0; round < 3; round++) await fill(writer, round);
    await writer.checkpoint();
    const { db, ports } = await openReader(disk);
    spoil(disk, treesOf(disk));
    expect(await codeOf(() => digestOf(db))).toBe("INDEX_REBUILDING");
    await writer.transact((tx) => tx.putNode("meanwhile", { labels: ["Fresh"] }));
    await ports.scheduler.advance(20);
    await rebuilt(db);
    expect(db.hasNode("meanwhile")).toBe(true);
    expect(db.nodeCount).toBe(writer.nodeCount);
    expect([...db.nodes()].filter(({ labels }) => labels.includes("Fresh"))).toHaveLength(1);
    expect(db.stats().index.rebuilds).toBe(1);
    expect((await db.verify()).problems).toEqual([]);
    await db.close();
  });
});

describe("a read-only handle opened at any call of a writer with many layers", () => {
  it("shows whole transactions as they were made, and nothing that a power cut can take back", async () => {
    const disk = prepared(new SimulatedDisk({ seed: 3, trace: "none" }));
    const history = new History();
    const points: CrashPoint[] = await record(
      disk,
      () => history,
      () => layeredLife(history, disk),
    );
    let fromCheckpoint = 0;
    let judged = 0;
    const one = new MovingDisk(points[0]!.disk);
    let lasting: Reader | undefined;
    for (const [turn, point] of points.entries()) {
      if (turn % 23 !== 0) continue;
      const code = await codeOf(async () => {
        const { db } = await openReader(point.disk, { ...eager, activeEventsMax: 5 });
        const { transactions } = await readView(db);
        expect(db.lastLsn).toBe(db.durableLsn);
        expect(transactions.at(-1)?.lastLsn ?? 0).toBe(db.lastLsn);
        if (db.recovery.checkpointLsn > 0) fromCheckpoint++;
        const cut = await openLayered(point.disk.powerCut(dropAll));
        const all = await readView(cut.db);
        expect(all.transactions.slice(0, transactions.length)).toEqual(transactions);
        await cut.db.close();
        await db.close();
        judged++;
      });
      if (code !== "no error") expect([code, judged]).toEqual(["NOT_FOUND", 0]);
      if (code !== "no error") continue;
      one.now = point.disk;
      lasting ??= await openReader(one, { ...eager, activeEventsMax: 5 });
      await lasting.db.flush();
      await turns(3);
      const again = await openReader(point.disk, tiny);
      expect(await digestOf(lasting.db), point.label).toBe(await digestOf(again.db));
      await again.db.close();
    }
    expect(judged).toBeGreaterThan(12);
    expect(fromCheckpoint).toBeGreaterThan(6);
    await lasting?.db.close();
    expect(one.openHandles).toBe(0);
  });
});
