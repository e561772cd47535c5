// Finds the place in the log behind the last frame that begins at or below an LSN.
import { VarveError } from "../codec/errors.ts";
import type { DiskFile } from "../disk/ports.ts";
import { checkFrame, emptyFrameHeader, type FrameHeader, peekFrame } from "./frame-codec.ts";
import { FRAME_FLAG, frameHeaderBytes } from "./frame-format.ts";
import { FrameIndex } from "./frame-index.ts";
import type { FrameMark } from "./group.ts";
import type { LogPosition } from "./log-position.ts";
import { SEGMENT_STATE } from "./manifest-codec.ts";
import type { Segment } from "./segment.ts";
import type { SegmentFiles } from "./segment-files.ts";
import { indexStrideBytes, segmentHeaderBytes } from "./segment-format.ts";

/** The walk from an entry of the sparse index passes about so much. */
const readBytes: number = indexStrideBytes + 4096;

/** A frame that a walk has come by, and what the segment held before it. */
interface FoundFrame {
  readonly offset: number;
  readonly frameBytes: number;
  readonly eventsBefore: number;
  readonly framesBefore: number;
}

/**
 * The end of the last frame that holds events and begins at or below `lsn`; the start of the log where there is none.
 * Frames of system records alone never end it: replaying them again changes nothing.
 */
export function positionAfter(
  segments: readonly Segment[],
  files: SegmentFiles,
  lsn: number,
): LogPosition {
  for (let i = segments.length - 1; i >= 0; i--) {
    const segment = segments[i]!;
    if (segment.baseLsn > lsn || segment.eventCount === 0) continue;
    const found = lastFrame(segment, files.for(segment), lsn);
    if (found !== undefined) return positionBehind(segment, files.for(segment), found);
  }
  return startOf(segments[0]!);
}

/**
 * The end of the frame marked, or `after` where no frame comes between the two. Behind `after` there are frames of system records
 * alone up to the mark.
 */
export function positionAt(
  segments: readonly Segment[],
  files: SegmentFiles,
  { segment: marked, frameCount }: FrameMark,
  after: LogPosition,
): LogPosition {
  if (marked === undefined) throw new Error("position of a frame that was not written");
  let ordinal = segments.indexOf(marked);
  let frames = frameCount;
  while (frames === 0 && ordinal > 0) frames = segments[--ordinal]!.frameCount;
  const segment = segments[ordinal]!;
  if (frames === 0 || (segment.id === after.segmentId && frames <= after.frameCount)) return after;
  const file = files.for(segment);
  const until = { lsn: Number.POSITIVE_INFINITY, frames };
  const found = walk(segment, file, until, ordinalOfFrame(segment.index, frames - 1));
  if (found === undefined) throw damaged(segment, segment.dataEnd, "missing");
  // What a frame without events says of LSNs may be of some that were rejected.
  return { ...positionBehind(segment, file, found), lastLsn: after.lastLsn };
}

/** The last entry known to stand at or before a frame. */
function ordinalOfFrame(index: FrameIndex, frame: number): number {
  let ordinal = index.count - 1;
  while (ordinal > 0 && !(index.framesBeforeAt(ordinal) <= frame)) ordinal--;
  return ordinal;
}

function startOf(first: Segment): LogPosition {
  return {
    segmentId: first.id,
    offset: segmentHeaderBytes,
    lastLsn: first.baseLsn - 1,
    lastHash: { lo: 0, hi: 0 },
    eventCount: 0,
    frameCount: 0,
    firstTimeMs: 0,
    lastTimeMs: 0,
    index: new FrameIndex(),
  };
}

function lastFrame(segment: Segment, file: DiskFile, lsn: number): FoundFrame | undefined {
  for (let ordinal = segment.index.ordinalFor(lsn); ordinal >= 0; ordinal--) {
    // Behind an entry there may be nothing but frames without events.
    const found = walk(segment, file, { lsn, frames: undefined }, ordinal);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Where a walk ends: behind the last frame with events that begins at or below an LSN, or behind so many frames. */
interface WalkEnd {
  readonly lsn: number;
  readonly frames: number | undefined;
}

function walk(
  segment: Segment,
  file: DiskFile,
  until: WalkEnd,
  ordinal: number,
): FoundFrame | undefined {
  const { index } = segment;
  const counted = index.eventsBeforeAt(ordinal) >= 0;
  let offset = counted ? index.offsetAt(ordinal) : segmentHeaderBytes;
  let eventsBefore = counted ? index.eventsBeforeAt(ordinal) : 0;
  let framesBefore = counted ? index.framesBeforeAt(ordinal) : 0;
  const header = emptyFrameHeader();
  const chunk = new Uint8Array(readBytes);
  let at = 0;
  let length = 0;
  let found: FoundFrame | undefined;
  while (offset < segment.dataEnd) {
    if (offset < at || offset + frameHeaderBytes > at + length) {
      at = offset;
      const room = Math.min(chunk.length, segment.dataEnd - offset);
      length = file.readSync(chunk.subarray(0, room), offset);
    }
    const fault = peekFrame(chunk, offset - at, length, header);
    if (fault !== "none" && !(fault === "short" && header.frameBytes > length - (offset - at))) {
      throw damaged(segment, offset, fault);
    }
    if (header.firstLsn > until.lsn || framesBefore === until.frames) break;
    const { frameBytes } = header;
    if (header.eventCount > 0 || until.frames !== undefined)
      found = { offset, frameBytes, eventsBefore, framesBefore };
    eventsBefore += header.eventCount;
    framesBefore++;
    offset += frameBytes;
  }
  return found;
}

function positionBehind(segment: Segment, file: DiskFile, found: FoundFrame): LogPosition {
  const { offset, frameBytes } = found;
  const header = readFrame(segment, file, offset, frameBytes);
  if ((header.flags & FRAME_FLAG.unfinished) !== 0) {
    throw new RangeError(`position within a transaction, in ${segment.name} at offset ${offset}`);
  }
  const isEnd = segment.state === SEGMENT_STATE.sealed && offset + frameBytes === segment.dataEnd;
  return {
    segmentId: segment.id,
    offset: offset + frameBytes,
    lastLsn: header.firstLsn + header.eventCount - 1,
    // The end of a segment is known by the hash that it was sealed with, whatever compaction has made of it.
    lastHash: isEnd ? segment.closingHash : { lo: header.hashLo, hi: header.hashHi },
    eventCount: found.eventsBefore + header.eventCount,
    frameCount: found.framesBefore + 1,
    firstTimeMs: segment.firstTimeMs,
    lastTimeMs: header.timeMs,
    index: segment.index.before(offset + frameBytes),
  };
}

function readFrame(
  segment: Segment,
  file: DiskFile,
  offset: number,
  frameBytes: number,
): FrameHeader {
  const header = emptyFrameHeader();
  if (offset + frameBytes > segment.dataEnd) throw damaged(segment, offset, "length");
  const bytes = new Uint8Array(frameBytes);
  const length = file.readSync(bytes, offset);
  const fault = checkFrame(bytes, 0, length, segment.nonce, header);
  if (fault !== "none") throw damaged(segment, offset, fault);
  return header;
}

function damaged(segment: Segment, offset: number, fault: string): VarveError {
  const file = segment.name;
  return new VarveError("CORRUPT", `damaged frame in ${file} at offset ${offset}: ${fault}`, {
    details: { file, offset, fault, firstLsn: segment.baseLsn, lastLsn: segment.lastLsn },
  });
}
