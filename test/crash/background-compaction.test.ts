// Breaks the compaction that an open database does by itself, and the one it is asked for, before and after every call of the disk:
// segments that are rewritten and merges that drop history, beside writes, flushes and checkpoints.
import { describe, expect, it } from "vitest";
import { openTuned } from "../../src/database/open.ts";
import { dropAll, keepAll, SimulatedDisk } from "../../src/testing/testing.ts";
import {
  type CrashPoint,
  Explorer,
  type Loss,
  lossesAt,
  record,
  report,
} from "../support/crash-explorer.ts";
import { History } from "../support/crash-oracle.ts";
import {
  databasePath,
  large,
  linked,
  marked,
  type Opened,
  prepared,
  small,
} from "../support/crash-script.ts";
import { layeredPorts, rest, tinyTuning } from "../support/layered-script.ts";

/** Set by `npm run test:crash`: then every survival of every call is tried. */
const isThorough = process.env["VARVE_CRASH_SECONDS"] !== undefined;
const timeoutMs = isThorough ? 3_600_000 : 300_000;

/** Recoveries go on compacting as well. */
async function openLatest(disk: SimulatedDisk): Promise<Opened> {
  const ports = layeredPorts(disk);
  const sizes = { segmentBytes: 64 * 1024, memoryBudget: 16 * 2 ** 20 };
  const db = await openTuned(databasePath, { ...ports, ...sizes, history: "latest" }, tinyTuning);
  return { db, ports };
}

const seen = { segments: 0, horizon: 0 };

async function life(history: History, disk: SimulatedDisk, opened: Opened): Promise<void> {
  const { db } = opened;
  await history.submit(db, { steps: [{ remove: "lone" }, { unlink: ["b", "next", "a"] }] });
  await history.submit(db, large("big", 45_000));
  await db.checkpoint();
  await rest(opened);
  await history.submit(db, { steps: [{ patch: "a", props: { n: 2 } }, { remove: "big.1" }] });
  await history.submit(db, { ...large("big", 45_000), mark: "third" });
  await db.checkpoint();
  await rest(opened);
  seen.segments = db.stats().history.segmentsRewritten;
  await history.submit(db, linked("d", "b"));
  const wanted = history.length;
  seen.horizon = (await db.compact()).horizon;
  history.noteDurable(wanted);
  await history.submit(db, marked("behind"));
  const all = history.length;
  await db.close();
  history.noteDurable(all);

  const again = await openLatest(disk);
  await history.submit(again.db, { steps: [{ unlink: ["d", "next", "b"] }, { remove: "d" }] });
  await history.submit(again.db, large("last", 40_000));
  await again.db.checkpoint();
  const last = history.length;
  // In the middle of whatever it compacts.
  await again.db.close();
  history.noteDurable(last);
}

async function recorded(): Promise<CrashPoint[]> {
  const disk = prepared(new SimulatedDisk({ seed: 3, trace: "none" }));
  const history = new History();
  const opened = await openLatest(disk);
  const { db } = opened;
  await Promise.all([history.submit(db, small("a")), history.submit(db, small("lone"))]);
  await history.submit(db, { ...linked("b", "a"), mark: "first" });
  await history.submit(db, large("big", 45_000));
  await history.submit(db, large("big", 45_000));
  await rest(opened);
  return await record(
    disk,
    () => history,
    () => life(history, disk, opened),
  );
}

function losses({ disk }: CrashPoint, turn: number): Loss[] {
  const all = lossesAt(disk);
  if (isThorough) return all;
  return turn % 4 < 2 ? [[undefined, dropAll, keepAll][turn % 3]] : [all[(turn * 7) % all.length]];
}

describe("a database that compacts itself", () => {
  it("loses nothing, and every file has one owner, wherever it is broken off", {
    timeout: timeoutMs,
  }, async () => {
    const startedMs = performance.now();
    const found = new Explorer((disk) => openLatest(disk));
    const points = await recorded();
    expect(seen.segments).toBeGreaterThan(1);
    expect(seen.horizon).toBeGreaterThan(0);
    const calls = points.map(({ label }) => label);
    expect(calls.filter((label) => /create .*-000[234]\.log$/.test(label)).length).toBeGreaterThan(
      5,
    );
    expect(calls.filter((label) => /create .*\.tree$/.test(label)).length).toBeGreaterThan(20);
    for (const point of points) {
      if (!isThorough && (point.phase === "before" || point.call % 3 !== 0)) continue;
      for (const loss of losses(point, point.call)) await found.check(point, loss, "");
    }
    report("crashes of compaction", found, startedMs);
    expect(found.tally.states).toBeGreaterThan(60);
  });
});
