// How hard the background compacts, by how much is written while a round goes on.
import { expect, it } from "vitest";
import { CompactionEffort, liveBytesOf, type Rest } from "../../src/database/compaction-effort.ts";
import type { SegmentView } from "../../src/log/segment-view.ts";
import { simulatedPorts } from "../../src/testing/testing.ts";

const mib = 2 ** 20;

function slices(effort: CompactionEffort, count: number): Rest[] {
  return Array.from({ length: count }, () => effort.afterSlice());
}

it("is gentle, then takes turn after turn, then most of each turn, and in the end has writers wait", () => {
  const effort = new CompactionEffort(simulatedPorts(), mib);
  effort.noteWritten(1000 * mib);
  expect([slices(effort, 2), effort.isOverdue]).toEqual([["long", "long"], false]);
  effort.beginRound(80 * mib);
  expect(slices(effort, 2)).toEqual(["long", "long"]);
  effort.noteWritten(6 * mib);
  expect(slices(effort, 3)).toEqual(["turn", "turn", "turn"]);
  effort.noteWritten(5 * mib);
  expect(slices(effort, 8).filter((rest) => rest === "turn")).toHaveLength(2);
  expect(effort.isOverdue).toBe(false);
  effort.noteWritten(13 * mib);
  expect(effort.isOverdue).toBe(false);
  effort.noteWritten(mib);
  // Begun when a segment was sealed for it: what was written since counts.
  effort.beginRound(80 * mib);
  expect(effort.isOverdue).toBe(true);
  expect(effort.pass(mib)).toBeUndefined();
  effort.endRound();
  expect([effort.isOverdue, effort.afterSlice()]).toEqual([false, "long"]);
});

it("takes little that is live for 4 MiB, so that small databases wait for nothing", () => {
  const effort = new CompactionEffort(simulatedPorts(), mib);
  effort.beginRound(10);
  effort.noteWritten(1.25 * mib - 1);
  expect(effort.isOverdue).toBe(false);
  effort.noteWritten(1);
  expect(effort.isOverdue).toBe(true);
});

it("knows about what is live by the segments that were never rewritten", () => {
  const segment = (horizon: number, eventCount: number, dataEnd: number): SegmentView =>
    ({ horizon, eventCount, dataEnd }) as SegmentView;
  const segments = [segment(9, 1000, 1), segment(0, 100, 4000), segment(0, 0, 0)];
  expect(liveBytesOf(segments, 50)).toBe(2000);
  expect(liveBytesOf([], 50)).toBe(0);
});
