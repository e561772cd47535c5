// Hands recovered frames on, whole transactions at a time, and keeps track of how much of the log is proven durable.
import { MalformedBytes } from "../codec/bytes.ts";
import { VarveError } from "../codec/errors.ts";
import { type Hash64, sameHash } from "../log/fields.ts";
import type { FrameHeader } from "../log/frame-codec.ts";
import { FRAME_FLAG } from "../log/frame-format.ts";
import type { LogPosition } from "../log/log-position.ts";
import type { Segment } from "../log/segment.ts";
import type { Watermark } from "../log/watermark.ts";

/** Receives the payload of each recovered frame, transactions complete and in order. */
export interface ReplaySink {
  /** Returns the LSN behind the last event of the payload. */
  apply(bytes: Uint8Array, from: number, to: number, firstLsn: number, timeMs: number): number;
  /** Told first: up to this LSN events may be left over of things whose other events were dropped. */
  noteCompacted?(lsn: number): void;
  /** Asked between frames; a promise is waited for before the next one. */
  pressure?(): Promise<void> | undefined;
}

/** A place on a frame boundary of a segment, with what the segment held up to there. */
export interface SegmentPoint {
  readonly offset: number;
  readonly lastLsn: number;
  readonly lastHash: Hash64;
  readonly eventCount: number;
  readonly frameCount: number;
  readonly lastTimeMs: number;
}

export function pointOf(segment: Segment): SegmentPoint {
  return {
    offset: segment.dataEnd,
    lastLsn: segment.lastLsn,
    lastHash: segment.lastHash,
    eventCount: segment.eventCount,
    frameCount: segment.frameCount,
    lastTimeMs: segment.lastTimeMs,
  };
}

/** Makes a segment forget what was noted behind a point. */
export function cutTo(segment: Segment, point: SegmentPoint): void {
  segment.dataEnd = point.offset;
  segment.lastLsn = point.lastLsn;
  segment.lastHash = point.lastHash;
  segment.eventCount = point.eventCount;
  segment.frameCount = point.frameCount;
  segment.lastTimeMs = point.lastTimeMs;
  segment.index.truncate(point.offset);
}

interface HeldFrame {
  readonly payload: Uint8Array;
  readonly from: number;
  readonly to: number;
  readonly firstLsn: number;
  readonly timeMs: number;
  readonly eventCount: number;
}

export class Replay {
  readonly from: LogPosition | undefined;
  replayedEvents = 0;
  /** Whether the frame that the watermark names has been seen, or is not needed. */
  watermarkSeen: boolean;
  /** In the segment being scanned: behind the last frame known to be durable. */
  proven: SegmentPoint | undefined;
  /** In the segment being scanned: where the transaction that is still open begins. */
  openFrom: SegmentPoint | undefined;
  readonly #sink: ReplaySink;
  readonly #watermark: Watermark | undefined;
  #held: HeldFrame[] = [];

  /** @param from where the replay begins: all before it is durable, and has been applied. */
  constructor(sink: ReplaySink, watermark: Watermark | undefined, from?: LogPosition) {
    this.#sink = sink;
    this.#watermark = watermark;
    this.from = from;
    this.watermarkSeen = watermark === undefined || isPassed(watermark, from);
  }

  /** Begins a segment where it is read from: what came before is durable, it was sealed first or a checkpoint says so. */
  begin(segment: Segment): void {
    this.proven = pointOf(segment);
    this.openFrom = undefined;
  }

  /** Ends a segment that is not active: it is durable, and where compaction has written it the mark's frame may be gone. */
  end(segment: Segment): void {
    const mark = this.#watermark;
    if (segment.compacted === undefined || mark === undefined) return;
    // A salvage may have left a hole behind it: the mark's LSN lies there, its hash is the one that the next segment goes on from.
    const isMark = sameHash(mark.lastHash, segment.closingHash);
    if (isMark || mark.durableLsn <= segment.lastLsn) this.watermarkSeen = true;
  }

