// Reads single events and ranges of events by LSN over the frames of the log.
import { MalformedBytes } from "../codec/bytes.ts";
import { VarveError } from "../codec/errors.ts";
import type { EventLookup, EventScan } from "./event-lookup.ts";
import { EventReader } from "./event-reader.ts";
import type { FrameSource, LoadedFrame, RecordTable } from "./frame-source.ts";

export class EventFinder implements EventLookup {
  readonly #frames: FrameSource;
  readonly #reader: EventReader = new EventReader();
  /** The newest LSN that may be read: what is accepted. */
  readonly #lastLsn: () => number;

  constructor(frames: FrameSource, lastLsn: () => number) {
    this.#frames = frames;
    this.#lastLsn = lastLsn;
  }

  find(lsn: number): EventReader | undefined {
    if (!(lsn >= 1 && lsn <= this.#lastLsn())) return undefined;
    const frame = this.#frames.atOrAfter(lsn, true);
    if (frame === undefined || frame.firstLsn > lsn) return undefined;
    frame.records ??= recordTable(frame, this.#reader);
    const { offsets, eventsBefore, count } = frame.records;
    const target = lsn - frame.firstLsn;
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (eventsBefore[middle]! <= target) low = middle + 1;
      else high = middle;
    }
    // System records take no LSN and share the count of the event behind them, which comes last.
    const ordinal = low - 1;
    this.#reader.open(
      frame.bytes,
      offsets[ordinal]!,
      frame.to,
      frame.firstLsn + eventsBefore[ordinal]!,
    );
    this.#reader.next();
    return this.#reader;
  }

  scan(fromLsn: number, toLsn: number): EventScan {
    return new FrameScan(this.#frames, fromLsn, Math.min(toLsn, this.#lastLsn()));
  }
}

function recordTable(frame: LoadedFrame, reader: EventReader): RecordTable {
  // A gap stands for any number of events in a few bytes: what a frame can hold of records is bounded by its length, too.
  const recordsMax = Math.min(frame.eventCount, (frame.to - frame.from) >>> 1);
  let offsets = new Uint32Array(Math.max(16, recordsMax));
  let eventsBefore = new Uint32Array(offsets.length);
  let count = 0;
  let events = 0;
  reader.open(frame.bytes, frame.from, frame.to, frame.firstLsn);
  while (reader.skip()) {
    if (reader.eventCount === 0) continue;
    if (count === offsets.length) {
      offsets = grown(offsets);
      eventsBefore = grown(eventsBefore);
    }
    offsets[count] = reader.recordFrom;
    eventsBefore[count] = events;
    events += reader.eventCount;
    count++;
  }
  return { offsets, eventsBefore, count };
}

function grown(source: Uint32Array): Uint32Array<ArrayBuffer> {
  const target = new Uint32Array(source.length * 2);
  target.set(source);
  return target;
}

class FrameScan implements EventScan {
  readonly #frames: FrameSource;
  readonly #reader: EventReader = new EventReader();
  readonly #toLsn: number;
  #nextLsn: number;
  #frame: LoadedFrame | undefined;

  constructor(frames: FrameSource, fromLsn: number, toLsn: number) {
    this.#frames = frames;
    this.#nextLsn = fromLsn;
    this.#toLsn = toLsn;
  }

  next(): EventReader | undefined {
    while (this.#nextLsn <= this.#toLsn) {
      if (this.#frame === undefined && !this.#load()) return undefined;
      const reader = this.#reader;
      while (reader.next()) {
        if (reader.eventCount === 0 || reader.nextLsn <= this.#nextLsn) continue;
        if (reader.lsn > this.#toLsn) return undefined;
        this.#nextLsn = reader.nextLsn;
        return reader;
      }
      const frame = this.#frame!;
      this.#nextLsn = Math.max(this.#nextLsn, frame.firstLsn + frame.eventCount);
      this.#frame = undefined;
    }
    return undefined;
  }

  #load(): boolean {
    this.#frame = this.#frames.atOrAfter(this.#nextLsn, false);
    if (this.#frame === undefined) return false;
    this.#reader.open(this.#frame.bytes, this.#frame.from, this.#frame.to, this.#frame.firstLsn);
    return true;
  }
}

/** Turns bytes that pass their checksum and still make no sense into the error that users see. */
export function malformed(error: unknown, where: Record<string, unknown>): unknown {
  if (!(error instanceof MalformedBytes)) return error;
  return new VarveError("CORRUPT", `malformed event in the log: ${error.message}`, {
    cause: error,
    details: where,
  });
}
