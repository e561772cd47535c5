// What an open database is made of, and what happens to it when transactions are accepted, taken back or made durable.
import { FeedTail } from "../changes/feed-tail.ts";
import { VarveError } from "../codec/errors.ts";
import type { DurableReader } from "../compaction/horizon.ts";
import type { Diagnostics } from "../disk/diagnostics.ts";
import type { ReadSource } from "../graph/read-source.ts";
import { TransactionCore } from "../graph/transaction-core.ts";
import type { GraphIndex } from "../index/graph-index.ts";
import { readOnly } from "../log/follow-errors.ts";
import type { PendingTransaction } from "../log/group.ts";
import type { Log } from "../log/log.ts";
import type { NameTable } from "../log/name-table.ts";
import { Background } from "./background.ts";
import { ConsumerLeases } from "./consumer-leases.ts";
import type { CoreParts, OwnWrites } from "./core-parts.ts";
import { CountsHistory } from "./counts-history.ts";
import { erasingLsn } from "./erasures.ts";
import { HistoryCuts } from "./history-cuts.ts";
import { LiveSource } from "./live-source.ts";
import type { Settings } from "./options.ts";
import { Pipeline } from "./pipeline.ts";
import type { RunKeeper } from "./run-keeper.ts";
import type { StateUndo, SystemState } from "./system-values.ts";
import type { Tuning } from "./tuning.ts";
import { WriteQueue } from "./write-queue.ts";

export class DatabaseCore {
  readonly log: Log;
  readonly index: GraphIndex;
  readonly names: NameTable;
  readonly state: SystemState;
  readonly runs: RunKeeper;
  readonly renew: CoreParts["renew"];
  readonly settings: Settings;
  readonly tuning: Tuning;
  readonly directory: string;
  readonly diagnostics: Diagnostics;
  readonly background: Background;
  readonly counts: CountsHistory;
  readonly cuts: HistoryCuts = new HistoryCuts();
  readonly transaction: TransactionCore;
  readonly queue: WriteQueue;
  readonly source: ReadSource;
  /** Told whenever the durable LSN moves: live feeds wait there. */
  readonly tail: FeedTail = new FeedTail();
  readonly leases: ConsumerLeases;
  /** Whether a callback of `transact` is running. */
  inCallback = false;
  /** Readers at work that are to hold the history and of which nothing is stored yet. */
  unstoredReaders: () => readonly DurableReader[] = () => [];
  /** Commits what is the system's own; resolves once it is durable. */
  commitOwn: (write: (writes: OwnWrites) => void) => Promise<void> = () => Promise.resolve();
  /** How to undo the system state of transactions that are not durable yet. */
  readonly #stateUndo: { readonly by: PendingTransaction; readonly undo: StateUndo }[] = [];
  #lifeStage: "open" | "closing" | "closed" = "open";
  #pipeline: Pipeline | undefined;

  constructor(parts: CoreParts) {
    const { log, index, names, state, settings, tuning, runs } = parts;
    this.log = log;
    this.index = index;
    this.names = names;
    this.state = state;
    this.runs = runs;
    this.renew = parts.renew;
    this.settings = settings;
    this.tuning = tuning;
    this.directory = parts.directory;
    this.diagnostics = parts.diagnostics;
    this.counts = new CountsHistory(log.acceptedLsn, this.#liveCounts(), parts.anchors);
    this.transaction = new TransactionCore({ index, names, events: log.events });
    this.background = new Background(parts, {
      isOpen: () => this.#lifeStage === "open",
      inCallback: () => this.inCallback,
      wake: () => this.pipeline.wake(),
      proceed: () => this.queue.proceed(),
      stall: (cause) => this.queue.stall(cause),
      rebuilt: () => {
        // What was counted when the trees could not take a transaction was wrong.
        this.counts.reset(log.acceptedLsn, this.#liveCounts());
        this.pipeline.wake();
        this.queue.proceed();
        this.tail.wake();
      },
      durableState: (name) => this.durableState(name),
      durableStates: () => this.durableStates(),
      unstoredReaders: () => this.unstoredReaders(),
      commit: (write) => this.commitOwn(write),
      erasing: (lsn) => this.#erasing(lsn),
      lost: (error) => {
        this.queue.clear(error);
        this.tail.wake();
      },
    });
    this.queue = new WriteQueue(settings.maxPendingBytes, {
      pendingBytes: () => log.pendingBytes,
      indexPressure: () => this.background.pressure,
      stalled: () => this.background.stalled,
      later: (task) => settings.ports.scheduler.task(task),
    });
    this.source = new LiveSource({
      index,
      names,
      log,
      cuts: this.cuts,
      rebuild: this.background.rebuild,
      isKept: settings.readOnly || settings.history === "all",
      requireOpen: (method) => this.requireOpen(method),
      counts: () => this.#visibleCounts(),
    });
    this.leases = new ConsumerLeases(log, state);
    this.#erasing(erasingLsn(state, log.erasedLsn));
    log.listen({
      rolledBack: (transactions) => this.#rolledBack(transactions),
      durableAdvanced: (lsn) => this.#durableAdvanced(lsn),
    });
  }

  /** Made where it is needed first: who only reads does not wait for it. */
  get pipeline(): Pipeline {
    this.#pipeline ??= new Pipeline(() => this.#apply(), this.background.loops, {
      scheduler: this.settings.ports.scheduler,
      failed: (error) => this.background.stageFailed(error),
    });
    return this.#pipeline;
  }

