// Readers beside a writer whose every call they see, through its crashes, its recoveries and the crashes of these: what a
// reader has is always whole transactions up to the watermark, and is never taken back.
import { describe, expect, it } from "vitest";
import { EventReader } from "../../src/log/event-reader.ts";
import { segmentFileName } from "../../src/log/file-names.ts";
import { FollowedLog } from "../../src/log/followed-log.ts";
import type { FollowSink } from "../../src/log/log-tail.ts";
import { readManifest } from "../../src/log/manifest-store.ts";
import { readWatermark } from "../../src/log/watermark.ts";
import {
  dropAll,
  randomSurvival,
  SimulatedDisk,
  SimulatedRandom,
  simulatedPorts,
} from "../../src/testing/testing.ts";
import { type Change, type Database, open } from "../../src/varve.ts";
import { allOf } from "../changes/live-support.ts";
import { History, readView } from "../support/crash-oracle.ts";
import {
  databasePath,
  firstLife,
  openOn,
  prepared,
  secondLife,
  weakLives,
} from "../support/crash-script.ts";
import { MovingDisk } from "../support/moving-disk.ts";
import { type CrashPoint, record } from "../support/recorded-life.ts";
import { codeOf } from "./support.ts";

async function openReader(disk: MovingDisk): Promise<Database> {
  const ports = simulatedPorts({ tasks: "automatic" });
  return await open(databasePath, { ...ports, disk, readOnly: true, memoryBudget: 16 * 2 ** 20 });
}

/** What the files prove durable: the mark, and everything in segments that are no longer active. */
async function provenLsn(disk: SimulatedDisk): Promise<number> {
  const { manifest } = await readManifest(disk, databasePath, true);
  if (manifest === undefined) return 0;
  const { watermark } = await readWatermark(disk, databasePath, manifest.databaseId);
  return Math.max(watermark?.durableLsn ?? 0, ...manifest.segments.map(({ lastLsn }) => lastLsn));
}

const records = new EventReader();
const walk: FollowSink = {
  apply(bytes, from, to, firstLsn) {
    records.open(bytes, from, to, firstLsn);
    while (records.skip());
    return records.nextLsn;
  },
};

/** A reader that looks again whenever it is told to. */
class Follower {
  readonly seen: string[] = [];
  readonly disk: MovingDisk;
  db: Database | undefined;
  #next = 1;
  #log: FollowedLog | undefined;

  constructor(first: SimulatedDisk) {
    this.disk = new MovingDisk(first);
  }

