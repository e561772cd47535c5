// What an open database is made of, and what happens to it when transactions are accepted, taken back or made durable.
import { FeedTail } from "../changes/feed-tail.ts";
import { VarveError } from "../codec/errors.ts";
import type { ReadSource } from "../graph/read-source.ts";
import { TransactionCore } from "../graph/transaction-core.ts";
import type { GraphIndex } from "../index/graph-index.ts";
import type { PendingTransaction } from "../log/group.ts";
import type { Log } from "../log/log.ts";
import type { NameTable } from "../log/name-table.ts";
import { ConsumerLeases } from "./consumer-leases.ts";
import { CountsHistory } from "./counts-history.ts";
import { HistoryCuts } from "./history-cuts.ts";
import type { Settings } from "./options.ts";
import { Pipeline } from "./pipeline.ts";
import type { StateUndo, SystemState } from "./system-values.ts";
import { WriteQueue } from "./write-queue.ts";

export class DatabaseCore {
  readonly log: Log;
  readonly index: GraphIndex;
  readonly names: NameTable;
  readonly state: SystemState;
  readonly settings: Settings;
  readonly directory: string;
  readonly counts: CountsHistory;
  readonly cuts: HistoryCuts = new HistoryCuts();
  readonly transaction: TransactionCore;
  readonly pipeline: Pipeline;
  readonly queue: WriteQueue;
  readonly source: ReadSource;
  /** Told whenever the durable LSN moves: live feeds wait there. */
  readonly tail: FeedTail = new FeedTail();
  readonly leases: ConsumerLeases;
  /** Whether a callback of `transact` is running. */
  inCallback = false;
  /** How to undo the system state of transactions that are not durable yet. */
  readonly #stateUndo: { readonly by: PendingTransaction; readonly undo: StateUndo }[] = [];
  #lifeStage: "open" | "closing" | "closed" = "open";

  constructor(
    log: Log,
    index: GraphIndex,
    names: NameTable,
    state: SystemState,
    settings: Settings,
    directory: string,
  ) {
    this.log = log;
    this.index = index;
    this.names = names;
    this.state = state;
    this.settings = settings;
    this.directory = directory;
    this.counts = new CountsHistory(log.acceptedLsn, this.#liveCounts());
    this.transaction = new TransactionCore({ index, names, events: log.events });
    this.pipeline = new Pipeline(() => this.transaction.settle());
    this.queue = new WriteQueue(settings.maxPendingBytes, () => log.pendingBytes);
    this.source = this.#liveSource();
    this.leases = new ConsumerLeases(log, state);
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
  }

  beginClose(error: VarveError): void {
    this.#lifeStage = "closing";
    this.queue.clear(error);
    this.tail.close();
  }

  endClose(): void {
    this.#lifeStage = "closed";
    this.pipeline.close();
  }

  noteAccepted(transaction: PendingTransaction, states: readonly [string, unknown][]): void {
    this.counts.add(transaction.lastLsn, this.index.nodeCount, this.index.edgeCount);
    for (const [name, value] of states) {
      this.#stateUndo.push({ by: transaction, undo: this.state.set(name, value) });
    }
  }

  /** A value of the system state as of what is known to be durable. */
  durableState(name: string): unknown {
    const first = this.#stateUndo.find(({ undo }) => undo.name === name);
    return first === undefined ? this.state.get(name) : first.undo.value;
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

  #liveSource(): ReadSource {
    const { index, names, log, cuts } = this;
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
        return log.acceptedLsn;
      },
      check: (lsn, epoch) => {
        requireReadable("iteration");
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
    for (const { pieces } of transactions) {
      for (let i = pieces.length - 1; i >= 0; i--) {
        const piece = pieces[i]!;
        this.index.unapply(piece.bytes, piece.from, piece.to, piece.firstLsn);
      }
    }
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
  }

  #durableAdvanced(lsn: number): void {
    this.counts.durableAdvanced(lsn);
    this.#forgetUndo(lsn);
    this.queue.proceed();
    this.tail.wake();
  }
}

function isDurable({ lastLsn, level, settled }: PendingTransaction, durableLsn: number): boolean {
  return lastLsn < durableLsn || (level === "group" && settled);
}

export function closedError(method: string): VarveError {
  return new VarveError("CLOSED", `${method}: the database is closed`);
}
