// Runs transactions in call order: at once while there is room, later under pressure, not at all beyond the limit.
import { VarveError } from "../codec/errors.ts";
import { turnBytesMax } from "../log/turn-limit.ts";
import type { PressureReason } from "./next-stage.ts";

/** A call of `transact` that has to wait for its turn. */
export interface WaitingCall {
  run(): void;
  reject(error: unknown): void;
}

/** What a waiting call is counted as: its callback has not run, so nobody knows its size. */
const waitingCallBytes = 1024;

/** What keeps callers waiting besides what is not durable yet. */
export interface Brakes {
  /** Bytes accepted and not yet durable. */
  pendingBytes(): number;
  /** Why the index cannot take more just now. */
  indexPressure(): PressureReason | undefined;
  /** Why that will not end by itself soon: then nobody is kept waiting. */
  stalled(): unknown;
  /** Runs a task in a later turn of the event loop. */
  later(task: () => void): void;
}

export class WriteQueue {
  readonly #bytesMax: number;
  readonly #brakes: Brakes;
  #waiting: WaitingCall[] = [];
  #head = 0;
  #isScheduled = false;

  constructor(bytesMax: number, brakes: Brakes) {
    this.#bytesMax = bytesMax;
    this.#brakes = brakes;
  }

  get length(): number {
    return this.#waiting.length - this.#head;
  }

  /**
   * Why calls have to wait, if they have: above half of what may be pending, for the sync that is under way; else for the
   * index.
   */
  get pressure(): PressureReason | undefined {
    if (this.#brakes.pendingBytes() > this.#bytesMax / 2) return "sync";
    return this.#brakes.indexPressure();
  }

  /** Runs a call in its turn. Throws OVERLOADED where too much is waiting already. */
  enter(call: WaitingCall): void {
    const reason = this.pressure;
    if (this.length === 0 && reason === undefined) {
      call.run();
      return;
    }
    const stalled = this.#brakes.stalled();
    if (stalled !== undefined && reason !== "sync") throw stalledError(stalled);
    const bytes = this.#brakes.pendingBytes() + this.length * waitingCallBytes;
    if (bytes + waitingCallBytes > this.#bytesMax) {
      throw new VarveError(
        "OVERLOADED",
        `more than ${this.#bytesMax} bytes are waiting to be written`,
        {
          details: { pendingBytes: bytes, maxPendingBytes: this.#bytesMax, waiting: this.length },
        },
      );
    }
    this.#waiting.push(call);
  }

  /** Runs waiting calls for which there is room now; not more in one turn than acknowledgements would set off. */
  proceed(): void {
    const bytesBefore = this.#brakes.pendingBytes();
    while (this.length > 0 && this.pressure === undefined) {
      if (this.#brakes.pendingBytes() - bytesBefore >= turnBytesMax) {
        this.#proceedLater();
        return;
      }
      const call = this.#waiting[this.#head++]!;
      if (this.#head === this.#waiting.length) {
        this.#waiting = [];
        this.#head = 0;
      }
      call.run();
    }
  }

  #proceedLater(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#brakes.later(() => {
      this.#isScheduled = false;
      this.proceed();
    });
  }

  /** What waits for the index is rejected, where the index cannot go on. */
  stall(cause: unknown): void {
    if (this.length > 0 && this.pressure !== "sync") this.clear(stalledError(cause));
  }

  /** Rejects everything that has not begun. */
  clear(error: unknown): void {
    const waiting = this.#waiting.slice(this.#head);
    this.#waiting = [];
    this.#head = 0;
    for (const call of waiting) call.reject(error);
  }
}

function stalledError(cause: unknown): VarveError {
  return new VarveError("OVERLOADED", "the index cannot be written to disk, and memory is full", {
    cause,
    details: { reason: "index" },
  });
}
