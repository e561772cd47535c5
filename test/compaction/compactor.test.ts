// A compactor over an open database: what it frees, and that whatever goes wrong on the way changes nothing.
import { describe, expect, it } from "vitest";
import { Database } from "../../src/database/database.ts";
import { readManifest } from "../../src/log/manifest-store.ts";
import { dropAll, SimulatedDisk } from "../../src/testing/testing.ts";
import { compactAll, filledLife } from "../support/compacted-script.ts";
import { compactorOf } from "../support/compactor-of.ts";
import { History, readView } from "../support/crash-oracle.ts";
import { databasePath, type Opened, prepared } from "../support/crash-script.ts";
import { openLayered, rest } from "../support/layered-script.ts";
import { loseIndex } from "../support/lose-index.ts";

interface Filled extends Opened {
  readonly disk: SimulatedDisk;
  readonly history: History;
}

async function filled(): Promise<Filled> {
  const disk = prepared(new SimulatedDisk({ seed: 3, trace: "none" }));
  const history = new History();
  const opened = await filledLife(history, disk);
  await rest(opened);
  return { ...opened, disk, history };
}

function logBytes(disk: SimulatedDisk): number {
  const files = disk.listAll().filter((path) => path.endsWith(".log"));
  return files.reduce((sum, path) => sum + disk.readFile(path).length, 0);
}

async function segmentsOf(disk: SimulatedDisk): Promise<string> {
  const { manifest } = await readManifest(disk, databasePath, false);
  return JSON.stringify(manifest?.segments);
}

/** As it was: the manifest, the files, the states and the changes. */
async function requireUntouched({ db, disk, history }: Filled, before: string): Promise<void> {
  expect(await segmentsOf(disk)).toBe(before);
  expect(Database.coreOf(db).log.horizon).toBe(0);
  expect(disk.listAll().filter((path) => path.endsWith("-0002.log"))).toEqual([]);
  history.checkAfter("kill", await readView(db)).checkGraph(db);
}

