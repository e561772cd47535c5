// Node and edge counts as of each transaction that is not durable yet, for views of the durable state.
import type { Counts } from "../graph/read-source.ts";

interface CountsAt extends Counts {
  readonly lsn: number;
}

export class CountsHistory {
  #durable: CountsAt;
  #pending: CountsAt[] = [];
  #head = 0;

  constructor(lsn: number, counts: Counts) {
    this.#durable = { lsn, ...counts };
  }

  get durable(): Counts {
    return this.#durable;
  }

  /** As of the last accepted transaction. */
  get latest(): Counts {
    return this.#pending[this.#pending.length - 1] ?? this.#durable;
  }

  add(lsn: number, nodes: number, edges: number): void {
    this.#pending.push({ lsn, nodes, edges });
  }

  durableAdvanced(lsn: number): void {
    while (this.#head < this.#pending.length && this.#pending[this.#head]!.lsn <= lsn) {
      this.#durable = this.#pending[this.#head++]!;
    }
    if (this.#head === this.#pending.length) {
      this.#pending = [];
      this.#head = 0;
    } else if (this.#head > 4096) {
      this.#pending = this.#pending.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Begins anew with what is durable at an LSN. */
  reset(lsn: number, counts: Counts): void {
    this.#durable = { lsn, ...counts };
    this.#pending = [];
    this.#head = 0;
  }

  /** Forgets transactions above `lsn`, which were taken back. */
  rollBackTo(lsn: number): void {
    while (
      this.#pending.length > this.#head &&
      this.#pending[this.#pending.length - 1]!.lsn > lsn
    ) {
      this.#pending.pop();
    }
  }
}
