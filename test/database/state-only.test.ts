// Commits of state alone, which take no LSN: a checkpoint's place moves over them, so that a replay stays bounded, and none is lost or
// comes back.
import { describe, expect, it } from "vitest";
import type { Database } from "../../src/database/database.ts";
import { openTuned } from "../../src/database/open.ts";
import { readState, writeState } from "../../src/database/system-state.ts";
import type { Tuning } from "../../src/database/tuning.ts";
import { readManifest } from "../../src/log/manifest-store.ts";
import { readCheckpoints } from "../../src/recovery/recovery-base.ts";
import {
  dropAll,
  explore,
  reopen,
  SimulatedDisk,
  type SimulatedPorts,
  type Step,
} from "../../src/testing/testing.ts";
import { type Command, linked, marked, small } from "../support/commit-model.ts";
import { databasePath, type Opened, prepared } from "../support/crash-script.ts";
import { databaseSubject } from "../support/database-subject.ts";
import { expectSound, shrinks } from "../support/expect-sound.ts";
import { layeredPorts, registerTreeWorker, rest, tinyTuning } from "../support/layered-script.ts";
import { codeOf } from "./support.ts";

const isThorough = process.env["VARVE_CRASH_SECONDS"] !== undefined;
const acks = isThorough ? 100_000 : 5_000;
const logBytesMax = 64 * 1024;

async function openOn(
  disk: SimulatedDisk,
  tuned: Partial<Tuning> = {},
  ports: SimulatedPorts = layeredPorts(disk),
): Promise<Opened> {
  registerTreeWorker(ports);
  const options = { ...ports, segmentBytes: 256 * 1024, memoryBudget: 16 * 2 ** 20 };
  const tuning = { ...tinyTuning, activeEventsMax: 1000, activeLogBytesMax: logBytesMax };
  const db = await openTuned(databasePath, options, { ...tuning, ...tuned });
  return { db, ports };
}

function fresh(): SimulatedDisk {
  return prepared(new SimulatedDisk({ seed: 2, trace: "none" }));
}

/** Bytes of log that an open replays. */
async function bytesBehind(disk: SimulatedDisk, db: Database): Promise<number> {
  const { manifest } = await readManifest(disk, databasePath, true);
  const { candidates } = await readCheckpoints(disk, databasePath, manifest!);
  const { position } = candidates[0]!.checkpoint;
  const segments = manifest!.segments;
  const at = segments.findIndex(({ id }) => id === position.segmentId);
  const before = segments.slice(0, at).reduce((sum, { dataEnd }) => sum + dataEnd, 0);
  return db.stats().bytes.log - before - position.offset;
}

describe("acks alone", () => {
  it("are stood for by checkpoints, however many there are", { timeout: 600_000 }, async () => {
    const disk = fresh();
    const opened = await openOn(disk);
    const { db } = opened;
    for (let i = 0; i < 40; i++) await db.transact((tx) => tx.emit("e", i));
    const consumer = await db.consumer("mailer");
    const reading = consumer[Symbol.asyncIterator]();
    await reading.next();
    let lsn = 0;
    for (let ack = 0; ack < acks; ack++) {
      if (ack % 39 === 0) {
        await consumer.reset("start");
        await consumer[Symbol.asyncIterator]().next();
        lsn = 0;
      }
      await consumer.ack(++lsn);
      if (ack % 1000 === 0) await rest(opened, 60);
    }
    await rest(opened);
    const { bytes, counters } = db.stats();
    expect(bytes.log).toBeGreaterThan(4 * logBytesMax);
    expect(counters.checkpoints).toBeGreaterThan(bytes.log / (2 * logBytesMax));
    expect(await bytesBehind(disk, db)).toBeLessThan(2 * logBytesMax);
    const due = consumer.lsn;
    expect(due).toBe(lsn);
    for (const crashed of [disk.kill(), disk.powerCut(dropAll)]) {
      const again = await openOn(crashed);
      expect(again.db.recovery).toMatchObject({ replayedEvents: 0, warnings: [] });
      expect(again.db.consumers()).toMatchObject([{ name: "mailer", lsn: due, durableLsn: due }]);
      // What an open has replayed counts for the next checkpoint, and its place is not given up by one for a merge.
      expect(await bytesBehind(crashed, again.db)).toBeLessThan(2 * logBytesMax);
      await again.db.close();
    }
  });

  it("leave nothing in a checkpoint that was taken back", async () => {
    const disk = fresh();
    const opened = await openOn(disk);
    const { db } = opened;
    await db.transact((tx) => tx.putNode("a"));
    await db.transact((tx) => writeState(tx, "mark", "kept"));
    // While a sync is under way what is accepted waits, and is frozen before it is written: then it is rejected.
    const synced = db.transact((tx) => tx.emit("b"));
    await Promise.resolve();
    disk.faults.push({ operation: "write", path: ".log", errno: "EIO" });
    const saved = codeOf(() => db.checkpoint());
    const lost = codeOf(() => db.transact((tx) => writeState(tx, "mark", "lost")));
    expect(await lost).toBe("IO");
    await synced;
    disk.faults.length = 0;
    await saved;
    await rest(opened);
    await db.checkpoint();
    expect(db.stats().checkpoint.lag).toBe(0);
    const again = await openOn(disk.powerCut(dropAll));
    expect(again.db.recovery).toMatchObject({ checkpointLsn: 2, replayedEvents: 0 });
    expect(readState(again.db, "mark")).toBe("kept");
    await again.db.close();
  });
});

/** Two lives of state alone, in pairs, with an event now and then. */
function stateAlone(): Step<Command>[] {
  return [0, 1].flatMap((open) => {
    const steps: Step<Command>[] = open === 0 ? [small("a0")] : [reopen, small("a1")];
    for (let i = 0; i < 8; i++) {
      steps.push([marked(`m${open}.${i}`), marked(`n${open}.${i}`)]);
      if (i % 3 === 2) steps.push(linked(`b${open}.${i}`, `a${open}`));
      steps.push("rest");
    }
    return steps;
  });
}

describe("a life of state alone over many checkpoints", () => {
  it("keeps the last state acknowledged wherever it is broken off", {
    timeout: 600_000,
  }, async () => {
    const tuned = { activeLogBytesMax: 500, activeEventsMax: 5 };
    const report = await explore(
      databaseSubject({ open: (ports) => openOn(ports.disk, tuned, ports) }),
      {
        scripts: [stateAlone()],
        sequenceLength: 0,
        placeStride: isThorough ? 1 : 17,
        survivals: isThorough ? "all" : "one",
        recoveryStride: isThorough ? 9 : 29,
        recoverySurvivals: "one",
        seed: 2,
        shrinks,
      },
    );
    expectSound("state alone", report);
    expect(report.traits["from a checkpoint"] ?? 0).toBeGreaterThan(8);
    expect(report.states).toBeGreaterThan(30);
  });
});