describe("a compactor", () => {
  it("frees what nothing needs, and finds nothing more to free", async () => {
    const opened = await filled();
    const { db, disk, history } = opened;
    const before = logBytes(disk);
    const compactor = compactorOf(db);
    const { freedBytes, droppedEvents, segments } = await compactor.rewrite(
      compactor.everything(db.durableLsn)!,
    );
    expect(segments).toBeGreaterThan(1);
    expect(droppedEvents).toBeGreaterThan(20);
    expect(before - logBytes(disk)).toBe(freedBytes);
    expect(freedBytes).toBeGreaterThan(40_000);
    const { horizon } = Database.coreOf(db).log;
    expect(horizon).toBe(db.durableLsn);
    const again = await compactor.rewrite(compactor.everything(horizon)!);
    expect(again).toEqual({ freedBytes: 0, droppedEvents: 0, segments: 0 });
    history.checkAfter("kill", await readView(db)).checkGraph(db);
    expect((await db.verify()).problems).toEqual([]);
    await db.close();
    const reopened = await openLayered(disk);
    expect(Database.coreOf(reopened.db).log.horizon).toBe(horizon);
    expect(reopened.db.recovery).toMatchObject({ quarantined: [], rebuilt: [], warnings: [] });
    await reopened.db.close();
  });

  it("touches nothing before there is a checkpoint behind it", async () => {
    const disk = prepared(new SimulatedDisk({ seed: 3, trace: "none" }));
    const { db } = await openLayered(disk, "group", { activeEventsMax: 10_000 });
    for (let i = 0; i < 8; i++) {
      await db.transact((tx) => tx.putNode("same", { props: { text: "x".repeat(20_000) } }));
    }
    expect(Database.coreOf(db).log.stats().segments).toBeGreaterThan(2);
    expect(compactorOf(db).everything(db.durableLsn)).toBeUndefined();
    await db.close();
  });

  it("changes nothing where a segment is damaged", async () => {
    const opened = await filled();
    const { db, disk } = opened;
    const before = await segmentsOf(disk);
    const names = disk.listAll().filter((path) => path.endsWith("-0001.log"));
    const path = names[1]!;
    const bytes = disk.readFile(path);
    bytes[9000]! ^= 1;
    disk.writeFile(path, bytes);
    await expect(compactAll(opened)).rejects.toMatchObject({
      code: "CORRUPT",
      details: { file: path.slice(databasePath.length + 1) },
    });
    expect(await segmentsOf(disk)).toBe(before);
    expect(disk.listAll().filter((each) => each.endsWith("-0002.log"))).toEqual([]);
    expect(Database.coreOf(db).log.horizon).toBe(0);
  });

  it("changes nothing where the disk is full, and works once there is space", async () => {
    const opened = await filled();
    const before = await segmentsOf(opened.disk);
    for (const call of [1, 2, 4]) {
      const path = "-0002.log";
      opened.disk.faults.push({ operation: "write", path, occurrence: call, errno: "ENOSPC" });
      await expect(compactAll(opened)).rejects.toMatchObject({ code: "DISK_FULL" });
      opened.disk.faults.length = 0;
      await requireUntouched(opened, before);
    }
    expect(await compactAll(opened)).toBeGreaterThan(1);
    await opened.db.close();
  });

  it("changes nothing where the sync of a new file fails, and says so", async () => {
    const opened = await filled();
    const before = await segmentsOf(opened.disk);
    opened.disk.faults.push({ operation: "sync", path: "-0002.log", errno: "EIO" });
    await expect(compactAll(opened)).rejects.toMatchObject({ code: "IO" });
    opened.disk.faults.length = 0;
    await requireUntouched(opened, before);
    await opened.db.close();
  });

  it("stops when it is told to", async () => {
    const opened = await filled();
    const before = await segmentsOf(opened.disk);
    const compactor = compactorOf(opened.db);
    const choice = compactor.everything(opened.db.durableLsn)!;
    const stop = new AbortController();
    let paced = 0;
    const pace = (): Promise<void> => {
      if (++paced === 2) stop.abort();
      return Promise.resolve();
    };
    const asked = compactor.rewrite(choice, { signal: stop.signal, pace });
    await expect(asked).rejects.toMatchObject({ code: "ABORTED" });
    await requireUntouched(opened, before);
    await opened.db.close();
  });

  it("erases nodes with their edges and their keys, and feeds tell of that alone", async () => {
    const opened = await filled();
    const { db, disk } = opened;
    const secret = "big.3";
    const id = db.nodeId(secret)!;
    const { lastLsn } = await db.transact((tx) => tx.removeNode(secret));
    await db.transact((tx) => tx.putNode("pad", { props: { text: "z".repeat(60_000) } }));
    await db.transact((tx) => tx.putNode("pad2", { props: { text: "z".repeat(60_000) } }));
    await rest(opened);
    await db.checkpoint();
    const compactor = compactorOf(db);
    const erased = { has: (node: number) => node === id, lsn: lastLsn };
    await compactor.rewrite(compactor.everything(0, erased)!);
    expect(Database.coreOf(db).log.horizon).toBe(0);
    const kinds = new Map<string, number>();
    let lsn = 0;
    for await (const { changes } of db.changes({ live: false })) {
      for (const change of changes) {
        expect(change.lsn).toBe(++lsn);
        kinds.set(change.kind, (kinds.get(change.kind) ?? 0) + 1);
      }
    }
    expect(lsn).toBe(db.lastLsn);
    expect(kinds.get("erased")).toBe(3);
    for (const path of disk.listAll().filter((each) => each.endsWith(".log"))) {
      expect(Buffer.from(disk.readFile(path)).includes(secret), path).toBe(false);
    }
    expect((await db.verify()).problems).toEqual([]);
    await db.close();
  });

  it("keeps a removal until what it removes is gone, and node ids for good", async () => {
    const disk = prepared(new SimulatedDisk({ seed: 3, trace: "none" }));
    const { db } = await openLayered(disk);
    const fill = async (): Promise<void> => {
      for (let i = 0; i < 4; i++) {
        await db.transact((tx) => tx.emit("pad", "z".repeat(20_000)));
      }
    };
    await db.transact((tx) => tx.putNode("stays"));
    const { result: id } = await db.transact((tx) => tx.putNode("goes"));
    const { result: edge } = await db.transact((tx) => tx.addEdge("stays", "to", "stays"));
    await fill();
    await db.transact((tx) => [tx.removeNode("goes"), tx.removeEdge(edge)]);
    await fill();
    await fill();
    await db.checkpoint();
    const compactor = compactorOf(db);
    // Of all but the segment that has what is removed; then of that one; then of all, one by one.
    const all = compactor.everything(db.durableLsn)!;
    const [first, ...others] = all.segments;
    for (const segments of [others, [first!], undefined]) {
      const given = segments ?? compactor.everything(db.durableLsn)!.segments;
      await compactor.rewrite({ ...all, segments: given });
      const copy = disk.powerCut(dropAll);
      await loseIndex(copy);
      const replayed = (await openLayered(copy)).db;
      expect([replayed.hasNode("goes"), replayed.edge(edge)]).toEqual([false, undefined]);
      expect([replayed.nodeCount, replayed.edgeCount]).toEqual([1, 0]);
      expect((await replayed.transact((tx) => tx.putNode("new"))).result).toBeGreaterThan(id);
      await replayed.close();
    }
    await db.close();
  });
});
