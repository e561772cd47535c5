// Tests of the built command's compact: policies, what it prints, and what it refuses.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { open } from "../../src/varve.ts";
import { makeWorkplace, runHere, runVarve } from "./run-command.ts";

const place = makeWorkplace("compact");
const path = place.path("churn.varve");
const filler = "x".repeat(400);

beforeAll(async () => {
  const db = await open(path, { segmentBytes: 64 * 1024 });
  for (let round = 0; round < 10; round++) {
    await db.transact((tx) => {
      for (let i = 0; i < 100; i++) tx.putNode(`n${i}`, { props: { round, filler } });
    });
  }
  await db.close();
});
afterAll(() => place.remove());

describe("varve compact", () => {
  it("keeps all history where it is not told otherwise", async () => {
    const done = await runHere(["compact", path, "--json"]);
    expect([done.code, done.stderr]).toEqual([0, ""]);
    expect(done.json()).toMatchObject({ horizon: 0, segments: 0, heldBackBy: { by: "policy" } });
  });

  it("drops what a policy lets go, and says how much", async () => {
    const kept = await runHere(["compact", path, "--history", "keepEvents=400", "--json"]);
    expect([kept.code, kept.stderr]).toEqual([0, ""]);
    const { horizon, heldBackBy } = kept.json() as { horizon: number; heldBackBy: object };
    expect(horizon).toBeGreaterThan(0);
    expect(horizon).toBeLessThanOrEqual(600);
    expect(heldBackBy).toMatchObject({ by: "policy", lsn: 600 });
    const done = await runVarve(["compact", path, "--history", "latest"]);
    expect([done.code, done.stderr]).toEqual([0, ""]);
    const [first, second] = done.stdout.split("\n");
    expect(first).toMatch(/^history from LSN \d+ on, \d+ segments rewritten$/);
    const [before, after] = /^(\d+) bytes before, (\d+) after$/.exec(second!)!.slice(1).map(Number);
    expect(after!).toBeLessThan(before!);
    const verified = await runHere(["verify", path, "--json"]);
    expect(verified.json()).toMatchObject({ sound: true });
    const changes = await runHere(["changes", path]);
    expect(changes.code).toBe(3);
    expect(changes.stderr).toMatch(/POSITION_COMPACTED/);
  });

  it("refuses a policy that is none, and a database that is not there", async () => {
    for (const policy of ["some", "keepMs=x", "keepEvents=-1", "keepMs"]) {
      expect((await runHere(["compact", path, "--history", policy])).code).toBe(2);
    }
    expect((await runHere(["compact", place.path("none"), "--json"])).code).toBe(3);
  });
});
