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
export abstract class FeedIterator<T> implements AsyncIterableIterator<T, undefined, undefined> {
  /** Calls of `next` that have not been answered; the last of them is `#last`. */
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#waiting === 0) {
      try {
        const now = this.now();
        if (now !== undefined) return Promise.resolve(now);
      } catch (error) {
        return Promise.reject(error);
      }
    }
    this.#waiting++;
    const run = (): Promise<IteratorResult<T, undefined>> => this.#run();
    const step = this.#waiting === 1 ? run() : this.#last.then(run, run);
    this.#last = step;
    return step;
  }

  async #run(): Promise<IteratorResult<T, undefined>> {
    try {
      return await this.step();
    } finally {
      this.#waiting--;
    }
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

  /** What is there without waiting, or undefined. */
  protected abstract now(): IteratorResult<T, undefined> | undefined;
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

  protected now(): IteratorResult<ChangeBatch, undefined> | undefined {
    if (this.#changesInTurn >= changesPerTurn) return undefined;
    const reading = this.#reader.read();
    return reading === "again" || reading === "wait" ? undefined : this.#result(reading);
  }

  protected async step(): Promise<IteratorResult<ChangeBatch, undefined>> {
    if (this.#changesInTurn >= changesPerTurn) await this.#turn();
    for (;;) {
      const reading = this.#reader.read();
      if (reading === "again") {
        await this.#turn();
      } else if (reading === "wait") {
        this.#changesInTurn = 0;
        await new Promise<void>((resolve) => this.#reader.wait(resolve));
      } else {
        return this.#result(reading);
      }
    }
  }

  protected end(): void {
    this.#reader.close();
  }

  #result(reading: ChangeBatch | "end"): IteratorResult<ChangeBatch, undefined> {
    if (reading === "end") return over();
    this.#changesInTurn += reading.changes.length;
    return { done: false, value: reading };
  }

  #turn(): Promise<void> {
    this.#changesInTurn = 0;
    return new Promise((resolve) => this.#scheduler.task(resolve));
  }
}

/** Where single changes come from. */
export interface BatchSource {
  next(): Promise<IteratorResult<ChangeBatch, undefined>>;
  return(): Promise<unknown>;
}

const noChanges: readonly Change[] = [];

/** The changes of the batches, one at a time; marks are left out. */
export class ChangeIterator extends FeedIterator<Change> {
  readonly #batches: BatchSource;
  #changes: readonly Change[] = noChanges;
  #given = 0;

  constructor(batches: BatchSource) {
    super();
    this.#batches = batches;
  }

  protected now(): IteratorResult<Change, undefined> | undefined {
    if (this.#given === this.#changes.length) return undefined;
    return { done: false, value: this.#changes[this.#given++]! };
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

export function over(): IteratorReturnResult<undefined> {
  return { done: true, value: undefined };
}
