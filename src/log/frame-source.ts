// Finds and loads the frame that holds an LSN: from groups not yet written, or from a segment through a small cache.
import { VarveError } from "../codec/errors.ts";
import type { CommitQueue } from "./commit-queue.ts";
import { FrameCache } from "./frame-cache.ts";
import { checkFrame, emptyFrameHeader, type FrameHeader, peekFrame } from "./frame-codec.ts";
import { frameHeaderBytes } from "./frame-format.ts";
import type { Segment } from "./segment.ts";
import type { SegmentFiles } from "./segment-files.ts";
import { indexStrideBytes } from "./segment-format.ts";

/** A frame's payload in memory, checked, with what its header says. */
export interface LoadedFrame {
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
  readonly firstLsn: number;
  readonly eventCount: number;
  readonly timeMs: number;
  readonly flags: number;
  /** Offsets of the records and the events before each, made on first use by the lookup. */
  records: RecordTable | undefined;
}

/** Where each record of a frame begins, and how many events come before it. */
export interface RecordTable {
  readonly offsets: Uint32Array;
  readonly eventsBefore: Uint32Array;
  readonly count: number;
}

const readBytes: number = indexStrideBytes + 40 * 1024;

export class FrameSource {
  readonly #segments: readonly Segment[];
  readonly #files: SegmentFiles;
  readonly #queue: () => CommitQueue | undefined;
  readonly #cache: FrameCache<LoadedFrame>;
  readonly #lost: () => boolean;
  hits = 0;
  misses = 0;

  readonly #header: FrameHeader = emptyFrameHeader();
  /** Grows with what there is to read, up to `readBytes`. */
  #chunk: Uint8Array = new Uint8Array(0);
  #chunkSegment: Segment | undefined;
  #chunkAt = 0;
  #chunkEnd = 0;
  #walkedSegment: Segment | undefined;
  #walkedOffset = 0;
  #walkedLsn = 0;

  /** @param lost told that a segment's file is gone; whether another one has taken its place among the segments. */
  constructor(
    segments: readonly Segment[],
    files: SegmentFiles,
    queue: () => CommitQueue | undefined,
    cacheBytesMax: number,
    lost: () => boolean = () => false,
  ) {
    this.#lost = lost;
    this.#segments = segments;
    this.#files = files;
    this.#queue = queue;
    this.#cache = new FrameCache(cacheBytesMax);
  }

  /** The frame that holds `lsn`, or the next one with events behind it; undefined at the end. */
  atOrAfter(lsn: number, cached: boolean): LoadedFrame | undefined {
    try {
      return this.#find(lsn, cached);
    } catch (error) {
      const isGone = error instanceof VarveError && error.code === "NOT_FOUND";
      if (!isGone || !this.#lost()) throw error;
      return this.#find(lsn, cached);
    }
  }

  #find(lsn: number, cached: boolean): LoadedFrame | undefined {
    const { low } = this.#segmentFor(lsn);
    for (let i = low; i < this.#segments.length; i++) {
      const segment = this.#segments[i]!;
      if (segment.lastLsn < lsn || segment.eventCount === 0) continue;
      const frame = this.#inSegment(segment, lsn, cached);
      if (frame !== undefined) return frame;
    }
    return this.#inQueue(lsn);
  }

  /** Forgets everything cached; the bytes in the files have changed. */
  clear(): void {
    this.#cache.clear();
    this.#chunkSegment = undefined;
    this.#walkedSegment = undefined;
  }

