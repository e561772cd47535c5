// All ports simulated, from one seed: a process on a machine that a test owns.
import type { Ports } from "../disk/ports.ts";
import { SimulatedClock } from "./simulated-clock.ts";
import { SimulatedDisk } from "./simulated-disk.ts";
import { SimulatedRandom } from "./simulated-random.ts";
import { SimulatedScheduler } from "./simulated-scheduler.ts";
import { SimulatedWorkers } from "./simulated-workers.ts";

export interface SimulatedPortsOptions {
  /** Default 1. */
  readonly seed?: number;
  /** The disk to boot from; default an empty one. */
  readonly disk?: SimulatedDisk;
  /** Carries time over a reboot; default a new clock. */
  readonly clock?: SimulatedClock;
  /** See `SimulatedSchedulerOptions`. */
  readonly tasks?: "manual" | "automatic";
}

export interface SimulatedPorts extends Ports {
  readonly disk: SimulatedDisk;
  readonly clock: SimulatedClock;
  readonly random: SimulatedRandom;
  readonly scheduler: SimulatedScheduler;
  readonly workers: SimulatedWorkers;
}

/**
 * Ports for `open` that touch nothing outside. The clock moves with `scheduler.advance`. After a crash, boot
 * the next process with `simulatedPorts({ seed, disk: disk.powerCut(survival) })`.
 */
export function simulatedPorts(options: SimulatedPortsOptions = {}): SimulatedPorts {
  const seed = options.seed ?? 1;
  const clock = options.clock ?? new SimulatedClock();
  const disk = options.disk ?? new SimulatedDisk({ seed });
  return {
    disk,
    clock,
    // Otherwise two lives of one disk would draw the same nonces.
    random: new SimulatedRandom(seed).fork(`life ${disk.generation}`),
    scheduler: new SimulatedScheduler({ clock, tasks: options.tasks ?? "manual" }),
    workers: new SimulatedWorkers(),
  };
}
