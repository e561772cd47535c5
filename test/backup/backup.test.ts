// What a backup holds, what it costs, what it refuses, and that it can be repeated.
import { describe, expect, it } from "vitest";
import { SimulatedDisk } from "../../src/testing/simulated-disk.ts";
import { simulatedPorts } from "../../src/testing/simulated-ports.ts";
import type { Database } from "../../src/varve.ts";
import { digestOf } from "../corruption/specimen.ts";
import { codeOf } from "../database/support.ts";
import { copy, digestAt, filesIn, openAt, original, write } from "./support.ts";

async function prepared(
  turns: number,
  bytes = 200,
): Promise<{ disk: SimulatedDisk; db: Database }> {
  const disk = new SimulatedDisk({ seed: 2 });
  disk.writeFile("/data/other", new Uint8Array(1));
  const db = await openAt(disk, original);
  for (let turn = 0; turn < turns; turn++) await write(db, turn, bytes);
  return { disk, db };
}

describe("a backup", () => {
  it("answers as the original did, opens cleanly and is sound", async () => {
    const { disk, db } = await prepared(60, 4000);
    const report = await db.backup(copy);
    expect(report.lsn).toBe(db.lastLsn);
    expect(report.reusedBytes).toBe(0);
    expect(db.stats().segments).toBeGreaterThan(3);
    const digest = await digestOf(db);
    const there = await openAt(disk, copy, { create: false });
    expect(there.recovery).toMatchObject({
      clean: true,
      truncatedBytes: 0,
      quarantined: [],
      warnings: [],
    });
    expect(await digestOf(there)).toBe(digest);
    expect(await there.verify()).toMatchObject({ sound: true, problems: [] });
    await there.close();
    // The original goes on as if nothing had been.
    await write(db, 100);
    await db.close();
    expect(await digestAt(disk, copy)).toBe(digest);
  });

  it("of an empty database is an empty database", async () => {
    const { disk, db } = await prepared(0);
    expect(await db.backup(copy)).toMatchObject({ lsn: 0 });
    const there = await openAt(disk, copy, { create: false });
    expect([there.lastLsn, there.recovery.clean]).toEqual([0, true]);
    await there.close();
    await write(db, 1);
    expect(await db.backup(copy)).toMatchObject({ lsn: db.lastLsn });
    expect(await digestAt(disk, copy)).toBe(await digestOf(db));
  });

  it("is brought up to date by what it lacks, as often as one likes", async () => {
    const { disk, db } = await prepared(60, 4000);
    const first = await db.backup(copy);
    expect(first.copiedBytes).toBeGreaterThan(200_000);
    for (let turn = 60; turn < 90; turn++) {
      await write(db, turn, turn % 7 === 0 ? 9000 : 100);
      const next = await db.backup(copy);
      expect(next.lsn).toBe(db.lastLsn);
      expect(next.copiedBytes).toBeLessThan(30_000);
      expect(next.reusedBytes + next.copiedBytes).toBeGreaterThan(0.98 * first.copiedBytes);
      if (turn % 3 === 0) {
        const digest = await digestOf(db);
        expect(await digestAt(disk.clone(), copy)).toBe(digest);
      }
      if (turn % 5 === 0) {
        const there = await openAt(disk.clone(), copy, { create: false });
        expect(await there.verify()).toMatchObject({ sound: true });
        expect(there.recovery.warnings).toEqual([]);
      }
    }
    expect(await db.backup(copy)).toMatchObject({ copiedBytes: 0, files: 0 });
    // Opening the copy, to verify it say, is no writing to it.
    expect(await digestAt(disk, copy)).toBe(await digestOf(db));
    await write(db, 91);
    expect((await db.backup(copy)).copiedBytes).toBeLessThan(30_000);
    expect(await digestAt(disk, copy)).toBe(await digestOf(db));
    const names = [...filesIn(disk, copy).keys()].filter((name) => name.endsWith(".log"));
    expect(names).toHaveLength(db.stats().segments + 1);
  });

  it("keeps the indexes that were made of it", async () => {
    const { disk, db } = await prepared(40, 2000);
    await db.backup(copy);
    const there = await openAt(disk, copy, { create: false });
    await there.checkpoint();
    const { lastLsn } = there;
    await there.close();
    for (let turn = 40; turn < 60; turn++) await write(db, turn, 2000);
    await db.backup(copy);
    const again = await openAt(disk, copy, { create: false });
    expect(again.recovery).toMatchObject({ clean: true, checkpointLsn: lastLsn, rebuilt: [] });
    expect(again.recovery.replayedEvents).toBe(db.lastLsn - lastLsn);
    expect(await digestOf(again)).toBe(await digestOf(db));
    expect((await again.verify()).sound).toBe(true);
    await again.close();
  });

  it("copies at most 3 % of the bytes after 1 % of new data", async () => {
    const { db } = await prepared(1000, 1000);
    const first = await db.backup(copy);
    for (let turn = 1000; turn < 1010; turn++) await write(db, turn, 1000);
    const next = await db.backup(copy);
    expect(next.copiedBytes / first.copiedBytes).toBeLessThan(0.03);
    expect(next.lsn).toBe(db.lastLsn);
  });

  it("holds the state of one moment while writes go on", async () => {
    const { disk, db } = await prepared(40, 4000);
    let isRunning = true;
    const writing = (async () => {
      for (let turn = 1000; isRunning; turn++) await write(db, turn, 3000);
    })();
    for (let round = 0; round < 4; round++) {
      const report = await db.backup(copy);
      const there = await openAt(disk.clone(), copy, { create: false });
      expect(there.lastLsn).toBe(report.lsn);
      const due: unknown[] = [];
      for await (const batch of db.changes({ live: false })) {
        for (const change of batch.changes) if (change.lsn <= report.lsn) due.push(change);
      }
      const found: unknown[] = [];
      for await (const batch of there.changes({ live: false })) found.push(...batch.changes);
      expect(found).toEqual(due);
      expect((await there.verify()).sound).toBe(true);
    }
    isRunning = false;
    await writing;
  });

  it("carries what has no LSN: the position of a consumer", async () => {
    const { disk, db } = await prepared(5);
    const consumer = await db.consumer("mailer");
    for await (const batch of consumer) {
      await consumer.ack(batch.lastLsn);
      break;
    }
    await db.backup(copy);
    const there = await openAt(disk, copy, { create: false });
    expect(there.consumers()).toEqual(db.consumers());
  });

  it("is made beside the writer by whoever only reads", async () => {
    const { disk, db } = await prepared(30, 4000);
    const reader = await openAt(disk, original, { readOnly: true });
    expect((await reader.backup(copy)).lsn).toBe(db.durableLsn);
    await write(db, 30);
    expect((await reader.backup(copy)).lsn).toBe(db.durableLsn);
    expect(await digestAt(disk, copy)).toBe(await digestOf(db));
  });

  it("releases what it held", async () => {
    const { db } = await prepared(3);
    await db.backup(copy);
    await codeOf(() => db.backup("/data/other"));
    await db.close();
    expect(await codeOf(() => db.backup(copy))).toBe("CLOSED");
  });
});

