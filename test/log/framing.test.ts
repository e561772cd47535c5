// How transactions become frames: small ones share, large ones span and stand alone, and segments end where they should.
import { describe, expect, it } from "vitest";
import { limits } from "../../src/codec/limits.ts";
import { EventBatch } from "../../src/log/event-batch.ts";
import { FRAME_FLAG, frameBytesFor } from "../../src/log/frame-format.ts";
import { Group } from "../../src/log/group.ts";
import { NameTable } from "../../src/log/name-table.ts";
import { commit, openLog } from "./support.ts";

const ticket = { acknowledge: (): void => {}, reject: (): void => {} };

function batchOf(names: NameTable, firstLsn: number, nodes: number, bytes: number): EventBatch {
  const batch = new EventBatch(names);
  batch.begin(firstLsn);
  for (let i = 0; i < nodes; i++) batch.nodePut(0, i + 1, `k${i}`, [], { text: "x".repeat(bytes) });
  batch.commit();
  return batch;
}

describe("a group", () => {
  it("puts small transactions into one frame, up to its size, and no further", () => {
    const names = new NameTable();
    const group = new Group(1, false);
    let lsn = 1;
    for (let i = 0; i < 200; i++) {
      group.add(batchOf(names, lsn, 1, 300), 0, "group", ticket);
      lsn++;
    }
    expect(group.frames.length).toBeGreaterThan(1);
    for (const { payloadBytes, flags } of group.frames) {
      expect(payloadBytes).toBeLessThanOrEqual(limits.framePayloadBytesTarget);
      expect(flags).toBe(0);
    }
    const bytes = group.frames.reduce(
      (sum, { payloadBytes }) => sum + frameBytesFor(payloadBytes),
      0,
    );
    expect(group.length).toBe(bytes);
    expect(group.frames.reduce((sum, { eventCount }) => sum + eventCount, 0)).toBe(200);
  });

  it("gives a large transaction frames of its own, marked as pieces, in order", () => {
    const names = new NameTable();
    const group = new Group(1, false);
    group.add(batchOf(names, 1, 1, 10), 0, "group", ticket);
    group.add(batchOf(names, 2, 40, 3000), 0, "group", ticket);
    group.add(batchOf(names, 42, 1, 10), 0, "group", ticket);
    const { frames } = group;
    const { continues, unfinished } = FRAME_FLAG;
    expect(frames.map(({ flags }) => flags)).toEqual([
      0,
      unfinished,
      ...Array(frames.length - 4).fill(continues | unfinished),
      continues,
      0,
    ]);
    let next = 1;
    for (const { firstLsn, eventCount } of frames) {
      expect(firstLsn).toBe(next);
      expect(eventCount).toBeGreaterThan(0);
      next += eventCount;
    }
    expect(next).toBe(43);
  });

  it("makes no frame of an end without events, nor of a short one", () => {
    for (const [large, tail] of [
      [limits.framePayloadBytesTarget + 10, 10],
      [limits.framePayloadBytesTarget + 10, 500],
    ] as const) {
      const batch = new EventBatch(new NameTable());
      batch.begin(1);
      batch.nodePut(0, 1, "large", [], { text: "x".repeat(large) });
      batch.nodePut(0, 2, "tail", [], { text: "x".repeat(tail) });
      batch.commit();
      const group = new Group(1, false);
      group.add(batch, 0, "group", ticket);
      expect(group.frames.map(({ eventCount, flags }) => [eventCount, flags])).toEqual([[2, 0]]);
    }
    const batch = new EventBatch(new NameTable());
    batch.begin(1);
    batch.nodePut(0, 1, "large", [], { text: "x".repeat(limits.framePayloadBytesTarget) });
    for (let i = 0; i < 3; i++) batch.state("s", "x".repeat(limits.framePayloadBytesTarget));
    batch.commit();
    const group = new Group(1, false);
    group.add(batch, 0, "group", ticket);
    expect(group.frames.map(({ eventCount, flags }) => [eventCount, flags])).toEqual([[1, 0]]);
  });
});

describe("segments", () => {
  it("are no larger than asked, but for a single transaction that needs it", async () => {
    const test = await openLog({ segmentBytes: 64 * 1024 });
    for (let i = 0; i < 60; i++) {
      await commit(test, (batch) => {
        batch.nodePut(0, i + 1, `k${i}`, [], { text: "x".repeat(i === 30 ? 200_000 : 4000) });
      });
    }
    const sizes = test.ports.disk
      .listAll()
      .filter((path) => path.endsWith(".log"))
      .map((path) => test.ports.disk.readFile(path).length);
    expect(sizes.filter((bytes) => bytes > 64 * 1024)).toHaveLength(1);
    const views = test.log.segments();
    for (const [i, { baseLsn, lastLsn }] of views.entries()) {
      if (i > 0) expect(baseLsn).toBe(views[i - 1]!.lastLsn + 1);
      expect(lastLsn).toBeGreaterThanOrEqual(baseLsn);
    }
    await test.log.close();
  });

  it("are rolled by system records alone, too: their successor differs by its generation", async () => {
    const test = await openLog();
    for (let i = 0; i < 6; i++) {
      await commit(test, (batch) => batch.state("s", "x".repeat(30_000)));
    }
    const names = test.log.segments().map(({ name }) => name);
    expect(names.length).toBeGreaterThan(1);
    expect(new Set(names).size).toBe(names.length);
    await commit(test, (batch) => batch.edgeAdd(0, 1, 1, 1, undefined));
    await test.log.close();
    const again = await openLog({}, test.ports);
    expect(again.log.acceptedLsn).toBe(1);
    await again.log.close();
  });
});
