// What a check of the files on disk, or compaction, needs to know of one segment, as it is at one moment.
import type { Hash64 } from "./fields.ts";
import type { Segment } from "./segment.ts";

export interface SegmentView {
  readonly id: number;
  readonly generation: number;
  readonly baseLsn: number;
  readonly name: string;
  readonly state: number;
  readonly dataEnd: number;
  readonly lastLsn: number;
  readonly eventCount: number;
  readonly lastHash: Hash64;
  /** What the header of the segment behind it has. */
  readonly closingHash: Hash64;
  readonly horizon: number;
  readonly erasedLsn: number;
}

export function viewOf(segment: Segment): SegmentView {
  return {
    id: segment.id,
    generation: segment.generation,
    baseLsn: segment.baseLsn,
    name: segment.name,
    state: segment.state,
    dataEnd: segment.dataEnd,
    lastLsn: segment.lastLsn,
    eventCount: segment.eventCount,
    lastHash: segment.lastHash,
    closingHash: segment.closingHash,
    horizon: segment.horizon,
    erasedLsn: segment.erasedLsn,
  };
}
