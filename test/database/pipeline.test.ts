// Holds what the pipeline promises of its background stages: no wake-up is lost, nothing runs twice at once, failures are tried again.
import { describe, expect, it } from "vitest";
import { Pipeline } from "../../src/database/pipeline.ts";
import { SimulatedClock, SimulatedScheduler } from "../../src/testing/testing.ts";

interface Bench {
  readonly pipeline: Pipeline;
  readonly scheduler: SimulatedScheduler;
  readonly failures: unknown[];
}

function pipelineOf(stage: () => Promise<boolean>): Bench {
  const scheduler = new SimulatedScheduler({ clock: new SimulatedClock(), tasks: "automatic" });
  const failures: unknown[] = [];
  const failed = (error: unknown): void => {
    failures.push(error);
  };
  return {
    pipeline: new Pipeline(() => {}, [stage], { scheduler, failed }),
    scheduler,
    failures,
  };
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await Promise.resolve();
}

describe("a background stage", () => {
  it("goes on while it has more to do, one step at a time", async () => {
    let left = 5;
    let running = 0;
    const { pipeline } = pipelineOf(async () => {
      expect(++running).toBe(1);
      await turns(3);
      running--;
      return --left > 0;
    });
    pipeline.wake();
    pipeline.wake();
    await turns(100);
    expect(left).toBe(0);
  });

  it("looks again after a wake-up at any moment of its last step", async () => {
    for (let moment = 0; moment < 24; moment++) {
      let work = 1;
      let looked = 0;
      const { pipeline } = pipelineOf(async () => {
        looked = work;
        await turns(4);
        return false;
      });
      pipeline.wake();
      await turns(moment);
      work = 2;
      pipeline.wake();
      await turns(40);
      expect(looked, `woken after ${moment} turns`).toBe(2);
    }
  });

  it("is tried again, later and later, and told of both", async () => {
    let tries = 0;
    const { pipeline, scheduler, failures } = pipelineOf(async () => {
      if (++tries < 4) throw new Error(`try ${tries}`);
      return false;
    });
    pipeline.wake();
    await turns(20);
    expect(tries).toBe(1);
    await scheduler.advance(49);
    expect(tries).toBe(1);
    await scheduler.advance(1);
    expect(tries).toBe(2);
    await scheduler.advance(99);
    expect(tries).toBe(2);
    await scheduler.advance(1 + 200);
    expect(tries).toBe(4);
    await turns(20);
    expect(failures.map(String)).toEqual([
      "Error: try 1",
      "Error: try 2",
      "Error: try 3",
      "undefined",
    ]);
  });

  it("does nothing any more once the pipeline is closed", async () => {
    let tries = 0;
    const { pipeline, scheduler } = pipelineOf(async () => {
      tries++;
      throw new Error("no");
    });
    pipeline.wake();
    await turns(20);
    pipeline.close();
    await scheduler.advance(60_000);
    pipeline.wake();
    await turns(20);
    expect(tries).toBe(1);
  });
});
