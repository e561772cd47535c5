// The beginning of a feed from "snapshot": the graph as it stands at one LSN, in batches, nodes before edges.
import type { Change, ChangeBatch, EdgeState, NodeState } from "./change.ts";
import type { FeedSource, GraphAt } from "./feed-source.ts";
import { type FilterPlan, passesEdge, passesNode } from "./filter-plan.ts";

/** Records looked at for one batch. */
const recordsPerBatch = 1024;

export class SnapshotReader {
  readonly #lsn: number;
  readonly #at: number;
  readonly #filter: FilterPlan | undefined;
  readonly #before: boolean;
  readonly #graph: GraphAt;
  #nodes: Iterator<NodeState> | undefined;
  #edges: Iterator<EdgeState>;

  constructor(source: FeedSource, lsn: number, filter: FilterPlan | undefined, before: boolean) {
    this.#lsn = lsn;
    this.#filter = filter;
    this.#before = before;
    // The commit time of that LSN, or of now where it is the LSN of no event.
    const frame = lsn === 0 ? undefined : source.tail.frameAtOrAfter(source.log, lsn, lsn);
    this.#at = frame?.timeMs ?? source.clock.wallMs();
    this.#graph = source.graphAt(lsn);
    this.#nodes = this.#graph.nodes()[Symbol.iterator]();
    this.#edges = this.#graph.edges()[Symbol.iterator]();
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

  #one(into: Change[]): boolean {
    if (this.#nodes !== undefined) {
      const { done, value } = this.#nodes.next();
      if (done !== true) {
        if (this.#filter === undefined || passesNode(this.#filter, value)) {
          into.push(this.#put(value));
        }
        return true;
      }
      this.#nodes = undefined;
    }
    const { done, value } = this.#edges.next();
    if (done === true) return false;
    if (this.#filter === undefined || passesEdge(this.#filter, value)) into.push(this.#add(value));
    return true;
  }

  #put({ key, labels, props }: NodeState): Change {
    const base = { lsn: this.#lsn, txLastLsn: this.#lsn, at: this.#at, graph: "" };
    const change: Change = { kind: "node.put", ...base, key, labels, props };
    return this.#before ? { ...change, before: undefined } : change;
  }

  #add({ id, from, type, to, props }: EdgeState): Change {
    const base = { lsn: this.#lsn, txLastLsn: this.#lsn, at: this.#at, graph: "" };
    const change: Change = { kind: "edge.add", ...base, id, from, type, to, props };
    return this.#before ? { ...change, before: undefined } : change;
  }
}
