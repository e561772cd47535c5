// A group: the frames that are written with one call and synced together, built while transactions are accepted.
import { limits } from "../codec/limits.ts";
import type { EventBatch } from "./event-batch.ts";
import { type Hash64, zeroHash } from "./fields.ts";
import { type FrameFields, writeFrame } from "./frame-codec.ts";
import { FRAME_FLAG, frameBytesFor, frameHeaderBytes } from "./frame-format.ts";
import type { Segment } from "./segment.ts";
import { segmentHeaderBytes } from "./segment-format.ts";

/** What a commit waits for. */
export type CommitLevel = "group" | "os" | "accepted";

/** Told once how a transaction ended. */
export interface CommitTicket {
  acknowledge(): void;
  reject(error: unknown): void;
}

/** An accepted transaction until it is durable. */
export interface PendingTransaction {
  readonly firstLsn: number;
  /** `firstLsn - 1` for a transaction of system records alone. */
  readonly lastLsn: number;
  readonly timeMs: number;
  readonly level: CommitLevel;
  readonly ticket: CommitTicket;
  /** Where the name table stood before it. */
  readonly nameMark: number;
  readonly pieces: readonly PayloadPiece[];
  settled: boolean;
}

/**
 * LSN of a transaction's last event; 0 for one of system records alone, whose `lastLsn` may be one that was rejected.
 */
export function lastEventOf({ firstLsn, lastLsn }: PendingTransaction): number {
  return lastLsn < firstLsn ? 0 : lastLsn;
}

/** Tells a transaction, once, how it ended. */
export function settle(transaction: PendingTransaction, error?: unknown): void {
  if (transaction.settled) return;
  transaction.settled = true;
  if (error === undefined) transaction.ticket.acknowledge();
  else transaction.ticket.reject(error);
}

/** Encoded records of a transaction, in memory until they are durable. */
export interface PayloadPiece {
  bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
  readonly firstLsn: number;
}

/** The end of a frame: its segment, once it is written there, and how many frames that has up to it. */
export interface FrameMark {
  segment: Segment | undefined;
  frameCount: number;
}

interface OpenFrame {
  readonly at: number;
  readonly firstLsn: number;
  readonly timeMs: number;
  payloadBytes: number;
  eventCount: number;
  flags: number;
  /** Known once the frame is sealed. */
  hash: Hash64;
}

/** A group has its first transaction's bytes, or so many: what is never used is only collected. */
const initialBytes = 2 * 1024;
const noBytes = new Uint8Array(0);
/** A tail shorter than this is not worth a frame of its own. */
const tailBytesMin = 1024;

/** What a transaction takes in the log, headers of frames aside. */
export function bytesOf({ pieces }: PendingTransaction): number {
  let bytes = 0;
  for (const { from, to } of pieces) bytes += to - from;
  return bytes;
}

/** Where a segment with frames up to `dataEnd`, or the one that the last of the groups begins, ends behind all of them. */
export function endOf(groups: readonly Group[], dataEnd: number): number {
  let end = dataEnd;
  for (const { length, rollBefore } of groups)
    end = (rollBefore ? segmentHeaderBytes : end) + length;
  return end;
}

/**
 * Which transactions stay where nothing more can be made durable: those that nobody waits for, up to the oldest that someone does.
 * What was not even written goes too, whether someone waits for it or not.
 */
export function keptAndLost(
  written: readonly Group[],
  queued: readonly Group[],
): { kept: PendingTransaction[]; rejected: PendingTransaction[] } {
  const kept = written.flatMap(({ transactions }) => transactions);
  const waiting = kept.findIndex(({ settled }) => !settled);
  const rejected = waiting < 0 ? [] : kept.splice(waiting);
  for (const { transactions } of queued) rejected.push(...transactions);
  return { kept, rejected };
}

export class Group {
  readonly ordinal: number;
  /** Whether the segment must be rolled before this group is written. */
  readonly rollBefore: boolean;
  readonly transactions: PendingTransaction[] = [];
  wantsSync = false;
  wantsWrite = false;
  #bytes: Uint8Array = noBytes;
  #length = 0;
  #frames: OpenFrame[] = [];
  /** Whether the last frame may take another transaction. */
  #lastIsOpen = false;
  readonly #marks: FrameMark[] = [];

