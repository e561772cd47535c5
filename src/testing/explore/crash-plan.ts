// A run that went wrong, as plain data: what was done, what failed, where the machine stopped and what survived it.
import type { FaultRule } from "../faults.ts";
import type { Survival } from "../survival.ts";
import type { Step } from "./crash-subject.ts";

/**
 * A place in a life: the n-th time that this operation on this path begins or has ended; or the end of a step, with the
 * operation `step` and no path. Places are named by what happens there, so that they keep their meaning when other
 * things are left out of a plan.
 */
export interface CrashSite {
  readonly phase: "before" | "after";
  readonly operation: string;
  /** `*` for any path: then the occurrence counts this operation on all of them. */
  readonly path: string;
  /** From 1, within the life. */
  readonly occurrence: number;
}

/** `kill` leaves everything written as it is; a survival is what a power cut leaves. */
export type Loss = "kill" | Survival;

export interface PlannedCrash {
  /** A site that the life never comes to stands for its end. */
  readonly site: CrashSite;
  readonly loss: Loss;
}

export interface CrashPlan<Command> {
  readonly seed: number;
  readonly steps: readonly Step<Command>[];
  /** Calls that fail in the first life. */
  readonly faults: readonly FaultRule[];
  /**
   * By how many turns each asynchronous call of the first life is held back, in order; none from the end of the list on.
   * Calls in flight together so take effect in another order.
   */
  readonly delays: readonly number[];
  /** The first is in the life of the steps, each other one in the recovery from the one before. */
  readonly crashes: readonly PlannedCrash[];
}

/** The end of the n-th step of a life, from 1; with 0, the moment it is open. */
export function endOfStep(number: number): CrashSite {
  return { phase: "after", operation: "step", path: "", occurrence: number };
}
