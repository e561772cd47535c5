// A graph without a disk: the log is an array of the batches that were accepted, and views may look at any LSN of it.
import { GraphReader } from "../../src/graph/graph-reader.ts";
import { GraphTransaction } from "../../src/graph/graph-transaction.ts";
import type { Counts, ReadSource } from "../../src/graph/read-source.ts";
import {
  TransactionCore,
  type TransactionOptions,
  TransactionSource,
} from "../../src/graph/transaction-core.ts";
import { GraphIndex } from "../../src/index/graph-index.ts";
import type { GraphIndexOptions } from "../../src/index/graph-layers.ts";
import type { EventLookup, EventScan } from "../../src/log/event-lookup.ts";
import { EventReader } from "../../src/log/event-reader.ts";
import { NameTable } from "../../src/log/name-table.ts";
import { LayerMover } from "../index/layers-support.ts";

/** Nothing is compacted here. */
const noErasures = { isPending: () => false, note: () => {} };

/** Trees so small that a handful of entries splits and merges them. */
export const tinyTrees: GraphIndexOptions = {
  leafCapacity: 4,
  innerCapacity: 4,
  stagingCapacity: 8,
  chunkBytes: 4096,
  keyCacheSlots: 8,
  keyStringSlots: 4,
};

interface Payload {
  readonly bytes: Uint8Array;
  readonly firstLsn: number;
  readonly lastLsn: number;
  readonly nameMark: number;
}

/** The log as far as reads need it. */
export class MemoryLog implements EventLookup {
  readonly payloads: Payload[] = [];
  readonly #reader = new EventReader();

  get lastLsn(): number {
    return this.payloads.at(-1)?.lastLsn ?? 0;
  }

  find(lsn: number): EventReader | undefined {
    const payload = this.payloads.find((each) => each.firstLsn <= lsn && lsn <= each.lastLsn);
    if (payload === undefined) return undefined;
    const reader = this.#reader.open(payload.bytes, 0, payload.bytes.length, payload.firstLsn);
    while (reader.next()) {
      if (reader.lsn <= lsn && lsn < reader.lsn + reader.eventCount) return reader;
    }
    return undefined;
  }

  scan(fromLsn: number, toLsn: number): EventScan {
    const payloads = [...this.payloads];
    let reader: EventReader | undefined;
    const next = (): EventReader | undefined => {
      for (;;) {
        while (reader?.next()) {
          if (reader.eventCount === 0 || reader.lsn + reader.eventCount <= fromLsn) continue;
          return reader.lsn > toLsn ? undefined : reader;
        }
        const payload = payloads.shift();
        if (payload === undefined) return undefined;
        reader = new EventReader();
        reader.open(payload.bytes, 0, payload.bytes.length, payload.firstLsn);
      }
    };
    return { next };
  }
}

/** A graph over a `MemoryLog`, with transactions and views as the database has them. */
export class MemoryGraph<S = object> extends GraphReader<S> {
  readonly log: MemoryLog;
  readonly index: GraphIndex;
  readonly names: NameTable;
  readonly core: TransactionCore;
  /** What moves events from memory into runs. */
  readonly layers: LayerMover;
  readonly #state: LiveSource;

  constructor(options: GraphIndexOptions = tinyTrees) {
    const log = new MemoryLog();
    const names = new NameTable();
    const index = new GraphIndex(names, options);
    const state = new LiveSource(index, log, names);
    super(state);
    this.#state = state;
    this.log = log;
    this.index = index;
    this.layers = new LayerMover(index);
    this.names = names;
    this.core = new TransactionCore({ index, names, events: log });
  }

  get lastLsn(): number {
    return this.log.lastLsn;
  }

  transact<T>(write: (tx: GraphTransaction<S>) => T, options: Partial<TransactionOptions> = {}): T {
    const { core } = this;
    core.begin(this.lastLsn + 1, {
      implicitNodes: false,
      transactionBytesMax: 64 * 2 ** 20,
      ...options,
    });
    let result: T;
    try {
      result = write(new GraphTransaction<S>(new TransactionSource(core), noErasures));
    } catch (error) {
      core.rollback();
      throw error;
    }
    const { batch } = core.finish();
    if (batch.records.position === 0) return result;
    const { definitions, records } = batch;
    const bytes = new Uint8Array(definitions.position + records.position);
    bytes.set(definitions.view(0, definitions.position));
    bytes.set(records.view(0, records.position), definitions.position);
    const { firstLsn, lastLsn, nameMark } = batch;
    this.log.payloads.push({ bytes, firstLsn, lastLsn, nameMark });
    core.settle();
    return result;
  }

  /** Rejects the newest transaction, as after a failed write; false where there is none, or it is in a run. */
  rejectLast(): boolean {
    const payload = this.log.payloads.at(-1);
    if (payload === undefined || payload.firstLsn <= this.layers.flushedLsn) return false;
    this.log.payloads.pop();
    this.index.unapply(payload.bytes, 0, payload.bytes.length, payload.firstLsn);
    this.names.truncate(payload.nameMark);
    this.#state.epoch++;
    return true;
  }

  /** The graph as of an LSN. */
  view(lsn: number, counts?: Counts): GraphReader<S> {
    return new GraphReader<S>(new ViewSource(this.#state, lsn, counts));
  }

  /** A new graph made by replaying the log of this one. */
  replayed(options?: GraphIndexOptions): MemoryGraph<S> {
    const graph = new MemoryGraph<S>(options);
    for (const payload of this.log.payloads) {
      graph.log.payloads.push(payload);
      graph.index.apply(payload.bytes, 0, payload.bytes.length, payload.firstLsn);
    }
    return graph;
  }
}

class LiveSource implements ReadSource {
  readonly index: GraphIndex;
  readonly events: MemoryLog;
  readonly names: NameTable;
  epoch = 0;

  constructor(index: GraphIndex, events: MemoryLog, names: NameTable) {
    this.index = index;
    this.events = events;
    this.names = names;
  }

  lsn(): number {
    return this.events.lastLsn;
  }

  graph(): number {
    return 0;
  }

  check(lsn: number, epoch: number): void {
    if (epoch !== this.epoch && lsn > this.events.lastLsn) throw new Error("rolled back");
  }

  counts(): Counts {
    return { nodes: this.index.nodeCount, edges: this.index.edgeCount };
  }
}

class ViewSource implements ReadSource {
  readonly #live: LiveSource;
  readonly #lsn: number;
  readonly #counts: Counts | undefined;

  constructor(live: LiveSource, lsn: number, counts: Counts | undefined) {
    this.#live = live;
    this.#lsn = lsn;
    this.#counts = counts;
  }

  get index(): GraphIndex {
    return this.#live.index;
  }

  get events(): MemoryLog {
    return this.#live.events;
  }

  get names(): NameTable {
    return this.#live.names;
  }

  get epoch(): number {
    return this.#live.epoch;
  }

  lsn(): number {
    return this.#lsn;
  }

  graph(): number {
    return 0;
  }

  check(lsn: number, epoch: number): void {
    this.#live.check(lsn, epoch);
  }

  counts(): Counts {
    return this.#counts ?? this.#live.counts();
  }
}
