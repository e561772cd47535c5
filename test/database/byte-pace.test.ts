// Holds the pace of background work to its rate, after a rest as well, and ends waits when told.
import { describe, expect, it } from "vitest";
import { BytePace } from "../../src/database/byte-pace.ts";
import { simulatedPorts } from "../../src/testing/simulated-ports.ts";

describe("a pace of bytes", () => {
  it("lets a quarter of a second's worth through at once, then as much as time allows", async () => {
    const { clock, scheduler } = simulatedPorts();
    const pace = new BytePace(clock, scheduler, 1000);
    await pace.pass(250);
    let passed = 0;
    const passing = (async () => {
      for (let i = 0; i < 10; i++) {
        await pace.pass(100);
        passed++;
      }
    })();
    await scheduler.advance(450);
    expect(passed).toBe(4);
    await scheduler.advance(550);
    await passing;
    expect(passed).toBe(10);
    // A long rest earns no more than a burst.
    await scheduler.advance(60_000);
    await pace.pass(250);
    let isOver = false;
    const last = pace.pass(100).then(() => {
      isOver = true;
    });
    await scheduler.advance(99);
    expect(isOver).toBe(false);
    await scheduler.advance(1);
    await last;
  });

  it("ends waits when it is released", async () => {
    const { clock, scheduler } = simulatedPorts();
    const pace = new BytePace(clock, scheduler, 10);
    const waiting = pace.pass(10_000);
    pace.release();
    await waiting;
  });
});
