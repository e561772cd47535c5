// A place in the log on a frame boundary, with what is needed to read on from there without reading what came before.

import { type Hash64, sameHash } from "./fields.ts";
import type { FrameIndex } from "./frame-index.ts";
import { SEGMENT_STATE } from "./manifest-codec.ts";

export interface LogPosition {
  /** The segment that the frame before the position lies in. */
  readonly segmentId: number;
  readonly offset: number;
  /** Of the segment up to the position, as in `Segment`. */
  readonly lastLsn: number;
  readonly lastHash: Hash64;
  readonly eventCount: number;
  readonly frameCount: number;
  readonly firstTimeMs: number;
  readonly lastTimeMs: number;
  /** The sparse index of the frames before the position. */
  readonly index: FrameIndex;
}

/** Whether a position is where its segment ended when that was first written: then it stays good whatever compaction makes of the segment. */
export function endsAt(
  segment: { readonly state: number; readonly closingHash: Hash64 },
  { lastHash }: LogPosition,
): boolean {
  return segment.state === SEGMENT_STATE.sealed && sameHash(segment.closingHash, lastHash);
}
