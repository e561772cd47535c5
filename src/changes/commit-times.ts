// Finds positions by the time at which they were committed.

import type { Log } from "../log/log.ts";

/**
 * The LSN of the last accepted event that was committed at or before a time, in ms since 1970; 0 where there is none.
 * Commit times never decrease. Cost: the reading of some frames, the more the longer the log, but few: it halves the log.
 */
export function lastLsnAt(log: Log, timeMs: number): number {
  let low = 1;
  let high = log.acceptedLsn + 1;
  // Events below `low` were committed in time, those from `high` on were not.
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const frame = log.frameAtOrAfter(middle);
    if (frame === undefined) high = middle;
    else if (frame.timeMs <= timeMs) low = frame.firstLsn + frame.eventCount;
    else high = Math.min(middle, frame.firstLsn);
  }
  return low - 1;
}
