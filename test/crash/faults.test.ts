// Lets every call of a scripted life fail, once and for ever, and fills the disk at many places.
import { describe, expect, it } from "vitest";
import { dropAll, explore, replayPlan, SimulatedDisk } from "../../src/testing/testing.ts";
import { type Commit, large, small } from "../support/commit-model.ts";
import { faultyLife } from "../support/crash-lives.ts";
import { prepared } from "../support/crash-script.ts";
import { DatabaseSession } from "../support/database-session.ts";
import { databaseSubject } from "../support/database-subject.ts";
import { expectSound, shrinks } from "../support/expect-sound.ts";

const isThorough = process.env["VARVE_CRASH_SECONDS"] !== undefined;
const timeoutMs = isThorough ? 3_600_000 : 300_000;

describe("an error at every disk call that changes state", () => {
  it("every promise settles, nothing acknowledged is lost, nothing rejected appears, and who is poisoned stays so", {
    timeout: timeoutMs,
  }, async () => {
    const subject = databaseSubject({ hasGaps: true });
    const report = await explore(subject, {
      scripts: [faultyLife],
      sequenceLength: 0,
      crashes: 0,
      faults: true,
      // The name of the database's directory is its parent's: where that could not be synced, nothing the engine may do
      // brings it back to be synced (it would have to take the user's directory away), and the open has failed.
      isFaulty: ({ operation, path }) => operation !== "syncDirectory" || path !== "/data",
      faultStride: isThorough ? 1 : 7,
      survivals: isThorough ? 2 : 0,
      seed: 5,
      shrinks,
    });
    expectSound(`every call fails (${JSON.stringify(subject.met)})`, report);
    expect(report.lives).toBeGreaterThan(isThorough ? 600 : 80);
    expect(subject.met.poisoned).toBeGreaterThan(20);
    expect(subject.met.refused).toBeGreaterThan(15);
    expect(subject.met.rejected).toBeGreaterThan(20);
  });
});

describe("a write that could not be taken back", () => {
  it("does not come back once a reader has seen that it is not there", async () => {
    const subject = databaseSubject({ hasGaps: true });
    // The write arrives whole and fails all the same; of the cut that takes it back only the write itself is made durable.
    const line = [
      `seed 5; do ${JSON.stringify([small("kept"), small("lost")])}`,
      'fault write "0001.log" #3 > errno EIO all',
      'fault sync "0001.log" #3 > errno EIO prefix 1',
      "crash after step #2: kill; crash after step #0: power lost/lost",
    ].join("; ");
    const { violation, timeline } = await replayPlan(subject, line);
    expect(violation?.message, timeline).toBeUndefined();
    expect(subject.met).toMatchObject({ poisoned: 1, refused: 0 });
  });
});

describe("a disk that is full", () => {
  const pad = (at: number): Commit => ({
    tx: [0, 1, 2, 3, 4, 5].map((i) => ({ puts: `p${at}.${i}`, bytes: 5000 })),
  });

  it("rejects what does not fit, goes on reading, and writes again once there is space", async () => {
    const full: number[] = [];
    for (let room = 0; room <= 160; room += 8) {
      const disk = prepared(new SimulatedDisk({ seed: 5 }));
      const session = await DatabaseSession.begin(disk);
      await session.submit(small("first"));
      disk.capacityBytes = disk.allocatedBytes() + room * 1024;
      for (let i = 0; i < 6; i++) {
        const result = await session.submit(pad(i));
        if (result.status === "fulfilled") continue;
        expect(result.reason).toMatchObject({ code: "DISK_FULL", retryable: true });
        full.push(room);
        await session.checkRead();
        await session.submit("flush");
      }
      disk.capacityBytes = Number.POSITIVE_INFINITY;
      expect(await session.submit(large("later", 30_000))).toMatchObject({ status: "fulfilled" });
      await session.checkRead();
      for (const how of ["kill", "power"] as const) {
        const { db } = (await session.next(how, disk)).running;
        expect(db.recovery.truncatedBytes).toBe(0);
      }
    }
    expect(new Set(full).size).toBeGreaterThan(10);
  });

  it("closes, opens again and recovers from a crash without any space left", async () => {
    for (let room = 0; room <= 96; room += 4) {
      const disk = prepared(new SimulatedDisk({ seed: 5 }));
      const session = await DatabaseSession.begin(disk);
      await session.submit(large("base", 30_000));
      disk.capacityBytes = disk.allocatedBytes() + room * 1024;
      for (let i = 0; i < 6; i++) await session.submit(large(`q${i}`, 12_000));
      const crashed = disk.clone();
      await session.running.db.close();
      disk.capacityBytes = disk.allocatedBytes();
      const again = await session.next("kill", disk);
      expect(again.running.db.recovery.clean).toBe(true);
      for (const left of [crashed, crashed.powerCut(dropAll)]) {
        left.capacityBytes = left.allocatedBytes();
        const recovered = await session.next("kill", left);
        await recovered.running.db.close();
        await recovered.next("power", recovered.running.ports.disk);
      }
    }
  });
});
