// Waits for what runs on simulated ports, and tells a promise that will never settle from one that takes its time.
import { NodeClock } from "../../disk/node-clock.ts";
import { NodeScheduler } from "../../disk/node-scheduler.ts";
import type { Clock } from "../../disk/ports.ts";
import type { SimulatedPorts } from "../simulated-ports.ts";
import { Violation } from "./violation.ts";

const turnsMax = 4000;
const waitsMax = 20;
const waitMs = 500;
/** A store may load a module or compile something: that takes real time, and no simulated one. */
const realMsMax = 10_000;

const realClock: Clock = new NodeClock();
const realTurns: NodeScheduler = new NodeScheduler();

/**
 * Resolves and rejects as `work` does. Where it waits for a timer, time passes; where it still has not settled after ten
 * seconds of that and ten real ones, throws the `Violation` "O10 life goes on".
 */
export async function settle<T>(
  ports: SimulatedPorts,
  what: string,
  work: Promise<T> | T,
): Promise<T> {
  let result: { readonly value: T } | { readonly reason: unknown } | undefined;
  Promise.resolve(work).then(
    (value) => {
      result = { value };
    },
    (reason: unknown) => {
      result = { reason };
    },
  );
  const isSettled = (): boolean => result !== undefined;
  await turns(isSettled);
  for (let wait = 0; wait < waitsMax && !isSettled(); wait++) {
    await ports.scheduler.advance(waitMs);
    await turns(isSettled);
  }
  const startMs = realClock.monotonicMs();
  while (!isSettled() && realClock.monotonicMs() - startMs < realMsMax) {
    await new Promise<void>((resolve) => realTurns.task(resolve));
    await turns(isSettled);
  }
  if (result === undefined) throw new Violation("O10 life goes on", `${what} never settles`);
  if ("reason" in result) throw result.reason;
  return result.value;
}

async function turns(isOver: () => boolean): Promise<void> {
  for (let turn = 0; turn < turnsMax && !isOver(); turn++) await undefined;
}
