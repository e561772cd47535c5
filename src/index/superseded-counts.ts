// Counts events by where they stand in the log: those that later ones have superseded, and those that only a rewrite makes whole.
import { RECORD } from "../log/event-format.ts";
import type { EventReader } from "../log/event-reader.ts";

/** Events whose counts are one: a segment has hundreds of these. */
const lsnsPerCount = 4096;

export class SupersededCounts {
  /** All of them. */
  total = 0;
  #counts: Uint32Array = new Uint32Array(256);
  /** As they were when the last layer ended: what superseded events since then is above every horizon. */
  #settled: Uint32Array = new Uint32Array(0);

  /** The event at an LSN is superseded. */
  note(lsn: number): void {
    const at = (lsn / lsnsPerCount) >>> 0;
    if (at >= this.#counts.length) this.#grow(at);
    this.#counts[at]!++;
    this.total++;
  }

  /** What superseded it was taken back. */
  undo(lsn: number): void {
    const at = (lsn / lsnsPerCount) >>> 0;
    if (at >= this.#counts.length || this.#counts[at] === 0) return;
    this.#counts[at]!--;
    this.total--;
  }

  clear(): void {
    this.#counts = new Uint32Array(256);
    this.#settled = new Uint32Array(0);
    this.total = 0;
  }

  /** A layer ends here. */
  settle(): void {
    this.#settled = this.#counts.slice();
  }

  /**
   * How many in a range of LSNs had been superseded when the last layer ended; of the counts at the range's ends the share that lies
   * within.
   */
  settledBetween(firstLsn: number, lastLsn: number): number {
    let sum = 0;
    const last = Math.min(this.#settled.length - 1, (lastLsn / lsnsPerCount) >>> 0);
    for (let at = (firstLsn / lsnsPerCount) >>> 0; at <= last; at++) {
      const from = Math.max(firstLsn, at * lsnsPerCount);
      const to = Math.min(lastLsn + 1, (at + 1) * lsnsPerCount);
      sum += (this.#settled[at]! * (to - from)) / lsnsPerCount;
    }
    return sum;
  }

  /** All that were noted in a range, those of the counts at its ends included. */
  noted(firstLsn: number, lastLsn: number): number {
    let sum = 0;
    const last = Math.min(this.#counts.length - 1, (lastLsn / lsnsPerCount) >>> 0);
    for (let at = (firstLsn / lsnsPerCount) >>> 0; at <= last; at++) sum += this.#counts[at]!;
    return sum;
  }

  #grow(at: number): void {
    const grown = new Uint32Array(Math.max(at + 1, this.#counts.length * 2));
    grown.set(this.#counts);
    this.#counts = grown;
  }
}

/**
 * Records that want a rewrite of their own: patches that build on something, without which nothing of that can go; and what goes without being
 * superseded. What is taken back stays counted.
 */
export class UnfoldedCounts extends SupersededCounts {
  noteRecord(reader: EventReader): void {
    const { tag } = reader;
    const isPatch = tag === RECORD.nodePatch || tag === RECORD.edgePatch;
    const isOther = tag === RECORD.userEvent || tag === RECORD.state;
    if (isOther || (isPatch && !reader.hasImage)) this.note(reader.lsn);
  }
}
