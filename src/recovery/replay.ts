// Hands recovered frames on, whole transactions at a time, and keeps track of how much of the log is proven durable.
import { MalformedBytes } from "../codec/bytes.ts";
import { VarveError } from "../codec/errors.ts";
import type { Hash64 } from "../log/fields.ts";
import type { FrameHeader } from "../log/frame-codec.ts";
import { FRAME_FLAG } from "../log/frame-format.ts";
import type { Segment } from "../log/segment.ts";
import type { Watermark } from "../log/watermark.ts";

/** Receives the payload of each recovered frame, transactions complete and in order. */
export interface ReplaySink {
  apply(bytes: Uint8Array, from: number, to: number, firstLsn: number, timeMs: number): void;
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
}

export class Replay {
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

  constructor(sink: ReplaySink, watermark: Watermark | undefined) {
    this.#sink = sink;
    this.#watermark = watermark;
    const hash = watermark?.lastHash;
    this.watermarkSeen = hash === undefined || (hash.lo === 0 && hash.hi === 0);
  }

  /** Begins a segment: what came before it is durable, because it was sealed first. */
  begin(segment: Segment): void {
    this.proven = pointOf(segment);
    this.openFrom = undefined;
  }

  /** Takes one good frame, before it is noted in `segment`. */
  frame(segment: Segment, header: Readonly<FrameHeader>, bytes: Uint8Array, from: number): void {
    const to = from + header.payloadBytes;
    this.replayedEvents += header.eventCount;
    if ((header.flags & FRAME_FLAG.unfinished) !== 0) {
      this.openFrom ??= pointOf(segment);
      this.#hold(header, bytes, from, to);
      return;
    }
    if (this.openFrom === undefined) {
      this.#apply(segment, {
        payload: bytes,
        from,
        to,
        firstLsn: header.firstLsn,
        timeMs: header.timeMs,
      });
      return;
    }
    this.#hold(header, bytes, from, to);
    for (const held of this.#held) this.#apply(segment, held);
    this.#held = [];
    this.openFrom = undefined;
  }

  /** Asks, once a frame is noted in `segment`, whether the watermark covers it. */
  noted(segment: Segment): void {
    const mark = this.#watermark;
    if (mark === undefined) return;
    const isMark =
      segment.lastHash.lo === mark.lastHash.lo && segment.lastHash.hi === mark.lastHash.hi;
    if (isMark) this.watermarkSeen = true;
    if (isMark || segment.lastLsn <= mark.durableLsn) this.proven = pointOf(segment);
  }

  #hold(header: Readonly<FrameHeader>, bytes: Uint8Array, from: number, to: number): void {
    const payload = bytes.slice(from, to);
    const { firstLsn, timeMs } = header;
    this.#held.push({ payload, from: 0, to: payload.length, firstLsn, timeMs });
  }

  #apply(segment: Segment, { payload, from, to, firstLsn, timeMs }: HeldFrame): void {
    try {
      this.#sink.apply(payload, from, to, firstLsn, timeMs);
    } catch (cause) {
      if (!(cause instanceof MalformedBytes)) throw cause;
      const file = segment.name;
      throw new VarveError(
        "CORRUPT",
        `${file} holds a transaction at offset ${segment.dataEnd} that makes no sense: ${cause.message}`,
        { cause, details: { file, offset: segment.dataEnd, fault: "malformed", firstLsn } },
      );
    }
  }
}
