// Breaks random lives at random, with losses down to the byte: for as long as it is told to.
import { expect, it } from "vitest";
import { explore } from "../../src/testing/testing.ts";
import { alphabet } from "../support/crash-lives.ts";
import { databaseSubject } from "../support/database-subject.ts";
import { expectSound, shrinks } from "../support/expect-sound.ts";

/** `npm run test:crash` sets the seconds; without them a few fixed lives run. */
const seconds = Number(process.env["VARVE_CRASH_SECONDS"] ?? 0);
const seed = Number(process.env["VARVE_CRASH_SEED"] ?? (seconds > 0 ? Date.now() % 2 ** 31 : 1));

it(`random lives, crashed at random, survive random losses down to the byte (seed ${seed})`, {
  timeout: Math.max(300, seconds * 2) * 1000,
}, async () => {
  const report = await explore(databaseSubject({ alphabet }), {
    seed,
    budget: seconds > 0 ? { ms: seconds * 1000 } : { states: 300 },
    sequenceLength: 0,
    randomLength: 14,
    crashes: 2,
    recoveryStride: 29,
    recoverySurvivals: "one",
    placeStride: 3,
    shrinks,
  });
  expectSound(`random lives, seed ${seed}`, report);
  expect(report.lives).toBeGreaterThan(3);
  expect(report.recoveries).toBeGreaterThan(2);
});
