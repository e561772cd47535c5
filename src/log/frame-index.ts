// The sparse index of a segment: where to begin reading for an LSN or a time. Three typed arrays, nothing per event.
import { indexStrideBytes } from "./segment-format.ts";

/** Entries ascend in LSN, offset and time; the first stands for the first frame. */
export class FrameIndex {
  #firstLsn = new Float64Array(8);
  #timeMs = new Float64Array(8);
  #offset = new Float64Array(8);
  count = 0;

  /** Notes a frame, unless the last noted one is near enough. Frames come in order. */
  note(firstLsn: number, timeMs: number, offset: number): void {
    if (this.count > 0 && offset - this.#offset[this.count - 1]! < indexStrideBytes) return;
    this.add(firstLsn, timeMs, offset);
  }

  add(firstLsn: number, timeMs: number, offset: number): void {
    if (this.count === this.#firstLsn.length) this.#grow();
    this.#firstLsn[this.count] = firstLsn;
    this.#timeMs[this.count] = timeMs;
    this.#offset[this.count] = offset;
    this.count++;
  }

  /** The offset of the last noted frame that begins at or below `lsn`, or undefined. */
  offsetFor(lsn: number): number | undefined {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#firstLsn[middle]! <= lsn) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? undefined : this.#offset[low - 1];
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

  /** Forgets every frame at or behind `offset`. */
  truncate(offset: number): void {
    while (this.count > 0 && this.#offset[this.count - 1]! >= offset) this.count--;
  }

  #grow(): void {
    const capacity = this.#firstLsn.length * 2;
    this.#firstLsn = grown(this.#firstLsn, capacity);
    this.#timeMs = grown(this.#timeMs, capacity);
    this.#offset = grown(this.#offset, capacity);
  }
}

function grown(source: Float64Array, capacity: number): Float64Array<ArrayBuffer> {
  const target = new Float64Array(capacity);
  target.set(source);
  return target;
}
