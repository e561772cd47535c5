// Lets so many bytes a second through: the pace of what goes on in the background.
import type { Cancel, Clock, Scheduler } from "../disk/ports.ts";

export class BytePace {
  readonly #clock: Clock;
  readonly #scheduler: Scheduler;
  readonly #bytesPerMs: number;
  /** What may pass at once after a rest. */
  readonly #burstBytes: number;
  #allowedBytes: number;
  #lastMs: number;
  /** Ends the waits under way. */
  #waits: Set<() => void> = new Set();

  constructor(clock: Clock, scheduler: Scheduler, bytesPerSecond: number) {
    this.#clock = clock;
    this.#scheduler = scheduler;
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#burstBytes = bytesPerSecond / 4;
    this.#allowedBytes = this.#burstBytes;
    this.#lastMs = clock.monotonicMs();
  }

  /** Waits until so many bytes more may pass. */
  async pass(bytes: number): Promise<void> {
    const now = this.#clock.monotonicMs();
    const earned = (now - this.#lastMs) * this.#bytesPerMs;
    this.#lastMs = now;
    this.#allowedBytes = Math.min(this.#burstBytes, this.#allowedBytes + earned) - bytes;
    if (this.#allowedBytes < 0) await this.#wait(-this.#allowedBytes / this.#bytesPerMs);
  }

  /** Waits so long, whatever may pass. */
  rest(ms: number): Promise<void> {
    return this.#wait(ms);
  }

  /** Nobody is to wait any longer. */
  release(): void {
    for (const end of this.#waits) end();
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      let cancel: Cancel = () => {};
      const end = (): void => {
        cancel();
        this.#waits.delete(end);
        resolve();
      };
      this.#waits.add(end);
      cancel = this.#scheduler.after(Math.ceil(ms), end);
    });
  }
}
