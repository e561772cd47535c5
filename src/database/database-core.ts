// What an open database is made of, and what happens to it when transactions are accepted, taken back or made durable.
import { FeedTail } from "../changes/feed-tail.ts";
import { VarveError } from "../codec/errors.ts";
import type { Diagnostics } from "../disk/diagnostics.ts";
import type { ReadSource } from "../graph/read-source.ts";
import { TransactionCore } from "../graph/transaction-core.ts";
import type { GraphIndex } from "../index/graph-index.ts";
import type { PendingTransaction } from "../log/group.ts";
import type { Log } from "../log/log.ts";
import type { NameTable } from "../log/name-table.ts";
import { CountsHistory } from "./counts-history.ts";
import { HistoryCuts } from "./history-cuts.ts";
import { IndexRebuild } from "./index-rebuild.ts";
import { IndexStages } from "./index-stages.ts";
import type { Settings } from "./options.ts";
import { Pipeline } from "./pipeline.ts";
import type { RunKeeper } from "./run-keeper.ts";
import type { StateUndo, SystemState } from "./system-values.ts";
import type { Tuning } from "./tuning.ts";
import { WriteQueue } from "./write-queue.ts";

/** What opening hands over. */
export interface CoreParts {
  readonly log: Log;
  readonly index: GraphIndex;
  readonly names: NameTable;
  readonly state: SystemState;
  readonly runs: RunKeeper;
  readonly settings: Settings;
  readonly tuning: Tuning;
  readonly directory: string;
  readonly diagnostics: Diagnostics;
  /** The version of the runs that the newest checkpoint names. */
  readonly savedRuns: number;
  /** Fills an emptied index from the log. */
  refill(log: Log): Promise<void>;
}

export class DatabaseCore {
  readonly log: Log;
  readonly index: GraphIndex;
  readonly names: NameTable;
  readonly state: SystemState;
  readonly runs: RunKeeper;
  readonly settings: Settings;
  readonly tuning: Tuning;
  readonly directory: string;
  readonly diagnostics: Diagnostics;
  readonly stages: IndexStages;
  readonly rebuild: IndexRebuild;
  /** Why the last step of the background failed, until one works again. */
  stalled: unknown;
  readonly counts: CountsHistory;
  readonly cuts: HistoryCuts = new HistoryCuts();
  readonly transaction: TransactionCore;
  readonly pipeline: Pipeline;
  readonly queue: WriteQueue;
  readonly source: ReadSource;
  /** Told whenever the durable LSN moves: live feeds wait there. */
  readonly tail: FeedTail = new FeedTail();
  /** Whether a callback of `transact` is running. */
  inCallback = false;
  /** How to undo the system state of transactions that are not durable yet. */
  readonly #stateUndo: { readonly by: PendingTransaction; readonly undo: StateUndo }[] = [];
  /** Calls that wait for a checkpoint. */
  #checkpointWaiters: { readonly lsn: number; resolve(): void; reject(error: unknown): void }[] =
    [];
  #lifeStage: "open" | "closing" | "closed" = "open";

