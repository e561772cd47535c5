// Breaks lives whose index is frozen, flushed, merged and stood for by checkpoints, before and after every call of the disk, and the
// recoveries that follow too.
import { describe, expect, it } from "vitest";
import {
  type CrashSite,
  type ExploreOptions,
  explore,
  replayPlan,
  SimulatedDisk,
  type Step,
  type TraceEntry,
  traceHash,
} from "../../src/testing/testing.ts";
import type { Command } from "../support/commit-model.ts";
import { layeredLife, weakLayeredLife } from "../support/crash-lives.ts";
import { databasePath, prepared } from "../support/crash-script.ts";
import { databaseSubject } from "../support/database-subject.ts";
import { expectSound, shrinks } from "../support/expect-sound.ts";
import { checkOwners } from "../support/file-owners.ts";
import { openLayered, openLayeredWith, rest } from "../support/layered-script.ts";

/** Set by `npm run test:crash`: then every survival of every call is tried. */
const isThorough = process.env["VARVE_CRASH_SECONDS"] !== undefined;
const timeoutMs = isThorough ? 3_600_000 : 300_000;

/**
 * Of the calls of a life, `npm test` breaks every so-many-th; the weaker durability differs in the log alone. Of second and third
 * crashes: of so many places one, of so many states one recovery.
 */
const levels = [
  { durability: "group", life: layeredLife, stride: 1, second: [11, 11], third: [17, 14] },
  { durability: "os", life: weakLayeredLife, stride: 3, second: [33, 2], third: [31, 7] },
] as const;

const common: ExploreOptions<Command> = {
  sequenceLength: 0,
  afterwardsStride: isThorough ? 1 : 3,
  seed: 3,
  shrinks,
};

async function tracedLife(steps: readonly Step<Command>[]): Promise<readonly TraceEntry[]> {
  let disk = new SimulatedDisk();
  const subject = databaseSubject({
    open: (ports) => openLayeredWith(ports),
    disk: (seed) => {
      disk = new SimulatedDisk({ seed });
      return disk;
    },
  });
  const plan = { seed: 3, steps, faults: [], delays: [], crashes: [] };
  const { violation, timeline } = await replayPlan(subject, plan);
  expect(violation?.message, timeline).toBeUndefined();
  return disk.trace;
}

describe.each(levels)(
  "a life of many layers in durability $durability",
  ({ life, stride, second, third }) => {
    const subject = databaseSubject({ open: (ports) => openLayeredWith(ports) });

    it("makes the same calls each time, and all kinds of them", async () => {
      const trace = await tracedLife(life);
      expect(traceHash(await tracedLife(life))).toEqual(traceHash(trace));
      const calls = trace.map(({ operation, path }) => `${operation} ${path}`);
      const count = (what: RegExp): number => calls.filter((call) => what.test(call)).length;
      expect(count(/create .*-keys\.tree$/)).toBeGreaterThan(7);
      expect(count(/unlink .*\.tree$/)).toBeGreaterThan(10);
      expect(count(/create .*\/checkpoint-/)).toBeGreaterThan(5);
      expect(count(/unlink .*\/checkpoint-/)).toBeGreaterThan(4);
      expect(count(/create .*\.log$/)).toBeGreaterThan(1);
    });

    it("loses nothing acknowledged, and every file has one owner, wherever it is broken off", {
      timeout: timeoutMs,
    }, async () => {
      const report = await explore(subject, {
        ...common,
        scripts: [life],
        crashes: 1,
        placeStride: isThorough ? 1 : stride,
        isCrashed: (site: CrashSite) => isThorough || site.phase === "after",
        survivals: isThorough ? "all" : "one",
      });
      expectSound("first crashes", report);
      expect(report.distinct).toBeGreaterThan(90);
      const ways = stride === 1 ? ["clean", "tail cut", "segment set aside"] : [];
      for (const way of ["unclean", "from a checkpoint", ...ways]) {
        expect(report.traits[way] ?? 0, way).toBeGreaterThan(0);
      }
      // A checkpoint and its trees are durable before anything names them: no crash takes one away.
      expect(
        Object.keys(report.traits).filter((way) => /rebuilt .*(tree|checkpoint)/.test(way)),
      ).toEqual([]);
    });

    it("nor where the recovery that follows is broken off at every call of its own", {
      timeout: timeoutMs,
    }, async () => {
      const report = await explore(subject, {
        ...common,
        scripts: [life],
        crashes: 2,
        placeStride: isThorough ? 1 : second[0],
        survivals: "one",
        recoveryStride: isThorough ? 1 : second[1],
        recoverySurvivals: "one",
      });
      expectSound("second crashes", report);
      expect(report.recoveries).toBeGreaterThan(4);
    });

    it("nor where two recoveries are broken off, one after the other", {
      timeout: timeoutMs,
    }, async () => {
      const report = await explore(subject, {
        ...common,
        scripts: [life],
        crashes: 3,
        placeStride: isThorough ? 7 : third[0],
        survivals: "one",
        recoveryStride: isThorough ? 11 : third[1],
        recoverySurvivals: "one",
      });
      expectSound("third crashes", report);
      expect(report.recoveries).toBeGreaterThan(1);
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
