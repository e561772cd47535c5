// Remembers how far accepted history was taken back, so that views above such a cut can tell.
import { VarveError } from "../codec/errors.ts";

export class HistoryCuts {
  /** For each cut, in order, the last LSN that survived it. */
  readonly #floors: number[] = [];

  /** The number of cuts so far: a view notes it when it is made. */
  get epoch(): number {
    return this.#floors.length;
  }

  add(lastLsn: number): void {
    this.#floors.push(lastLsn);
  }

  /** Throws VIEW_ROLLED_BACK where a view made at `epoch` shows LSNs that a later cut took back. */
  check(lsn: number, epoch: number): void {
    for (let i = epoch; i < this.#floors.length; i++) {
      const floor = this.#floors[i]!;
      if (floor >= lsn) continue;
      throw new VarveError("VIEW_ROLLED_BACK", `the history above LSN ${floor} was taken back`, {
        details: { lsn, lastLsn: floor },
      });
    }
  }
}