describe("a backup is refused", () => {
  it("where it would go into the database, into another one, or among other things", async () => {
    const { disk, db } = await prepared(3);
    const other = await openAt(disk, "/data/second", simulatedPorts({ disk, seed: 6 }));
    await other.close();
    disk.writeFile("/data/things/letter", new Uint8Array(3));
    const codes = [];
    for (const path of [
      original,
      `${original}/copy`,
      "/data/second",
      "/data/other",
      "/data/things",
      "/data",
    ]) {
      const before = filesIn(disk, "/data");
      codes.push(await codeOf(() => db.backup(path)));
      expect(filesIn(disk, "/data")).toEqual(before);
    }
    expect(codes).toEqual([
      "EXISTS",
      "EXISTS",
      "EXISTS",
      "NOT_A_DATABASE",
      "NOT_A_DATABASE",
      "NOT_A_DATABASE",
    ]);
    expect(await codeOf(() => db.backup("/nowhere/at/all"))).toBe("IO");
    expect(await codeOf(() => db.backup(""))).toBe("TypeError");
    expect(await codeOf(() => db.backup(copy, { fast: true } as never))).toBe("TypeError");
  });

  it("where the copy was written to, or has more than the original", async () => {
    const { disk, db } = await prepared(3);
    await db.backup(copy);
    const early = disk.clone();
    const there = await openAt(disk, copy, { create: false });
    expect(await codeOf(() => db.backup(copy))).toBe("LOCKED");
    await write(there, 77);
    await there.close();
    await write(db, 4);
    expect(await codeOf(() => db.backup(copy))).toBe("EXISTS");

    // The original is put back, the copy is newer.
    const newer = await openAt(early, original);
    await write(newer, 5);
    await newer.backup(copy);
    await newer.close();
    for (const [name] of filesIn(early, original)) {
      if (name === "lock") continue;
      early.writeFile(`${original}/${name}`, disk.readFile(`${original}/${name}`));
    }
    const back = await openAt(early, original);
    expect(await codeOf(() => back.backup(copy))).toBe("EXISTS");
  });

  it("where the disk is full, and goes on once there is space", async () => {
    const { disk, db } = await prepared(30, 4000);
    await db.backup(copy);
    const digest = await digestOf(db);
    for (let turn = 30; turn < 60; turn++) await write(db, turn, 4000);
    disk.capacityBytes = disk.allocatedBytes() + 30_000;
    expect(await codeOf(() => db.backup(copy))).toBe("DISK_FULL");
    disk.capacityBytes = Number.POSITIVE_INFINITY;
    expect(await digestAt(disk.clone(), copy)).toBe(digest);
    await db.backup(copy);
    expect(await digestAt(disk, copy)).toBe(await digestOf(db));
  });

  it("once its signal aborts, and what was there is there still", async () => {
    const { disk, db } = await prepared(30, 4000);
    await db.backup(copy);
    const digest = await digestOf(db);
    await write(db, 31, 4000);
    const controller = new AbortController();
    const aborted = codeOf(() => db.backup(copy, { signal: controller.signal }));
    controller.abort();
    expect(await aborted).toBe("ABORTED");
    expect(await digestAt(disk, copy)).toBe(digest);
    expect(disk.openFiles).toBeLessThan(12);
  });

  it("where a segment of the original is damaged, naming it", async () => {
    const { disk, db } = await prepared(40, 4000);
    const name = [...filesIn(disk, original).keys()]
      .filter((file) => file.endsWith(".log"))
      .sort()[1]!;
    const bytes = disk.readFile(`${original}/${name}`).slice();
    bytes[9000]! ^= 1;
    disk.writeFile(`${original}/${name}`, bytes);
    await expect(db.backup(copy)).rejects.toMatchObject({
      code: "CORRUPT",
      details: { file: name },
    });
    expect(await codeOf(() => openAt(disk, copy, { create: false }))).toBe("CORRUPT");
  });
});
