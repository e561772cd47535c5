// The life of a transaction: what it has written so far, how much of that the trees show, and how an operation or all of it is
// taken back. The database holds it; users hold a GraphTransaction that stands on it.

import { VarveError } from "../codec/errors.ts";
import { limits } from "../codec/limits.ts";
import type { GraphIndex } from "../index/graph-index.ts";
import type { PropsInput } from "../log/event-batch.ts";
import { EventBatch } from "../log/event-batch.ts";
import { defaultFamily, RECORD } from "../log/event-format.ts";
import type { EventLookup } from "../log/event-lookup.ts";
import { NAME_KIND, type NameTable } from "../log/name-table.ts";
import { BatchEvents } from "./batch-events.ts";
import type { Counts, ReadSource } from "./read-source.ts";

/** What transactions are made over; read anew at each `begin`. */
export interface TransactionBase {
  readonly index: GraphIndex;
  readonly names: NameTable;
  /** The events accepted so far. */
  readonly events: EventLookup;
}

export interface TransactionOptions {
  readonly implicitNodes: boolean;
  /** Encoded bytes that the transaction may have. */
  readonly transactionBytesMax: number;
}

/** What the database gets to write. */
export interface TransactionEnd {
  readonly batch: EventBatch;
  /** The trees show the records up to this position; `settle` shows them the rest. */
  readonly appliedTo: number;
}

const noLabels: readonly number[] = Object.freeze([]);

/** What the graph is called that is called nothing. */
const defaultGraph = "";

/** One serves all transactions of a graph, one after another. */
export class TransactionCore {
  readonly batch: EventBatch;
  readonly events: BatchEvents;
  implicitNodes = false;
  /** The number of the graph that the present operation is on; below 0 where there is none of that name yet. */
  graph: number = defaultFamily;
  /** Counts the transactions begun: tells a user's handle on an earlier one from the present one. */
  ordinal = 0;

  readonly #base: TransactionBase;
  #index: GraphIndex;
  #bytesMax: number = limits.transactionBytesMaxDefault;
  #isOver = true;
  #isBusy = false;
  #appliedTo = 0;
  #appliedNextLsn = 1;
  // Where the present operation began. Fields, so that an operation makes no object.
  #markPosition = 0;
  #markEvents = 0;
  #markCuts = 0;
  #lastName = "";
  #lastNameId = 0;
  #graphName = defaultGraph;
  /** Graphs and maps that this transaction has defined and of which nothing may be applied yet. */
  readonly #begun = new Map<string, number>();

  constructor(base: TransactionBase) {
    this.#base = base;
    this.#index = base.index;
    this.batch = new EventBatch(base.names);
    this.events = new BatchEvents(this.batch, base.events);
  }

  get index(): GraphIndex {
    return this.#index;
  }

  get names(): NameTable {
    return this.#base.names;
  }

