// Counts the events that later ones have superseded, by where they stand in the log: what compaction could free there, about.
import { LsnCounts, lsnsPerCount } from "./lsn-counts.ts";

/** Noted is what is superseded, and taken back where what superseded it is. */
export class SupersededCounts extends LsnCounts {
  /** As they were when the last layer ended: what superseded events since then is above every horizon. */
  #settled: Uint32Array = new Uint32Array(0);

  override clear(): void {
    super.clear();
    this.#settled = new Uint32Array(0);
  }

  /** A layer ends here. */
  settle(): void {
    this.#settled = this.counts.slice();
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
}
