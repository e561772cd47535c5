// Counts events by where they stand in the log.

/** Events whose counts are one: a segment has hundreds of these. */
export const lsnsPerCount = 4096;
const countsAtFirst = 256;

export class LsnCounts {
  /** All of them. */
  total = 0;
  protected counts: Uint32Array = new Uint32Array(countsAtFirst);

  note(lsn: number): void {
    const at = (lsn / lsnsPerCount) >>> 0;
    if (at >= this.counts.length) this.#grow(at);
    this.counts[at]!++;
    this.total++;
  }

  /** Takes one back that was noted. */
  undo(lsn: number): void {
    const at = (lsn / lsnsPerCount) >>> 0;
    if (at >= this.counts.length || this.counts[at] === 0) return;
    this.counts[at]!--;
    this.total--;
  }

  clear(): void {
    this.counts = new Uint32Array(countsAtFirst);
    this.total = 0;
  }

  /** All that were noted in a range, those of the counts at its ends included. */
  noted(firstLsn: number, lastLsn: number): number {
    let sum = 0;
    const last = Math.min(this.counts.length - 1, (lastLsn / lsnsPerCount) >>> 0);
    for (let at = (firstLsn / lsnsPerCount) >>> 0; at <= last; at++) sum += this.counts[at]!;
    return sum;
  }

  #grow(at: number): void {
    const grown = new Uint32Array(Math.max(at + 1, this.counts.length * 2));
    grown.set(this.counts);
    this.counts = grown;
  }
}
