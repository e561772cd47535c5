// Reads on in a log that another handle writes: whole transactions, up to what is proven durable, and nothing behind it.
import { MalformedBytes } from "../codec/bytes.ts";
import { VarveError } from "../codec/errors.ts";
import type { DiskFile } from "../disk/ports.ts";
import { type Hash64, sameBytes, sameHash, zeroHash } from "./fields.ts";
import { checkFrame, emptyFrameHeader, type FrameHeader } from "./frame-codec.ts";
import { FRAME_FLAG, frameHeaderBytes } from "./frame-format.ts";
import {
  compactedToOf,
  horizonOf,
  type Manifest,
  type ManifestSegment,
  SEGMENT_STATE,
} from "./manifest-codec.ts";
import { isRewrittenAbove, readReplacement, replacementOf } from "./replaced-segment.ts";
import { Segment } from "./segment.ts";
import { decodeSegmentFooter, decodeSegmentHeader } from "./segment-codec.ts";
import type { SegmentFiles } from "./segment-files.ts";
import { footerBytesMaxFor, segmentHeaderBytes } from "./segment-format.ts";

/** Takes the payload of each frame, transactions complete and in order; returns the LSN behind its last event. */
export interface FollowSink {
  apply(bytes: Uint8Array, from: number, to: number, firstLsn: number, timeMs: number): number;
  /** Told first: up to this LSN events may be left over of things whose other events were dropped. */
  noteCompacted?(lsn: number): void;
  /** Forgets everything: it is handed over again from the first event on. */
  restart?(): void;
}

/** How far the log is proven durable: an LSN and the hash of the frame that ends there, where it is known. */
export interface ProvenEnd {
  readonly lsn: number;
  readonly hash: Hash64 | undefined;
}

/**
 * "reached": everything proven is applied; "more": this turn has done its share; "behind": not all that is proven lies
 * where this manifest says, so a newer one must.
 */
export type TailProgress = "reached" | "more" | "behind";

interface HeldFrame {
  readonly payload: Uint8Array;
  readonly from: number;
  readonly to: number;
  readonly frameBytes: number;
  readonly firstLsn: number;
  readonly eventCount: number;
  readonly timeMs: number;
  readonly hash: Hash64;
}

/** Applying so much takes some milliseconds; then others get a turn. */
const bytesPerTurn = 256 * 1024;
/** What a handful of new commits fits into. */
const firstReadBytes = 16 * 1024;

export class LogTail {
  /** As noted: nothing in them lies behind what is proven. */
  readonly segments: Segment[] = [];
  replayedEvents = 0;
  /** The sink has failed in the middle of a frame: nobody knows what it holds. */
  isBroken = false;
  /** Somebody reads by what the sink holds: it cannot start over. */
  isServing = false;
  readonly #files: SegmentFiles;
  readonly #sink: FollowSink;
  readonly #header: FrameHeader = emptyFrameHeader();
  #buffer: Uint8Array = new Uint8Array(bytesPerTurn);
  /** Read and checked, not yet applied: their transaction is not over, or nothing proves them yet. */
  #held: HeldFrame[] = [];
  /** Of the last segment: where the frames held end, their last hash, and the LSN behind them. */
  #offset = 0;
  #chainHash: Hash64 = zeroHash;
  #nextLsn = 1;
  /** Whether the transaction of the last frame goes on behind it. */
  #isOpen = false;
  #lastLsn = 0;
  #manifest: Manifest | undefined;

  constructor(files: SegmentFiles, sink: FollowSink) {
    this.#files = files;
    this.#sink = sink;
  }

  /** The last LSN applied. */
  get lastLsn(): number {
    return this.#lastLsn;
  }

  /** Begins behind what these segments hold, all of which has been applied. */
  startAt(segments: readonly Segment[]): void {
    this.segments.push(...segments);
    this.#lastLsn = segments[segments.length - 1]?.lastLsn ?? 0;
    this.forget();
  }

