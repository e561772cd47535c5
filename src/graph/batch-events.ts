// Reads events back from the transaction that is being written, and those before it from the log.

import type { EventBatch } from "../log/event-batch.ts";
import type { EventLookup, EventScan } from "../log/event-lookup.ts";
import { EventReader } from "../log/event-reader.ts";

const recordsPerPlace = 16;

/** Looks up events of a batch by LSN, by way of the places of every so many records, and the others where `base` has them. */
export class BatchEvents implements EventLookup {
  base: EventLookup;
  readonly #batch: EventBatch;
  readonly #reader = new EventReader();
  /** Positions and first LSNs of every 16th record. */
  #positions = new Uint32Array(64);
  #lsns = new Float64Array(64);
  #placeCount = 0;
  /** How far the places go, and how many records lie between the last one and there. */
  #coveredTo = 0;
  #coveredLsn = 0;
  #recordsSincePlace = 0;

  constructor(batch: EventBatch, base: EventLookup) {
    this.#batch = batch;
    this.base = base;
  }

  /** Starts over with an empty batch. */
  begin(base: EventLookup): void {
    this.base = base;
    this.#placeCount = 0;
    this.#coveredTo = 0;
    this.#coveredLsn = this.#batch.firstLsn;
    this.#recordsSincePlace = recordsPerPlace;
  }

  /** Told when the batch was cut back to a position. */
  cut(position: number): void {
    if (this.#coveredTo <= position) return;
    while (this.#placeCount > 0 && this.#positions[this.#placeCount - 1]! >= position) {
      this.#placeCount--;
    }
    // What lies between the last place and the cut is walked over again.
    const last = this.#placeCount - 1;
    this.#coveredTo = last < 0 ? 0 : this.#positions[last]!;
    this.#coveredLsn = last < 0 ? this.#batch.firstLsn : this.#lsns[last]!;
    if (last >= 0) this.#placeCount--;
    this.#recordsSincePlace = recordsPerPlace;
  }

  find(lsn: number): EventReader | undefined {
    if (lsn < this.#batch.firstLsn) return this.base.find(lsn);
    if (!(lsn <= this.#batch.lastLsn)) return undefined;
    this.#cover();
    const reader = this.#open(this.#reader, lsn);
    while (reader.skip()) {
      if (lsn < reader.lsn + reader.eventCount) {
        reader.decodeSkipped();
        return reader;
      }
    }
    return undefined;
  }

  scan(fromLsn: number, toLsn: number): EventScan {
    const { firstLsn } = this.#batch;
    const before = this.base.scan(fromLsn, Math.min(toLsn, firstLsn - 1));
    const last = Math.min(toLsn, this.#batch.lastLsn);
    if (last < firstLsn) return before;
    this.#cover();
    const own = this.#open(new EventReader(), Math.max(fromLsn, firstLsn));
    return new JoinedScan(fromLsn < firstLsn ? before : undefined, own, fromLsn, last);
  }

  /** Opens a reader at the last place at or before the record of an LSN. */
  #open(reader: EventReader, lsn: number): EventReader {
    let low = 0;
    let high = this.#placeCount;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#lsns[middle]! <= lsn) low = middle + 1;
      else high = middle;
    }
    // Of several places with one LSN, system records among them, any does: the walk goes forward from it.
    const place = Math.max(low - 1, 0);
    const { records } = this.#batch;
    return reader.open(
      records.bytes,
      this.#positions[place]!,
      records.position,
      this.#lsns[place]!,
    );
  }

  #cover(): void {
    const { records } = this.#batch;
    if (this.#coveredTo === records.position) return;
    const reader = this.#reader.open(
      records.bytes,
      this.#coveredTo,
      records.position,
      this.#coveredLsn,
    );
    while (reader.skip()) {
      if (this.#recordsSincePlace === recordsPerPlace) {
        this.#addPlace(reader.recordFrom, reader.lsn);
        this.#recordsSincePlace = 0;
      }
      this.#recordsSincePlace++;
    }
    this.#coveredTo = records.position;
    this.#coveredLsn = this.#batch.nextLsn;
  }

  #addPlace(position: number, lsn: number): void {
    if (this.#placeCount === this.#positions.length) {
      const positions = new Uint32Array(this.#placeCount * 2);
      positions.set(this.#positions);
      this.#positions = positions;
      const lsns = new Float64Array(this.#placeCount * 2);
      lsns.set(this.#lsns);
      this.#lsns = lsns;
    }
    this.#positions[this.#placeCount] = position;
    this.#lsns[this.#placeCount] = lsn;
    this.#placeCount++;
  }
}

/** The events before a batch, then its own up to where it stood. */
class JoinedScan implements EventScan {
  #before: EventScan | undefined;
  readonly #own: EventReader;
  readonly #fromLsn: number;
  readonly #toLsn: number;

  constructor(before: EventScan | undefined, own: EventReader, fromLsn: number, toLsn: number) {
    this.#before = before;
    this.#own = own;
    this.#fromLsn = fromLsn;
    this.#toLsn = toLsn;
  }

  next(): EventReader | undefined {
    const event = this.#before?.next();
    if (event !== undefined) return event;
    this.#before = undefined;
    const own = this.#own;
    while (own.skip()) {
      if (own.eventCount === 0 || own.lsn + own.eventCount <= this.#fromLsn) continue;
      if (own.lsn > this.#toLsn) return undefined;
      own.decodeSkipped();
      return own;
    }
    return undefined;
  }
}