  /** Starts a transaction whose first event gets `firstLsn`, right behind what the trees show. */
  begin(firstLsn: number, options: TransactionOptions): void {
    this.#index = this.#base.index;
    this.batch.begin(firstLsn);
    this.events.begin(this.#base.events);
    this.implicitNodes = options.implicitNodes;
    this.#bytesMax = options.transactionBytesMax;
    this.ordinal++;
    this.#isOver = false;
    this.#isBusy = false;
    this.#appliedTo = 0;
    this.#appliedNextLsn = firstLsn;
    this.#lastName = "";
    this.#lastNameId = 0;
    if (this.#begun.size > 0) this.#begun.clear();
  }

  /** Ends the writing: from here on users' handles throw. The trees may not show all of it yet. */
  finish(): TransactionEnd {
    this.#isOver = true;
    if (this.batch.records.position > 0) {
      this.batch.commit();
    } else {
      // Nothing will be written: names that only refused operations used must not outlive it undefined.
      this.names.truncate(this.batch.nameMark);
    }
    return { batch: this.batch, appliedTo: this.#appliedTo };
  }

  /** Takes everything back from trees and names, before `finish` or after it, while no later transaction has begun. */
  rollback(): void {
    this.#isOver = true;
    this.#isBusy = false;
    const { batch } = this;
    const appliedTo = this.#appliedTo;
    try {
      if (appliedTo > 0) this.#index.unapply(batch.records.bytes, 0, appliedTo, batch.firstLsn);
    } finally {
      // Trees that cannot take it back are made anew; the names are not, and none may be left that no record defines.
      this.names.truncate(batch.nameMark);
      this.#appliedTo = 0;
      this.#appliedNextLsn = batch.firstLsn;
      batch.begin(batch.firstLsn);
      this.events.begin(this.#base.events);
    }
  }

  /** Shows the trees everything written so far. */
  settle(): void {
    const { records } = this.batch;
    const { position } = records;
    if (position === this.#appliedTo) return;
    this.#index.apply(records.bytes, this.#appliedTo, position, this.#appliedNextLsn);
    this.#appliedTo = position;
    this.#appliedNextLsn = this.batch.nextLsn;
  }

  /** Throws unless the transaction with this ordinal may be used now. */
  require(method: string, ordinal: number): void {
    if (this.#isOver || ordinal !== this.ordinal) {
      throw new TypeError(`${method}: the transaction is over`);
    }
    if (this.#isBusy) {
      throw new TypeError(`${method}: called by a getter of a value that is being written`);
    }
  }

  /** Begins an operation: from here to `endOperation` or `failOperation` nothing of the user's may use the transaction. */
  startOperation(): void {
    const { batch } = this;
    this.#isBusy = true;
    this.#markPosition = batch.records.position;
    this.#markEvents = batch.eventCount;
    this.#markCuts = batch.cuts.length;
  }

  /** Ends an operation; throws `LIMIT_EXCEEDED`, for `failOperation`, where the transaction got too large. */
  endOperation(method: string): void {
    this.checkBytes(method, 0);
    this.#isBusy = false;
  }

  /** Takes the present operation back. */
  failOperation(): void {
    const { batch } = this;
    const position = this.#markPosition;
    const lsn = batch.firstLsn + this.#markEvents;
    const appliedTo = this.#appliedTo;
    try {
      if (appliedTo > position) {
        this.#index.unapply(batch.records.bytes, position, appliedTo, lsn);
      }
    } finally {
      if (appliedTo > position) {
        this.#appliedTo = position;
        this.#appliedNextLsn = lsn;
      }
      batch.rollbackTo({ position, eventCount: this.#markEvents, cutCount: this.#markCuts });
      this.events.cut(position);
      this.#isBusy = false;
    }
  }

  /** Throws `LIMIT_EXCEEDED` where `more` bytes would be too many. */
  checkBytes(method: string, more: number): void {
    if (this.batch.bytes + more <= this.#bytesMax) return;
    throw new VarveError(
      "LIMIT_EXCEEDED",
      `${method}: the transaction would have more than ${this.#bytesMax} bytes`,
      { details: { limit: "maxTransactionBytes", max: this.#bytesMax } },
    );
  }

  /** Says which graph the next operation is on. */
  useGraph(name: string): void {
    this.#graphName = name;
    this.graph = name === defaultGraph ? defaultFamily : this.#numberOf(NAME_KIND.graph, name);
  }

  /** The numbers of all graphs that have had the name of the operation's, dropped ones included. */
  graphsOfName(): readonly number[] {
    if (this.#graphName === defaultGraph) return [defaultFamily];
    return this.names.numbersOf(NAME_KIND.graph, 0, this.#graphName);
  }

  /** The number of the operation's graph, which is defined now where it was not. */
  graphToWrite(): number {
    if (this.graph < 0) this.graph = this.#define(NAME_KIND.graph, this.#graphName);
    return this.graph;
  }

  /** The number of a map, below 0 where there is none. */
  mapToRead(name: string): number {
    return this.#numberOf(NAME_KIND.map, name);
  }

  mapToWrite(name: string): number {
    const number = this.mapToRead(name);
    return number < 0 ? this.#define(NAME_KIND.map, name) : number;
  }

  /** Ends a graph or a map with everything in it; false where there is none of that name. */
  drop(method: string, kind: "graph" | "map", name: string): boolean {
    this.settle();
    const { index, batch } = this;
    const number = index.familyNamed(NAME_KIND[kind], name, batch.lastLsn);
    if (number < 0) return false;
    this.startOperation();
    try {
      batch.drop(kind === "graph" ? RECORD.graphDrop : RECORD.mapDrop, number);
      this.endOperation(method);
    } catch (error) {
      this.failOperation();
      throw error;
    }
    // At once, so that what comes next begins another one.
    this.#begun.delete(`${NAME_KIND[kind]}${name}`);
    this.settle();
    return true;
  }

  /** The number by which a graph or a map goes on, below 0 where it has to be defined. */
  #numberOf(kind: typeof NAME_KIND.graph | typeof NAME_KIND.map, name: string): number {
    const { index } = this;
    const begun = this.#begun.get(`${kind}${name}`);
    // Drops are settled at once, so that the newest event applied says what is there.
    return begun ?? index.familyNamed(kind, name, Math.max(index.lastLsn, this.batch.lastLsn));
  }

  #define(kind: typeof NAME_KIND.graph | typeof NAME_KIND.map, name: string): number {
    const number = this.batch.internScoped(kind, 0, name);
    this.#begun.set(`${kind}${name}`, number);
    return number;
  }

  /** The number of a label of the operation's graph, defined on first use. */
  labelId(name: string): number {
    const graph = this.graphToWrite();
    if (graph === defaultFamily) return this.nameId(name);
    const known = this.names.labelOf(graph, name);
    return known === 0 ? this.batch.internScoped(NAME_KIND.label, graph, name) : known;
  }

  /** The number of a type or event name, or of a label of the default graph, defined on first use. */
  nameId(name: string): number {
    if (name === this.#lastName) return this.#lastNameId;
    const id = this.batch.intern(name);
    this.#lastName = name;
    this.#lastNameId = id;
    return id;
  }

  /** The id of a live node, own writes included, or 0. */
  nodeIdOf(key: string): number {
    // Invariant: removals of nodes are settled at once, so that a live id of the cache is live in this transaction too.
    const { graph } = this;
    const cached = this.#index.cachedIdOf(key, graph);
    if (cached !== 0) return cached;
    this.settle();
    return this.#index.nodeIdOf(key, this.batch.lastLsn, graph);
  }

  /** The id of a live node; a missing one is made where the option says so, else `NODE_NOT_FOUND`. */
  endNode(method: string, argument: string, key: string): number {
    const id = this.nodeIdOf(key);
    if (id !== 0) return id;
    if (this.implicitNodes) return this.createNode(method, key, noLabels, undefined);
    throw new VarveError("NODE_NOT_FOUND", `${method}: ${argument} names no node`, {
      details: { key },
    });
  }

  /** Writes the put of a new node; the caller knows that there is none with this key. */
  createNode(
    method: string,
    key: string,
    labels: readonly number[],
    props: PropsInput | undefined,
  ): number {
    const id = this.#index.nextNodeId;
    if (id > limits.nodeIdMax) {
      throw new VarveError("LIMIT_EXCEEDED", `${method}: the graph has used up its node ids`, {
        details: { limit: "nodeIdMax", max: limits.nodeIdMax },
      });
    }
    // Counted on before the put is applied: an id is used up even where the put is taken back.
    this.#index.nextNodeId = id + 1;
    this.batch.nodePut(this.graphToWrite(), id, key, labels, props);
    return id;
  }
}

/** What a user's handle on one transaction reads from: the trees, with everything written so far. */
export class TransactionSource implements ReadSource {
  readonly epoch = 0;
  readonly core: TransactionCore;
  readonly #ordinal: number;
  readonly #graph: string;

  /** @param graph the name of the graph that is read and written. */
  constructor(core: TransactionCore, graph: string = defaultGraph) {
    this.core = core;
    this.#ordinal = core.ordinal;
    this.#graph = graph;
  }

  get index(): GraphIndex {
    return this.core.index;
  }

  get events(): EventLookup {
    return this.core.events;
  }

  get names(): NameTable {
    return this.core.names;
  }

  /** The core, for a write; throws where the transaction is over. */
  open(method: string): TransactionCore {
    this.core.require(method, this.#ordinal);
    this.core.useGraph(this.#graph);
    return this.core;
  }

  lsn(method: string): number {
    this.core.require(method, this.#ordinal);
    this.core.settle();
    return this.core.batch.lastLsn;
  }

  check(): void {
    this.core.require("iteration", this.#ordinal);
  }

  graph(lsn: number): number {
    if (this.#graph === defaultGraph) return defaultFamily;
    return this.core.index.familyNamed(NAME_KIND.graph, this.#graph, lsn);
  }

  counts(): Counts {
    this.core.settle();
    if (this.#graph !== defaultGraph) {
      const graph = this.core.index.families.get(this.graph(this.core.batch.lastLsn));
      return { nodes: graph?.nodes ?? 0, edges: graph?.edges ?? 0 };
    }
    return { nodes: this.core.index.nodeCount, edges: this.core.index.edgeCount };
  }
}
