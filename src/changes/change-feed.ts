// A feed as `changes` returns it: one plan, four shapes, a reader of its own for whoever reads it.
import type { Observable } from "rxjs";
import { BatchIterator, ChangeIterator } from "./batch-iterator.ts";
import type { Change, ChangeBatch } from "./change.ts";
import { answerSymbol, observeFeed } from "./feed-observable.ts";
import type { FeedPlan } from "./feed-options.ts";
import { FeedReader } from "./feed-reader.ts";
import type { FeedSource } from "./feed-source.ts";
import { streamBatches } from "./feed-stream.ts";

/**
 * The changes of the durable log, in order, without gap or repeat. Iterate it for batches, or take
 * another shape; each iteration, subscription and stream is a reader of its own from the same
 * position. Readers go at their own pace: one that is slow holds no memory and delays no writer.
 *
 * Every shape ends as the feed does, or fails with `VarveError` ABORTED (`name` "AbortError"), CLOSED once
 * the database is closed, POISONED where the log can never grow again, CORRUPT or IO. Live batches are
 * shared between subscribers and frozen.
 */
export class ChangeFeed implements AsyncIterableIterator<ChangeBatch, undefined, undefined> {
  readonly #source: FeedSource;
  readonly #plan: FeedPlan;
  #own: BatchIterator | undefined;

  /** @internal `changes` makes feeds. */
  constructor(source: FeedSource, plan: FeedPlan) {
    this.#source = source;
    this.#plan = plan;
    answerSymbol(this);
  }

  /** Batches, each read when it is asked for. */
  [Symbol.asyncIterator](): AsyncIterableIterator<ChangeBatch, undefined, undefined> {
    return new BatchIterator(this.#open(), this.#source.scheduler);
  }

  /** Single changes: the batches flattened, without their marks. */
  events(): AsyncIterableIterator<Change, undefined, undefined> {
    return new ChangeIterator(new BatchIterator(this.#open(), this.#source.scheduler));
  }

  /**
   * An RxJS 7 Observable of batches, cold. The next batch is read on a later task after `next` has
   * returned. Operators that work asynchronously buffer on their own side: iterate instead.
   */
  observable(): Observable<ChangeBatch> {
    return observeFeed(() => this.#open(), this.#source.scheduler);
  }

  /** The same, for `from` of RxJS and other libraries that take observables. */
  "@@observable"(): Observable<ChangeBatch> {
    return this.observable();
  }

  /** A web stream of batches; reads one when it is pulled, and none ahead. */
  readable(): ReadableStream<ChangeBatch> {
    return streamBatches(new BatchIterator(this.#open(), this.#source.scheduler));
  }

  /** The next batch of an iteration of the feed's own. */
  next(): Promise<IteratorResult<ChangeBatch, undefined>> {
    return this.#ownBatches().next();
  }

  /** Ends that iteration. */
  return(): Promise<IteratorResult<ChangeBatch, undefined>> {
    return this.#ownBatches().return();
  }

  #ownBatches(): BatchIterator {
    this.#own ??= new BatchIterator(this.#open(), this.#source.scheduler);
    return this.#own;
  }

  #open(): FeedReader {
    return new FeedReader(this.#source, this.#plan);
  }
}
