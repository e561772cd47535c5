// The open database: transactions, views, the feed, care, and the end of life.

import type { Change } from "../changes/change.ts";
import { ChangeFeed } from "../changes/change-feed.ts";
import { type ChangesOptions, feedPlan } from "../changes/feed-options.ts";
import type { FeedSource } from "../changes/feed-source.ts";
import { limits } from "../codec/limits.ts";
import type { DiskLock } from "../disk/ports.ts";
import { checkOptions } from "../graph/arguments.ts";
import { StoreReader } from "../graph/store-reader.ts";
import type { Schema } from "../graph/types.ts";
import type { HistoryPins } from "../log/history-pins.ts";
import type { BackupReport } from "../recovery/backup.ts";
import type { RecoveryReport } from "../recovery/recovery-report.ts";
import { type AsOfOptions, asOf } from "./as-of.ts";
import type { CompactReport } from "./background.ts";
import { type BackupOptions, backupDatabase } from "./backup.ts";
import {
  type Consumer,
  type ConsumerInfo,
  type ConsumerOptions,
  consumerInfos,
  openConsumer,
} from "./consumer.ts";
import { closedError, type DatabaseCore } from "./database-core.ts";
import { feedSourceOf } from "./feed-source-of.ts";
import type { HistoryPoint } from "./history-point.ts";
import { checkSignal, describe } from "./options.ts";
import {
  type DiffOptions,
  type DiffPoint,
  diffOf,
  type HistoryOptions,
  historyOf,
} from "./past.ts";
import { type Projection, type ProjectionInfo, Projections } from "./projection.ts";
import type { ProjectionDefinition } from "./projection-run.ts";
import { Snapshot } from "./snapshot.ts";
import { type DatabaseStats, statsOf } from "./stats.ts";
import type { Receipt, TransactionCallback, TransactOptions } from "./transact.ts";
import { transactOn } from "./transact.ts";
import { Transaction } from "./transaction.ts";
import { verifyDatabase } from "./verify.ts";
import type { VerifyReport } from "./verify-report.ts";

export interface CompactOptions {
  /** Ends it with ABORTED. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * An open database and, at the same time, the read face of its default graph. Reads see every
 * accepted transaction at once. Made by `open`; see there.
 */
export class Database<S = Schema> extends StoreReader<S> {
  readonly #core: DatabaseCore;
  readonly #lock: DiskLock;
  readonly #feeds: FeedSource;
  readonly #projections: Projections;
  #closing: Promise<void> | undefined;
  /** How the database was found, and what opening it took. */
  readonly recovery: RecoveryReport;

  /** @internal `open` makes databases. */
  constructor(core: DatabaseCore, lock: DiskLock, recovery: RecoveryReport) {
    super(core.source);
    this.#core = core;
    this.#lock = lock;
    this.#feeds = feedSourceOf(core);
    this.#projections = new Projections(core, this.#feeds);
    core.unstoredReaders = () => this.#projections.unstored();
    core.commitOwn = async (write) => {
      const own = (tx: Transaction): void => write(Transaction.ownWrites(tx));
      await transactOn(core, own, { durability: "group" });
    };
    this.recovery = recovery;
  }

  /** LSN of the last accepted event; 0 while there is none. */
  get lastLsn(): number {
    return this.#core.log.acceptedLsn;
  }

  /** LSN of the last event known to survive a power cut. */
  get durableLsn(): number {
    return this.#core.log.durableLsn;
  }

