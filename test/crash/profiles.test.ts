// The scripted lives on harsher machines: what a crash leaves there, and that the engine keeps its promises all the same.
import { describe, expect, it } from "vitest";
import { VarveError } from "../../src/codec/errors.ts";
import {
  type DiskProfile,
  diskProfiles,
  randomSurvival,
  SimulatedDisk,
  SimulatedRandom,
} from "../../src/testing/testing.ts";
import {
  afterLoss,
  type CrashPoint,
  Explorer,
  type Loss,
  lossesAt,
  record,
  report,
} from "../support/crash-explorer.ts";
import { History, readView, Violation } from "../support/crash-oracle.ts";
import { firstLife, openOn, prepared, secondLife } from "../support/crash-script.ts";
import { layeredLife, openLayered } from "../support/layered-script.ts";

/** Set by `npm run test:crash`: then every call is a crash point, with every survival of its family. */
const isThorough = process.env["VARVE_CRASH_SECONDS"] !== undefined;
const timeoutMs = isThorough ? 3_600_000 : 300_000;

const { harsh, lying, windows } = diskProfiles;
const profiles: readonly { readonly profile: DiskProfile }[] = [
  { profile: { ...harsh, name: "harsh, with powersafe overwrites", powersafeOverwrite: true } },
  { profile: { ...windows, name: "like Windows, with names that are never busy", busyPercent: 0 } },
];

/** What is still promised where the machine breaks its own word: a refusal that says why, or a prefix. */
const brokenMachines: readonly { readonly profile: DiskProfile; readonly losesDurable: boolean }[] =
  [
    { profile: windows, losesDurable: false },
    { profile: lying, losesDurable: true },
    { profile: { ...harsh, name: "harsh, sectors included" }, losesDurable: true },
  ];

const lives = [
  {
    life: "of plain segments",
    run: async (history: History, disk: SimulatedDisk) => {
      await firstLife(history, disk);
      await secondLife(history, disk);
    },
    open: (disk: SimulatedDisk) => openOn(disk),
    explorer: () => new Explorer((disk) => openOn(disk)),
    stride: 7,
  },
  {
    life: "of many layers",
    run: (history: History, disk: SimulatedDisk) => layeredLife(history, disk),
    open: (disk: SimulatedDisk) => openLayered(disk),
    explorer: () => new Explorer((disk) => openLayered(disk)),
    stride: 31,
  },
];

async function recorded(life: (typeof lives)[number], profile: DiskProfile): Promise<CrashPoint[]> {
  const disk = prepared(new SimulatedDisk({ seed: 3, trace: "none", profile }));
  const history = new History();
  return record(
    disk,
    () => history,
    () => life.run(history, disk),
  );
}

describe.each(profiles)("on a machine that is $profile.name", ({ profile }) => {
  it.each(lives)(
    "a life $life loses nothing acknowledged",
    { timeout: timeoutMs },
    async (life) => {
      const startedMs = performance.now();
      const found = life.explorer();
      const random = new SimulatedRandom(11);
      for (const [turn, point] of (await recorded(life, profile)).entries()) {
        if (!isThorough && turn % life.stride !== 0) continue;
        for (const loss of lossesOf(point, turn, random)) await found.check(point, loss, "");
      }
      report(profile.name, found, startedMs);
      expect(found.tally.distinct).toBeGreaterThan(30);
    },
  );
});

describe.each(brokenMachines)("on a machine that is $profile.name", ({ profile, losesDurable }) => {
  it.each(lives)(
    "a life $life ends in a prefix or is refused",
    { timeout: timeoutMs },
    async (life) => {
      const random = new SimulatedRandom(12);
      const ends = new Map<string, number>();
      for (const [turn, point] of (await recorded(life, profile)).entries()) {
        if (!isThorough && turn % (2 * life.stride) !== 0) continue;
        for (const loss of lossesOf(point, turn, random)) {
          const end = await told(point, loss, () => endOf(life, point, loss));
          ends.set(end, (ends.get(end) ?? 0) + 1);
          // What a process wrote is still there when it alone dies, whatever the disk does.
          if (loss === undefined) expect(end).toBe("whole");
        }
      }
      process.stdout.write(`${profile.name}: ${JSON.stringify(Object.fromEntries(ends))}\n`);
      expect(ends.get("whole")).toBeGreaterThan(10);
      const allowed = losesDurable ? ["whole", "CORRUPT", "durable lost"] : ["whole"];
      expect([...ends.keys()].filter((end) => !allowed.includes(end))).toEqual([]);
    },
  );
});

/** What the next process finds: the whole promise kept, a prefix that lacks what was acknowledged, or a refusal. */
async function endOf(life: (typeof lives)[number], point: CrashPoint, loss: Loss): Promise<string> {
  const { disk, death } = afterLoss(point.disk, loss);
  for (let attempt = 1; ; attempt++) {
    try {
      const { db } = await life.open(disk);
      try {
        point.history.checkAfter(death, await readView(db)).checkGraph(db);
        return "whole";
      } catch (error) {
        if (error instanceof Violation && error.message.startsWith("durability:")) {
          return "durable lost";
        }
        throw error;
      } finally {
        disk.stop();
      }
    } catch (error) {
      if (!(error instanceof VarveError)) throw error;
      expect(disk.openFiles, "files open after a refusal").toBe(0);
      // A name that was busy is free on a later attempt.
      const isBusy = ["EBUSY", "EPERM"].includes(String(error.details["errno"]));
      if (!isBusy || attempt > 9) return error.code;
    }
  }
}

async function told<T>({ label }: CrashPoint, loss: Loss, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new Error(`${label}; ${loss?.label ?? "kill"}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** What only this profile does is at the end of the family. */
function lossesOf({ disk }: CrashPoint, turn: number, random: SimulatedRandom): Loss[] {
  const family = lossesAt(disk);
  const drawn = [0, 1].map(() => randomSurvival(disk, random, { piecesPercent: 30 }));
  if (isThorough) return [...family, ...drawn];
  return [undefined, ...family.slice(-5), family[turn % family.length], ...drawn];
}
