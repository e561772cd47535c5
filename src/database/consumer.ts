// Durable consumers: a named position in the feed, kept in the database itself, with at most one reader at a time.
import type { Observable } from "rxjs";
import { ChangeIterator } from "../changes/batch-iterator.ts";
import type { Change, ChangeBatch } from "../changes/change.ts";
import { answerSymbol, observeBatches } from "../changes/feed-observable.ts";
import { type ChangesOptions, feedPlan } from "../changes/feed-options.ts";
import type { FeedSource } from "../changes/feed-source.ts";
import { streamBatches } from "../changes/feed-stream.ts";
import { VarveError } from "../codec/errors.ts";
import { checkName, describe } from "../graph/arguments.ts";
import { ConsumerIterator, type ConsumerReading } from "./consumer-iterator.ts";
import {
  ackedLsn,
  type ConsumerPosition,
  consumerGroup,
  consumerStateName,
  type Lease,
  noConsumer,
  type PendingAck,
  positionFrom,
} from "./consumer-leases.ts";
import type { DatabaseCore } from "./database-core.ts";
import { transactOn } from "./transact.ts";
import { Transaction } from "./transaction.ts";

/** Options of `consumer`: those of `changes`, of which `from` counts at creation only. */
export interface ConsumerOptions extends ChangesOptions {
  /** What this reader is called in errors and lists; by default "reader" and a number. */
  readonly holder?: string | undefined;
}

/** Where a consumer stands. */
export interface ConsumerInfo {
  readonly name: string;
  /** The last LSN acked by an accepted commit; the next reading starts behind it. */
  readonly lsn: number;
  /** The same, as of the last commit that is known to survive a power cut. */
  readonly durableLsn: number;
  /** How many LSNs `lsn` is behind the durable LSN of the database. */
  readonly lag: number;
  /** Whether the next reading begins with a snapshot. */
  readonly snapshot: boolean;
  /** Who reads it now. */
  readonly holder: string | undefined;
}

/**
 * A durable consumer. Iterate it for the changes behind its last ack, or take another shape; the first batch that is asked
 * for takes the lease, and leaving lets go of it. What was delivered and not acked comes again.
 */
export class Consumer {
  readonly name: string;
  readonly #core: DatabaseCore;
  readonly #reading: ConsumerReading;