  #segmentFor(lsn: number): { low: number } {
    let low = 0;
    let high = this.#segments.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#segments[middle]!.lastLsn < lsn) low = middle + 1;
      else high = middle;
    }
    return { low };
  }

  #inSegment(segment: Segment, lsn: number, cached: boolean): LoadedFrame | undefined {
    let offset = segment.index.offsetFor(Math.max(lsn, segment.index.firstLsnAt(0)));
    if (offset === undefined) return undefined;
    const known = cached ? this.#cache.find(segment, offset, lsn) : undefined;
    if (known !== undefined) {
      this.hits++;
      return known;
    }
    // A scan goes on behind the frame that it loaded last instead of walking there again.
    const goesOn = this.#walkedSegment === segment && this.#walkedLsn <= lsn;
    if (goesOn && this.#walkedOffset > offset) offset = this.#walkedOffset;
    const header = this.#header;
    while (offset < segment.dataEnd) {
      const at = this.#inChunk(segment, offset);
      const fault = peekFrame(this.#chunk, at, this.#chunkEnd - this.#chunkAt, header);
      if (fault !== "none" && fault !== "short") throw damaged(segment, offset, fault, lsn);
      if (header.eventCount > 0 && header.firstLsn + header.eventCount > lsn) {
        this.#walkedSegment = segment;
        this.#walkedOffset = offset + header.frameBytes;
        this.#walkedLsn = header.firstLsn + header.eventCount;
        return this.#load(segment, offset, header.frameBytes, cached);
      }
      offset += header.frameBytes;
    }
    return undefined;
  }

  /** Sees to it that a frame header at `offset` is in the chunk; returns where in the chunk. */
  #inChunk(segment: Segment, offset: number): number {
    const inside = offset >= this.#chunkAt && offset + frameHeaderBytes <= this.#chunkEnd;
    if (this.#chunkSegment !== segment || !inside) {
      const length = Math.min(readBytes, segment.dataEnd - offset);
      if (this.#chunk.length < length)
        this.#chunk = new Uint8Array(Math.min(readBytes, length * 2));
      const into = this.#chunk.subarray(0, length);
      const read = this.#files.for(segment).readSync(into, offset);
      if (read < frameHeaderBytes) throw damaged(segment, offset, "short", 0);
      this.#chunkSegment = segment;
      this.#chunkAt = offset;
      this.#chunkEnd = offset + read;
    }
    return offset - this.#chunkAt;
  }

  #load(segment: Segment, offset: number, frameBytes: number, cached: boolean): LoadedFrame {
    this.misses++;
    if (offset + frameBytes > segment.dataEnd) throw damaged(segment, offset, "length", 0);
    let bytes: Uint8Array;
    if (offset + frameBytes <= this.#chunkEnd) {
      const at = offset - this.#chunkAt;
      bytes = this.#chunk.slice(at, at + frameBytes);
    } else {
      bytes = new Uint8Array(frameBytes);
      this.#files.for(segment).readSync(bytes, offset);
    }
    const header = this.#header;
    const fault = checkFrame(bytes, 0, bytes.length, segment.nonce, header);
    if (fault !== "none") throw damaged(segment, offset, fault, 0);
    const frame: LoadedFrame = {
      bytes,
      from: frameHeaderBytes,
      to: frameHeaderBytes + header.payloadBytes,
      firstLsn: header.firstLsn,
      eventCount: header.eventCount,
      timeMs: header.timeMs,
      flags: header.flags,
      records: undefined,
    };
    if (cached) this.#keep(segment, frame);
    return frame;
  }

  /** Under the offset that the index has for its LSNs; one that was asked for by a lower LSN may be here. */
  #keep(segment: Segment, frame: LoadedFrame): void {
    const { firstLsn } = frame;
    const start = segment.index.offsetFor(firstLsn)!;
    if (this.#cache.find(segment, start, firstLsn) !== undefined) return;
    this.#cache.keep(segment, start, frame);
  }

  #inQueue(lsn: number): LoadedFrame | undefined {
    for (const group of this.#queue()?.queued ?? []) {
      let ordinal = group.frameFrom(lsn);
      if (ordinal < 0) continue;
      while (group.frames[ordinal]?.eventCount === 0) ordinal++;
      const frame = group.frames[ordinal];
      if (frame === undefined) continue;
      const from = group.payloadAt(ordinal);
      return {
        bytes: group.bytes,
        from,
        to: from + frame.payloadBytes,
        firstLsn: frame.firstLsn,
        eventCount: frame.eventCount,
        timeMs: frame.timeMs,
        flags: frame.flags,
        records: undefined,
      };
    }
    return undefined;
  }
}

function damaged(segment: Segment, offset: number, fault: string, lsn: number): VarveError {
  return new VarveError(
    "CORRUPT",
    `damaged frame in ${segment.name} at offset ${offset}: ${fault}`,
    {
      details: {
        file: segment.name,
        offset,
        fault,
        firstLsn: Math.max(lsn, segment.baseLsn),
        lastLsn: segment.lastLsn,
      },
    },
  );
}
