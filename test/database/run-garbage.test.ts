// When all runs are worth merging: by what was superseded up to the horizon, not by what will stay whatever is merged.
import { expect, it } from "vitest";
import { RunGarbage } from "../../src/database/run-garbage.ts";

function start(live = 100): { garbage: RunGarbage; superseded: { total: number } } {
  const superseded = { total: 0 };
  const index = { nodeCount: live, edgeCount: 0, superseded };
  return { garbage: new RunGarbage(index as never), superseded };
}

it("waits for the horizon to pass over what was superseded", () => {
  const { garbage, superseded } = start();
  garbage.noteFrozen(100);
  superseded.total = 60;
  garbage.noteFrozen(200);
  superseded.total = 500;
  expect(garbage.isEnough(0)).toBe(false);
  expect(garbage.isEnough(100)).toBe(false);
  expect(garbage.isEnough(200)).toBe(true);
});

it("takes a share of what lies between two freezes, and leaves what a merge has left out", () => {
  const { garbage, superseded } = start();
  garbage.noteFrozen(100);
  superseded.total = 100;
  garbage.noteFrozen(200);
  expect(garbage.isEnough(129)).toBe(false);
  expect(garbage.isEnough(130)).toBe(true);
  garbage.noteAll(130);
  expect(garbage.isEnough(159)).toBe(false);
  expect(garbage.isEnough(160)).toBe(true);
  garbage.noteAll(200);
  superseded.total = 129;
  garbage.noteFrozen(300);
  expect(garbage.isEnough(300)).toBe(false);
  superseded.total = 130;
  // What was taken back had the same LSNs.
  garbage.noteFrozen(290);
  expect(garbage.isEnough(290)).toBe(true);
});

it("has writers wait once as much again is superseded while a merge goes on", async () => {
  const { garbage, superseded } = start();
  superseded.total = 80;
  garbage.noteFrozen(100);
  const merge = garbage.going(async () => {
    garbage.noteAll(100);
    superseded.total = 109;
    expect(garbage.isOverdue).toBe(false);
    superseded.total = 110;
    expect(garbage.isOverdue).toBe(true);
    await Promise.resolve();
  });
  await merge;
  expect(garbage.isOverdue).toBe(false);
});

it("begins anew without runs", () => {
  const { garbage, superseded } = start();
  superseded.total = 200;
  garbage.noteFrozen(100);
  expect(garbage.isEnough(100)).toBe(true);
  garbage.clear();
  expect(garbage.isEnough(100)).toBe(false);
});