  requireOpen(method: string): void {
    if (this.#lifeStage !== "open") throw closedError(method);
  }

  /** Throws READ_ONLY where that is how it was opened. */
  requireOwner(method: string): void {
    this.requireOpen(method);
    if (this.settings.readOnly) throw readOnly(method);
  }

  /** The same, and POISONED once nothing can be written any more. */
  requireWritable(method: string): void {
    this.requireOwner(method);
    const { poison } = this.log;
    if (poison !== undefined) throw poison;
    this.background.rebuild.require();
  }

  beginClose(error: VarveError): void {
    this.#lifeStage = "closing";
    this.queue.clear(error);
    this.tail.close();
    this.background.rejectWaiters(error);
  }

  /** Ends the background; what is accepted is durable when this resolves, or never will be. */
  async endBackground(): Promise<void> {
    await this.log.settled();
    this.pipeline.close();
    await this.background.close();
  }

  endClose(): void {
    this.#lifeStage = "closed";
    this.log.pins.clear();
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
    this.background.stages.noteAccepted(bytes);
    this.background.compaction.noteAccepted(bytes);
    if (this.diagnostics.isHeard("commit")) {
      const { directory: path } = this;
      this.diagnostics.publish("commit", { path, firstLsn, lastLsn, bytes });
    }
  }

  /** The past below this LSN is in pieces: log and index lose what is erased one after the other; 0: it is whole again. */
  #erasing(lsn: number): void {
    this.cuts.setErasing(lsn);
    this.tail.forget();
  }

  /** The transaction is in the log by now: an index that cannot take it is made anew from there. */
  #apply(): void {
    try {
      this.transaction.settle();
    } catch (error) {
      if (!this.background.rebuild.isUnusable) throw error;
    }
  }

  /** A value of the system state as of what is known to be durable. */
  durableState(name: string): unknown {
    const first = this.#stateUndo.find(({ undo }) => undo.name === name);
    return first === undefined ? this.state.get(name) : first.undo.value;
  }

  /** All values of the system state as of what is known to be durable. */
  durableStates(): Map<string, unknown> {
    const states = new Map(this.state.entries());
    // Of the undos of one name the oldest has what is durable.
    const undo = this.#stateUndo;
    for (let i = undo.length - 1; i >= 0; i--) states.set(undo[i]!.undo.name, undo[i]!.undo.value);
    return states;
  }

  /** Forgets how to undo what is durable; of state alone, without an LSN, a settled group commit tells. */
  #forgetUndo(durableLsn: number): void {
    const undo = this.#stateUndo;
    let count = undo.length;
    while (count > 0 && !isDurable(undo[count - 1]!.by, durableLsn)) count--;
    undo.splice(0, count);
  }

  #liveCounts(): { nodes: number; edges: number } {
    return { nodes: this.index.nodeCount, edges: this.index.edgeCount };
  }

  /** Inside a callback the trees may show part of the transaction already: then the last counts hold. */
  #visibleCounts(): { nodes: number; edges: number } {
    return this.inCallback ? this.counts.latest : this.#liveCounts();
  }

  #rolledBack(transactions: readonly PendingTransaction[]): void {
    // An index that is being made anew never gets to know of what was taken back.
    if (!this.background.rebuild.isUnusable) this.#unapply(transactions);
    const oldest = transactions[transactions.length - 1];
    if (oldest === undefined) return;
    this.names.truncate(oldest.nameMark);
    while (this.#stateUndo.length > 0) {
      const last = this.#stateUndo[this.#stateUndo.length - 1]!;
      if (!transactions.includes(last.by)) break;
      this.state.undo(last.undo);
      this.#stateUndo.pop();
    }
    this.counts.rollBackTo(this.log.acceptedLsn, this.#liveCounts());
    this.cuts.add(this.log.acceptedLsn);
    this.background.stages.noteRolledBack();
    // What was taken back makes room, and no sync will come to tell of it.
    this.background.stages.measure();
    this.settings.ports.scheduler.task(() => this.queue.proceed());
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
      if (!this.background.rebuild.isUnusable) throw error;
    }
  }

  #durableAdvanced(lsn: number): void {
    // Nobody but the log noted what it has read.
    if (this.settings.readOnly) {
      this.counts.add(lsn, this.index.nodeCount, this.index.edgeCount);
      this.#erasing(erasingLsn(this.state, this.log.erasedLsn));
    }
    this.counts.durableAdvanced(lsn, !this.background.rebuild.isUnusable);
    this.#forgetUndo(lsn);
    this.queue.proceed();
    this.tail.wake();
    const { poison } = this.log;
    if (poison !== undefined) this.background.rejectWaiters(poison);
    if (this.diagnostics.isHeard("sync")) {
      this.diagnostics.publish("sync", { path: this.directory, durableLsn: lsn });
    }
  }
}

function isDurable({ lastLsn, level, settled }: PendingTransaction, durableLsn: number): boolean {
  return lastLsn < durableLsn || (level === "group" && settled);
}

export function closedError(method: string): VarveError {
  return new VarveError("CLOSED", `${method}: the database is closed`);
}
