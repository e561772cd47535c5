// What users hold inside a transaction: the read face with their own writes in it, and the write operations.

import * as edgeWrites from "./edge-writes.ts";
import { GraphReader } from "./graph-reader.ts";
import * as nodeWrites from "./node-writes.ts";
import type { TransactionSource } from "./transaction-core.ts";
import type {
  AddEdgesOptions,
  EdgeProps,
  EdgeType,
  EventName,
  EventValue,
  NodeLabel,
  PatchNodeOptions,
  PropsPatch,
  PutNodeOptions,
  PutNodesOptions,
  Schema,
} from "./types.ts";

/**
 * The writes of one transaction, and all reads, which see its own writes.
 *
 * Keys, labels, types and names are strings of 1 to 1,024 bytes. Values of props and events are null, boolean, number, bigint,
 * string, `Uint8Array`, `Date`, and arrays and plain objects of these; a prop that is undefined is left out. Anything else is a
 * `TypeError` or `RangeError`; too large a value or transaction, or more than 4,096 labels of one node, is `VarveError`
 * `LIMIT_EXCEEDED`. An operation that throws has
 * done nothing. Nothing is durable, nor seen by other reads, before the transaction ends; after it every method throws a
 * `TypeError`.
 */
export class GraphTransaction<S = Schema> extends GraphReader<S> {
  readonly #source: TransactionSource;
  readonly #erasures: nodeWrites.ErasureNotes;

  /**
   * A handle on the transaction that the source's core has begun.
   *
   * @param erasures keeps in mind what is to be erased.
   */
  constructor(source: TransactionSource, erasures: nodeWrites.ErasureNotes) {
    super(source);
    this.#source = source;
    this.#erasures = erasures;
  }

  /**
   * Creates the node with a key, or replaces its labels and props; a replaced node keeps its id and its edges.
   *
   * @returns the node's id.
   */
  putNode<L extends NodeLabel<S> = NodeLabel<S>>(
    key: string,
    options?: PutNodeOptions<S, L>,
  ): number {
    return nodeWrites.putNode(this.#source.open("putNode"), key, options);
  }

  /**
   * Changes some props and labels of a node: a prop of null is taken away, those not named stay. Labels that are there already,
   * or not there to be removed, are no error.
   *
   * @throws VarveError `NODE_NOT_FOUND`.
   */
  patchNode<L extends NodeLabel<S> = NodeLabel<S>>(
    key: string,
    patch: PatchNodeOptions<S, L>,
  ): void {
    nodeWrites.patchNode(this.#source.open("patchNode"), this.#source, key, patch);
  }

  /** Removes a node and, with an event each, all its edges. Returns false where there is none. */
  removeNode(key: string): boolean {
    return nodeWrites.removeNode(this.#source.open("removeNode"), key);
  }

  /**
   * Removes a node with its edges, as `removeNode` does, and has every trace of them taken from the files for good by the next
   * compaction, whatever the history policy: of this node and of all that had the key before it, in this graph or in one of its name
   * that was dropped. Their events keep their LSNs, as changes of kind `"erased"`. See docs/HISTORY.md for what is promised and
   * what is not.
   *
   * @returns false where no node has the key, and none is known that had it.
   */
  erase(key: string): boolean {
    return nodeWrites.eraseNode(this.#source.open("erase"), key, this.#erasures);
  }

  /**
   * Adds an edge, whatever edges there are already. Missing end nodes are made where the database has `implicitNodes`.
   *
   * @returns the edge's id.
   * @throws VarveError `NODE_NOT_FOUND`.
   */
  addEdge<T extends EdgeType<S>>(
    from: string,
    type: T,
    to: string,
    props?: EdgeProps<S, T>,
  ): number {
    return edgeWrites.addEdge(this.#source.open("addEdge"), from, type, to, props);
  }

  /**
   * Replaces the props of the edge of this type between two nodes, or adds it. A replacement is an `edge.patch` in the feed,
   * with null for every prop that it takes away.
   *
   * @returns the edge's id.
   * @throws VarveError `NODE_NOT_FOUND`; `CONFLICT` where there are several such edges.
   */
  putEdge<T extends EdgeType<S>>(
    from: string,
    type: T,
    to: string,
    props?: EdgeProps<S, T>,
  ): number {
    const core = this.#source.open("putEdge");
    return edgeWrites.putEdge(core, this.#source, from, type, to, props);
  }

  /**
   * Changes some props of an edge: null takes one away, those not named stay.
   *
   * @throws VarveError `EDGE_NOT_FOUND`.
   */
  patchEdge<T extends EdgeType<S> = EdgeType<S>>(
    id: number,
    props: PropsPatch<EdgeProps<S, T>>,
  ): void {
    edgeWrites.patchEdge(this.#source.open("patchEdge"), this.#source, id, props);
  }

  /** Removes an edge. Returns false where there is none. */
  removeEdge(id: number): boolean {
    return edgeWrites.removeEdge(this.#source.open("removeEdge"), this.#source, id);
  }

  /**
   * Puts many nodes: as `putNode` for each key, with the same labels for all and the props of the same ordinal.
   *
   * @returns the ids, in the order of the keys.
   */
  putNodes<L extends NodeLabel<S> = NodeLabel<S>>(
    keys: readonly string[],
    options?: PutNodesOptions<S, L>,
  ): Uint32Array {
    return nodeWrites.putNodes(this.#source.open("putNodes"), keys, options);
  }

  /**
   * Adds many edges of one type between nodes that are given by their ids.
   *
   * @returns the first edge's id; the others' follow it one by one. Without any edges: the id that the next one would get.
   * @throws VarveError `NODE_NOT_FOUND`.
   */
  addEdges<T extends EdgeType<S>>(options: AddEdgesOptions<S, T>): number {
    return edgeWrites.addEdges(this.#source.open("addEdges"), options);
  }

  /** Writes an event of the user's own, which readers of the changes get; without a value it is null. */
  emit<N extends EventName<S>>(name: N, value?: EventValue<S, N>): void {
    edgeWrites.emit(this.#source.open("emit"), name, value);
  }
}
