// Which segments may be rewritten, which of them is next, and which neighbours become one. Pure.
import { SEGMENT_STATE } from "../log/manifest-codec.ts";
import { footerBytesMaxFor, segmentHeaderBytes } from "../log/segment-format.ts";
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

/** A segment that may be rewritten, and what is known of it. */
export interface Candidate {
  readonly view: SegmentView;
  /** Which share of what it has is superseded, as events have told since it was rewritten; undefined where nobody has counted. */
  readonly supersededShare: number | undefined;
  /** Whether it was never rewritten, and what it has is known to say everything that others need it to. */
  readonly mayWait: boolean;
}

/** With less to free a segment is not read again. */
const freedShareMin = 0.2;

/**
 * The segment to rewrite next as of a horizon; undefined where none is worth it. First those that were never rewritten and may not wait for
 * it, the newest of them first: what is superseded goes once what superseded it says everything by itself, which rewriting makes it do. Then
 * the one that frees most for what it costs, to read it and to write what stays; and those of which nobody knows.
 *
 * @param staleLsns a segment is looked through again once the horizon is so far ahead of its own, for the removals of what is gone.
 */
export function chooseNext(
  candidates: readonly Candidate[],
  horizon: number,
  staleLsns: number,
): SegmentView | undefined {
  let best: SegmentView | undefined;
  let bestWorth = 0;
  for (let i = candidates.length - 1; i >= 0; i--) {
    const { view, supersededShare, mayWait } = candidates[i]!;
    if (view.horizon >= horizon) continue;
    if (view.horizon < view.lastLsn && !mayWait) return view;
    const passedLsn = Math.max(view.horizon, view.lastLsn);
    const isKnown = supersededShare !== undefined && horizon - passedLsn < staleLsns;
    const freed = isKnown ? Math.min(1, supersededShare) : 1;
    const worth = freed / (2 - freed);
    if (freed < freedShareMin || worth <= bestWorth) continue;
    best = view;
    bestWorth = worth;
  }
  return best;
}

/** Of neighbours that are joined the largest has at most this share: no byte is written anew more often than sizes double, or so. */
const largestShareMax = 2 / 3;
/** What is smaller than this share of a full segment counts as if it were not: the smallest are joined as they come. */
const smallestShare = 1 / 64;

/**
 * Neighbours that become one segment: all of them sealed, with events, wholly at or below the horizon, and no larger together than one
 * segment may be. "worthwhile" are those of which none outweighs the others, the most at once; with "all", the first that fit.
 * Empty where there are none.
 *
 * @param segments those that may be rewritten, oldest first.
 */
export function chooseJoin(
  segments: readonly SegmentView[],
  horizon: number,
  segmentBytes: number,
  which: "worthwhile" | "all",
): readonly SegmentView[] {
  const bytesMax = segmentBytes - footerBytesMaxFor(segmentBytes) - segmentHeaderBytes;
  let best: readonly SegmentView[] = [];
  for (let from = 0; from < segments.length; from++) {
    let sum = 0;
    let weight = 0;
    let largest = 0;
    for (let to = from; to < segments.length && isJoinable(segments[to]!, horizon); to++) {
      const bytes = segments[to]!.dataEnd - segmentHeaderBytes;
      sum += bytes;
      if (sum > bytesMax) break;
      const own = Math.max(bytes, bytesMax * smallestShare);
      weight += own;
      largest = Math.max(largest, own);
      const count = to - from + 1;
      const isWorth = which === "all" || largest <= weight * largestShareMax;
      if (count > Math.max(1, best.length) && isWorth) best = segments.slice(from, to + 1);
    }
    if (which === "all" && best.length > 0) break;
  }
  return best;
}

/** Of all that may be rewritten; with less than so many bytes a segment is small in any case. */
const joinedShareMax = 1 / 8;
const joinedBytesMin: number = 2 ** 20;

/** How large the background lets a joined segment become: its next copy is not to take much of the space that there is. */
export function joinBytesMax(segments: readonly SegmentView[], segmentBytes: number): number {
  const bytes = segments.reduce((sum, { dataEnd }) => sum + dataEnd, 0);
  return Math.min(segmentBytes, Math.max(joinedBytesMin, bytes * joinedShareMax));
}

/** What was erased above the horizon is told from what was not by the segment's own mark, which a joined one could not keep. */
function isJoinable(
  { state, eventCount, lastLsn, erasedLsn }: SegmentView,
  horizon: number,
): boolean {
  const isSealed = state === SEGMENT_STATE.sealed && eventCount > 0;
  return isSealed && lastLsn <= horizon && erasedLsn <= horizon;
}
