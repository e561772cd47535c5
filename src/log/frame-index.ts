// The sparse index of a segment: where to begin reading for an LSN or a time. Typed arrays, nothing per event.
import { indexStrideBytes } from "./segment-format.ts";

/** Of an entry that was read from a footer. */
export const unknownCount = -1;

/**
 * Entries ascend in LSN, offset and time; the first stands for the first frame. How much of the segment comes before an
 * entry is known of frames that were written or scanned, not of those that only a footer tells of.
 */
export class FrameIndex {
  #firstLsn = new Float64Array(8);
  #timeMs = new Float64Array(8);
  #offset = new Float64Array(8);
  #eventsBefore = new Float64Array(8);
  #framesBefore = new Float64Array(8);
  count = 0;

  /** Notes a frame, unless the last noted one is near enough. Frames come in order. */
  note(
    firstLsn: number,
    timeMs: number,
    offset: number,
    eventsBefore: number = unknownCount,
    framesBefore: number = unknownCount,
  ): void {
    if (this.count > 0 && offset - this.#offset[this.count - 1]! < indexStrideBytes) return;
    this.add(firstLsn, timeMs, offset, eventsBefore, framesBefore);
  }

  add(
    firstLsn: number,
    timeMs: number,
    offset: number,
    eventsBefore: number = unknownCount,
    framesBefore: number = unknownCount,
  ): void {
    if (this.count === this.#firstLsn.length) this.#grow();
    this.#firstLsn[this.count] = firstLsn;
    this.#timeMs[this.count] = timeMs;
    this.#offset[this.count] = offset;
    this.#eventsBefore[this.count] = eventsBefore;
    this.#framesBefore[this.count] = framesBefore;
    this.count++;
  }

  /** The offset of the last noted frame that begins at or below `lsn`, or undefined. */
  offsetFor(lsn: number): number | undefined {
    const ordinal = this.ordinalFor(lsn);
    return ordinal < 0 ? undefined : this.#offset[ordinal];
  }

  /** The last noted frame that begins at or below `lsn`, or -1. */
  ordinalFor(lsn: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#firstLsn[middle]! <= lsn) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  firstLsnAt(ordinal: number): number {
    return this.#firstLsn[ordinal]!;
  }

  timeMsAt(ordinal: number): number {
    return this.#timeMs[ordinal]!;
  }

  offsetAt(ordinal: number): number {
    return this.#offset[ordinal]!;
  }

  /** Events in the segment before an entry; `unknownCount` where only a footer tells of it. */
  eventsBeforeAt(ordinal: number): number {
    return this.#eventsBefore[ordinal]!;
  }

  framesBeforeAt(ordinal: number): number {
    return this.#framesBefore[ordinal]!;
  }

  /** A copy of the entries before `offset`. */
  before(offset: number): FrameIndex {
    const copy = new FrameIndex();
    for (let i = 0; i < this.count && this.#offset[i]! < offset; i++) {
      copy.add(
        this.#firstLsn[i]!,
        this.#timeMs[i]!,
        this.#offset[i]!,
        this.#eventsBefore[i]!,
        this.#framesBefore[i]!,
      );
    }
    return copy;
  }

  /** Forgets every frame at or behind `offset`. */
  truncate(offset: number): void {
    while (this.count > 0 && this.#offset[this.count - 1]! >= offset) this.count--;
  }

  #grow(): void {
    const capacity = this.#firstLsn.length * 2;
    this.#firstLsn = grown(this.#firstLsn, capacity);
    this.#timeMs = grown(this.#timeMs, capacity);
    this.#offset = grown(this.#offset, capacity);
    this.#eventsBefore = grown(this.#eventsBefore, capacity);
    this.#framesBefore = grown(this.#framesBefore, capacity);
  }
}

function grown(source: Float64Array, capacity: number): Float64Array<ArrayBuffer> {
  const target = new Float64Array(capacity);
  target.set(source);
  return target;
}
