// Breaks the rewriting of segments before and after every call of the disk, and the recoveries that follow too.
import { describe, expect, it } from "vitest";
import { dropAll, keepAll, SimulatedDisk } from "../../src/testing/testing.ts";
import { compactedLife, filledLife } from "../support/compacted-script.ts";
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
import { prepared } from "../support/crash-script.ts";
import { openLayered } from "../support/layered-script.ts";
import { loseIndex } from "../support/lose-index.ts";

/** Set by `npm run test:crash`: then every survival of every call is tried. */
const isThorough = process.env["VARVE_CRASH_SECONDS"] !== undefined;
const timeoutMs = isThorough ? 3_600_000 : 300_000;

let rewritten = 0;

/** What a life calls once its log is filled: two thirds of it are compaction's calls. */
async function recorded(): Promise<CrashPoint[]> {
  const disk = prepared(new SimulatedDisk({ seed: 3, trace: "none" }));
  const history = new History();
  const opened = await filledLife(history, disk);
  return await record(
    disk,
    () => history,
    async () => {
      rewritten = await compactedLife(history, disk, opened);
    },
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

describe("a life whose log is compacted", () => {
  it("rewrites segments of every kind", async () => {
    const labels = (await recorded()).map(({ label }) => label);
    const count = (what: RegExp): number => labels.filter((label) => what.test(label)).length / 2;
    expect(rewritten).toBeGreaterThan(4);
    expect(count(/create .*-000[234]\.log$/)).toBeGreaterThan(4);
    expect(count(/unlink .*\.log$/)).toBeGreaterThan(4);
  });

  it("loses nothing, and every file has one owner, wherever it is broken off", {
    timeout: timeoutMs,
  }, async () => {
    const startedMs = performance.now();
    const found = new Explorer((disk) => openLayered(disk));
    for (const point of await recorded()) {
      if (!isThorough && (point.phase === "before" || point.call % 2 !== 0)) continue;
      for (const loss of firstLosses(point, point.call)) await found.check(point, loss, "");
    }
    report("first crashes", found, startedMs);
    expect(found.tally.states).toBeGreaterThan(60);
    // Neither generation of a segment is ever set aside: one of the two is nobody's, and goes.
    expect(found.seen.get("segment set aside") ?? 0).toBeLessThan(found.tally.distinct / 4);
  });

  it("nor where the recovery that follows is broken off at every call of its own", {
    timeout: timeoutMs,
  }, async () => {
    const startedMs = performance.now();
    const found = new Explorer((disk) => openLayered(disk));
    for (const [turn, point] of (await recorded()).entries()) {
      if (!isThorough && turn % 97 !== 0) continue;
      const losses = isThorough
        ? someLosses(point.disk, 1, turn)
        : [lossesAt(point.disk)[turn % 3]];
      for (const loss of losses) await found.checkRecovery(point, loss, secondLosses);
    }
    report("second crashes", found, startedMs);
    expect(found.tally.recoveries).toBeGreaterThan(2);
  });

  it("nor where the log is all that is left", { timeout: timeoutMs }, async () => {
    let replayed = 0;
    for (const [turn, point] of (await recorded()).entries()) {
      if (!isThorough && turn % 17 !== 0) continue;
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
