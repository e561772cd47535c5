// A read-only view of the database at one LSN.
import { VarveError } from "../codec/errors.ts";
import type { Counts, ReadSource } from "../graph/read-source.ts";
import { StoreReader } from "../graph/store-reader.ts";
import type { Schema } from "../graph/types.ts";
import { HeldPin } from "../log/held-pin.ts";
import type { PinHolder } from "../log/history-pins.ts";
import type { Log } from "../log/log.ts";
import { compacted } from "./history-point.ts";

/** What a view is made of. */
export interface ViewParts {
  readonly live: ReadSource;
  readonly log: Log;
  readonly lsn: number;
  readonly counts: Counts;
  readonly holder: PinHolder;
  /** That of the source when `lsn` was chosen, where that was not just now. */
  readonly epoch?: number;
}

/** The read source of a view: a fixed LSN, until the view or the database is closed. */
class SnapshotSource implements ReadSource {
  readonly #live: ReadSource;
  readonly #log: Log;
  readonly #lsn: number;
  readonly #counts: Counts;
  readonly #madeAt: number;
  readonly #pin: HeldPin;

  constructor({ live, log, lsn, counts, holder, epoch }: ViewParts) {
    this.#live = live;
    this.#log = log;
    this.#lsn = lsn;
    this.#counts = counts;
    this.#madeAt = epoch ?? live.epoch;
    this.#pin = new HeldPin(this, log.pins, holder, lsn);
  }

  get index(): ReadSource["index"] {
    return this.#live.index;
  }

  get events(): ReadSource["events"] {
    return this.#live.events;
  }

  get names(): ReadSource["names"] {
    return this.#live.names;
  }

  get epoch(): number {
    return this.#madeAt;
  }

  lsn(method: string): number {
    this.#requireOpen(method);
    this.#live.lsn(method);
    this.#live.check(this.#lsn, this.#madeAt);
    return this.#lsn;
  }

  check(lsn: number, epoch: number): void {
    this.#requireOpen("iteration");
    this.#live.check(lsn, epoch);
  }

  graph(): number {
    return 0;
  }

  counts(): Counts {
    return this.#counts;
  }

  close(): void {
    this.#pin.release();
  }

  #requireOpen(method: string): void {
    if (this.#pin.isReleased) throw new VarveError("CLOSED", `${method}: the snapshot is closed`);
    // The pin keeps compaction away; better no answer than a thinned one where something did not respect it.
    if (this.#lsn < this.#log.horizon) throw compacted(method, this.#lsn, this.#log.horizon);
  }
}

/**
 * The graph as of one LSN, unchanged by later writes. Has the whole read face of the database.
 *
 * Reads throw `CLOSED` after `close()` of the view or the database, and `VIEW_ROLLED_BACK` where the
 * view shows transactions that were accepted but then taken back by a failed write; a view made
 * with `{ at: "durable" }` never does. While it is open, compaction drops nothing that it can see.
 */
export class Snapshot<S = Schema> extends StoreReader<S> {
  readonly lsn: number;
  readonly #view: SnapshotSource;

  /** @internal `snapshot` and `asOf` make views. */
  constructor(parts: ViewParts) {
    const view = new SnapshotSource(parts);
    super(view);
    this.#view = view;
    this.lsn = parts.lsn;
  }

  /** Ends the view. Closing twice is fine. */
  close(): void {
    this.#view.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }
}
