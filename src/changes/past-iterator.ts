// The iterable of a part of the history: pins what it has yet to read, from its first step to its end.

import { VarveError } from "../codec/errors.ts";
import { malformed } from "../log/event-finder.ts";
import { HeldPin } from "../log/held-pin.ts";
import { FeedIterator, over } from "./batch-iterator.ts";
import type { Change } from "./change.ts";
import type { PastReader } from "./past-reader.ts";
import type { PastRange, PastSource } from "./past-source.ts";

/** So many changes are handed out before others get a turn. */
const changesPerTurn = 32_768;
/** So many reads without a change are done before others get a turn. */
const readsPerTurn = 256;

/** Steps fail with CLOSED, VIEW_ROLLED_BACK, INDEX_REBUILDING, HISTORY_COMPACTED or ABORTED; after that it is over. */
export class PastIterator extends FeedIterator<Change> {
  readonly #source: PastSource;
  readonly #range: PastRange;
  #reader: PastReader | undefined;
  #pin: HeldPin | undefined;
  #changes: Change[] = [];
  #given = 0;
  #givenInTurn = 0;

  constructor(source: PastSource, range: PastRange, reader: PastReader) {
    super();
    this.#source = source;
    this.#range = range;
    this.#reader = reader;
  }

  protected now(): IteratorResult<Change, undefined> | undefined {
    if (this.#givenInTurn >= changesPerTurn) return undefined;
    try {
      return this.#next();
    } catch (error) {
      this.end();
      throw malformed(error, { lsn: this.#range.fromLsn });
    }
  }

  protected async step(): Promise<IteratorResult<Change, undefined>> {
    for (;;) {
      const next = this.now();
      if (next !== undefined) return next;
      this.#givenInTurn = 0;
      await new Promise<void>((resolve) => this.#source.scheduler.task(resolve));
    }
  }

  protected end(): void {
    this.#reader = undefined;
    this.#changes = [];
    this.#given = 0;
    this.#pin?.release();
  }

  /** The next change as far as it is there in this turn. */
  #next(): IteratorResult<Change, undefined> | undefined {
    const reader = this.#reader;
    if (reader === undefined) return over();
    this.#check();
    for (let reads = 0; this.#given === this.#changes.length; reads++) {
      this.#changes.length = 0;
      this.#given = 0;
      const reading = reads < readsPerTurn ? reader.read(this.#changes) : "again";
      if (reading === "again") return undefined;
      if (reading === "end") {
        this.end();
        return over();
      }
    }
    this.#givenInTurn++;
    return { done: false, value: this.#changes[this.#given++]! };
  }

  #check(): void {
    const { method, fromLsn, toLsn, epoch, signal } = this.#range;
    if (signal?.aborted) {
      throw new VarveError("ABORTED", `${method}: aborted`, { cause: signal.reason });
    }
    this.#source.check(toLsn, epoch);
    this.#source.requireWhole(method, fromLsn - 1);
    this.#pin ??= new HeldPin(this, this.#source.log.pins, "reading", fromLsn - 1);
  }
}
