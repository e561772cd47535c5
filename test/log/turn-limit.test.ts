// Holds that a writer who waits for no sync leaves timers and I/O their turns, so that syncs and flushes come when they are due.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Scheduler } from "../../src/disk/ports.ts";
import { TurnLimit, turnBytesMax, turnMsMax } from "../../src/log/turn-limit.ts";
import { SimulatedClock, SimulatedScheduler } from "../../src/testing/testing.ts";
import { type Durability, open } from "../../src/varve.ts";

it("tells at once until a turn has had its share, and then in the next one, in order", async () => {
  const clock = new SimulatedClock();
  const scheduler = new SimulatedScheduler({ clock, tasks: "manual" });
  const told: number[] = [];
  const limit = new TurnLimit<number>(scheduler, clock, (item) => told.push(item));
  limit.tell(turnBytesMax, 1);
  limit.tell(1, 2);
  limit.tell(0, 3);
  expect(told).toEqual([1]);
  await scheduler.runAll();
  expect(told).toEqual([1, 2, 3]);
  limit.tell(1, 4);
  expect(told).toEqual([1, 2, 3, 4]);
});

it("gives every turn its share, however many wait", () => {
  const tasks: (() => void)[] = [];
  const scheduler: Scheduler = {
    microtask: queueMicrotask,
    task: (task) => tasks.push(task),
    after: () => () => {},
  };
  const turns: number[][] = [[]];
  const clock = new SimulatedClock();
  const limit = new TurnLimit<number>(scheduler, clock, (item) => turns.at(-1)?.push(item));
  for (let item = 1; item <= 5; item++) limit.tell(turnBytesMax / 2, item);
  for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) {
    turns.push([]);
    task();
  }
  expect(turns).toEqual([[1, 2], [3, 4], [5]]);
});

it("has the rest wait once a turn has taken long, however few bytes it was", async () => {
  let ms = 1000;
  const clock = { wallMs: () => 0, monotonicMs: () => ms };
  const scheduler = new SimulatedScheduler({ clock: new SimulatedClock(), tasks: "manual" });
  const told: number[] = [];
  const limit = new TurnLimit<number>(scheduler, clock, (item) => told.push(item));
  limit.tell(1, 1);
  ms += turnMsMax / 2;
  limit.tell(1, 2);
  ms += turnMsMax / 2;
  limit.tell(1, 3);
  limit.tell(1, 4);
  expect(told).toEqual([1, 2]);
  await scheduler.runAll();
  expect(told).toEqual([1, 2, 3, 4]);
});

const durabilities: Durability[] = ["os", { intervalMs: 60_000 }];

it.each(durabilities)(
  "keeps syncIntervalMs under a writer that never rests: %j",
  async (durability) => {
    const directory = mkdtempSync(join(tmpdir(), "varve-turns-"));
    const db = await open(join(directory, "db"), { durability, syncIntervalMs: 20 });
    try {
      const endMs = performance.now() + 10_000;
      const durable = new Set<number>();
      while (durable.size <= 3 && performance.now() < endMs) {
        await db.transact((tx) => tx.putNode("a", { props: { text: "x".repeat(500) } }));
        durable.add(db.durableLsn);
      }
      expect(durable.size).toBeGreaterThan(3);
    } finally {
      await db.close();
      rmSync(directory, { recursive: true });
    }
  },
);
