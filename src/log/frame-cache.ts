// The frames that were read last, found by an LSN in them without a look at the file.

/** What is to be known of a frame to keep it. */
export interface CacheableFrame {
  readonly bytes: Uint8Array;
  readonly firstLsn: number;
  /** At least one. */
  readonly eventCount: number;
}

/** Where a frame is kept: in ascending order with those that one entry of the segment's index leads to. */
interface Place<F> {
  readonly segment: object;
  readonly start: number;
  readonly frames: F[];
}

export class FrameCache<F extends CacheableFrame> {
  readonly #bytesMax: number;
  /** By segment and the offset that its index gives for the frame's LSNs. */
  readonly #frames: Map<object, Map<number, F[]>> = new Map();
  /** Least recently used first. */
  readonly #places: Map<F, Place<F>> = new Map();
  #newest: F | undefined;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** The frame that holds an LSN, to which the segment's index leads by the offset `start`. */
  find(segment: object, start: number, lsn: number): F | undefined {
    const frames = this.#frames.get(segment)?.get(start);
    if (frames === undefined) return undefined;
    const frame = frames[placeFor(frames, lsn) - 1];
    if (frame === undefined || frame.firstLsn + frame.eventCount <= lsn) return undefined;
    if (frame !== this.#newest) this.#touch(frame, this.#places.get(frame)!);
    return frame;
  }

  /** Keeps a frame that is not here, and gives up what was not used for longest where that is too much. */
  keep(segment: object, start: number, frame: F): void {
    let starts = this.#frames.get(segment);
    if (starts === undefined) {
      starts = new Map();
      this.#frames.set(segment, starts);
    }
    let frames = starts.get(start);
    if (frames === undefined) {
      frames = [];
      starts.set(start, frames);
    }
    frames.splice(placeFor(frames, frame.firstLsn), 0, frame);
    this.#touch(frame, { segment, start, frames });
    this.#bytes += frame.bytes.length;
    for (const [oldest, place] of this.#places) {
      if (this.#bytes <= this.#bytesMax || oldest === frame) break;
      this.#giveUp(oldest, place);
    }
  }

  clear(): void {
    this.#frames.clear();
    this.#places.clear();
    this.#newest = undefined;
    this.#bytes = 0;
  }

  #touch(frame: F, place: Place<F>): void {
    this.#places.delete(frame);
    this.#places.set(frame, place);
    this.#newest = frame;
  }

  #giveUp(frame: F, { segment, start, frames }: Place<F>): void {
    this.#places.delete(frame);
    this.#bytes -= frame.bytes.length;
    frames.splice(placeFor(frames, frame.firstLsn) - 1, 1);
    if (frames.length > 0) return;
    const starts = this.#frames.get(segment)!;
    starts.delete(start);
    if (starts.size === 0) this.#frames.delete(segment);
  }
}

/** How many begin at or below an LSN. */
function placeFor(frames: readonly CacheableFrame[], lsn: number): number {
  let low = 0;
  let high = frames.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (frames[middle]!.firstLsn <= lsn) low = middle + 1;
    else high = middle;
  }
  return low;
}
