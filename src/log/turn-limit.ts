// Sees to it that whoever writes without waiting for a sync leaves timers and I/O their turns: syncs, flushes, other requests.
import type { Clock, Scheduler } from "../disk/ports.ts";

/** Log bytes acknowledged in one turn of the event loop: some 2 ms of work at full speed. */
export const turnBytesMax: number = 64 * 1024;
/** Behind so many ms nothing more is: small events that change what is there take ten times as long for each byte. */
export const turnMsMax = 1;

interface Waiting<T> {
  readonly bytes: number;
  readonly item: T;
}

/**
 * Acknowledging at once lets a caller that awaits one commit after another run on and on within one turn, and many that are
 * acknowledged together run all their next transactions in one. Beyond a share of work acknowledgements wait for the next turn,
 * which has a share of its own.
 */
export class TurnLimit<T> {
  readonly #scheduler: Scheduler;
  readonly #clock: Clock;
  readonly #tell: (item: T) => void;
  #bytesLeft = turnBytesMax;
  #beganMs = 0;
  #isScheduled = false;
  #waiting: Waiting<T>[] = [];
  #head = 0;

  constructor(scheduler: Scheduler, clock: Clock, tell: (item: T) => void) {
    this.#scheduler = scheduler;
    this.#clock = clock;
    this.#tell = tell;
  }

  /** Tells an item now, or in a later turn where this one has had its share; in the order of the calls. */
  tell(bytes: number, item: T): void {
    this.#schedule();
    if (this.#head === this.#waiting.length && !this.#isOver) {
      this.#bytesLeft -= bytes;
      this.#tell(item);
    } else {
      this.#waiting.push({ bytes, item });
    }
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#beganMs = this.#clock.monotonicMs();
    this.#scheduler.task(() => this.#nextTurn());
  }

  get #isOver(): boolean {
    return this.#bytesLeft <= 0 || this.#clock.monotonicMs() - this.#beganMs >= turnMsMax;
  }

  #nextTurn(): void {
    this.#isScheduled = false;
    this.#bytesLeft = turnBytesMax;
    this.#beganMs = this.#clock.monotonicMs();
    while (this.#head < this.#waiting.length && !this.#isOver) {
      const { bytes, item } = this.#waiting[this.#head++]!;
      this.#bytesLeft -= bytes;
      this.#tell(item);
    }
    if (this.#head < this.#waiting.length) {
      this.#schedule();
    } else {
      this.#waiting = [];
      this.#head = 0;
    }
  }
}
