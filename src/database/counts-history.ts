// Node and edge counts in the past: as of each transaction that is not durable yet, and some way apart before that.
import type { Counts } from "../graph/read-source.ts";
import type { CountAnchors, CountsAt } from "./count-anchors.ts";

export class CountsHistory {
  readonly #anchors: CountAnchors;
  #durable: CountsAt;
  #pending: CountsAt[] = [];
  #head = 0;

  constructor(lsn: number, counts: Counts, anchors: CountAnchors) {
    this.#durable = { lsn, ...counts };
    this.#anchors = anchors;
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

  /** What is known that lies nearest at or below an LSN. */
  below(lsn: number): CountsAt | undefined {
    if (lsn < this.#durable.lsn) return this.#anchors.below(lsn);
    let low = this.#head;
    let high = this.#pending.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#pending[middle]!.lsn <= lsn) low = middle + 1;
      else high = middle;
    }
    return low === this.#head ? this.#durable : this.#pending[low - 1];
  }

  /** What is known, and durable, that lies nearest above an LSN. */
  above(lsn: number): CountsAt | undefined {
    return this.#anchors.above(lsn) ?? (lsn < this.#durable.lsn ? this.#durable : undefined);
  }

  /** @param isExact false where the index that counts cannot be trusted. */
  durableAdvanced(lsn: number, isExact: boolean): void {
    while (this.#head < this.#pending.length && this.#pending[this.#head]!.lsn <= lsn) {
      this.#durable = this.#pending[this.#head++]!;
      if (isExact) this.#anchors.note(this.#durable.lsn, this.#durable.nodes, this.#durable.edges);
    }
    if (this.#head === this.#pending.length) {
      this.#pending = [];
      this.#head = 0;
    } else if (this.#head > 4096) {
      this.#pending = this.#pending.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Begins anew with what is true at an LSN. */
  reset(lsn: number, counts: Counts): void {
    this.#durable = { lsn, ...counts };
    this.#pending = [];
    this.#head = 0;
  }

  /** Forgets transactions above `lsn`, which were taken back; `counts` are those that are left. */
  rollBackTo(lsn: number, counts: Counts): void {
    while (
      this.#pending.length > this.#head &&
      this.#pending[this.#pending.length - 1]!.lsn > lsn
    ) {
      this.#pending.pop();
    }
    // A reset may have taken for durable what was only accepted.
    if (this.#durable.lsn > lsn) this.reset(lsn, counts);
  }
}
