// Sees to it that whoever writes without waiting for a sync leaves timers and I/O their turns: syncs, flushes, other requests.
import type { Scheduler } from "../disk/ports.ts";

/** Log bytes acknowledged in one turn of the event loop: some 2 ms of work at full speed. */
export const turnBytesMax: number = 64 * 1024;

/**
 * Acknowledging at once lets a caller that awaits one commit after another run on and on within one turn. Beyond a share
 * of work the acknowledgement waits for the next turn.
 */
export class TurnLimit {
  readonly #scheduler: Scheduler;
  #bytesLeft = turnBytesMax;
  #isScheduled = false;
  #waiting: (() => void)[] = [];

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  /** Calls `told` now, or in the next turn where this one has had its share; in the order of the calls. */
  tell(bytes: number, told: () => void): void {
    this.#bytesLeft -= bytes;
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      this.#scheduler.task(() => this.#nextTurn());
    }
    if (this.#bytesLeft >= 0) told();
    else this.#waiting.push(told);
  }

  #nextTurn(): void {
    this.#isScheduled = false;
    this.#bytesLeft = turnBytesMax;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const told of waiting) told();
  }
}
