// The iterable of all edges by id: a scan of the log, less what was removed since. No generator: one step costs half as much.

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

  constructor(source: ReadSource, plan: EdgeScanPlan) {
    this.#source = source;
    this.#plan = plan;
    this.#epoch = source.epoch;
    this.#left = plan.after >= plan.lsn ? 0 : plan.limit;
  }

  /** The number of the graph of the edge that came last. */
  get family(): number {
    return this.#event?.family ?? 0;
  }

  next(): IteratorResult<PlainEdge, undefined> {
    if (this.#left <= 0) return { done: true, value: undefined };
    const left = this.#left - 1;
    // Whatever throws ends it.
    this.#left = 0;
    const edge = this.#next();
    if (edge === undefined) return { done: true, value: undefined };
    this.#left = left;
    return { done: false, value: edge };
  }

  return(): IteratorResult<PlainEdge, undefined> {
    this.#left = 0;
    return { done: true, value: undefined };
  }

  [Symbol.iterator](): this {
    return this;
  }

  #next(): PlainEdge | undefined {
    const source = this.#source;
    const { lsn } = this.#plan;
    source.check(lsn, this.#epoch);
    this.#records ??= this.#begin();
    for (;;) {
      while (this.#id < this.#end) {
        const id = this.#id++;
        const version = this.#versionOf(id);
        if (version !== 0) return this.#edge(this.#event!, id, version);
      }
      const event = this.#records.next();
      source.check(lsn, this.#epoch);
      if (event === undefined) return undefined;
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

  #versionOf(id: number): number {
    const source = this.#source;
    if (this.#changed < id) this.#changed = source.index.edges.nextEdge(id);
    return this.#changed === id ? edgeVersionLsn(source, id, this.#plan.lsn) : id;
  }

  #edge(event: EventReader, id: number, version: number): PlainEdge {
    const source = this.#source;
    return {
      id,
      from: keyOf(source, sourceOf(event, id)),
      type: this.#type,
      to: keyOf(source, targetOf(event, id)),
      props:
        version === id
          ? addedProps(event, source.names)
          : readLoggedProps(source.events, source.names, version),
      lsn: version,
    };
  }
}
