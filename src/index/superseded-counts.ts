// Counts the events that later ones have superseded, by where they stand in the log: what compaction could free there, about.

/** Events whose counts are one: a segment has hundreds of these. */
const lsnsPerCount = 4096;

export class SupersededCounts {
  /** All of them. */
  total = 0;
  #counts: Uint32Array = new Uint32Array(256);

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
    this.total = 0;
  }

  /** How many in a range of LSNs; of the counts at its ends the share that lies within. */
  between(firstLsn: number, lastLsn: number): number {
    let sum = 0;
    const last = Math.min(this.#counts.length - 1, (lastLsn / lsnsPerCount) >>> 0);
    for (let at = (firstLsn / lsnsPerCount) >>> 0; at <= last; at++) {
      const from = Math.max(firstLsn, at * lsnsPerCount);
      const to = Math.min(lastLsn + 1, (at + 1) * lsnsPerCount);
      sum += (this.#counts[at]! * (to - from)) / lsnsPerCount;
    }
    return sum;
  }

  #grow(at: number): void {
    const grown = new Uint32Array(Math.max(at + 1, this.#counts.length * 2));
    grown.set(this.#counts);
    this.#counts = grown;
  }
}
