// Breaks the joining of small segments, and the sealing of the one that the log is written to, before and after every call of the disk.
import { describe, expect, it } from "vitest";
import { compactorOf } from "../../src/database/compactor-of.ts";
import { Database } from "../../src/database/database.ts";
import { dropAll, keepAll, SimulatedDisk } from "../../src/testing/testing.ts";
import { compactAll, filledLife } from "../support/compacted-script.ts";
import {
  afterLoss,
  type CrashPoint,
  Explorer,
  type Loss,
  lossesAt,
  record,
  report,
  someLosses,
} from "../support/crash-explorer.ts";
import { History, readView } from "../support/crash-oracle.ts";
import { large, linked, marked, type Opened, prepared } from "../support/crash-script.ts";
import { openLayered, rest } from "../support/layered-script.ts";
import { loseIndex } from "../support/lose-index.ts";

/** Set by `npm run test:crash`: then every survival of every call is tried. */
const isThorough = process.env["VARVE_CRASH_SECONDS"] !== undefined;
const timeoutMs = isThorough ? 3_600_000 : 300_000;

/** Segments that became part of others. */
const seen = { joined: 0 };

async function joinAll({ db }: Opened): Promise<void> {
  const compactor = compactorOf(db);
  for (;;) {
    const choice = compactor.joinable(Database.coreOf(db).log.horizon, "all");
    if (choice === undefined) return;
    seen.joined += (await compactor.rewrite(choice)).segments;
  }
}

async function joiningLife(history: History, disk: SimulatedDisk, opened: Opened): Promise<void> {
  const { db } = opened;
  await compactAll(opened);
  await joinAll(opened);
  await history.submit(db, linked("d", "c"));
  await history.submit(db, { ...large("wide", 40_000), mark: "third" });
  await Database.coreOf(db).log.rewriting!.roll();
  await history.submit(db, { steps: [{ remove: "wide.2" }, { put: "lone", props: { again: 1 } }] });
  await db.checkpoint();
  await rest(opened);
  await compactAll(opened);
  await joinAll(opened);
  await history.submit(db, marked("behind"));
  await db.close();

  const again = await openLayered(disk);
  await history.submit(again.db, { steps: [{ unlink: ["d", "next", "c"] }, { remove: "d" }] });
  await Database.coreOf(again.db).log.rewriting!.roll();
  await history.submit(again.db, large("last", 50_000));
  await again.db.checkpoint();
  await compactAll(again);
  await joinAll(again);
  await again.db.close();
}

async function recorded(): Promise<CrashPoint[]> {
  const disk = prepared(new SimulatedDisk({ seed: 3, trace: "none" }));
  const history = new History();
  const opened = await filledLife(history, disk);
  seen.joined = 0;
  return await record(
    disk,
    () => history,
    () => joiningLife(history, disk, opened),
  );
}

function firstLosses({ disk }: CrashPoint, turn: number): Loss[] {
  const all = lossesAt(disk);
  if (isThorough) return all;
  return turn % 4 < 2 ? [[undefined, dropAll, keepAll][turn % 3]] : [all[(turn * 7) % all.length]];
}

function secondLosses(disk: SimulatedDisk, turn: number): Loss[] {
  const all = someLosses(disk, 2, turn);
  return isThorough ? all : turn % 14 === 0 ? [all[(turn / 14) % all.length]] : [];
}

describe("a life whose small segments are joined", () => {
  it("loses nothing, and every file has one owner, wherever it is broken off", {
    timeout: timeoutMs,
  }, async () => {
    const startedMs = performance.now();
    const found = new Explorer((disk) => openLayered(disk));
    const points = await recorded();
    expect(seen.joined).toBeGreaterThan(5);
    for (const point of points) {
      if (!isThorough && (point.phase === "before" || point.call % 3 !== 0)) continue;
      for (const loss of firstLosses(point, point.call)) await found.check(point, loss, "");
    }
    report("crashes of joining", found, startedMs);
    expect(found.tally.states).toBeGreaterThan(60);
    // What was joined into another one is nobody's, and goes; it is not set aside.
    expect(found.seen.get("segment set aside") ?? 0).toBeLessThan(found.tally.distinct / 4);
  });

  it("nor where the recovery that follows is broken off at every call of its own", {
    timeout: timeoutMs,
  }, async () => {
    const startedMs = performance.now();
    const found = new Explorer((disk) => openLayered(disk));
    for (const [turn, point] of (await recorded()).entries()) {
      if (!isThorough && turn % 131 !== 0) continue;
      const losses = isThorough
        ? someLosses(point.disk, 1, turn)
        : [lossesAt(point.disk)[turn % 3]];
      for (const loss of losses) await found.checkRecovery(point, loss, secondLosses);
    }
    report("second crashes of joining", found, startedMs);
    expect(found.tally.recoveries).toBeGreaterThan(2);
  });

  it("nor where the log is all that is left", { timeout: timeoutMs }, async () => {
    let replayed = 0;
    for (const [turn, point] of (await recorded()).entries()) {
      if (!isThorough && turn % 29 !== 0) continue;
      const { disk, death } = afterLoss(point.disk, [undefined, dropAll, keepAll][turn % 3]);
      await loseIndex(disk);
      const { db } = await openLayered(disk);
      point.history.checkAfter(death, await readView(db)).checkGraph(db);
      expect((await db.verify()).problems, point.label).toEqual([]);
      await db.close();
      replayed++;
    }
    expect(replayed).toBeGreaterThan(10);
  });
});
