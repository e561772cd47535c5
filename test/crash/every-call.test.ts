// Breaks scripted lives of a database before and after every call of its disk, and the recoveries that follow too.
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
import { firstLife, openOn, prepared, secondLife, weakLives } from "../support/crash-script.ts";

/** Set by `npm run test:crash`: then more survivals are tried of each second and third crash. */
const isThorough = process.env["VARVE_CRASH_SECONDS"] !== undefined;
const timeoutMs = isThorough ? 3_600_000 : 300_000;

const lives = [
  {
    name: "create, append, roll, close, reopen, append, roll, close",
    calls: 90,
    run: async (history: History, disk: SimulatedDisk) => {
      await firstLife(history, disk);
      await secondLife(history, disk);
    },
  },
  { name: 'the same in durability "os" and { intervalMs }', calls: 70, run: weakLives },
];

async function recorded(life: (typeof lives)[number]): Promise<CrashPoint[]> {
  const disk = prepared(new SimulatedDisk({ seed: 3, trace: "none" }));
  const history = new History();
  const points = await record(
    disk,
    () => history,
    () => life.run(history, disk),
  );
  expect(history.endings.every((ending) => ending === "durable")).toBe(true);
  return points;
}

/** The kill, both extremes, and one more of the family; thorough runs take all four at every point. */
function firstLosses({ disk }: CrashPoint, turn: number): Loss[] {
  const all = [undefined, dropAll, keepAll, someLosses(disk, 1, turn)[3] ?? keepAll];
  return isThorough ? all : [all[turn % 4]];
}

/** Of the calls of a recovery: both extremes, the kill and two others, or one of these in turn. */
function secondLosses(disk: SimulatedDisk, turn: number): Loss[] {
  const all = someLosses(disk, 2, turn);
  return isThorough ? all : [all[turn % all.length]];
}

describe.each(lives)("a crash before and after every disk call: $name", (life) => {
  it("loses nothing acknowledged, shows only whole transactions in order, and life goes on", {
    timeout: timeoutMs,
  }, async () => {
    const startedMs = performance.now();
    const points = await recorded(life);
    const explorer = new Explorer();
    for (const point of points) {
      for (const loss of lossesAt(point.disk)) await explorer.check(point, loss, "");
    }
    report("first crashes", explorer, startedMs);
    const calls = new Set(points.map(({ call, phase }) => `${call} ${phase}`));
    expect(calls.size).toBeGreaterThanOrEqual(2 * life.calls);
    expect(calls.size).toBe(points.length);
    for (const way of ["clean", "unclean", "tail cut", "segment set aside", "rebuilt watermark"]) {
      expect(explorer.seen.get(way) ?? 0, way).toBeGreaterThan(0);
    }
  });

  it("loses nothing either where the recovery that follows is crashed at every call of its own", {
    timeout: timeoutMs,
  }, async () => {
    const startedMs = performance.now();
    const points = await recorded(life);
    const explorer = new Explorer();
    for (const [turn, point] of points.entries()) {
      if (!isThorough && turn % 4 !== 0) continue;
      for (const loss of firstLosses(point, turn)) {
        await explorer.checkRecovery(point, loss, secondLosses);
      }
    }
    report("second crashes", explorer, startedMs);
    expect(explorer.tally.recoveries).toBeGreaterThan(20);
  });

  it("survives a third crash: two recoveries killed or cut off, one after the other", {
    timeout: timeoutMs,
  }, async () => {
    const startedMs = performance.now();
    const points = await recorded(life);
    const explorer = new Explorer();
    const stride = isThorough ? 5 : 31;
    let met = 0;
    for (const [turn, point] of points.entries()) {
      if (turn % (isThorough ? 1 : 29) !== 0) continue;
      await explorer.checkRecovery(point, firstLosses(point, turn)[0], () => [undefined], "", {
        at: () => met++ % stride === 0,
        losses: (disk, third) => [dropAll, ...someLosses(disk, 1, third).slice(3)],
      });
    }
    report("third crashes", explorer, startedMs);
  });
});

it("refuses a second opener, and lets the next one in once the first is dead", async () => {
  const disk = prepared(new SimulatedDisk());
  await openOn(disk);
  await expect(openOn(disk)).rejects.toMatchObject({ code: "LOCKED" });
  const next = await openOn(disk.kill());
  expect(next.db.lastLsn).toBe(0);
});

it("gives every segment a nonce of its own, so that bytes of another one never pass for its frames", async () => {
  const disk = prepared(new SimulatedDisk());
  await firstLife(new History(), disk);
  const segments = disk.listAll().filter((path) => path.endsWith(".log"));
  const nonces = segments.map((path) => disk.readFile(path).subarray(56, 64).join());
  expect(nonces.length).toBeGreaterThan(1);
  expect(new Set([...nonces, "0,0,0,0,0,0,0,0"]).size).toBe(nonces.length + 1);
});