  /** Reads on by at most a turn's share. Synchronous: whole transactions appear at once. */
  advance(manifest: Manifest, end: ProvenEnd): TailProgress {
    this.#adopt(manifest);
    // A mark that was lost proves less than its predecessor did.
    const proven = { lsn: Math.max(end.lsn, this.#lastLsn), hash: end.hash };
    // What was applied before is only noted again: nobody may find a gap there meanwhile.
    for (let bytes = 0; bytes < bytesPerTurn || this.#nextLsn <= this.#lastLsn; ) {
      const ordinal = this.segments.length - 1;
      const entry = manifest.segments[ordinal];
      const tail = this.segments[this.segments.length - 1];
      if (entry === undefined || tail === undefined) {
        if (!this.#enter(manifest, 0)) return this.lastLsn >= proven.lsn ? "reached" : "behind";
      } else if (entry.state !== SEGMENT_STATE.active && this.#offset >= entry.dataEnd) {
        this.#finish(tail, entry);
        if (!this.#enter(manifest, ordinal + 1)) throw damage(tail, "no segment behind it");
      } else {
        const before = this.#offset;
        const goesOn = this.#readOn(tail, entry, proven, bytes === 0);
        bytes += this.#offset - before;
        if (goesOn) continue;
        this.forget();
        return this.lastLsn >= proven.lsn ? "reached" : "behind";
      }
    }
    return "more";
  }

  /** Drops what was read and not applied. */
  forget(): void {
    const tail = this.segments[this.segments.length - 1];
    this.#held = [];
    this.#isOpen = false;
    if (tail === undefined) {
      this.#nextLsn = 1;
      return;
    }
    this.#offset = tail.dataEnd;
    this.#chainHash = tail.lastHash;
    this.#nextLsn = tail.lastLsn + 1;
  }

  /** What to say where no manifest leads on to what is proven. */
  missing(proven: ProvenEnd): VarveError {
    const tail = this.segments[this.segments.length - 1];
    const file = tail?.name;
    return new VarveError(
      "CORRUPT",
      `the log cannot be read up to LSN ${proven.lsn}, which is durable; it ends at ${this.lastLsn}`,
      {
        details: {
          file,
          offset: tail?.dataEnd,
          firstLsn: this.lastLsn + 1,
          lastLsn: proven.lsn,
        },
      },
    );
  }

  /** Drops segments that the manifest does not name: their content is found where it says, and noted again. */
  #adopt(manifest: Manifest): void {
    if (manifest === this.#manifest) return;
    const known = this.#manifest;
    this.#manifest = manifest;
    this.#sink.noteCompacted?.(compactedToOf(manifest.segments));
    const { segments } = this;
    // What is gone from there may be the end of something whose beginning was applied.
    if (known !== undefined && this.#lastLsn > 0) {
      if (isRewrittenAbove(known, manifest, this.#lastLsn)) this.#startOver(manifest);
    }
    this.#replaceIn(manifest);
    const named = segments.findIndex((segment, i) => !isEntryOf(manifest.segments[i], segment));
    if (named < 0) return;
    segments.length = named;
    this.forget();
  }

  /** Reads on in the files that have taken the place of others; whether there are any. What was read stands in them as well. */
  takeReplaced(manifest: Manifest): boolean {
    const known = this.#manifest;
    if (known === undefined || isRewrittenAbove(known, manifest, this.#lastLsn)) return false;
    return this.#replaceIn(manifest);
  }

  #replaceIn(manifest: Manifest): boolean {
    const { segments } = this;
    let isReplaced = false;
    for (let i = 0; i < segments.length; i++) {
      const entry = replacementOf(manifest, segments[i]!);
      if (entry === undefined) continue;
      let end = i + 1;
      while (end < segments.length && segments[end]!.baseLsn <= entry.lastLsn) end++;
      const read = readReplacement(entry, manifest.databaseId, (named) => this.#open(named));
      for (const old of segments.splice(i, end - i, read)) this.#files.forget(old);
      isReplaced = true;
    }
    return isReplaced;
  }

  #startOver(manifest: Manifest): void {
    if (this.isServing || this.#sink.restart === undefined) {
      this.isBroken = true;
      throw compactedAhead(this.#lastLsn, horizonOf(manifest.segments));
    }
    this.#sink.restart();
    this.segments.length = 0;
    this.#lastLsn = 0;
    this.forget();
  }

  /** Begins the segment at `ordinal`; false where there is none. */
  #enter(manifest: Manifest, ordinal: number): boolean {
    const entry = manifest.segments[ordinal];
    if (entry === undefined) return false;
    const previous = this.segments[this.segments.length - 1];
    const segment = Segment.named(entry);
    const page = new Uint8Array(segmentHeaderBytes);
    const length = this.#open(segment).readSync(page, 0);
    const header = decodeSegmentHeader(page.subarray(0, length), segment.name, true);
    if (header === undefined) throw damage(segment, "header");
    const belongs =
      sameBytes(header.databaseId, manifest.databaseId) &&
      header.segmentId === segment.id &&
      header.generation === segment.generation &&
      header.baseLsn === segment.baseLsn;
    if (!belongs) throw damage(segment, "foreign header");
    if (!sameHash(header.previousHash, previous?.closingHash ?? zeroHash)) {
      throw damage(segment, "broken chain");
    }
    segment.nonce = header.nonce;
    segment.lastHash = header.previousHash;
    segment.compacted = header.compacted;
    segment.fileBytes = segmentHeaderBytes;
    this.segments.push(segment);
    this.#offset = segment.dataEnd;
    this.#chainHash = segment.lastHash;
    this.#nextLsn = (previous?.lastLsn ?? 0) + 1;
    return true;
  }

  /** Everything in a segment that is no longer active is durable. */
  #finish(tail: Segment, entry: ManifestSegment): void {
    if (this.#isOpen) throw damage(tail, "a transaction without its end");
    this.#applyHeld(tail);
    if (tail.dataEnd !== entry.dataEnd || !tail.endsAs(entry)) throw damage(tail, "wrong end");
    // Where a recovery has yet to cut it, the footer is yet to be written.
    if (entry.state !== SEGMENT_STATE.sealed) return;
    const bytes = new Uint8Array(footerBytesMaxFor(tail.dataEnd) + 1);
    const length = this.#open(tail).readSync(bytes, tail.dataEnd);
    const footer = decodeSegmentFooter(bytes.subarray(0, length));
    const sound =
      footer !== undefined &&
      footer.lastLsn === tail.lastLsn &&
      footer.eventCount === tail.eventCount &&
      sameHash(footer.closingHash, tail.lastHash);
    if (!sound) throw damage(tail, "footer");
    tail.state = SEGMENT_STATE.sealed;
    tail.fileBytes = tail.dataEnd + length;
  }

  /** Takes the frames of one read; false where there is none to take. */
  #readOn(tail: Segment, entry: ManifestSegment, proven: ProvenEnd, isFirst: boolean): boolean {
    const isActive = entry.state === SEGMENT_STATE.active;
    const end = isActive ? Number.POSITIVE_INFINITY : entry.dataEnd;
    const wanted = isFirst && isActive ? firstReadBytes : this.#buffer.length;
    const header = this.#header;
    let length = this.#read(tail, wanted, end);
    let at = 0;
    for (;;) {
      let fault = checkFrame(this.#buffer, at, length, tail.nonce, header);
      // The bytes end within a frame: read from its beginning, and more where it is larger than that.
      if (fault === "short" && at > 0) return true;
      if (fault === "short" && length >= frameHeaderBytes) {
        length = this.#read(tail, header.frameBytes, end);
        fault = checkFrame(this.#buffer, 0, length, tail.nonce, header);
      }
      const isNext =
        fault === "none" &&
        header.previousHash === this.#chainHash.lo &&
        header.firstLsn >= this.#nextLsn;
      if (!isNext) {
        if (!isActive) throw damage(tail, fault === "none" ? "misplaced" : fault, this.#offset);
        return false;
      }
      if (isActive && header.firstLsn + header.eventCount - 1 > proven.lsn) return false;
      this.#take(tail, header, at, proven, isActive);
      at += header.frameBytes;
      if (at >= length) return true;
    }
  }

  #read(tail: Segment, wanted: number, end: number): number {
    const bytes = Math.min(wanted, end - this.#offset);
    if (this.#buffer.length < bytes) this.#buffer = new Uint8Array(bytes);
    return this.#open(tail).readSync(this.#buffer.subarray(0, bytes), this.#offset);
  }

  #take(
    tail: Segment,
    header: FrameHeader,
    at: number,
    proven: ProvenEnd,
    isActive: boolean,
  ): void {
    const continues = (header.flags & FRAME_FLAG.continues) !== 0;
    if (continues !== this.#isOpen) {
      throw damage(tail, "a transaction without its beginning or its end", this.#offset);
    }
    const from = at + frameHeaderBytes;
    const to = from + header.payloadBytes;
    const hash = { lo: header.hashLo, hi: header.hashHi };
    const isOver = (header.flags & FRAME_FLAG.unfinished) === 0;
    // State alone takes no LSN: at the end of the log only the mark's own hash proves it.
    const isMark = proven.hash !== undefined && sameHash(hash, proven.hash);
    const isProven = isOver && (header.eventCount > 0 || isMark || !isActive);
    const { frameBytes, firstLsn, eventCount, timeMs } = header;
    const fields = { frameBytes, firstLsn, eventCount, timeMs, hash };
    this.#offset += frameBytes;
    this.#chainHash = hash;
    this.#nextLsn = firstLsn + eventCount;
    this.#isOpen = !isOver;
    if (isProven && this.#held.length === 0) {
      this.#apply(tail, { payload: this.#buffer, from, to, ...fields });
      return;
    }
    const payload = this.#buffer.slice(from, to);
    this.#held.push({ payload, from: 0, to: payload.length, ...fields });
    if (isProven) this.#applyHeld(tail);
  }

  #applyHeld(tail: Segment): void {
    for (const frame of this.#held) this.#apply(tail, frame);
    this.#held = [];
  }

  #apply(tail: Segment, frame: HeldFrame): void {
    const { firstLsn, eventCount, timeMs } = frame;
    const lastLsn = firstLsn + eventCount - 1;
    // State alone may come again: the last one counts, and it comes last again.
    if (eventCount === 0 || lastLsn > this.#lastLsn) this.#hand(tail, frame);
    this.#lastLsn = Math.max(this.#lastLsn, lastLsn);
    tail.noteFrame(firstLsn, eventCount, timeMs, frame.frameBytes, frame.hash);
    tail.fileBytes = tail.dataEnd;
  }

  #hand(tail: Segment, { payload, from, to, firstLsn, eventCount, timeMs }: HeldFrame): void {
    try {
      const nextLsn = this.#sink.apply(payload, from, to, firstLsn, timeMs);
      if (nextLsn !== firstLsn + eventCount) throw new MalformedBytes("wrong count of events");
    } catch (cause) {
      this.isBroken = true;
      if (!(cause instanceof MalformedBytes)) throw cause;
      throw damage(tail, `malformed: ${cause.message}`, tail.dataEnd, cause);
    }
    this.replayedEvents += eventCount;
  }

  #open(segment: Segment): DiskFile {
    try {
      return this.#files.for(segment);
    } catch (error) {
      if (!(error instanceof VarveError) || error.code !== "NOT_FOUND") throw error;
      throw damage(segment, "missing", 0, error);
    }
  }
}

function compactedAhead(lastLsn: number, oldest: number): VarveError {
  return new VarveError(
    "HISTORY_COMPACTED",
    `the log was compacted up to LSN ${oldest} before it was read beyond ${lastLsn}; open it again`,
    { details: { oldest, lastLsn } },
  );
}

function isEntryOf(entry: ManifestSegment | undefined, segment: Segment): boolean {
  return (
    entry?.id === segment.id &&
    entry.generation === segment.generation &&
    entry.baseLsn === segment.baseLsn
  );
}

function damage(
  segment: Segment,
  fault: string,
  offset: number = segment.dataEnd,
  cause?: unknown,
): VarveError {
  const file = segment.name;
  return new VarveError("CORRUPT", `${file} is damaged at offset ${offset} (${fault})`, {
    cause,
    details: { file, offset, fault, firstLsn: Math.max(segment.baseLsn, segment.lastLsn + 1) },
  });
}