  constructor(parts: CoreParts) {
    const { log, index, names, state, settings, tuning, runs } = parts;
    this.log = log;
    this.index = index;
    this.names = names;
    this.state = state;
    this.runs = runs;
    this.settings = settings;
    this.tuning = tuning;
    this.directory = parts.directory;
    this.diagnostics = parts.diagnostics;
    this.counts = new CountsHistory(log.acceptedLsn, this.#liveCounts());
    this.transaction = new TransactionCore({ index, names, events: log.events });
    this.rebuild = new IndexRebuild({
      scheduler: settings.ports.scheduler,
      rebuild: () => this.#rebuildIndex(parts),
      done: () => {
        this.pipeline.wake();
        this.queue.proceed();
      },
      failed: (error) => this.#rebuildFailed(error),
    });
    runs.cache.damaged = (error) => this.rebuild.met(error);
    this.stages = this.#indexStages(parts.savedRuns);
    this.pipeline = new Pipeline(
      () => this.#apply(),
      // Two: while large runs are being merged, small ones go on coming.
      [() => this.stages.advance(), () => this.#merge(), () => this.#merge()],
      {
        scheduler: settings.ports.scheduler,
        failed: (error) => this.#stageFailed(error),
      },
    );
    this.queue = new WriteQueue(settings.maxPendingBytes, {
      pendingBytes: () => log.pendingBytes,
      indexPressure: () => (log.poison === undefined ? this.stages.pressure : undefined),
      stalled: () => this.stalled,
    });
    this.source = this.#liveSource();
    log.listen({
      rolledBack: (transactions) => this.#rolledBack(transactions),
      durableAdvanced: (lsn) => this.#durableAdvanced(lsn),
    });
  }

  requireOpen(method: string): void {
    if (this.#lifeStage !== "open") throw closedError(method);
  }

  /** Throws POISONED once nothing can be written any more. */
  requireWritable(method: string): void {
    this.requireOpen(method);
    const { poison } = this.log;
    if (poison !== undefined) throw poison;
    this.rebuild.require();
  }

  beginClose(error: VarveError): void {
    this.#lifeStage = "closing";
    this.queue.clear(error);
    this.tail.close();
    for (const waiter of this.#checkpointWaiters.splice(0)) waiter.reject(error);
  }

  /** Ends the background; what is accepted is durable when this resolves, or never will be. */
  async endBackground(): Promise<void> {
    await this.log.settled();
    this.pipeline.close();
    await this.rebuild.close();
    await this.stages.close();
  }

  endClose(): void {
    this.#lifeStage = "closed";
  }

  noteAccepted(
    transaction: PendingTransaction,
    states: readonly [string, unknown][],
    bytes: number,
  ): void {
    const { firstLsn, lastLsn } = transaction;
    this.counts.add(lastLsn, this.index.nodeCount, this.index.edgeCount);
    for (const [name, value] of states) {
      this.#stateUndo.push({ by: transaction, undo: this.state.set(name, value) });
    }
    this.stages.noteAccepted(bytes);
    if (this.diagnostics.isHeard("commit")) {
      const { directory: path } = this;
      this.diagnostics.publish("commit", { path, firstLsn, lastLsn, bytes });
    }
  }

  /** Resolves once a checkpoint stands for everything accepted so far. */
  checkpoint(): Promise<void> {
    const lsn = this.stages.want();
    if (this.stages.isSaved(lsn)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#checkpointWaiters.push({ lsn, resolve, reject });
      // Inside a callback of transact the trees show what is not accepted: the stages begin behind it.
      this.settings.ports.scheduler.microtask(() => this.pipeline.wake());
    });
  }

  #indexStages(savedRuns: number): IndexStages {
    const { log, index, names, state, runs, tuning } = this;
    return new IndexStages(
      {
        log,
        index,
        names,
        state,
        runs,
        tuning,
        clock: this.settings.ports.clock,
        isBusy: () => this.inCallback || this.rebuild.isUnusable,
        wake: () => this.pipeline.wake(),
        saved: (checkpoint) => {
          const { directory: path } = this;
          this.diagnostics.publish("checkpoint", { path, ...checkpoint });
          this.#tellSaved();
        },
      },
      savedRuns,
    );
  }

  #tellSaved(): void {
    const told = this.#checkpointWaiters.filter(({ lsn }) => this.stages.isSaved(lsn));
    this.#checkpointWaiters = this.#checkpointWaiters.filter((waiter) => !told.includes(waiter));
    for (const waiter of told) waiter.resolve();
    this.queue.proceed();
  }

  async #merge(): Promise<boolean> {
    if (this.#lifeStage !== "open" || this.rebuild.isUnusable || this.log.poison !== undefined) {
      return false;
    }
    const before = this.runs.counters.bytesMerged;
    try {
      if (!(await this.runs.merge())) return false;
    } catch (error) {
      // What was to be merged is damaged: it is being made anew.
      if (this.rebuild.isUnusable) return false;
      throw error;
    }
    const { directory: path } = this;
    const bytes = this.runs.counters.bytesMerged - before;
    this.diagnostics.publish("merge", { path, runs: this.runs.runs.length, bytes });
    this.stages.measure();
    this.queue.proceed();
    this.pipeline.wake();
    return true;
  }