  /** @internal `db.consumer` makes them. */
  constructor(core: DatabaseCore, source: FeedSource, name: string, options: ConsumerOptions) {
    const { holder = core.leases.nextHolder(), ...feed } = options;
    this.name = name;
    this.#core = core;
    this.#reading = {
      name,
      holder,
      options: feed,
      leases: core.leases,
      source,
      handle: this,
      open: new Set(),
    };
    answerSymbol(this);
  }

  /**
   * Batches from behind the last ack, as `changes` gives them. The first `next` takes the lease.
   *
   * @throws (from `next`) `VarveError` CONSUMER_BUSY while someone else reads it (`details.holder`), NOT_FOUND once
   *   it was removed, CONFLICT once it was reset, and what ends a feed.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<ChangeBatch, undefined, undefined> {
    return new ConsumerIterator(this.#reading);
  }

  /** The same as single changes. A change counts as delivered with its batch. */
  events(): AsyncIterableIterator<Change, undefined, undefined> {
    return new ChangeIterator(new ConsumerIterator(this.#reading));
  }

  /**
   * An RxJS 7 Observable of batches, cold. A subscriber takes the lease on a later task, hears of what `next` throws as an
   * error, and lets go by unsubscribing. The next batch is read on a later task after `next` has returned.
   */
  observable(): Observable<ChangeBatch> {
    return observeBatches(
      () => new ConsumerIterator(this.#reading),
      this.#core.settings.ports.scheduler,
    );
  }

  /** The same, for `from` of RxJS and other libraries that take observables. */
  "@@observable"(): Observable<ChangeBatch> {
    return this.observable();
  }

  /** A web stream of batches; reads one when it is pulled, and none ahead. Cancelling it lets go of the lease. */
  readable(): ReadableStream<ChangeBatch> {
    return streamBatches(new ConsumerIterator(this.#reading));
  }

  /**
   * Notes that everything up to `lsn` has been dealt with. Resolves once that is as durable as a commit of the
   * database. Only whole transactions count: an LSN in the middle of one counts as that before it. An LSN that was
   * acked already changes nothing. Acks of one turn are written together.
   *
   * @throws `RangeError` for an LSN beyond what was delivered; `VarveError` SNAPSHOT_UNFINISHED before all of the
   *   snapshot was delivered, CONSUMER_BUSY, CONFLICT or NOT_FOUND where another reader took over or the consumer was
   *   reset or removed, and as `transact` does.
   */
  async ack(lsn: number): Promise<void> {
    const { leases } = this.#core;
    this.#core.requireWritable("ack");
    const lease = leases.leaseOf(this);
    const end = leases.ackedEnd("ack", this.name, lease, leases.position(this.name), lsn);
    if (end === undefined || lease === undefined) {
      // What is acked already may still be on its way.
      const last = leases.last(this.name)?.lastAck;
      if (last?.isOver === false && lsn > last.from) await last.done;
      return;
    }
    const queued = lease.queuedAck ?? this.#queue(lease);
    queued.end = Math.max(queued.end, end);
    await queued.done;
  }

  /** The last LSN acked, of accepted commits. */
  get lsn(): number {
    return this.#info().lsn;
  }

  /** How many LSNs that is behind the durable LSN of the database. */
  get lag(): number {
    return this.#info().lag;
  }

  /**
   * Moves the position, back or forth, as `from` says; whoever reads is fenced off with CONFLICT. Resolves as `ack`
   * does.
   *
   * @throws as `changes` does for `from`; `VarveError` NOT_FOUND once it was removed; as `transact` does.
   */
  async reset(from: ChangesOptions["from"] = "start"): Promise<void> {
    this.#core.requireOwner("reset");
    const position = startOf(this.#core, { from });
    await this.#store("reset", position, conflict(this.name));
  }

  /**
   * Forgets the consumer; whoever reads is fenced off with NOT_FOUND. Resolves as `ack` does, to whether there was one.
   */
  async remove(): Promise<boolean> {
    try {
      await this.#store("remove", undefined, noConsumer("consumer", this.name));
      return true;
    } catch (error) {
      if (error instanceof VarveError && error.code === "NOT_FOUND") return false;
      throw error;
    }
  }

  /** Ends the readings of this handle. The position stays. */
  close(): void {
    for (const iterator of [...this.#reading.open]) void iterator.return();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #info(): ConsumerInfo {
    this.#core.requireOpen("consumer");
    const info = consumerInfo(this.#core, this.name);
    if (info === undefined) throw noConsumer("consumer", this.name);
    return info;
  }

  #queue(lease: Lease): PendingAck {
    const { leases } = this.#core;
    const { lastAck } = lease;
    const position = leases.position(lease.name);
    const from = lastAck?.isOver === false ? lastAck.from : position ? ackedLsn(position) : 0;
    const { scheduler } = this.#core.settings.ports;
    const done = new Promise<void>((resolve, reject) => {
      scheduler.microtask(() => {
        this.#write(lease).then(resolve, reject);
      });
    });
    const queued: PendingAck = { from, end: 0, done, isOver: false };
    lease.queuedAck = queued;
    lease.lastAck = queued;
    const over = (): void => {
      queued.isOver = true;
    };
    done.then(over, over);
    return queued;
  }

  async #write(lease: Lease): Promise<void> {
    const queued = lease.queuedAck;
    const forget = (): void => {
      if (lease.queuedAck === queued) lease.queuedAck = undefined;
    };
    const write = (tx: Transaction): void => {
      forget();
      if (lease.fencedBy !== undefined) throw lease.fencedBy;
      const position = this.#core.leases.position(lease.name);
      if (queued === undefined || position === undefined) return;
      if (!position.snapshot && queued.end < position.next) return;
      storePosition(tx, lease.name, { next: queued.end + 1, snapshot: false });
    };
    try {
      await transactOn(this.#core, write, {});
    } finally {
      forget();
    }
  }

  async #store(
    method: string,
    position: ConsumerPosition | undefined,
    fence: VarveError,
  ): Promise<void> {
    const { leases } = this.#core;
    const write = (tx: Transaction): void => {
      if (leases.position(this.name) === undefined) throw noConsumer(method, this.name);
      storePosition(tx, this.name, position);
      leases.fence(this.name, fence);
    };
    await transactOn(this.#core, write, {});
  }
}

/** Opens a consumer; makes it where there is none. */
export async function openConsumer(
  core: DatabaseCore,
  source: FeedSource,
  name: string,
  options: ConsumerOptions,
): Promise<Consumer> {
  core.requireOpen("consumer");
  checkName("consumer", "name", name);
  const { holder, ...feed } = options;
  if (holder !== undefined) checkName("consumer", "holder", holder);
  core.requireOwner("consumer");
  // Where it exists `from` is not looked at, but for what it must never be; a position may have been passed since.
  const isNew = core.leases.position(name) === undefined;
  const position = startOf(core, isNew ? feed : { ...feed, from: "now" });
  const create = (tx: Transaction): void => {
    if (core.leases.position(name) === undefined) storePosition(tx, name, position);
  };
  if (isNew) await transactOn(core, create, {});
  return new Consumer(core, source, name, options);
}

export function consumerInfo(core: DatabaseCore, name: string): ConsumerInfo | undefined {
  const position = core.leases.position(name);
  if (position === undefined) return undefined;
  const lease = core.leases.last(name);
  const durable = positionFrom(core.durableState(consumerStateName(name)));
  const lsn = position.next - 1;
  return {
    name,
    lsn,
    durableLsn: (durable?.next ?? 1) - 1,
    lag: Math.max(0, core.log.durableLsn - lsn),
    snapshot: position.snapshot,
    holder: lease?.isHeld === true ? lease.holder : undefined,
  };
}

/** All consumers, by name. */
export function consumerInfos(core: DatabaseCore): ConsumerInfo[] {
  const names = [...core.state.group(consumerGroup).keys()].sort();
  return names.map((name) => consumerInfo(core, name)!);
}

function startOf(core: DatabaseCore, options: ChangesOptions): ConsumerPosition {
  const { fromLsn, snapshotLsn } = feedPlan(options, core.log);
  return snapshotLsn === undefined
    ? { next: fromLsn, snapshot: false }
    : { next: 1, snapshot: true };
}

function storePosition(
  tx: Transaction,
  name: string,
  position: ConsumerPosition | undefined,
): void {
  Transaction.storeState(tx, consumerStateName(name), position);
}

function conflict(name: string): VarveError {
  return new VarveError("CONFLICT", `consumer ${describe(name)} was reset`, {
    details: { consumer: name },
    retryable: false,
  });
}
