// Breaks lives whose index is frozen, flushed, merged and stood for by checkpoints, before and after every call of the disk, and the
// recoveries that follow too.
import { describe, expect, it } from "vitest";
import { dropAll, keepAll, SimulatedDisk } from "../../src/testing/testing.ts";
import {
  type CrashPoint,
  Explorer,
  type Loss,
  lossesAt,
  record,
  report,
  someLosses,
} from "../support/crash-explorer.ts";
import { History } from "../support/crash-oracle.ts";
import { databasePath, prepared } from "../support/crash-script.ts";
import { checkOwners } from "../support/file-owners.ts";
import { layeredLife, openLayered, rest } from "../support/layered-script.ts";

/** Set by `npm run test:crash`: then every survival of every call is tried. */
const isThorough = process.env["VARVE_CRASH_SECONDS"] !== undefined;
const timeoutMs = isThorough ? 3_600_000 : 300_000;

/** Of the calls of a life, `npm test` breaks every so-many-th; the weaker durability differs in the log alone. */
const levels = [
  { durability: "group", stride: 1 },
  { durability: "os", stride: 3 },
] as const;

async function recorded(durability: "group" | "os"): Promise<CrashPoint[]> {
  const disk = prepared(new SimulatedDisk({ seed: 3, trace: "none" }));
  const history = new History();
  return await record(
    disk,
    () => history,
    () => layeredLife(history, disk, durability),
  );
}

/** All that can survive, or one or two of these in turn: neighbouring calls have nearly the same at risk. */
function firstLosses({ disk }: CrashPoint, turn: number): Loss[] {
  const all = lossesAt(disk);
  if (isThorough) return all;
  return turn % 4 < 2 ? [[undefined, dropAll, keepAll][turn % 3]] : [all[(turn * 7) % all.length]];
}

function secondLosses(disk: SimulatedDisk, turn: number): Loss[] {
  const all = someLosses(disk, 2, turn);
  return isThorough ? all : turn % 12 === 0 ? [all[(turn / 12) % all.length]] : [];
}

describe.each(levels)(
  "a life of many layers in durability $durability",
  ({ durability, stride }) => {
    const explorer = (): Explorer => new Explorer((disk) => openLayered(disk));

    it("makes the same calls each time, and all kinds of them", async () => {
      const labels = (await recorded(durability)).map(({ label }) => label);
      expect((await recorded(durability)).map(({ label }) => label)).toEqual(labels);
      const count = (what: RegExp): number => labels.filter((label) => what.test(label)).length / 2;
      expect(count(/create .*-keys\.tree$/)).toBeGreaterThan(7);
      expect(count(/unlink .*\.tree$/)).toBeGreaterThan(10);
      expect(count(/create .*\/checkpoint-/)).toBeGreaterThan(5);
      expect(count(/unlink .*\/checkpoint-/)).toBeGreaterThan(4);
      expect(count(/create .*\.log$/)).toBeGreaterThan(1);
    });

    it("loses nothing acknowledged, and every file has one owner, wherever it is broken off", {
      timeout: timeoutMs,
    }, async () => {
      const startedMs = performance.now();
      const found = explorer();
      for (const point of await recorded(durability)) {
        if (!isThorough && (point.phase === "before" || point.call % stride !== 0)) continue;
        for (const loss of firstLosses(point, point.call)) await found.check(point, loss, "");
      }
      report("first crashes", found, startedMs);
      expect(found.tally.states).toBeGreaterThan(90);
      const ways = stride === 1 ? ["clean", "tail cut", "segment set aside"] : [];
      for (const way of ["unclean", "from a checkpoint", ...ways]) {
        expect(found.seen.get(way) ?? 0, way).toBeGreaterThan(0);
      }
      // A checkpoint and its trees are durable before anything names them: no crash takes one away.
      expect(
        [...found.seen.keys()].filter((way) => /rebuilt .*(tree|checkpoint)/.test(way)),
      ).toEqual([]);
    });

    it("nor where the recovery that follows is broken off at every call of its own", {
      timeout: timeoutMs,
    }, async () => {
      const startedMs = performance.now();
      const found = explorer();
      for (const [turn, point] of (await recorded(durability)).entries()) {
        if (!isThorough && turn % (41 * stride) !== 0) continue;
        const losses = isThorough
          ? someLosses(point.disk, 1, turn)
          : [lossesAt(point.disk)[turn % 3]];
        for (const loss of losses) await found.checkRecovery(point, loss, secondLosses);
      }
      report("second crashes", found, startedMs);
      expect(found.tally.recoveries).toBeGreaterThan(4);
    });

    it("nor where two recoveries are broken off, one after the other", {
      timeout: timeoutMs,
    }, async () => {
      const startedMs = performance.now();
      const found = explorer();
      let met = 0;
      for (const [turn, point] of (await recorded(durability)).entries()) {
        if (turn % (isThorough ? 7 : 151 * stride) !== 0) continue;
        await found.checkRecovery(point, [dropAll, undefined][turn % 2], secondLosses, "", {
          at: () => met++ % (isThorough ? 11 : 9) === 0,
          losses: (disk, third) => (third % 11 === 0 ? someLosses(disk, 1, third).slice(2) : []),
        });
      }
      report("third crashes", found, startedMs);
      expect(found.tally.recoveries).toBeGreaterThan(1);
    });
  },
);

it("a database that stays open keeps no file that its checkpoint does not name", async () => {
  const disk = prepared(new SimulatedDisk({ seed: 3, trace: "none" }));
  const opened = await openLayered(disk);
  const { db } = opened;
  for (let round = 0; round < 12; round++) {
    for (let i = 0; i < 6; i++) await db.transact((tx) => tx.putNode(`n${round}.${i}`));
    await rest(opened);
  }
  await db.checkpoint();
  await rest(opened);
  expect(db.stats().counters.merges).toBeGreaterThan(2);
  await checkOwners(disk.clone(), databasePath, { isOpen: true, quarantined: [] });
  await db.close();
});
