// One reading of a consumer: takes the lease with the first batch that is asked for, and lets go of it at the end.
import { BatchIterator } from "../changes/batch-iterator.ts";
import type { ChangeBatch } from "../changes/change.ts";
import { type ChangesOptions, feedPlan } from "../changes/feed-options.ts";
import { FeedReader } from "../changes/feed-reader.ts";
import type { FeedSource } from "../changes/feed-source.ts";
import type { ConsumerLeases, Lease } from "./consumer-leases.ts";

type Result = IteratorResult<ChangeBatch, undefined>;

/** Of one handle: what its readings have in common. */
export interface ConsumerReading {
  readonly name: string;
  readonly holder: string;
  readonly options: ChangesOptions;
  readonly leases: ConsumerLeases;
  readonly source: FeedSource;
  /** The handle, for who acks by it. */
  readonly handle: object;
  /** Those that have not ended. */
  readonly open: Set<ConsumerIterator>;
}

export class ConsumerIterator implements AsyncIterableIterator<ChangeBatch, undefined, undefined> {
  readonly #reading: ConsumerReading;
  #starting: Promise<void> | undefined;
  #batches: BatchIterator | undefined;
  #lease: Lease | undefined;
  #isOver = false;

  constructor(reading: ConsumerReading) {
    this.#reading = reading;
  }

  async next(): Promise<Result> {
    if (this.#isOver) return over;
    try {
      this.#starting ??= this.#start();
      await this.#starting;
      const result = (await this.#batches?.next()) ?? over;
      const fence = this.#lease?.fencedBy;
      if (this.#isOver) return over;
      if (fence !== undefined) throw fence;
      if (result.done === true) this.#end();
      else this.#lease?.note(result.value);
      return result;
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  return(): Promise<Result> {
    this.#end();
    return Promise.resolve(over);
  }

  throw(error: unknown): Promise<Result> {
    this.#end();
    return Promise.reject(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #start(): Promise<void> {
    const { name, holder, options, leases, source, handle, open } = this.#reading;
    source.requireOpen("consumer");
    open.add(this);
    // What the last reader acked in this turn counts, even where the commit is still to come.
    await leases.last(name)?.queuedAck?.done.catch(() => {});
    if (this.#isOver) return;
    source.requireOpen("consumer");
    const lease = leases.take(name, holder, handle);
    this.#lease = lease;
    const from = lease.inSnapshot ? "snapshot" : lease.delivered + 1;
    const plan = feedPlan({ ...options, from }, source.log);
    lease.snapshotLsn = plan.snapshotLsn;
    const batches = new BatchIterator(new FeedReader(source, plan), source.scheduler);
    this.#batches = batches;
    lease.onFence = () => void batches.return();
  }

  #end(): void {
    this.#isOver = true;
    this.#reading.open.delete(this);
    void this.#batches?.return();
    if (this.#lease !== undefined) this.#lease.isHeld = false;
  }
}

const over: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined });
