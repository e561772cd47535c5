// What the log refuses, or cannot do: rolls that fail, segments that were replaced meanwhile, places that are none.
import { describe, expect, it } from "vitest";
import { encodeCheckpoint } from "../../src/index/checkpoint-codec.ts";
import { FRAME_FLAG } from "../../src/log/frame-format.ts";
import type { Segment } from "../../src/log/segment.ts";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.ts";
import { simulatedPorts } from "../../src/testing/simulated-ports.ts";
import { takeApart } from "../corruption/crafted.ts";
import { manifestOf, withFrames, withMark } from "../recovery/rewritten.ts";
import { sampleCheckpoint } from "../support/sample-checkpoint.ts";
import { commit, openLog, type TestLog } from "./support.ts";

async function filled(count: number, disk?: SimulatedDisk): Promise<TestLog> {
  const ports = simulatedPorts({ tasks: "automatic", ...(disk === undefined ? {} : { disk }) });
  const test = await openLog({}, ports);
  for (let i = 0; i < count; i++) await put(test);
  return test;
}

async function put(test: TestLog): Promise<void> {
  const lsn = test.log.nextLsn;
  await commit(test, (batch) => batch.nodePut(0, lsn, `k${lsn}`, [], { x: "y".repeat(900) }));
}

describe("a roll that was asked for", () => {
  it("and finds no room loses nothing, and is done once there is", async () => {
    const test = await filled(3);
    const { disk } = test.ports;
    disk.faults.push({
      operation: "write",
      path: "0004-0001.log",
      errno: "ENOSPC",
      times: "forever",
    });
    await expect(test.log.rewriting.roll()).rejects.toMatchObject({ code: "DISK_FULL" });
    expect(test.log.poison).toBeUndefined();
    await put(test);
    disk.faults.length = 0;
    await test.log.rewriting.roll();
    expect(test.log.segments().length).toBe(2);
    await test.log.rewriting.roll();
    expect(test.log.segments().length).toBe(2);
    await test.log.close();
    const again = await filled(0, disk.clone());
    expect(again.log.durableLsn).toBe(4);
    await again.log.close();
  });

  it("and whose sync fails poisons the log, for every later one too", async () => {
    const test = await filled(3);
    test.ports.disk.faults.push({
      operation: "sync",
      path: ".log",
      errno: "EIO",
      times: "forever",
    });
    await expect(test.log.rewriting.roll()).rejects.toMatchObject({ code: "POISONED" });
    await expect(test.log.rewriting.roll()).rejects.toBe(test.log.poison);
    await expect(test.log.flush()).rejects.toBe(test.log.poison);
    await expect(test.log.whenDurable(4)).rejects.toBe(test.log.poison);
    await test.log.whenDurable(3);
    test.ports.disk.faults.length = 0;
    await test.log.close().catch(() => {});
  });
});

describe("a segment that is to be rewritten", () => {
  it("has to be the one that is there", async () => {
    const test = await filled(150);
    const { rewriting } = test.log;
    const view = test.log.segments()[0]!;
    for (const other of [
      { ...view, id: 99 },
      { ...view, generation: 7 },
    ]) {
      await expect(rewriting.begin([other], 1, 0)).rejects.toMatchObject({ code: "CONFLICT" });
    }
    const [one, two] = [await rewriting.begin([view], 1, 0), await rewriting.begin([view], 1, 0)];
    await expect(one.finish()).rejects.toThrow();
    const stale = { ...two, olds: [{ ...two.olds[0]! } as Segment] } as unknown as typeof two;
    await expect(rewriting.install([stale], [])).rejects.toMatchObject({ code: "CONFLICT" });
    await one.abandon();
    await two.abandon();
    expect(test.ports.disk.listAll().filter((path) => path.endsWith("-0002.log"))).toEqual([]);
    await test.log.close();
  });

  it("is held by whoever holds it until that one lets go, once", async () => {
    const test = await filled(5);
    const [first, second] = [test.log.rewriting.hold(), test.log.rewriting.hold()];
    first();
    first();
    expect(await test.log.rewriting.removeLeft()).toBe(0);
    second();
    await test.log.close();
  });
});

