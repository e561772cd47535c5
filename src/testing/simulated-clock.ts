// A clock that moves only when told to.
import type { Clock } from "../disk/ports.ts";

/** Wall time starts at 2024-01-01 (UTC), monotonic time at 0. */
export class SimulatedClock implements Clock {
  #wallMs: number;
  #monotonicMs = 0;

  constructor(wallMs: number = Date.UTC(2024, 0, 1)) {
    this.#wallMs = wallMs;
  }

  wallMs(): number {
    return this.#wallMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  /** Time passes. A scheduler that owns this clock must be advanced instead. */
  advance(ms: number): void {
    if (!(ms >= 0)) throw new RangeError(`advance: ms must be 0 or more, got ${ms}`);
    this.#wallMs += ms;
    this.#monotonicMs += ms;
  }

  /** Somebody sets the clock of the machine, forward or back. */
  jump(ms: number): void {
    this.#wallMs += ms;
  }
}