  async look(now: SimulatedDisk): Promise<void> {
    this.disk.now = now;
    const proven = await provenLsn(now);
    if (this.db === undefined) {
      const code = await codeOf(async () => {
        this.db = await openReader(this.disk);
      });
      if (this.db === undefined) expect([code, proven]).toEqual(["NOT_FOUND", 0]);
      if (this.db === undefined) return;
    } else {
      await this.db.flush();
    }
    await this.#lookAtNames(now);
    const { db } = this;
    expect(db.durableLsn).toBe(proven);
    expect(db.lastLsn).toBe(proven);
    const more = await allOf(db.changes({ from: this.#next, live: false }));
    for (const [i, change] of more.entries()) {
      expect(change.lsn).toBe(this.#next + i);
      this.seen.push(textOf(change));
    }
    expect(more.at(-1)?.txLastLsn).toBe(more.at(-1)?.lsn);
    this.#next = proven + 1;
  }

  /** What is read on is read where the manifest of now says. */
  async #lookAtNames(now: SimulatedDisk): Promise<void> {
    const { manifest } = await readManifest(now, databasePath, true);
    const ports = { ...simulatedPorts({ tasks: "automatic" }), disk: this.disk };
    this.#log ??= await FollowedLog.open(ports, databasePath, walk, { frameCacheBytes: 0 });
    await this.#log.refresh();
    const names = this.#log.segments().map(({ name }) => name);
    const named = manifest!.segments.map((s) => segmentFileName(s.baseLsn, s.generation));
    expect(named.slice(0, names.length)).toEqual(names);
  }

  async end(): Promise<void> {
    await this.#log?.close();
    await this.db?.close();
    expect(this.disk.openHandles).toBe(0);
  }
}

function textOf(change: Change): string {
  return JSON.stringify(change);
}

/** What the next writer finds, after recovering. */
async function recovered(disk: SimulatedDisk): Promise<{ changes: string[]; view: unknown }> {
  const { db } = await openOn(disk);
  const changes = (await allOf(db.changes({ live: false }))).map(textOf);
  const view = await readView(db);
  await db.close();
  return { changes, view };
}

/** Two lives: one in the strong durability, one in the weaker ones. */
async function lives(): Promise<CrashPoint[][]> {
  const history = new History();
  const disk = prepared(new SimulatedDisk({ seed: 5, trace: "none" }));
  const first = await record(
    disk,
    () => history,
    async () => {
      await firstLife(history, disk);
      await secondLife(history, disk);
    },
  );
  const weak = prepared(new SimulatedDisk({ seed: 6, trace: "none" }));
  const other = new History();
  const second = await record(
    weak,
    () => other,
    () => weakLives(other, weak),
  );
  return [first, second];
}

async function recoveryOf(disk: SimulatedDisk): Promise<CrashPoint[]> {
  const history = new History();
  return await record(
    disk,
    () => history,
    async () => {
      const { db } = await openOn(disk);
      await db.transact((tx) => {
        tx.putNode("behind");
        tx.emit("behind", 1);
      });
      await db.close();
    },
  );
}

/** Follows a life to its kill at a point, a recovery that is killed too, and another; 1 where something unproven was kept. */
async function liveOn(points: readonly CrashPoint[], at: number): Promise<number> {
  const killed = points[at]!.disk;
  const follower = new Follower(points[Math.max(0, at - 9)]!.disk);
  // Some way before the kill, so that there is something held to go on from.
  for (let i = Math.max(0, at - 9); i <= at; i += 3) await follower.look(points[i]!.disk);
  const recovery = await recoveryOf(killed.clone());
  const cut = at % recovery.length;
  for (const point of recovery.slice(0, cut)) await follower.look(point.disk);
  const again = await recoveryOf(recovery[cut]!.disk.clone());
  for (const point of again) await follower.look(point.disk);
  expect(follower.seen).toEqual((await recovered(again.at(-1)!.disk.clone())).changes);
  await follower.end();
  return follower.seen.length > (await provenLsn(killed)) + 2 ? 1 : 0;
}

describe("a read-only handle beside a writer", () => {
  it("shows at every call of the writer what is proven, and nothing else", async () => {
    for (const life of await lives()) {
      expect(life.length).toBeGreaterThan(100);
      for (const step of [1, 7]) {
        const follower = new Follower(life[0]!.disk);
        for (let i = 0; i < life.length; i += step) await follower.look(life[i]!.disk);
        const last = life.at(-1)!.disk;
        await follower.look(last);
        const after = await recovered(last.clone());
        expect(follower.seen).toEqual(after.changes);
        expect(await readView(follower.db!)).toEqual(after.view);
        await follower.end();
      }
    }
  });

  it("goes on through kills and recoveries that are killed themselves", async () => {
    let moved = 0;
    for (const points of await lives()) {
      for (let i = 0; i < points.length; i += 13) moved += await liveOn(points, i);
    }
    // Recoveries that found more than was proven, hence appended it again.
    expect(moved).toBeGreaterThan(5);
  });

  it("shows after a power cut a prefix that the next writer keeps", async () => {
    const random = new SimulatedRandom(11);
    for (const [i, { disk }] of (await lives()).flat().entries()) {
      if (i % 3 !== 0) continue;
      const survival = i % 2 === 0 ? dropAll : randomSurvival(disk, random.fork(`cut ${i}`));
      const cut = disk.powerCut(survival);
      const follower = new Follower(cut);
      await follower.look(cut);
      const after = await recovered(cut.clone());
      expect(after.changes.slice(0, follower.seen.length)).toEqual(follower.seen);
      await follower.end();
    }
  });

  it("goes on where a recovery without the watermark moves what was read already", async () => {
    const points = (await lives())[0]!;
    let again = 0;
    for (let i = 0; i < points.length; i += 11) {
      const follower = new Follower(points[i]!.disk);
      await follower.look(points[i]!.disk);
      const before = follower.seen.length;
      const killed = points[i]!.disk.clone();
      const mark = `${databasePath}/watermark`;
      if (!killed.listAll().includes(mark)) continue;
      killed.removeFile(mark);
      const recovery = await recoveryOf(killed);
      // Without a mark less is proven for a while, but nothing is taken back.
      const { disk } = recovery.at(-1)!;
      await follower.look(disk);
      expect(follower.seen).toEqual((await recovered(disk.clone())).changes);
      if (before > 0) again++;
      await follower.end();
    }
    expect(again).toBeGreaterThan(5);
  });
});
