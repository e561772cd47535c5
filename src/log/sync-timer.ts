// The one timer behind commits that do not wait for a sync: it is due when the first of them must be synced.
import type { Cancel, Clock, Scheduler } from "../disk/ports.ts";

export class SyncTimer {
  readonly #scheduler: Scheduler;
  readonly #clock: Clock;
  readonly #due: () => void;
  #cancel: Cancel | undefined;
  #dueMs = 0;

  constructor(scheduler: Scheduler, clock: Clock, due: () => void) {
    this.#scheduler = scheduler;
    this.#clock = clock;
    this.#due = due;
  }

  /** Sees to it that `due` is called within so many ms. */
  arm(withinMs: number): void {
    const dueMs = this.#clock.monotonicMs() + withinMs;
    if (this.#cancel !== undefined) {
      if (this.#dueMs <= dueMs) return;
      this.#cancel();
    }
    this.#dueMs = dueMs;
    this.#cancel = this.#scheduler.after(withinMs, () => {
      this.#cancel = undefined;
      this.#due();
    });
  }

  cancel(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