describe("a place in the log", () => {
  it("is none behind a frame that was not written, or that is not there", async () => {
    const test = await filled(5);
    const mark = test.log.endFrame();
    expect(test.log.positionAt(mark, 5).frameCount).toBe(5);
    const unwritten = { segment: undefined, frameCount: 1 };
    expect(() => test.log.positionAt(unwritten, 5)).toThrow("not written");
    const beyond = { ...mark, frameCount: 9 };
    expect(test.log.positionAt(beyond, 5).lastLsn).toBe(5);
    await test.log.close();
  });

  it("is none within a transaction", async () => {
    const test = await filled(6);
    await test.log.close();
    const path = test.ports.disk.listAll().find((each) => each.endsWith(".log"))!;
    const { frames } = takeApart(test.ports.disk, path);
    const flags = [0, FRAME_FLAG.unfinished, FRAME_FLAG.continues];
    const crafted = withFrames(
      test.ports.disk,
      path,
      frames.map((frame, i) => ({ ...frame, flags: flags[i] ?? 0 })),
    );
    const again = await filled(0, withMark(crafted.disk, 6, crafted.hashes.at(-1)!));
    expect(() => again.log.positionAfter(2)).toThrow("within a transaction");
    expect(again.log.positionAfter(3).lastLsn).toBe(3);
    await again.log.close();
  });

  it("is found in a segment that was passed over, from its beginning", async () => {
    const test = await filled(150);
    const due = [20, 50, 150].map((lsn) => test.log.positionAfter(lsn));
    const position = due[2]!;
    test.log.endFrame();
    const { databaseId } = manifestOf(test.ports.disk);
    const segments = test.log.allocation();
    const checkpoint = { ...sampleCheckpoint, number: 1, lsn: 150, position, runs: [], segments };
    await test.log.saveCheckpoint(encodeCheckpoint(databaseId, checkpoint), 1, position);
    await test.log.close();
    const base = { begin: () => {}, load: async () => {}, clear: async () => {} };
    const ports = simulatedPorts({ tasks: "automatic", disk: test.ports.disk.clone() });
    const again = await openLog({ base }, ports);
    expect(again.report.replayedEvents).toBe(0);
    for (const place of due) {
      const { index: _, ...found } = again.log.positionAfter(place.lastLsn);
      const { index: __, ...wanted } = place;
      expect(found).toEqual(wanted);
    }
    await again.log.close();
  });
});

describe("an edit of the manifest that finds no room", () => {
  it("leaves a checkpoint unsaved and nothing of it behind, and what comes later goes on", async () => {
    const test = await filled(5);
    const { disk } = test.ports;
    const position = test.log.positionAfter(5);
    disk.faults.push({ operation: "write", path: "manifest.b", errno: "ENOSPC" });
    const saved = test.log.saveCheckpoint(new Uint8Array(10), 1, position);
    await expect(saved).rejects.toMatchObject({ code: "DISK_FULL" });
    expect(disk.listAll().filter((path) => path.includes("checkpoint"))).toEqual([]);
    expect(test.log.poison).toBeUndefined();
    await test.log.saveCheckpoint(new Uint8Array(10), 1, position);
    expect(manifestOf(disk).checkpoints.map(({ number }) => number)).toEqual([1]);
    disk.faults.push({ operation: "write", path: "manifest.b", errno: "ENOSPC" });
    // The reserve makes the room that a roll needs.
    await test.log.rewriting.roll();
    expect(test.log.segments().length).toBe(2);
    await put(test);
    await test.log.close();
  });

  it("poisons where there is no room to say so either, or where it fails otherwise", async () => {
    for (const fault of [
      { errno: "ENOSPC", times: "forever" as const },
      { errno: "EIO", times: 1 },
    ]) {
      const test = await filled(5);
      const { disk } = test.ports;
      const position = test.log.positionAfter(5);
      disk.faults.push({ operation: "write", path: "manifest.b", ...fault });
      const saved = test.log.saveCheckpoint(new Uint8Array(10), 1, position);
      await expect(saved).rejects.toMatchObject({ code: "POISONED" });
      expect(test.log.poison).toBeDefined();
      disk.faults.length = 0;
      await test.log.close().catch(() => {});
    }
  });

  it("leaves a rewritten segment uninstalled, and one that fails otherwise poisons", async () => {
    const test = await filled(150);
    const { disk } = test.ports;
    const clean = [{ id: test.log.segments()[0]!.id, horizon: 5, erasedLsn: 0 }];
    disk.faults.push({ operation: "write", path: "manifest.b", errno: "ENOSPC" });
    await expect(test.log.rewriting.install([], clean)).rejects.toMatchObject({
      code: "DISK_FULL",
    });
    expect(test.log.horizon).toBe(0);
    await test.log.rewriting.install([], clean);
    expect(test.log.horizon).toBe(5);
    disk.faults.push({ operation: "write", path: "manifest.b", errno: "EIO" });
    await expect(test.log.rewriting.install([], clean)).rejects.toMatchObject({
      code: "POISONED",
    });
    disk.faults.length = 0;
    await test.log.close().catch(() => {});
  });
});
