// What the engine knows of one segment while the database is open.
import type { AllocationEntry } from "./allocation-table.ts";
import { type Hash64, sameHash, zeroHash } from "./fields.ts";
import { segmentFileName } from "./file-names.ts";
import { FrameIndex } from "./frame-index.ts";
import { type ManifestSegment, SEGMENT_STATE } from "./manifest-codec.ts";
import { type Compacted, encodeSegmentFooter, type SegmentFooter } from "./segment-codec.ts";
import { segmentHeaderBytes } from "./segment-format.ts";

/** One segment; fields grow while it is active and stand still once it is sealed. */
export class Segment {
  readonly id: number;
  readonly generation: number;
  readonly baseLsn: number;
  nonce: Hash64 = zeroHash;
  state: number = SEGMENT_STATE.active;
  index: FrameIndex = new FrameIndex();
  /** Offset behind the last frame. */
  dataEnd: number = segmentHeaderBytes;
  /** Last LSN in the segment; `baseLsn - 1` while it is empty. */
  lastLsn: number;
  /** Hash of the last frame, or of the segment before while this one is empty. */
  lastHash: Hash64 = zeroHash;
  /** Of a segment that compaction has written. */
  compacted: Compacted | undefined = undefined;
  /** Every event that could be dropped as of this LSN is gone; also where there was none to drop. 0: nobody has looked. */
  horizon = 0;
  /** Events of what was erased at or below this LSN are gone. */
  erasedLsn = 0;
  eventCount = 0;
  frameCount = 0;
  firstTimeMs = 0;
  lastTimeMs = 0;
  /** Bytes of the file, footer included. */
  fileBytes = 0;

  constructor(id: number, generation: number, baseLsn: number) {
    this.id = id;
    this.generation = generation;
    this.baseLsn = baseLsn;
    this.lastLsn = baseLsn - 1;
  }

  /** The segment behind `lastLsn`, where `old` ends or is cut. */
  static following(id: number, lastLsn: number, old: Segment): Segment {
    const baseLsn = lastLsn + 1;
    // System records alone pass no LSN on: then the two names differ by generation.
    return new Segment(id, baseLsn === old.baseLsn ? old.generation + 1 : 1, baseLsn);
  }

  /** The segment that a manifest tells of, before its file is read. */
  static named({ id, generation, baseLsn, horizon, erasedLsn }: ManifestSegment): Segment {
    const segment = new Segment(id, generation, baseLsn);
    segment.horizon = horizon;
    segment.erasedLsn = erasedLsn;
    return segment;
  }

  /** Whether it ends as the manifest says of a segment that is not active. */
  endsAs(entry: ManifestSegment): boolean {
    return (
      this.lastLsn === entry.lastLsn &&
      sameHash(this.lastHash, entry.lastHash) &&
      sameHash(this.closingHash, entry.closingHash)
    );
  }

  get name(): string {
    return segmentFileName(this.baseLsn, this.generation);
  }

  /** What the header of the segment behind this one has: compaction does not change it. */
  get closingHash(): Hash64 {
    return this.compacted?.closingHash ?? this.lastHash;
  }

  /** Takes note of the frame that now ends the segment. */
  noteFrame(
    firstLsn: number,
    eventCount: number,
    timeMs: number,
    frameBytes: number,
    hash: Hash64,
  ): void {
    this.index.note(firstLsn, timeMs, this.dataEnd, this.eventCount, this.frameCount);
    if (this.frameCount === 0) this.firstTimeMs = timeMs;
    this.lastTimeMs = timeMs;
    this.frameCount++;
    this.eventCount += eventCount;
    if (eventCount > 0) this.lastLsn = firstLsn + eventCount - 1;
    this.dataEnd += frameBytes;
    this.lastHash = hash;
  }

  /** Bytes that current state or history still needs; all of them when it was written. */
  get liveBytes(): number {
    return this.dataEnd - segmentHeaderBytes;
  }

  footer(): SegmentFooter {
    return {
      lastLsn: this.lastLsn,
      closingHash: this.lastHash,
      firstTimeMs: this.firstTimeMs,
      lastTimeMs: this.lastTimeMs,
      eventCount: this.eventCount,
      frameCount: this.frameCount,
      liveBytes: this.liveBytes,
      index: this.index,
    };
  }

  footerBytes(): Uint8Array {
    return encodeSegmentFooter(this.footer());
  }

  toAllocation(): AllocationEntry {
    const { id, generation, baseLsn, lastLsn, state, fileBytes, liveBytes } = this;
    return { id, generation, baseLsn, lastLsn, state, fileBytes, liveBytes };
  }

  toManifest(): ManifestSegment {
    const active = this.state === SEGMENT_STATE.active;
    return {
      id: this.id,
      generation: this.generation,
      baseLsn: this.baseLsn,
      state: this.state,
      lastLsn: active ? 0 : this.lastLsn,
      dataEnd: active ? 0 : this.dataEnd,
      closingHash: active ? zeroHash : this.closingHash,
      lastHash: active ? zeroHash : this.lastHash,
      horizon: this.horizon,
      erasedLsn: this.erasedLsn,
    };
  }
}
