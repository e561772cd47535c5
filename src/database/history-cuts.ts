// Remembers how far accepted history was taken back, and what of the past was erased, so that views of it can tell.
import { VarveError } from "../codec/errors.ts";
import { compacted } from "./history-point.ts";

/** Views above `lastLsn` are no more, or views below `erasedLsn`. */
interface Cut {
  readonly lastLsn: number;
  readonly erasedLsn: number;
}

export class HistoryCuts {
  readonly #cuts: Cut[] = [];
  #erasingLsn = 0;

  /** The number of cuts so far: a view notes it when it is made. */
  get epoch(): number {
    return this.#cuts.length;
  }

  /** @param lastLsn the last LSN that survives. */
  add(lastLsn: number): void {
    this.#cuts.push({ lastLsn, erasedLsn: 0 });
  }

  /**
   * Views below this LSN, from before, are of something that was erased since; and while it is not 0, new ones would show the past in
   * pieces.
   */
  setErasing(lsn: number): void {
    if (lsn === this.#erasingLsn) return;
    const erasedLsn = Math.max(lsn, this.#erasingLsn);
    this.#cuts.push({ lastLsn: Number.POSITIVE_INFINITY, erasedLsn });
    this.#erasingLsn = lsn;
  }

  /** Throws VIEW_ROLLED_BACK or HISTORY_COMPACTED where a view made at `epoch` shows what is no more. */
  check(lsn: number, epoch: number): void {
    if (lsn < this.#erasingLsn) throw compacted("view", lsn, this.#erasingLsn);
    for (let i = epoch; i < this.#cuts.length; i++) {
      const { lastLsn, erasedLsn } = this.#cuts[i]!;
      if (lsn < erasedLsn) throw compacted("view", lsn, erasedLsn);
      if (lastLsn >= lsn) continue;
      throw new VarveError("VIEW_ROLLED_BACK", `the history above LSN ${lastLsn} was taken back`, {
        details: { lsn, lastLsn },
      });
    }
  }
}
