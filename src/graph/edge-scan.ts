// The iterable of all edges by id: a scan of the log, less what was removed since. No generator: one step costs a fifth less.

import type { EventScan } from "../log/event-lookup.ts";
import type { EventReader } from "../log/event-reader.ts";
import type { ReadSource } from "./read-source.ts";
import {
  addedProps,
  addsEdges,
  edgeVersionLsn,
  keyOf,
  nameOf,
  type PlainEdge,
  readLoggedProps,
  sourceOf,
  targetOf,
} from "./records.ts";

export interface EdgeScanPlan {
  /** The number of the graph; undefined for whatever graph is there. */
  readonly graph: number | undefined;
  readonly types: readonly number[] | undefined;
  /** Only ids above this one. */
  readonly after: number;
  readonly lsn: number;
  readonly limit: number;
}

/** So many edges are made ahead at the most, the first ones fewer: who wants but one does not pay for them all. */
const edgesAheadMax = 64;

/**
 * Makes edges some at a time ahead of being asked: the keys of many nodes, which lie all over the memory, are then fetched at
 * once instead of one after the other, and a step is little enough to become part of the loop around it.
 */
export class EdgeScan implements IterableIterator<PlainEdge, undefined> {
  readonly #source: ReadSource;
  readonly #plan: EdgeScanPlan;
  readonly #epoch: number;
  #records: EventScan | undefined;
  /** The record at hand, its type's name, and the ids in it that were not looked at yet. */
  #event: EventReader | undefined;
  #type = "";
  #id = 0;
  #end = 0;
  /** The next edge that was ever patched or removed: the others need no look-up. */
  #changed = 0;
  #left: number;
  /** What was made ahead, how many of it there are and were given out; of each its graph and the nodes at its ends. */
  readonly #edges: PlainEdge[] = [];
  readonly #families: number[] = [];
  readonly #from: number[] = [];
  readonly #to: number[] = [];
  #count = 0;
  #given = 0;
  #room = 1;
  /** What making them met, behind them; set apart from `undefined`, which can be thrown as well. */
  #failure: { readonly error: unknown } | undefined;

  constructor(source: ReadSource, plan: EdgeScanPlan) {
    this.#source = source;
    this.#plan = plan;
    this.#epoch = source.epoch;
    this.#left = plan.after >= plan.lsn ? 0 : plan.limit;
  }

  /** The number of the graph of the edge that came last. */
  get family(): number {
    return this.#families[this.#given - 1] ?? 0;
  }

  next(): IteratorResult<PlainEdge, undefined> {
    if (this.#left <= 0) return { done: true, value: undefined };
    const left = this.#left - 1;
    // Whatever throws ends it.
    this.#left = 0;
    this.#source.check(this.#plan.lsn, this.#epoch);
    if (this.#given === this.#count && !this.#more(left + 1)) {
      return { done: true, value: undefined };
    }
    this.#left = left;
    return { done: false, value: this.#edges[this.#given++]! };
  }

  return(): IteratorResult<PlainEdge, undefined> {
    this.#left = 0;
    return { done: true, value: undefined };
  }

  [Symbol.iterator](): this {
    return this;
  }

  /** Makes the next edges, `max` at the most; false where there are none. */
  #more(max: number): boolean {
    if (this.#failure !== undefined) throw this.#failure.error;
    this.#given = 0;
    this.#count = 0;
    const room = Math.min(this.#room, max);
    this.#room = Math.min(this.#room * 2, edgesAheadMax);
    try {
      this.#fill(room);
    } catch (error) {
      this.#failure = { error };
    }
    this.#nameEnds();
    this.#source.check(this.#plan.lsn, this.#epoch);
    if (this.#count === 0 && this.#failure !== undefined) throw this.#failure.error;
    return this.#count > 0;
  }

  #fill(room: number): void {
    this.#records ??= this.#begin();
    const records = this.#records;
    for (;;) {
      while (this.#id < this.#end) {
        if (this.#count === room) return;
        this.#add(this.#event!, this.#id++);
      }
      if (this.#count === room) return;
      const event = records.next();
      if (event === undefined) return;
      if (addsEdges(event)) this.#enter(event);
    }
  }

  #begin(): EventScan {
    const { after, lsn } = this.#plan;
    this.#changed = this.#source.index.edges.nextEdge(after + 1);
    return this.#source.events.scan(after + 1, lsn);
  }

  #enter(event: EventReader): void {
    const { graph, types, after, lsn } = this.#plan;
    const { index, names } = this.#source;
    this.#event = event;
    if (graph === undefined ? !index.hasGraph(event.family, lsn) : event.family !== graph) return;
    if (types !== undefined && !types.includes(event.type)) return;
    this.#type = nameOf(names, event.type);
    this.#id = Math.max(event.lsn, after + 1);
    this.#end = Math.min(event.lsn + event.eventCount, lsn + 1);
  }

  /** Makes an edge, for now without the keys of its ends, unless it is gone. */
  #add(event: EventReader, id: number): void {
    const source = this.#source;
    if (this.#changed < id) this.#changed = source.index.edges.nextEdge(id);
    const lsn = this.#changed === id ? edgeVersionLsn(source, id, this.#plan.lsn) : id;
    if (lsn === 0) return;
    const props =
      lsn === id
        ? addedProps(event, source.names)
        : readLoggedProps(source.events, source.names, lsn);
    const at = this.#count;
    this.#edges[at] = { id, from: "", type: this.#type, to: "", props, lsn };
    this.#families[at] = event.family;
    this.#from[at] = sourceOf(event, id);
    this.#to[at] = targetOf(event, id);
    this.#count = at + 1;
  }

  #nameEnds(): void {
    const source = this.#source;
    let at = 0;
    try {
      for (; at < this.#count; at++) {
        const edge = this.#edges[at]!;
        edge.from = keyOf(source, this.#from[at]!);
        edge.to = keyOf(source, this.#to[at]!);
      }
    } catch (error) {
      this.#count = at;
      this.#failure = { error };
    }
  }
}
