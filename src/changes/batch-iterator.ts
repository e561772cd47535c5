// The pull shapes of a feed: batches and single changes, one after the other, as they are asked for.
import type { Scheduler } from "../disk/ports.ts";
import type { Change, ChangeBatch } from "./change.ts";
import type { FeedReader } from "./feed-reader.ts";

/** So many changes are handed out before others get a turn. */
const changesPerTurn = 32_768;

/**
 * Calls of `next` that overlap are served in order. `return` ends it at once, even while a `next` waits: that
 * one resolves as done.
 */
abstract class FeedIterator<T> implements AsyncIterableIterator<T, undefined, undefined> {
  #last: Promise<unknown> | undefined;

  next(): Promise<IteratorResult<T, undefined>> {
    const step = this.#last === undefined ? this.step() : this.#last.then(() => this.step());
    const settled = step.then(ignore, ignore).then(() => {
      if (this.#last === settled) this.#last = undefined;
    });
    this.#last = settled;
    return step;
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.end();
    return Promise.resolve(over());
  }

  throw(error: unknown): Promise<IteratorResult<T, undefined>> {
    this.end();
    return Promise.reject(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  protected abstract step(): Promise<IteratorResult<T, undefined>>;
  protected abstract end(): void;
}

export class BatchIterator extends FeedIterator<ChangeBatch> {
  readonly #reader: FeedReader;
  readonly #scheduler: Scheduler;
  #changesInTurn = 0;

  constructor(reader: FeedReader, scheduler: Scheduler) {
    super();
    this.#reader = reader;
    this.#scheduler = scheduler;
  }

  protected async step(): Promise<IteratorResult<ChangeBatch, undefined>> {
    if (this.#changesInTurn >= changesPerTurn) await this.#turn();
    for (;;) {
      const reading = this.#reader.read();
      if (reading === "end") return over();
      if (reading === "again") {
        await this.#turn();
      } else if (reading === "wait") {
        this.#changesInTurn = 0;
        await new Promise<void>((resolve) => this.#reader.wait(resolve));
      } else {
        this.#changesInTurn += reading.changes.length;
        return { done: false, value: reading };
      }
    }
  }

  protected end(): void {
    this.#reader.close();
  }

  #turn(): Promise<void> {
    this.#changesInTurn = 0;
    return new Promise((resolve) => this.#scheduler.task(resolve));
  }
}

const noChanges: readonly Change[] = [];

/** The changes of the batches, one at a time; marks are left out. */
export class ChangeIterator extends FeedIterator<Change> {
  readonly #batches: BatchIterator;
  #changes: readonly Change[] = noChanges;
  #given = 0;

  constructor(batches: BatchIterator) {
    super();
    this.#batches = batches;
  }

  override next(): Promise<IteratorResult<Change, undefined>> {
    if (this.#given === this.#changes.length) return super.next();
    return Promise.resolve({ done: false, value: this.#changes[this.#given++]! });
  }

  protected async step(): Promise<IteratorResult<Change, undefined>> {
    while (this.#given === this.#changes.length) {
      const { done, value } = await this.#batches.next();
      if (done === true) return over();
      this.#changes = value.changes;
      this.#given = 0;
    }
    return { done: false, value: this.#changes[this.#given++]! };
  }

  protected end(): void {
    this.#changes = noChanges;
    this.#given = 0;
    void this.#batches.return();
  }
}

function over(): IteratorReturnResult<undefined> {
  return { done: true, value: undefined };
}

function ignore(): void {
  // Whoever asked for that step has its outcome.
}
