// Holds that calls which had to wait run in order, and a share of them in each turn of the event loop.
import { expect, it } from "vitest";
import { WriteQueue } from "../../src/database/write-queue.ts";
import { turnBytesMax } from "../../src/log/turn-limit.ts";

it("lets what waited go on in order, a share in each turn", () => {
  const ran: number[] = [];
  const tasks: (() => void)[] = [];
  let pendingBytes = 0;
  let isHeld = true;
  const queue = new WriteQueue(2 ** 30, {
    pendingBytes: () => pendingBytes,
    indexPressure: () => (isHeld ? "flush" : undefined),
    stalled: () => undefined,
    later: (task) => tasks.push(task),
  });
  const enter = (ordinal: number): void => {
    const run = (): void => {
      ran.push(ordinal);
      pendingBytes += turnBytesMax / 2;
    };
    queue.enter({ run, reject: () => {} });
  };
  for (let ordinal = 1; ordinal <= 5; ordinal++) enter(ordinal);
  expect(ran).toEqual([]);

  isHeld = false;
  queue.proceed();
  expect(ran).toEqual([1, 2]);
  // Who comes meanwhile comes behind those who wait.
  enter(6);
  queue.proceed();
  expect(ran).toEqual([1, 2, 3, 4]);
  expect(tasks).toHaveLength(1);

  tasks.shift()!();
  expect(ran).toEqual([1, 2, 3, 4, 5, 6]);
  enter(7);
  expect(ran.at(-1)).toBe(7);
  expect(tasks).toEqual([]);
});