  constructor(ordinal: number, rollBefore: boolean) {
    this.ordinal = ordinal;
    this.rollBefore = rollBefore;
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Bytes of all frames so far. */
  get length(): number {
    return this.#length;
  }

  get frames(): readonly FrameFields[] {
    return this.#frames;
  }

  /** LSN of the last event in the group; 0 where there is none. */
  get lastLsn(): number {
    let lsn = 0;
    for (let i = this.transactions.length - 1; i >= 0 && lsn === 0; i--) {
      lsn = lastEventOf(this.transactions[i]!);
    }
    return lsn;
  }

  /** The time that a transaction added now would carry: an open frame has its own. */
  timeFor(bytes: number, nowMs: number): number {
    const last = this.#frames[this.#frames.length - 1];
    return last !== undefined && this.#fits(last, bytes) ? last.timeMs : nowMs;
  }

  /** Frames a transaction. A small one shares a frame; a large one gets frames of its own. */
  add(
    batch: EventBatch,
    timeMs: number,
    level: CommitLevel,
    ticket: CommitTicket,
  ): PendingTransaction {
    const pieces = this.#frame(batch, timeMs);
    const transaction: PendingTransaction = {
      firstLsn: batch.firstLsn,
      lastLsn: batch.lastLsn,
      timeMs,
      level,
      ticket,
      nameMark: batch.nameMark,
      pieces,
      settled: false,
    };
    this.transactions.push(transaction);
    if (level === "group") this.wantsSync = true;
    else this.wantsWrite = true;
    return transaction;
  }

  /** Completes every frame: fills the headers in, chains and seals them. */
  seal(previous: Hash64, nonce: Hash64, durableLsn: number): void {
    const out = new Uint32Array(2);
    let chain = previous;
    for (const frame of this.#frames) {
      writeFrame(this.#bytes, frame.at, frame, durableLsn, chain, nonce, out);
      chain = { lo: out[0]!, hi: out[1]! };
      frame.hash = chain;
    }
  }

  /** Notes the frames, now written, in their segment. */
  noteIn(segment: Segment): void {
    for (const mark of this.#marks) {
      mark.segment = segment;
      mark.frameCount += segment.frameCount;
    }
    for (const frame of this.#frames) {
      const bytes = frameBytesFor(frame.payloadBytes);
      segment.noteFrame(frame.firstLsn, frame.eventCount, frame.timeMs, bytes, frame.hash);
    }
  }

  /** The frame that holds or follows `lsn`: its ordinal, or -1 where all end below it. */
  frameFrom(lsn: number): number {
    let low = 0;
    let high = this.#frames.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const frame = this.#frames[middle]!;
      if (frame.firstLsn + frame.eventCount <= lsn) low = middle + 1;
      else high = middle;
    }
    return low < this.#frames.length ? low : -1;
  }

  /** Offset of a frame's payload in `bytes`. */
  payloadAt(ordinal: number): number {
    return this.#frames[ordinal]!.at + frameHeaderBytes;
  }

  /** What is added next shares no frame with what is here. */
  endFrame(): FrameMark {
    this.#lastIsOpen = false;
    const mark: FrameMark = { segment: undefined, frameCount: this.#frames.length };
    this.#marks.push(mark);
    return mark;
  }

  #fits(frame: OpenFrame, bytes: number): boolean {
    return this.#lastIsOpen && frame.payloadBytes + bytes <= limits.framePayloadBytesTarget;
  }

  #frame(batch: EventBatch, timeMs: number): PayloadPiece[] {
    const cuts = usefulCuts(batch);
    const pieces: PayloadPiece[] = [];
    let from = 0;
    let events = 0;
    for (let i = 0; i <= cuts.length; i++) {
      const cut = cuts[i] ?? { position: batch.records.position, eventCount: batch.eventCount };
      const definitions = i === 0 ? batch.definitions.position : 0;
      const bytes = definitions + cut.position - from;
      const flags =
        (i > 0 ? FRAME_FLAG.continues : 0) | (i < cuts.length ? FRAME_FLAG.unfinished : 0);
      const at = this.#room(bytes, batch.firstLsn + events, timeMs, flags, cuts.length > 0);
      if (definitions > 0) this.#bytes.set(batch.definitions.view(0, definitions), at);
      this.#bytes.set(batch.records.view(from, cut.position), at + definitions);
      pieces.push({
        bytes: this.#bytes,
        from: at,
        to: at + bytes,
        firstLsn: batch.firstLsn + events,
      });
      this.#frames[this.#frames.length - 1]!.eventCount += cut.eventCount - events;
      from = cut.position;
      events = cut.eventCount;
    }
    // A transaction of several frames shares none of them, so that a torn one can be cut whole.
    if (cuts.length > 0) this.#lastIsOpen = false;
    for (const piece of pieces) piece.bytes = this.#bytes;
    return pieces;
  }

  /** Makes room for payload in the open frame or a new one; returns its offset. */
  #room(bytes: number, firstLsn: number, timeMs: number, flags: number, alone: boolean): number {
    const last = this.#frames[this.#frames.length - 1];
    if (last !== undefined && !alone && this.#fits(last, bytes)) {
      const at = last.at + frameHeaderBytes + last.payloadBytes;
      last.payloadBytes += bytes;
      this.#setLength(last.at + frameBytesFor(last.payloadBytes));
      return at;
    }
    const at = this.#length;
    this.#frames.push({
      at,
      firstLsn,
      timeMs,
      payloadBytes: bytes,
      eventCount: 0,
      flags,
      hash: zeroHash,
    });
    this.#lastIsOpen = true;
    this.#setLength(at + frameBytesFor(bytes));
    return at + frameHeaderBytes;
  }

  #setLength(length: number): void {
    if (length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(length, this.#bytes.length * 2, initialBytes));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
      for (const { pieces } of this.transactions) for (const piece of pieces) piece.bytes = grown;
    }
    this.#length = length;
  }
}

function usefulCuts(batch: EventBatch): readonly { position: number; eventCount: number }[] {
  const { cuts, eventCount } = batch;
  let count = cuts.length;
  // Readers look for events: the end of a transaction must stand in a frame that has some.
  while (count > 0 && eventCount > 0 && cuts[count - 1]!.eventCount === eventCount) count--;
  const last = cuts[count - 1];
  if (last !== undefined && batch.records.position - last.position < tailBytesMin) count--;
  return count === cuts.length ? cuts : cuts.slice(0, count);
}
