// The simulated clock, random numbers, scheduler and workers.
import { describe, expect, it } from "vitest";
import { SimulatedClock } from "../../src/testing/simulated-clock.ts";
import { simulatedPorts } from "../../src/testing/simulated-ports.ts";
import { SimulatedRandom } from "../../src/testing/simulated-random.ts";
import { SimulatedScheduler } from "../../src/testing/simulated-scheduler.ts";
import { dropAll } from "../../src/testing/survival.ts";

describe("simulated scheduler", () => {
  it("runs microtasks by itself, tasks when told, timers when due and in order", async () => {
    const scheduler = new SimulatedScheduler();
    const ran: string[] = [];
    scheduler.after(20, () => ran.push(`late at ${scheduler.clock.monotonicMs()}`));
    scheduler.after(10, () => ran.push(`early at ${scheduler.clock.monotonicMs()}`));
    scheduler.after(10, () => ran.push("second early"));
    const cancel = scheduler.after(10, () => ran.push("never"));
    cancel();
    scheduler.task(() => {
      ran.push("task");
      scheduler.task(() => ran.push("task of a task"));
      scheduler.microtask(() => ran.push("microtask of a task"));
    });
    scheduler.microtask(() => ran.push("microtask"));
    await Promise.resolve();
    await Promise.resolve();
    expect(ran).toEqual(["microtask"]);
    await scheduler.runAll();
    expect(ran).toEqual(["microtask", "task", "microtask of a task", "task of a task"]);
    await scheduler.advance(15);
    expect(ran.slice(4)).toEqual(["early at 10", "second early"]);
    expect(scheduler.clock.monotonicMs()).toBe(15);
    await scheduler.advance(5);
    expect(ran.slice(6)).toEqual(["late at 20"]);
    expect(scheduler.pending).toBe(0);
  });

  it("runs what a promise waits for, through tasks and timers", async () => {
    const scheduler = new SimulatedScheduler();
    const waited = new Promise<string>((resolve) => {
      scheduler.task(() => scheduler.after(5000, () => scheduler.task(() => resolve("done"))));
    });
    expect(await scheduler.until(waited)).toBe("done");
    expect(scheduler.clock.monotonicMs()).toBe(5000);
    await expect(scheduler.until(Promise.reject(new Error("no")))).rejects.toThrow("no");
  });

  it("waits for the world outside where nothing is scheduled", async () => {
    const scheduler = new SimulatedScheduler();
    const outside = new Promise<void>((resolve) => setTimeout(resolve, 5)).then(
      () => new Promise<string>((resolve) => scheduler.task(() => resolve("done"))),
    );
    expect(await scheduler.until(outside)).toBe("done");
  });

  it("runs tasks by itself where it is told to", async () => {
    const scheduler = new SimulatedScheduler({ tasks: "automatic" });
    const done = await new Promise((resolve) => {
      scheduler.task(() => scheduler.task(() => resolve("done")));
    });
    expect(done).toBe("done");
  });

  it("runs nothing after its process died", async () => {
    const scheduler = new SimulatedScheduler();
    const ran: string[] = [];
    scheduler.microtask(() => ran.push("microtask"));
    scheduler.task(() => ran.push("task"));
    scheduler.after(1, () => ran.push("timer"));
    scheduler.stop();
    scheduler.task(() => ran.push("late task"));
    await scheduler.advance(10);
    expect(ran).toEqual([]);
  });
});

describe("simulated clock", () => {
  it("moves both times when it advances, and only the wall's when it jumps", () => {
    const clock = new SimulatedClock(1000);
    clock.advance(5);
    clock.jump(-500);
    expect([clock.wallMs(), clock.monotonicMs()]).toEqual([505, 5]);
    expect(() => clock.advance(-1)).toThrow(RangeError);
  });
});

describe("simulated random", () => {
  it("gives the same for a seed, and another for another", () => {
    expect(new SimulatedRandom(5).bytes(20)).toEqual(new SimulatedRandom(5).bytes(20));
    expect(new SimulatedRandom(5).bytes(20)).not.toEqual(new SimulatedRandom(6).bytes(20));
  });

  it("splits by name, whatever was drawn before", () => {
    const random = new SimulatedRandom(5);
    const first = random.fork("a").bytes(8);
    random.bytes(100);
    expect(random.fork("a").bytes(8)).toEqual(first);
    expect(random.fork("b").bytes(8)).not.toEqual(first);
  });

  it("draws every number below the end, and none else", () => {
    const random = new SimulatedRandom(5);
    const counts = new Array<number>(7).fill(0);
    for (let draw = 0; draw < 7000; draw++) counts[random.below(7)]! += 1;
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});

describe("simulated ports", () => {
  it("draw other random bytes in the next life of a disk", () => {
    const first = simulatedPorts({ seed: 3 });
    const next = simulatedPorts({ seed: 3, disk: first.disk.powerCut(dropAll) });
    const again = simulatedPorts({ seed: 3 });
    const drawn = first.random.bytes(8);
    expect(again.random.bytes(8)).toEqual(drawn);
    expect(next.random.bytes(8)).not.toEqual(drawn);
    expect(first.scheduler.clock).toBe(first.clock);
  });
});
