// Breaks scripted lives of a database before and after every call of its disk, and the recoveries that follow, and those that follow these.
import { describe, expect, it } from "vitest";
import { explore, SimulatedDisk, simulatedPorts } from "../../src/testing/testing.ts";
import { plainLife, weakLife } from "../support/crash-lives.ts";
import { openWith, prepared } from "../support/crash-script.ts";
import { databaseSubject } from "../support/database-subject.ts";
import { expectSound, shrinks } from "../support/expect-sound.ts";

/** Set by `npm run test:crash`: then the recovery behind every first crash is crashed at each of its calls, with more survivals. */
const isThorough = process.env["VARVE_CRASH_SECONDS"] !== undefined;
const timeoutMs = isThorough ? 3_600_000 : 300_000;
/** What follows a recovery takes half of the time: of the states one in so many is lived on from. */
const afterwardsStride = isThorough ? 1 : 3;

const lives = [
  { name: "create, append, roll, close, reopen, append, roll, close", calls: 90, life: plainLife },
  { name: 'the same in durability "os" and { intervalMs }', calls: 70, life: weakLife },
];

const someRecoveries = {
  what: "the recovery that follows is crashed at every call of its own, and the next one too",
  options: {
    crashes: 3,
    placeStride: isThorough ? 1 : 3,
    survivals: isThorough ? 1 : 0,
    recoveryStride: isThorough ? 5 : 15,
    recoverySurvivals: isThorough ? 2 : "one",
  },
} as const;
const allRecoveries = {
  what: "the recovery behind any first crash is crashed at every call of its own",
  options: { crashes: 2, survivals: 1, recoveryStride: 1, recoverySurvivals: 1 },
} as const;
const recoveries = isThorough ? [allRecoveries, someRecoveries] : [someRecoveries];

describe.each(lives)("a crash before and after every disk call: $name", ({ life, calls }) => {
  it("loses nothing acknowledged, shows only whole transactions in order, and life goes on", {
    timeout: timeoutMs,
  }, async () => {
    const report = await explore(databaseSubject(), {
      scripts: [life],
      sequenceLength: 0,
      crashes: 1,
      afterwardsStride,
      seed: 3,
      shrinks,
    });
    expectSound("first crashes", report);
    expect(report.places).toBeGreaterThanOrEqual(2 * calls);
    for (const way of ["clean", "unclean", "tail cut", "segment set aside", "rebuilt watermark"]) {
      expect(report.traits[way] ?? 0, way).toBeGreaterThan(0);
    }
  });

  it.each(recoveries)(
    "loses nothing either where $what",
    {
      timeout: timeoutMs,
    },
    async ({ options }) => {
      const report = await explore(databaseSubject(), {
        scripts: [life],
        sequenceLength: 0,
        afterwardsStride,
        seed: 3,
        shrinks,
        ...options,
      });
      expectSound("second and third crashes", report);
      expect(report.recoveries).toBeGreaterThan(20);
    },
  );
});

const open = (disk: SimulatedDisk): ReturnType<typeof openWith> =>
  openWith(simulatedPorts({ disk, seed: 7, tasks: "automatic" }));

it("refuses a second opener, and lets the next one in once the first is dead", async () => {
  const disk = prepared(new SimulatedDisk());
  await open(disk);
  await expect(open(disk)).rejects.toMatchObject({ code: "LOCKED" });
  const next = await open(disk.kill());
  expect(next.db.lastLsn).toBe(0);
});

it("gives every segment a nonce of its own, so that bytes of another one never pass for its frames", async () => {
  const disk = prepared(new SimulatedDisk());
  const { db } = await open(disk);
  for (let i = 0; i < 3; i++) {
    await db.transact((tx) => tx.putNode(`n${i}`, { props: { pad: "x".repeat(40_000) } }));
  }
  await db.close();
  const segments = disk.listAll().filter((path) => path.endsWith(".log"));
  const nonces = segments.map((path) => disk.readFile(path).subarray(56, 64).join());
  expect(nonces.length).toBeGreaterThan(1);
  expect(new Set([...nonces, "0,0,0,0,0,0,0,0"]).size).toBe(nonces.length + 1);
});
