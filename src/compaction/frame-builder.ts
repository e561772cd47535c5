// Puts what stays of a segment into frames again: commit times and the ends of transactions stay, gaps are joined.
import { ByteWriter } from "../codec/bytes.ts";
import { limits } from "../codec/limits.ts";
import { edgeRunEdgesMax, gapEventsMax } from "../log/event-format.ts";
import type { FrameFields, FrameHeader } from "../log/frame-codec.ts";
import { FRAME_FLAG, frameHeaderBytes } from "../log/frame-format.ts";
import { writeCommit, writeGap, writeNodeIds } from "../log/gap-record.ts";

/** Takes a frame: bytes with room for the header before the payload and for the padding behind it, good for the call. */
export type FrameOutput = (bytes: Uint8Array, fields: FrameFields) => void;

/** A frame that has so much takes no further one of the old. */
const fullBytes: number = limits.framePayloadBytesTarget / 2;
/** What a frame header can count. */
const frameEventsMax: number = 2 ** 32 - 1;

/**
 * Told of the old frames, and between these of what stays of their records, in order. A frame without events that stay has
 * no time of its own to keep: it becomes part of the next one, so that runs of what is gone take next to nothing.
 */
export class FrameBuilder {
  /** Events that stay, so far. */
  keptEvents = 0;
  readonly #output: FrameOutput;
  readonly #writer: ByteWriter = new ByteWriter(64 * 1024);
  #firstLsn = 0;
  #nextLsn = 0;
  #timeMs = 0;
  /** Whether an event stays in the frame being built, which then has a time to keep. */
  #hasEvents = false;
  /** Whether something was written that no commit ends yet; and whether that is more than a gap. */
  #isOpen = false;
  #hasContent = false;
  #gapCount = 0;
  #gapIsErased = false;
  /** In a transaction of several frames: how many of these were put out. */
  #pieces = -1;

  constructor(output: FrameOutput) {
    this.#output = output;
    this.#reset();
  }

  beginFrame(header: Readonly<FrameHeader>): void {
    const { firstLsn, timeMs, eventCount } = header;
    const isPiece = (header.flags & (FRAME_FLAG.continues | FRAME_FLAG.unfinished)) !== 0;
    if (this.#pieces < 0) {
      const isOver = this.#hasEvents && timeMs !== this.#timeMs;
      const isFull = this.#writer.position - frameHeaderBytes >= fullBytes;
      const isTooLong = firstLsn + eventCount - this.#firstLsn > frameEventsMax;
      // What is gone before it takes no part in a transaction of several frames, and may stand in front of it.
      const isShared = isPiece && (this.#hasEvents || this.#hasContent);
      if (isShared || isOver || isFull || isTooLong || firstLsn !== this.#nextLsn) this.#close(0);
      if (isPiece) this.#pieces = 0;
    }
    if (this.#isEmpty) {
      this.#firstLsn = firstLsn;
      this.#nextLsn = firstLsn;
    }
    this.#timeMs = timeMs;
  }

  endFrame({ flags }: Readonly<FrameHeader>): void {
    if (this.#pieces < 0) return;
    const isOver = (flags & FRAME_FLAG.unfinished) === 0;
    const isFull = this.#writer.position - frameHeaderBytes >= limits.framePayloadBytesTarget;
    // What is gone whole need not stand in a frame of its own.
    if (isOver && this.#pieces === 0 && !this.#hasEvents) this.#pieces = -1;
    if (this.#pieces < 0 || !(isOver || isFull)) return;
    const continues = this.#pieces > 0 ? FRAME_FLAG.continues : 0;
    this.#close(continues | (isOver ? 0 : FRAME_FLAG.unfinished));
    this.#pieces = isOver ? -1 : this.#pieces + 1;
  }

  /** The next `count` events are gone. */
  gap(count: number, isErased: boolean): void {
    const countMax = isErased ? edgeRunEdgesMax : gapEventsMax;
    if (this.#gapCount > 0 && this.#gapIsErased !== isErased) this.#writeGap();
    if (this.#gapCount + count > countMax) this.#writeGap();
    this.#gapCount += count;
    this.#gapIsErased = isErased;
    this.#nextLsn += count;
    this.#isOpen = true;
    if (isErased) this.#hasEvents = true;
  }

  /** A writer for a record that takes `events` LSNs. */
  record(events: number): ByteWriter {
    if (this.#gapCount > 0) this.#writeGap();
    this.#nextLsn += events;
    this.keptEvents += events;
    this.#isOpen = true;
    this.#hasContent = true;
    if (events > 0) this.#hasEvents = true;
    return this.#writer;
  }

  /** Ends a transaction; one of which nothing is left has no end. */
  commit(): void {
    if (!this.#hasContent && !(this.#isOpen && this.#hasEvents)) return;
    this.#endTransaction();
  }

  /** Ends the segment. @param nextNodeId 0 where nothing needs to be said of node ids. */
  end(nextNodeId: number): void {
    if (nextNodeId > 0) writeNodeIds(this.record(0), nextNodeId);
    this.#close(0);
  }

  get #isEmpty(): boolean {
    return this.#writer.position === frameHeaderBytes && this.#gapCount === 0;
  }

  #endTransaction(): void {
    if (this.#gapCount > 0) this.#writeGap();
    writeCommit(this.#writer);
    this.#isOpen = false;
    this.#hasContent = false;
  }

  #writeGap(): void {
    writeGap(this.#writer, this.#gapCount, this.#gapIsErased);
    this.#gapCount = 0;
  }

  #close(flags: number): void {
    if (this.#isEmpty) return;
    // Whoever looks for the end of a transaction finds one where a frame ends.
    if (this.#isOpen && (flags & FRAME_FLAG.unfinished) === 0) this.#endTransaction();
    if (this.#gapCount > 0) this.#writeGap();
    const payloadBytes = this.#writer.position - frameHeaderBytes;
    this.#writer.reserve(8);
    this.#output(this.#writer.bytes, {
      payloadBytes,
      firstLsn: this.#firstLsn,
      timeMs: this.#timeMs,
      eventCount: this.#nextLsn - this.#firstLsn,
      flags,
    });
    this.#reset();
  }

  #reset(): void {
    this.#writer.position = 0;
    this.#writer.reserve(frameHeaderBytes);
    this.#writer.position = frameHeaderBytes;
    this.#firstLsn = this.#nextLsn;
    this.#hasEvents = false;
    this.#isOpen = false;
    this.#hasContent = false;
  }
}
