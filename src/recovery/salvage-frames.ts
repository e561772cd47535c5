// Finds every sound frame in the bytes of a segment, whatever lies between them, and the transactions that are whole in them.
import { VarveError } from "../codec/errors.ts";
import { limits } from "../codec/limits.ts";
import { RECORD } from "../log/event-format.ts";
import { EventReader } from "../log/event-reader.ts";
import type { Hash64 } from "../log/fields.ts";
import { checkFrame, emptyFrameHeader, type FrameHeader } from "../log/frame-codec.ts";
import { FRAME_FLAG, frameAlignment, frameHeaderBytes } from "../log/frame-format.ts";
import { segmentHeaderBytes } from "../log/segment-format.ts";

export interface FoundFrame {
  readonly header: Readonly<FrameHeader>;
  readonly offset: number;
  /** Whether there are bytes in front of it that are no frame. */
  readonly isBehindHole: boolean;
}

export interface FoundFrames {
  readonly frames: readonly FoundFrame[];
  /** Where the last of them ends. */
  readonly end: number;
}

/** Frames by their own checksums, which the segment's nonce seeds: what is found was written to this segment. */
export function findFrames(
  bytes: Uint8Array,
  end: number,
  nonce: Hash64,
  file: string,
): FoundFrames {
  const frames: FoundFrame[] = [];
  let at = segmentHeaderBytes;
  let framesEnd = at;
  while (at + frameHeaderBytes <= end) {
    const header = emptyFrameHeader();
    const fault = checkFrame(bytes, at, end, nonce, header);
    if (fault === "version") {
      throw new VarveError("FORMAT_UNSUPPORTED", `${file} has a frame of another version`, {
        details: { file, offset: at },
      });
    }
    if (fault !== "none") {
      at += frameAlignment;
      continue;
    }
    frames.push({ header, offset: at, isBehindHole: at > framesEnd });
    at += header.frameBytes;
    framesEnd = at;
  }
  return { frames, end: framesEnd };
}

/** Some records of a transaction: a whole small one, or what one frame has of a large one. */
export interface TransactionPiece {
  readonly from: number;
  readonly to: number;
  readonly firstLsn: number;
  readonly eventCount: number;
}

export interface FoundTransaction {
  readonly pieces: readonly TransactionPiece[];
  readonly firstLsn: number;
  /** Below `firstLsn` for one of system records alone. */
  readonly lastLsn: number;
  readonly timeMs: number;
}

/** The transactions of a frame that holds whole ones. Throws `MalformedBytes` for a payload that is none. */
export function transactionsIn(
  bytes: Uint8Array,
  { header, offset }: FoundFrame,
): FoundTransaction[] {
  const from = offset + frameHeaderBytes;
  const reader = new EventReader().open(bytes, from, from + header.payloadBytes, header.firstLsn);
  const found: FoundTransaction[] = [];
  let start = from;
  let firstLsn = header.firstLsn;
  const take = (): void => {
    const { position: to, nextLsn } = reader;
    const piece = { from: start, to, firstLsn, eventCount: nextLsn - firstLsn };
    found.push({ pieces: [piece], firstLsn, lastLsn: nextLsn - 1, timeMs: header.timeMs });
    start = to;
    firstLsn = nextLsn;
  };
  while (reader.skip()) if (reader.tag === RECORD.commit) take();
  if (reader.position > start) take();
  return found;
}

/** Puts the pieces of large transactions together. */
export class TransactionJoiner {
  #pieces: TransactionPiece[] = [];

  get isOpen(): boolean {
    return this.#pieces.length > 0;
  }

  /** LSN of the first event of what is open. */
  get firstLsn(): number {
    return this.#pieces[0]?.firstLsn ?? 0;
  }

  /** What begun and cannot end any more. */
  drop(): void {
    this.#pieces = [];
  }

  /** The transactions that a frame completes; undefined where it goes on with one whose beginning is not there. */
  add(bytes: Uint8Array, frame: FoundFrame): readonly FoundTransaction[] | undefined {
    const { header, offset } = frame;
    const continues = (header.flags & FRAME_FLAG.continues) !== 0;
    const unfinished = (header.flags & FRAME_FLAG.unfinished) !== 0;
    if (continues !== this.isOpen) return undefined;
    if (!continues && !unfinished) return transactionsIn(bytes, frame);
    const from = offset + frameHeaderBytes;
    const to = from + header.payloadBytes;
    const { firstLsn, eventCount, timeMs } = header;
    this.#pieces.push({ from, to, firstLsn, eventCount });
    if (unfinished) return [];
    const pieces = this.#pieces;
    this.#pieces = [];
    const lastLsn = firstLsn + eventCount - 1;
    return [{ pieces, firstLsn: pieces[0]!.firstLsn, lastLsn, timeMs }];
  }
}

/** The highest LSN that the frames say was durable when they were written. */
export function durableSaidBy({ frames }: FoundFrames): number {
  return frames.reduce((lsn, { header }) => {
    const { durableLsn } = header;
    return durableLsn <= limits.lsnMax ? Math.max(lsn, durableLsn) : lsn;
  }, 0);
}
