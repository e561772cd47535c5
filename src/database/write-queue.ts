// Runs transactions in call order: at once while there is room, later under pressure, not at all beyond the limit.
import { VarveError } from "../codec/errors.ts";

/** A call of `transact` that has to wait for its turn. */
export interface WaitingCall {
  run(): void;
  reject(error: unknown): void;
}

/** What a waiting call is counted as: its callback has not run, so nobody knows its size. */
const waitingCallBytes = 1024;

export class WriteQueue {
  readonly #bytesMax: number;
  readonly #pendingBytes: () => number;
  #waiting: WaitingCall[] = [];
  #head = 0;

  constructor(bytesMax: number, pendingBytes: () => number) {
    this.#bytesMax = bytesMax;
    this.#pendingBytes = pendingBytes;
  }

  get length(): number {
    return this.#waiting.length - this.#head;
  }

  /** Above half of what may be pending, calls wait; what is pending is being made durable meanwhile. */
  get underPressure(): boolean {
    return this.#pendingBytes() > this.#bytesMax / 2;
  }

  /** Runs a call in its turn. Throws OVERLOADED where too much is waiting already. */
  enter(call: WaitingCall): void {
    if (this.length === 0 && !this.underPressure) {
      call.run();
      return;
    }
    const bytes = this.#pendingBytes() + this.length * waitingCallBytes;
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

  /** Runs waiting calls for which there is room now. */
  proceed(): void {
    while (this.length > 0 && !this.underPressure) {
      const call = this.#waiting[this.#head++]!;
      if (this.#head === this.#waiting.length) {
        this.#waiting = [];
        this.#head = 0;
      }
      call.run();
    }
  }

  /** Rejects everything that has not begun. */
  clear(error: unknown): void {
    const waiting = this.#waiting.slice(this.#head);
    this.#waiting = [];
    this.#head = 0;
    for (const call of waiting) call.reject(error);
  }
}
