// A compaction that gives way between slices, and one that is overtaken there: by poison, by files that stay, by what cannot be.
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Database } from "../../src/database/database.ts";
import { openTuned } from "../../src/database/open.ts";
import { dropAll, SimulatedDisk, simulatedPorts } from "../../src/testing/testing.ts";
import { compactorOf } from "../support/compactor-of.ts";
import { tinyTuning } from "../support/layered-script.ts";

const path = "/db";
const options = { memoryBudget: 16 * 2 ** 20, segmentBytes: 64 * 1024 } as const;

/** @param ticks so many ms go by with each look at the clock, once it is told to. */
async function opened(
  disk: SimulatedDisk,
  history: "all" | "latest",
  ticks = 0,
): Promise<{ readonly db: Database; readonly start: () => void; readonly looks: () => number }> {
  const ports = simulatedPorts({ disk, seed: 5, tasks: "automatic" });
  let looks = 0;
  let running = 0;
  Object.assign(ports.clock, { monotonicMs: () => looks++ * running });
  // Whatever goes on beside it, what is written says the same.
  Object.assign(ports.random, { bytes: (count: number) => new Uint8Array(count).fill(7) });
  const db = await openTuned(path, { ...ports, ...options, history }, tinyTuning);
  Database.coreOf(db).background.compaction.pause();
  const start = (): void => {
    running = ticks;
  };
  return { db, start, looks: () => looks };
}

/** Several segments, with frames of many records; of most of them nothing is needed in the end. */
async function lived(): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk({ seed: 3, trace: "none" });
  const { db } = await opened(disk, "all");
  for (let i = 0; i < 12; i++) {
    await db.transact((tx) => {
      tx.putNode("same", { props: { i, text: "x".repeat(20_000) } });
      for (let j = 0; j < 100; j++) tx.putNode(`n${j}`, { props: { i } });
      tx.graph("g").putNode("of g", { props: { i } });
      tx.addEdge("same", "to", `n${i}`);
    });
  }
  // What was put last is in a sealed segment, too.
  for (let i = 0; i < 4; i++) await db.transact((tx) => tx.emit("pad", "x".repeat(20_000)));
  await db.checkpoint();
  await db.close();
  return disk;
}

let made: SimulatedDisk;
let disk: SimulatedDisk;

beforeAll(async () => {
  made = await lived();
});

beforeEach(() => {
  disk = made.clone();
});

const logsOf = (disk: SimulatedDisk): string[] => disk.listAll().filter((p) => p.endsWith(".log"));

describe("a compaction that gives way at every look at the clock", () => {
  it.each(["drops", "erases"])("writes what one does that never does: it %s", async (what) => {
    const written: Record<string, string>[] = [];
    for (const ticks of [0, 4]) {
      const copy = disk.powerCut(dropAll);
      const { db, start, looks } = await opened(copy, what === "drops" ? "latest" : "all", ticks);
      if (what === "erases") await db.transact((tx) => tx.erase("n5"));
      start();
      const before = looks();
      expect((await db.compact()).segments).toBeGreaterThan(3);
      expect(looks() - before).toBeGreaterThan(30);
      expect((await db.verify()).problems).toEqual([]);
      expect(db.hasNode("n5")).toBe(what === "drops");
      await db.close();
      const files = logsOf(copy).map((each) => [each, Buffer.from(copy.readFile(each))] as const);
      written.push(Object.fromEntries(files.map(([each, bytes]) => [each, bytes.toString("hex")])));
    }
    expect(written[1]).toEqual(written[0]);
  });

  it("tells of damage that it meets while it looks for what is to be erased", async () => {
    const { db, start } = await opened(disk, "all", 4);
    await db.transact((tx) => tx.erase("n5"));
    start();
    const damaged = logsOf(disk)[1]!;
    const bytes = disk.readFile(damaged).slice();
    bytes[9000]! ^= 1;
    disk.writeFile(damaged, bytes);
    await expect(db.compact()).rejects.toMatchObject({ code: "CORRUPT" });
    await db.close();
  });
});

describe("a compaction that is overtaken", () => {
  it("by poison changes nothing, and what it had begun goes with the next open", async () => {
    const { db } = await opened(disk, "all");
    const compactor = compactorOf(db);
    let paced = 0;
    const pace = async (): Promise<void> => {
      if (++paced !== 3) return;
      disk.faults.push({ operation: "sync", path: ".log", errno: "EIO" });
      await expect(db.transact((tx) => tx.putNode("late"))).rejects.toMatchObject({
        code: "POISONED",
      });
    };
    const rewriting = compactor.rewrite(compactor.everything(db.durableLsn)!, { pace });
    const error = await rewriting.catch((thrown: unknown) => thrown);
    expect([error, paced]).toEqual([Database.coreOf(db).log.poison, 3]);
    expect(error).toMatchObject({ code: "POISONED" });
    expect(logsOf(disk).filter((each) => each.endsWith("-0002.log"))).not.toEqual([]);
    await db.close().catch(() => {});
    disk.faults.length = 0;
    const again = (await opened(disk, "all")).db;
    expect(logsOf(disk).filter((each) => each.endsWith("-0002.log"))).toEqual([]);
    expect((await again.verify()).problems).toEqual([]);
    expect(again.node("same")?.props["i"]).toBe(11);
    await again.close();
  });

  it("leaves files that cannot be removed, and removes them once they can be", async () => {
    const { db } = await opened(disk, "all");
    const before = logsOf(disk);
    const compactor = compactorOf(db);
    disk.faults.push({ operation: "unlink", path: ".log", errno: "EPERM", times: "forever" });
    const { segments } = await compactor.rewrite(compactor.everything(db.durableLsn)!);
    expect(segments).toBeGreaterThan(3);
    expect(logsOf(disk)).toEqual(expect.arrayContaining(before));
    const { rewriting } = Database.coreOf(db).log;
    expect(await rewriting!.removeLeft()).toBe(segments);
    disk.faults.length = 0;
    expect(await rewriting!.removeLeft()).toBe(0);
    expect(logsOf(disk)).toHaveLength(before.length);
    await db.close();
  });

  it("is refused as of what the index has not got to, and of a log that is only read", async () => {
    const { db } = await opened(disk, "all");
    const before = logsOf(disk);
    const compactor = compactorOf(db);
    expect(compactor.newest(0)).toBeUndefined();
    const choice = compactor.everything(db.durableLsn)!;
    const ahead = { ...choice, horizon: db.lastLsn + 1 };
    await expect(compactor.rewrite(ahead)).rejects.toMatchObject({ code: "INDEX_REBUILDING" });
    expect(logsOf(disk)).toEqual(before);
    const ports = simulatedPorts({ disk, tasks: "automatic" });
    const reader = await openTuned(path, { ...ports, ...options, readOnly: true }, tinyTuning);
    expect(() => compactorOf(reader)).toThrow(TypeError);
    await reader.close();
    await db.close();
  });
});
