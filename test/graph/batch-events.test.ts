// Covers reading events back from a transaction in the midst of its writing.
import { describe, expect, it } from "vitest";
import { BatchEvents } from "../../src/graph/batch-events.ts";
import { EventBatch } from "../../src/log/event-batch.ts";
import type { EventScan } from "../../src/log/event-lookup.ts";
import { NameTable } from "../../src/log/name-table.ts";

const nothing = { find: () => undefined, scan: () => ({ next: () => undefined }) };

function lsnsOf(scan: EventScan): number[] {
  const lsns: number[] = [];
  for (let event = scan.next(); event !== undefined; event = scan.next()) lsns.push(event.lsn);
  return lsns;
}

describe("events of a batch", () => {
  it("are found by LSN among runs, state and more records than one place covers", () => {
    const batch = new EventBatch(new NameTable());
    batch.begin(100);
    const events = new BatchEvents(batch, nothing);
    events.begin(nothing);
    const expected = new Map<number, number>();
    for (let i = 0; i < 100; i++) {
      if (i % 7 === 0) {
        const ids = new Uint32Array(5).fill(i + 1);
        const first = batch.edgeRun(0, 1, ids, ids);
        for (let k = 0; k < 5; k++) expected.set(first + k, i + 1);
      } else {
        batch.state("note", i);
        expected.set(batch.edgeAdd(0, 1, i + 1, 1, undefined), i + 1);
      }
      // Asked in between as well, so that places are added bit by bit.
      if (i % 10 === 0) expect(events.find(batch.lastLsn)?.tag).toBeGreaterThan(0);
    }
    for (const [lsn, from] of expected) {
      const event = events.find(lsn);
      const found = event?.eventCount === 1 ? event.from : event?.bytes[event.runFrom];
      expect(found).toBe(from);
    }
    expect(events.find(batch.nextLsn)).toBeUndefined();
    expect(events.find(99)).toBeUndefined();
    expect(lsnsOf(events.scan(1, 103))).toEqual([100]);
    expect(lsnsOf(events.scan(105, 107))).toEqual([105, 106, 107]);
    expect(lsnsOf(events.scan(1, 1e6))).toHaveLength(100);
  });

  it("are those written last where an operation was taken back and others came instead", () => {
    const batch = new EventBatch(new NameTable());
    batch.begin(1);
    const events = new BatchEvents(batch, nothing);
    events.begin(nothing);
    const add = (count: number, from: number): void => {
      for (let i = 0; i < count; i++) batch.edgeAdd(0, 1, from, i + 1, undefined);
    };
    add(20, 1);
    const mark = batch.mark();
    for (const kept of [0, 5, 40]) {
      add(60, 2);
      expect(events.find(batch.lastLsn)?.from).toBe(2);
      batch.rollbackTo(mark);
      events.cut(mark.position);
      add(kept, 300);
      for (let lsn = 1; lsn <= batch.lastLsn; lsn++) {
        expect(events.find(lsn)).toMatchObject({ lsn, from: lsn <= 20 ? 1 : 300 });
      }
      batch.rollbackTo(mark);
      events.cut(mark.position);
    }
  });
});
