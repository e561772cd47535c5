// Which segments may be rewritten, and which of them are worth it. Pure.
import { type CheckpointRef, SEGMENT_STATE } from "../log/manifest-codec.ts";
import type { SegmentView } from "../log/segment-view.ts";

/**
 * The segments that may be rewritten as of a horizon, oldest first: sealed, with events, wholly at or below it, and before the
 * segment that a replay behind the oldest checkpoint begins in, which knows that one by its bytes.
 */
export function eligibleSegments(
  segments: readonly SegmentView[],
  checkpoints: readonly CheckpointRef[],
  horizon: number,
): readonly SegmentView[] {
  if (checkpoints.length === 0) return [];
  const oldestLsn = checkpoints.reduce(
    (lsn, { durableLsn }) => Math.min(lsn, durableLsn),
    Number.POSITIVE_INFINITY,
  );
  const end = segments.findIndex(({ lastLsn }) => lastLsn >= oldestLsn);
  return segments
    .slice(0, Math.max(0, end))
    .filter(
      ({ state, eventCount, lastLsn }) =>
        state === SEGMENT_STATE.sealed && eventCount > 0 && lastLsn <= horizon,
    );
}

export interface MeasuredSegment {
  readonly view: SegmentView;
  /** Of its frames as they are, and as they would be. */
  readonly bytes: number;
  readonly liveBytes: number;
}

/** Less is not worth a rewrite, whatever share of a segment it is: a file has a header and a footer. */
const freedBytesMin = 4096;
/** Nor is a smaller share of what has to be read and written. */
const freedShareMin = 0.1;

/**
 * The segment that frees most for what its rewriting costs, weighed by its age: what is old will hardly free more by itself,
 * what is young soon may (cost-benefit, as log-structured file systems clean by).
 */
export function chooseSegment(
  measured: readonly MeasuredSegment[],
  lastLsn: number,
): MeasuredSegment | undefined {
  let best: MeasuredSegment | undefined;
  let bestWorth = 0;
  for (const each of measured) {
    const worth = worthOf(each, lastLsn);
    if (worth > bestWorth) {
      best = each;
      bestWorth = worth;
    }
  }
  return best;
}

function worthOf({ view, bytes, liveBytes }: MeasuredSegment, lastLsn: number): number {
  const freed = bytes - liveBytes;
  if (freed < freedBytesMin || freed < bytes * freedShareMin) return 0;
  const age = Math.max(1, lastLsn - view.lastLsn);
  // It is read whole, and what stays is written.
  return (freed * age) / (bytes + liveBytes);
}
