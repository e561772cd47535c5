// What a rejection promises: a transaction that was turned down is gone at that moment, whatever arrived on the disk.
import { describe, expect, it } from "vitest";
import { type CrashSite, explore, SimulatedDisk, type Step } from "../../src/testing/testing.ts";
import { type Command, large, linked, small } from "../support/commit-model.ts";
import { prepared } from "../support/crash-script.ts";
import { DatabaseSession } from "../support/database-session.ts";
import { type DatabaseSubject, databaseSubject } from "../support/database-subject.ts";
import { expectSound, shrinks } from "../support/expect-sound.ts";
import { openLayeredWith } from "../support/layered-script.ts";

const isThorough = process.env["VARVE_CRASH_SECONDS"] !== undefined;
const timeout = 120_000;

/** Each write of the log fails in each way, whatever of it has arrived, and whatever a crash at once may leave. */
async function failingWrites(script: readonly Step<Command>[]): Promise<DatabaseSubject> {
  const subject = databaseSubject({ hasGaps: true });
  const report = await explore(subject, {
    scripts: [script],
    sequenceLength: 0,
    crashes: 0,
    faults: true,
    survivals: isThorough ? "all" : 3,
    isFaulty: ({ operation, path }: CrashSite) =>
      operation === "write" && path.endsWith("0001.log"),
    seed: 5,
    shrinks,
  });
  expectSound("writes that fail", report);
  expect(report.states).toBeGreaterThan(20);
  return subject;
}

describe("a transaction whose write fails", () => {
  it("is gone once it is rejected, whatever of it had arrived", { timeout }, async () => {
    const { met } = await failingWrites([small("kept"), linked("lost", "kept")]);
    expect(met.rejected).toBeGreaterThan(6);
  });

  it("takes with it what is queued behind it for the next segment", { timeout }, async () => {
    // Two of them do not fit one segment: the second waits for a roll, in a group of its own.
    const both = [large("first", 40_000), large("second", 40_000), linked("third", "kept")];
    const { met } = await failingWrites([small("kept"), both, linked("later", "kept")]);
    expect(met.rejected).toBeGreaterThan(12);
  });
});

describe("a transaction whose write or sync fails while layers are frozen", () => {
  it("is in no layer of the index that a later opening believes", { timeout }, async () => {
    const subject = databaseSubject({ open: (ports) => openLayeredWith(ports), hasGaps: true });
    const many = (name: string): Command[] =>
      [1, 2, 3, 4].map((at) => ({
        tx: [{ put: `${name}${at}` }, { put: "shared" }, { emit: name }],
      }));
    const report = await explore(subject, {
      scripts: [[many("a"), many("b"), many("c"), "checkpoint", many("d"), "rest", small("e")]],
      sequenceLength: 0,
      crashes: 0,
      faults: true,
      isFaulty: ({ operation, path }: CrashSite) =>
        path.endsWith(".log") && ["write", "sync"].includes(operation),
      survivals: 0,
      seed: 5,
      shrinks,
    });
    expectSound("writes that fail beside layers", report);
    expect(subject.met.rejected).toBeGreaterThan(10);
  });
});

describe("a close", () => {
  it.each(["write", "sync"] as const)(
    "rejects where its %s of the clean mark fails, and all is there",
    async (operation) => {
      const disk = prepared(new SimulatedDisk({ seed: 5 }));
      const session = await DatabaseSession.begin(disk);
      await session.submit(small("kept"));
      disk.faults.push({ operation, path: "watermark", errno: "EIO" });
      await expect(session.settled(session.running.db.close())).rejects.toMatchObject({
        code: "IO",
      });
      expect(disk.openFiles).toBe(0);
      await session.next("kill", disk);
      await session.next("power", disk);
    },
  );
});