  #stageFailed(error: unknown): void {
    this.stalled = error;
    if (error === undefined) return;
    this.queue.stall(error);
    for (const waiter of this.#checkpointWaiters.splice(0)) waiter.reject(error);
  }

  /** The transaction is in the log by now: an index that cannot take it is made anew from there. */
  #apply(): void {
    try {
      this.transaction.settle();
    } catch (error) {
      if (!this.rebuild.isUnusable) throw error;
    }
  }

  async #rebuildIndex({ refill }: CoreParts): Promise<void> {
    await this.stages.settled();
    await this.log.settled();
    await this.runs.forget();
    this.index.clear();
    await refill(this.log);
    // What was counted when the trees could not take a transaction was wrong.
    this.counts.reset(this.log.acceptedLsn, this.#liveCounts());
    this.stages.noteRebuilt();
  }

  /** Nobody waits for what will not come. */
  #rebuildFailed(error: VarveError): void {
    this.queue.clear(error);
    for (const waiter of this.#checkpointWaiters.splice(0)) waiter.reject(error);
  }

  #liveCounts(): { nodes: number; edges: number } {
    return { nodes: this.index.nodeCount, edges: this.index.edgeCount };
  }

  #liveSource(): ReadSource {
    const { index, names, log, cuts, rebuild } = this;
    const requireReadable = (method: string): void => {
      if (this.#lifeStage === "closed") throw closedError(method);
      this.requireOpen(method);
    };
    return {
      index,
      names,
      events: log.events,
      lsn: (method) => {
        requireReadable(method);
        rebuild.require();
        return log.acceptedLsn;
      },
      check: (lsn, epoch) => {
        requireReadable("iteration");
        rebuild.require();
        cuts.check(lsn, epoch);
      },
      get epoch() {
        return cuts.epoch;
      },
      counts: () => this.#visibleCounts(),
    };
  }

  /** Inside a callback the trees may show part of the transaction already: then the last counts hold. */
  #visibleCounts(): { nodes: number; edges: number } {
    return this.inCallback ? this.counts.latest : this.#liveCounts();
  }

  #rolledBack(transactions: readonly PendingTransaction[]): void {
    // An index that is being made anew never gets to know of what was taken back.
    if (!this.rebuild.isUnusable) this.#unapply(transactions);
    const oldest = transactions[transactions.length - 1];
    if (oldest === undefined) return;
    this.names.truncate(oldest.nameMark);
    while (this.#stateUndo.length > 0) {
      const last = this.#stateUndo[this.#stateUndo.length - 1]!;
      if (!transactions.includes(last.by)) break;
      this.state.undo(last.undo);
      this.#stateUndo.pop();
    }
    this.counts.rollBackTo(this.log.acceptedLsn);
    this.cuts.add(this.log.acceptedLsn);
    this.stages.noteRolledBack();
  }

  #unapply(transactions: readonly PendingTransaction[]): void {
    try {
      for (const { pieces } of transactions) {
        for (let i = pieces.length - 1; i >= 0; i--) {
          const piece = pieces[i]!;
          this.index.unapply(piece.bytes, piece.from, piece.to, piece.firstLsn);
        }
      }
    } catch (error) {
      if (!this.rebuild.isUnusable) throw error;
    }
  }

  #durableAdvanced(lsn: number): void {
    this.counts.durableAdvanced(lsn);
    while (this.#stateUndo.length > 0 && this.#stateUndo[0]!.by.lastLsn < lsn)
      this.#stateUndo.shift();
    this.queue.proceed();
    this.tail.wake();
    const { poison } = this.log;
    if (poison !== undefined) {
      for (const waiter of this.#checkpointWaiters.splice(0)) waiter.reject(poison);
    }
    if (this.diagnostics.isHeard("sync")) {
      this.diagnostics.publish("sync", { path: this.directory, durableLsn: lsn });
    }
  }
}

export function closedError(method: string): VarveError {
  return new VarveError("CLOSED", `${method}: the database is closed`);
}