  /**
   * Runs `callback` with a transaction, at once and in call order, and writes what it did: all of
   * it or nothing. The callback must not be async. Under pressure it waits for its turn.
   *
   * @returns a receipt, once the commit is as durable as `durability` (of the call, else of the
   *   database) says. Cost: one share of a group's write and sync.
   * @throws what the callback throws (nothing is written then); `TypeError` for a returned promise
   *   or a nested call; `VarveError` CONFLICT where `expectLsn` is not the last accepted LSN,
   *   OVERLOADED, LIMIT_EXCEEDED, ABORTED, CLOSED, DISK_FULL or IO (nothing was written),
   *   POISONED (unknown whether it was written: reopen to find out).
   */
  transact<T>(
    callback: TransactionCallback<S, T>,
    options: TransactOptions = {},
  ): Promise<Receipt<T>> {
    return transactOn<S, T>(this.#core, callback, options);
  }

  /**
   * The graph as it is now, fixed. With `{ at: "durable" }` only what a crash cannot take back.
   * Costs nothing; close it when done.
   */
  snapshot(options: { readonly at?: "accepted" | "durable" | undefined } = {}): Snapshot<S> {
    for (const name of Object.keys(options)) {
      if (name !== "at") throw new TypeError(`snapshot: unknown option ${name}`);
    }
    const { at = "accepted" } = options;
    const { source, log, counts } = this.#core;
    const lsn = source.lsn("snapshot");
    if (at === "accepted") {
      return new Snapshot<S>({
        live: source,
        log,
        lsn,
        counts: source.counts(),
        holder: "snapshot",
      });
    }
    if (at !== "durable") {
      throw new TypeError(`snapshot: at must be "accepted" or "durable", not ${describe(at)}`);
    }
    const { durableLsn } = log;
    const parts = { live: source, log, lsn: durableLsn, counts: counts.durable };
    return new Snapshot<S>({ ...parts, holder: "snapshot" });
  }

  /**
   * The graph as of the last whole transaction at or before an LSN or a time, with the whole read face; see
   * docs/TIME-TRAVEL.md. What was accepted counts, as in live reads. Close it when done: until then nothing that it shows is
   * compacted.
   *
   * @throws `TypeError`, `RangeError`; `VarveError` POSITION_AHEAD for an LSN above `lastLsn`, HISTORY_COMPACTED below what
   *   compaction has left (`details.oldest`), VIEW_ROLLED_BACK, ABORTED, INDEX_REBUILDING, CLOSED. Cost: for a time, some reads
   *   of the log; a count of some thousand events.
   */
  asOf(point: HistoryPoint, options: AsOfOptions = {}): Promise<Snapshot<S>> {
    return asOf<S>(this.#core, point, options);
  }

  /**
   * The changes of a node by its key, of all nodes that have had that key one after the other, or of an edge by its id: as the feed
   * has them, in order. Not those of a node's edges. What is not known has none. Fixed at the call; see docs/TIME-TRAVEL.md.
   *
   * @throws as `asOf` does: here for the arguments, in steps for what happens later. Cost: a look into the trees, and for each
   *   change the reading of its frame; nothing is read that lies between.
   */
  history(
    keyOrEdgeId: string | number,
    options?: HistoryOptions,
  ): AsyncIterableIterator<Change, undefined, undefined> {
    this.#core.requireOpen("history");
    return historyOf(this.#core, this.#feeds, keyOrEdgeId, options);
  }

  /**
   * Every change in `(a, b]`, in order and as the feed has them: LSNs, times, or views. Without `b` up to the last one accepted.
   * Fixed at the call; see docs/TIME-TRAVEL.md.
   *
   * @throws as `history` does; `RangeError` where `a` lies behind `b`. Cost: that of reading this part of the log.
   */
  diff(
    a: DiffPoint,
    b?: DiffPoint,
    options?: DiffOptions,
  ): AsyncIterableIterator<Change, undefined, undefined> {
    this.#core.requireOpen("diff");
    return diffOf(this.#core, this.#feeds, a, b, options);
  }

  /**
   * The changes of the durable log from a position on, in whole transactions: as an async iterable of
   * batches, or through the feed's `events()`, `observable()` and `readable()`. Never delivers what a crash
   * can take back. Positions are fixed at this call; whoever reads goes at a pace of their own.
   *
   * @throws `TypeError` and `RangeError` for options; `VarveError` POSITION_AHEAD for a position beyond
   *   `durableLsn + 1` (`details.nearest`), POSITION_COMPACTED for one whose changes are not all kept any more
   *   (`details.oldest`), CLOSED. A feed that history is compacted away from under gets that as well. What ends a feed later is told to whoever reads it.
   */
  changes(options: ChangesOptions = {}): ChangeFeed {
    this.#core.requireOpen("changes");
    return new ChangeFeed(this.#feeds, feedPlan(options, this.#core.log));
  }

  /**
   * The durable consumer with this name; makes it where there is none, as a commit of the database. Options are
   * those of `changes`, for the readings of this handle; `from` counts only where the consumer is made. Names follow
   * the rules of keys.
   *
   * @throws as `changes` does for options, and as `transact` does; READ_ONLY also where the consumer exists, since only
   *   one process at a time can know who reads it.
   */
  consumer(name: string, options: ConsumerOptions = {}): Promise<Consumer> {
    return openConsumer(this.#core, this.#feeds, name, options);
  }

  /** Every consumer, by name: where it stands, how far behind, and who reads it. */
  consumers(): ConsumerInfo[] {
    this.#core.requireOpen("consumers");
    return consumerInfos(this.#core);
  }

  /**
   * Starts a projection, or goes on with it: `apply` gets every durable change, in order, each exactly once for what
   * is stored, through any crash. State, `out` and position are stored together every second or so, as a
   * transaction without events. `out` lives in memory and holds 16 MiB at most.
   *
   * @throws `TypeError` and `RangeError` for the definition; what `init` throws; `VarveError` CONFLICT while it is
   *   running already, LIMIT_EXCEEDED for an initial state over 1 MiB, READ_ONLY, CLOSED.
   */
  project<State, Value = unknown>(
    name: string,
    definition: ProjectionDefinition<State, Value>,
  ): Promise<Projection<State, Value>> {
    return this.#projections.project(name, definition);
  }

  /** Every projection that is stored or at work, by name. */
  projections(): ProjectionInfo[] {
    this.#core.requireOpen("projections");
    return this.#projections.list();
  }

  /** As `remove` of the projection, also for one whose code is gone. */
  removeProjection(name: string): Promise<boolean> {
    return this.#projections.remove(name);
  }

  /**
   * Resolves once everything accepted so far survives a power cut. Rejects as `transact` does. With `readOnly`: once everything
   * that was durable at the call is visible.
   */
  async flush(): Promise<void> {
    this.#core.requireOpen("flush");
    await this.#core.log.flush();
  }

  /** Resolves once the event with this LSN survives a power cut; with `readOnly`, once it is visible too, even where it is yet to come. */
  async whenDurable(lsn: number): Promise<void> {
    this.#core.requireOpen("whenDurable");
    const lastLsn = this.#core.settings.readOnly ? limits.lsnMax : this.lastLsn;
    if (!Number.isSafeInteger(lsn) || lsn < 0 || lsn > lastLsn) {
      throw new RangeError(`whenDurable: lsn must be 0 to ${lastLsn}, not ${describe(lsn)}`);
    }
    await this.#core.log.whenDurable(lsn);
  }

  /**
   * Resolves once everything accepted so far is in index files that a checkpoint names: a later open replays only
   * what comes behind it. Checkpoints happen by themselves as well; writes and reads go on meanwhile.
   *
   * @throws `VarveError` DISK_FULL or IO (nothing is lost; it is tried again by itself), POISONED, CLOSED,
   *   INDEX_REBUILDING. Cost: writes what the in-memory trees hold, and some syncs.
   */
  async checkpoint(): Promise<void> {
    this.#core.requireWritable("checkpoint");
    await this.#core.background.checkpoint();
  }

  /**
   * Drops from log and index what the policy `history` lets go and nothing else needs, as far as it is in sealed segments, and
   * merges the index into one run. It happens by itself as well, bit by bit; reads and writes go on meanwhile.
   *
   * @returns how far it went and what it freed; `stats().history` says what holds the rest.
   * @throws `VarveError` ABORTED (what was done stays done), CLOSED, READ_ONLY, DISK_FULL or IO (nothing is lost), POISONED,
   *   INDEX_REBUILDING, CORRUPT for damage found. Cost: reads the sealed log and the index and writes what stays of both.
   */
  async compact(options: CompactOptions = {}): Promise<CompactReport> {
    const { signal } = checkOptions("compact", options, ["signal"]);
    this.#core.requireWritable("compact");
    return await this.#core.background.compact(checkSignal("compact", signal));
  }

  /** Flushes the segment table now, instead of within `allocationFlushMs`. Resolves to whether it could. */
  async flushAllocation(): Promise<boolean> {
    this.#core.requireOpen("flushAllocation");
    return await this.#core.log.flushAllocation();
  }

  /**
   * Copies everything durable at this call into a directory that opens as a database of its own; reads and writes go on. Where the
   * directory holds an older backup of this database, only what it lacks is copied. The parent of `destination` must exist. With
   * `readOnly`: what is durable is copied beside the writer.
   *
   * @returns the LSN that the copy stands for, and what was copied.
   * @throws `TypeError` for arguments; `VarveError` EXISTS (the destination is in this database, belongs to another one, or has been
   *   written to), NOT_A_DATABASE, LOCKED, CORRUPT (of either), DISK_FULL, IO, ABORTED, CLOSED. Whatever ends it, the machine's
   *   end included: an older backup there is as it was, or the new one is complete.
   */
  backup(destination: string, options: BackupOptions = {}): Promise<BackupReport> {
    return backupDatabase(this.#core, destination, options);
  }

  /**
   * Reads the whole log again, checks every header, frame and footer, and compares the indexes with
   * a replay. Writes go on meanwhile. Cost: a replay; a quarter of `memoryBudget` more, and no less than 16 MiB; the space of a second
   * set of index files, which are removed when it ends. With `readOnly` the second set is in memory, all of it.
   */
  async verify(): Promise<VerifyReport> {
    this.#core.requireOpen("verify");
    return await verifyDatabase(this.#core);
  }

  /** Counters and sizes as of now. */
  stats(): DatabaseStats {
    this.#core.requireOpen("stats");
    return statsOf(this.#core, this.#projections.list());
  }

  /**
   * Makes everything durable, leaves a clean mark and closes every file. Calls that have begun end
   * as they would; later ones get CLOSED. Closing again waits for the same end.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** @internal See system-state.ts. */
  static stateOf(database: Database, name: string): unknown {
    return database.#core.state.get(name);
  }

  /** @internal What tests drive step by step. */
  static coreOf(database: Database): DatabaseCore {
    return database.#core;
  }

  /** @internal What holds its history. */
  static pinsOf(database: Database): HistoryPins {
    return database.#core.log.pins;
  }

  /** @internal How many readers of feeds wait for the log to grow. */
  static waitingFeedsOf(database: Database): number {
    return database.#core.tail.size;
  }

  async #close(): Promise<void> {
    this.#projections.close();
    this.#core.beginClose(closedError("transact"));
    try {
      await this.#core.endBackground();
      await this.#core.log.close();
    } finally {
      this.#core.endClose();
      await this.#lock.release();
    }
  }
}
