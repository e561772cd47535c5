// A read-only view of the database at one LSN.
import { VarveError } from "../codec/errors.ts";
import { GraphReader } from "../graph/graph-reader.ts";
import type { Counts, ReadSource } from "../graph/read-source.ts";
import type { Schema } from "../graph/types.ts";

/** The read source of a view: a fixed LSN, until the view or the database is closed. */
class SnapshotSource implements ReadSource {
  readonly #live: ReadSource;
  readonly #lsn: number;
  readonly #counts: Counts;
  readonly #madeAt: number;
  closed = false;

  constructor(live: ReadSource, lsn: number, counts: Counts) {
    this.#live = live;
    this.#lsn = lsn;
    this.#counts = counts;
    this.#madeAt = live.epoch;
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
    if (this.closed) throw new VarveError("CLOSED", `${method}: the snapshot is closed`);
    this.#live.lsn(method);
    this.#live.check(this.#lsn, this.#madeAt);
    return this.#lsn;
  }

  check(lsn: number, epoch: number): void {
    if (this.closed) throw new VarveError("CLOSED", "the snapshot is closed");
    this.#live.check(lsn, epoch);
  }

  counts(): Counts {
    return this.#counts;
  }
}

/**
 * The graph as of one LSN, unchanged by later writes. Has the whole read face of the database.
 *
 * Reads throw `CLOSED` after `close()` of the view or the database, and `VIEW_ROLLED_BACK` where the
 * view shows transactions that were accepted but then taken back by a failed write; a view made
 * with `{ at: "durable" }` never does.
 */
export class Snapshot<S = Schema> extends GraphReader<S> {
  readonly lsn: number;
  readonly #view: SnapshotSource;

  constructor(live: ReadSource, lsn: number, counts: Counts) {
    const view = new SnapshotSource(live, lsn, counts);
    super(view);
    this.#view = view;
    this.lsn = lsn;
  }

  /** Ends the view. Closing twice is fine. */
  close(): void {
    this.#view.closed = true;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