  /** Takes one good frame, before it is noted in `segment`. */
  frame(segment: Segment, header: Readonly<FrameHeader>, bytes: Uint8Array, from: number): void {
    const to = from + header.payloadBytes;
    const { firstLsn, timeMs, eventCount } = header;
    this.replayedEvents += eventCount;
    if (((header.flags & FRAME_FLAG.continues) !== 0) !== (this.openFrom !== undefined)) {
      throw senseless(segment, firstLsn, "a transaction without its beginning or its end");
    }
    if ((header.flags & FRAME_FLAG.unfinished) !== 0) {
      this.openFrom ??= pointOf(segment);
      this.#hold(header, bytes, from, to);
      return;
    }
    if (this.openFrom === undefined) {
      this.#apply(segment, { payload: bytes, from, to, firstLsn, timeMs, eventCount });
      return;
    }
    this.#hold(header, bytes, from, to);
    for (const held of this.#held) this.#apply(segment, held);
    this.#held = [];
    this.openFrom = undefined;
  }

  /** Asks, once a frame is noted in `segment`, whether the watermark covers it, and whether the next one must wait. */
  noted(segment: Segment): Promise<void> | undefined {
    this.#prove(segment);
    return this.#sink.pressure?.();
  }

  #prove(segment: Segment): void {
    const mark = this.#watermark;
    if (mark === undefined) return;
    const isMark =
      segment.lastHash.lo === mark.lastHash.lo && segment.lastHash.hi === mark.lastHash.hi;
    // A frame of state alone passes no LSN on: behind the mark's own frame the LSN proves nothing.
    const covered = isMark || (!this.watermarkSeen && segment.lastLsn <= mark.durableLsn);
    if (isMark) this.watermarkSeen = true;
    if (covered) this.proven = pointOf(segment);
  }

  #hold(header: Readonly<FrameHeader>, bytes: Uint8Array, from: number, to: number): void {
    const payload = bytes.slice(from, to);
    const { firstLsn, timeMs, eventCount } = header;
    this.#held.push({ payload, from: 0, to: payload.length, firstLsn, timeMs, eventCount });
  }

  #apply(segment: Segment, held: HeldFrame): void {
    const { payload, from, to, firstLsn, timeMs, eventCount } = held;
    try {
      const nextLsn = this.#sink.apply(payload, from, to, firstLsn, timeMs);
      if (nextLsn !== firstLsn + eventCount) throw new MalformedBytes("wrong count of events");
    } catch (cause) {
      if (cause instanceof MalformedBytes) {
        throw senseless(segment, firstLsn, cause.message, cause);
      }
      throw cause instanceof VarveError ? located(cause, segment, firstLsn) : cause;
    }
  }
}

/** Whether the frame that a mark names cannot come any more, because a replay begins behind it. */
function isPassed({ lastHash, durableLsn }: Watermark, from: LogPosition | undefined): boolean {
  if (lastHash.lo === 0 && lastHash.hi === 0) return true;
  if (from === undefined) return false;
  // At the same LSN it may be a frame of system records alone behind the position.
  return durableLsn < from.lastLsn || sameHash(lastHash, from.lastHash);
}

/** The same error, with the place in the log where it was met. */
function located(error: VarveError, segment: Segment, firstLsn: number): VarveError {
  const place = { file: segment.name, offset: segment.dataEnd, firstLsn };
  return new VarveError(error.code, error.message, {
    cause: error,
    retryable: error.retryable,
    details: { ...place, ...error.details },
  });
}

/** The checksum is right and the content is not: nothing that a crash or a disk does. */
function senseless(segment: Segment, firstLsn: number, why: string, cause?: unknown): VarveError {
  const file = segment.name;
  return new VarveError(
    "CORRUPT",
    `${file} holds a frame at offset ${segment.dataEnd} that makes no sense: ${why}`,
    { cause, details: { file, offset: segment.dataEnd, fault: "malformed", firstLsn } },
  );
}
