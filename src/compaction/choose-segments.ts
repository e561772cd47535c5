// Which segments may be rewritten, and which of them are worth it. Pure.
import { SEGMENT_STATE } from "../log/manifest-codec.ts";
import type { SegmentView } from "../log/segment-view.ts";

/**
 * The segments that may be rewritten as of a horizon, oldest first: sealed, with events, wholly at or below it, and among the first
 * `passed`, which a replay behind any checkpoint passes over.
 */
export function eligibleSegments(
  segments: readonly SegmentView[],
  passed: number,
  horizon: number,
): readonly SegmentView[] {
  return segments
    .slice(0, passed)
    .filter(
      ({ state, eventCount, lastLsn }) =>
        state === SEGMENT_STATE.sealed && eventCount > 0 && lastLsn <= horizon,
    );
}

export interface MeasuredSegment {
  readonly view: SegmentView;
  /** Of its frames as they are, and as they would be were everything rewritten that may be. */
  readonly bytes: number;
  readonly liveBytes: number;
}

/** Less is not worth a rewrite, whatever share of a segment it is: a file has a header and a footer. */
const freedBytesMin = 4096;
/** Nor is a smaller share of what has to be read and written. */
const freedShareMin = 0.1;

/**
 * The segments to rewrite together: from one that is worth it on to the newest, since what makes an event superfluous comes
 * later and must say everything by itself first. Of all such groups the one that frees most for what it costs; empty where
 * none is worth its cost. Of a group that is too large its newest part: the rest is worth as much afterwards.
 */
export function chooseGroup(
  measured: readonly MeasuredSegment[],
  bytesMax: number,
): readonly MeasuredSegment[] {
  let best = measured.length;
  let bestWorth = freedShareMin;
  let freed = 0;
  let cost = 0;
  for (let i = measured.length - 1; i >= 0; i--) {
    const { bytes, liveBytes } = measured[i]!;
    freed += bytes - liveBytes;
    // It is read whole, and what stays is written.
    cost += bytes + liveBytes;
    const isWorth = bytes - liveBytes >= Math.max(freedBytesMin, bytes * freedShareMin);
    if (!isWorth || freed / cost < bestWorth) continue;
    best = i;
    bestWorth = freed / cost;
  }
  return newestOf(measured.slice(best), bytesMax);
}

function newestOf(group: readonly MeasuredSegment[], bytesMax: number): readonly MeasuredSegment[] {
  let bytes = 0;
  let from = group.length;
  while (from > 0 && (bytes === 0 || bytes + group[from - 1]!.liveBytes <= bytesMax)) {
    from--;
    bytes += group[from]!.liveBytes;
  }
  return group.slice(from);
}
