// The beginning of a feed from "snapshot": everything as it stands at one LSN, in batches: nodes, entries of maps, edges.
import type { Change, ChangeBatch, EdgeState, EntryState, NodeState } from "./change.ts";
import type { FeedSource, GraphAt } from "./feed-source.ts";
import { type FilterPlan, passesEdge, passesEntry, passesNode } from "./filter-plan.ts";

/** Records looked at for one batch. */
const recordsPerBatch = 1024;

export class SnapshotReader {
  readonly #lsn: number;
  readonly #at: number;
  readonly #filter: FilterPlan | undefined;
  readonly #before: boolean;
  readonly #graph: GraphAt;
  readonly #changes: Iterator<Change | undefined>;

  constructor(source: FeedSource, lsn: number, filter: FilterPlan | undefined, before: boolean) {
    this.#lsn = lsn;
    this.#filter = filter;
    this.#before = before;
    // The commit time of that LSN, or of now where it is the LSN of no event.
    const frame = lsn === 0 ? undefined : source.tail.frameAtOrAfter(source.log, lsn, lsn);
    this.#at = frame?.timeMs ?? source.clock.wallMs();
    this.#graph = source.graphAt(lsn);
    this.#changes = this.#all();
  }

  close(): void {
    this.#graph.close();
  }

  /** The next batch; "again" where the filter let nothing through, undefined at the end. */
  read(): ChangeBatch | "again" | undefined {
    const changes: Change[] = [];
    let isOver = false;
    for (let count = 0; count < recordsPerBatch && !isOver; count++) isOver = !this.#one(changes);
    if (changes.length === 0) return isOver ? undefined : "again";
    const lsn = this.#lsn;
    return { changes, firstLsn: lsn, lastLsn: lsn, nextLsn: lsn + 1, phase: "snapshot" };
  }

  /** Looks at one record; false at the end. */
  #one(into: Change[]): boolean {
    const { done, value } = this.#changes.next();
    if (done === true) return false;
    if (value !== undefined) into.push(value);
    return true;
  }

  /** A change for each record, undefined for those that the filter keeps back. */
  *#all(): Generator<Change | undefined, void> {
    const filter = this.#filter;
    for (const [graph, node] of this.#graph.nodes()) {
      const passes = filter === undefined || passesNode(filter, graph, node);
      yield passes ? this.#put(graph, node) : undefined;
    }
    for (const [map, entry] of this.#graph.entries()) {
      const passes = filter === undefined || passesEntry(filter, map, entry);
      yield passes ? this.#entry(map, entry) : undefined;
    }
    for (const [graph, edge] of this.#graph.edges()) {
      const passes = filter === undefined || passesEdge(filter, graph, edge);
      yield passes ? this.#add(graph, edge) : undefined;
    }
  }

  #put(graph: string, { key, labels, props }: NodeState): Change {
    const base = { lsn: this.#lsn, txLastLsn: this.#lsn, at: this.#at, graph };
    const change: Change = { kind: "node.put", ...base, key, labels, props };
    return this.#before ? { ...change, before: undefined } : change;
  }

  #entry(map: string, { key, value }: EntryState): Change {
    const base = { lsn: this.#lsn, txLastLsn: this.#lsn, at: this.#at, graph: "" };
    const change: Change = { kind: "map.put", ...base, map, key, value };
    return this.#before ? { ...change, before: undefined } : change;
  }

  #add(graph: string, { id, from, type, to, props }: EdgeState): Change {
    const base = { lsn: this.#lsn, txLastLsn: this.#lsn, at: this.#at, graph };
    const change: Change = { kind: "edge.add", ...base, id, from, type, to, props };
    return this.#before ? { ...change, before: undefined } : change;
  }
}
