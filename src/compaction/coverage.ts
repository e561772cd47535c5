// Which parts of the log are compacted, or will be once a choice of segments is installed: what the rules ask of other segments.
import type { SegmentView } from "../log/segment-view.ts";

export class Coverage {
  readonly #segments: readonly SegmentView[];
  /** By ordinal: as of which LSN everything droppable is gone; and up to which LSN what was erased is. */
  readonly #horizons: Float64Array;
  readonly #erased: Float64Array;

  /**
   * @param chosen ids of the segments that are rewritten together.
   * @param horizon what they are rewritten as of; of a segment that reaches above it, only erased events go.
   * @param erasedLsn up to where the erased things were erased; 0 where nothing is.
   */
  constructor(
    segments: readonly SegmentView[],
    chosen: ReadonlySet<number>,
    horizon: number,
    erasedLsn: number,
  ) {
    this.#segments = segments;
    this.#horizons = new Float64Array(segments.length);
    this.#erased = new Float64Array(segments.length);
    for (const [i, segment] of segments.entries()) {
      const isChosen = chosen.has(segment.id);
      const isBelow = segment.lastLsn <= horizon;
      this.#horizons[i] = Math.max(segment.horizon, isChosen && isBelow ? horizon : 0);
      this.#erased[i] = Math.max(segment.erasedLsn, isChosen ? erasedLsn : 0);
    }
  }

  /** Whether the event at an LSN, the newest of its thing as of the horizon, says everything by itself. */
  isWhole(lsn: number): boolean {
    const at = this.#at(lsn);
    return at >= 0 && this.#horizons[at]! >= lsn;
  }

  /** Whether what is dropped at or below `lsn` is gone from all events in `[fromLsn, lsn)`. */
  areGone(fromLsn: number, lsn: number): boolean {
    return this.#all(this.#horizons, fromLsn, lsn, lsn);
  }

  /** The same of what is erased as of `erasedLsn`: what was erased before went without it. */
  areErased(fromLsn: number, lsn: number, erasedLsn: number): boolean {
    return this.#all(this.#erased, fromLsn, lsn, erasedLsn);
  }

  /** Whether the same goes for the state records before `lsn`: these may stand in segments without events, too. */
  statesAreGone(lsn: number): boolean {
    return this.#segments.every(
      ({ baseLsn }, i) => baseLsn >= lsn || this.#horizons[i]! >= lsn - 1,
    );
  }

  #all(floors: Float64Array, fromLsn: number, lsn: number, floor: number): boolean {
    for (let i = Math.max(0, this.#at(fromLsn)); i < this.#segments.length; i++) {
      const { baseLsn, eventCount } = this.#segments[i]!;
      if (baseLsn > lsn) break;
      if (eventCount > 0 && floors[i]! < floor) return false;
    }
    return true;
  }

  /** The last segment that begins at or below an LSN. */
  #at(lsn: number): number {
    let low = 0;
    let high = this.#segments.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#segments[middle]!.baseLsn <= lsn) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
