// The read face of one graph, as the database, its snapshots and its transactions all have it: checks arguments, fixes the LSN,
// and hands over to the walks and searches.

import { limits } from "../codec/limits.ts";
import { wtf8Bytes, wtf8Length } from "../codec/text.ts";
import {
  checkCount,
  checkDirection,
  checkFlag,
  checkId,
  checkName,
  checkOptions,
  describe,
} from "./arguments.ts";
import { EdgeScan } from "./edge-scan.ts";
import { walkEdges } from "./edge-walk.ts";
import { heldWalk } from "./held-walk.ts";
import { keysOf, walkNodes } from "./node-walk.ts";
import type { ReadSource } from "./read-source.ts";
import { readEdge, readNode } from "./records.ts";
import { shortestPathIds, traverseFrom } from "./searches.ts";
import { chooseTypes } from "./type-choice.ts";
import type {
  AllEdgesOptions,
  DirectionOptions,
  EdgeRecord,
  EdgesOptions,
  EdgeType,
  NodeLabel,
  NodeRecord,
  NodesOptions,
  Schema,
  ShortestPathOptions,
  TraverseOptions,
  Visit,
} from "./types.ts";

const directionOptions: readonly string[] = ["direction", "type"];
const edgesOptions: readonly string[] = ["direction", "type", "to", "limit", "reverse"];
const nodesOptions: readonly string[] = ["label", "prefix", "after", "limit"];
const allEdgesOptions: readonly string[] = ["type", "after", "limit"];
const pathOptions: readonly string[] = ["direction", "type", "maxVisited"];
const traverseOptions: readonly string[] = ["direction", "type", "depth", "maxVisited"];
const noBytes = new Uint8Array(0);

/**
 * Synchronous reads of one graph, each as of one LSN.
 *
 * Keys, labels and types are strings of 1 to 1,024 bytes (WTF-8): anything else is a `TypeError` or `RangeError`, as are options
 * that are not known or out of range. Unknown keys, labels, types and ids have no results; they are no error. Iterables are
 * fixed at the LSN of the call, can be iterated once, go on unchanged while writes happen, and hold nothing once they ended.
 * Records are fresh objects. Every method, and every step of an iterable, throws `VarveError` `CLOSED` once the database or
 * view is closed, and `VIEW_ROLLED_BACK` where what it shows was taken back after a failed write.
 */
export class GraphReader<S = Schema> {
  protected readonly source: ReadSource;

  constructor(source: ReadSource) {
    this.source = source;
  }

  /** Live nodes. */
  get nodeCount(): number {
    this.source.lsn("nodeCount");
    return this.source.counts().nodes;
  }

  /** Live edges. */
  get edgeCount(): number {
    this.source.lsn("edgeCount");
    return this.source.counts().edges;
  }

  /** The node with a key, or undefined. */
  node<L extends NodeLabel<S> = NodeLabel<S>>(key: string): NodeRecord<S, L> | undefined {
    checkName("node", "key", key);
    const { source } = this;
    const lsn = source.lsn("node");
    const id = source.index.nodeIdOf(key, lsn, source.graph(lsn));
    if (id === 0) return undefined;
    return readNode(source, id, key, lsn) as NodeRecord<S, L> | undefined;
  }

  /** Whether there is a node with a key. */
  hasNode(key: string): boolean {
    checkName("hasNode", "key", key);
    const { source } = this;
    const lsn = source.lsn("hasNode");
    return source.index.nodeIdOf(key, lsn, source.graph(lsn)) !== 0;
  }

  /** The edge with an id, or undefined. */
  edge<T extends EdgeType<S> = EdgeType<S>>(id: number): EdgeRecord<S, T> | undefined {
    checkId("edge", "id", id);
    const lsn = this.source.lsn("edge");
    const graph = this.source.graph(lsn);
    return readEdge(this.source, id, lsn, graph) as EdgeRecord<S, T> | undefined;
  }

  /**
   * The edges of a node, parallel ones included, by (type in the order in which types were first used, id of the other node,
   * edge id). `direction: "both"` gives those out and then those in, a self-loop once. `to` keeps the edges whose other end has
   * that key: the source, for edges in. `reverse` turns the whole order around.
   */
  edges<T extends EdgeType<S> = EdgeType<S>>(
    key: string,
    options?: EdgesOptions<T>,
  ): IterableIterator<EdgeRecord<S, T>> {
    const method = "edges";
    checkName(method, "key", key);
    const given = checkOptions(method, options, edgesOptions);
    const direction = checkDirection(method, given["direction"]);
    const isReverse = checkFlag(method, "reverse", given["reverse"]);
    const limit = checkCount(method, "limit", given["limit"], 0);
    const otherKey = given["to"] === undefined ? undefined : checkName(method, "to", given["to"]);
    const { source } = this;
    const types = chooseTypes(method, given["type"], source.names);
    const lsn = source.lsn(method);
    const graph = source.graph(lsn);
    const node = source.index.nodeIdOf(key, lsn, graph);
    const other = otherKey === undefined ? 0 : source.index.nodeIdOf(otherKey, lsn, graph);
    if (node === 0 || (other === 0 && otherKey !== undefined)) return nothing();
    const walk = { node, key, direction, types, other, lsn, isReverse, limit };
    return heldWalk(source, lsn, walkEdges(source, walk)) as IterableIterator<EdgeRecord<S, T>>;
  }

  /** The keys of a node's neighbours, each once, in the order of their ids; a node with a self-loop is its own neighbour. */
  neighbors(key: string, options?: DirectionOptions<EdgeType<S>>): IterableIterator<string> {
    const method = "neighbors";
    checkName(method, "key", key);
    const given = checkOptions(method, options, directionOptions);
    const direction = checkDirection(method, given["direction"]);
    const { source } = this;
    const types = chooseTypes(method, given["type"], source.names);
    const lsn = source.lsn(method);
    const node = source.index.nodeIdOf(key, lsn, source.graph(lsn));
    if (node === 0) return nothing();
    const ids = source.index.neighborIds(node, direction, types, lsn);
    return heldWalk(source, lsn, keysOf(source, ids, lsn));
  }

  /** How many edges a node has; with `direction: "both"` a self-loop counts twice. Takes time as there are edges. */
  degree(key: string, options?: DirectionOptions<EdgeType<S>>): number {
    const method = "degree";
    checkName(method, "key", key);
    const given = checkOptions(method, options, directionOptions);
    const direction = checkDirection(method, given["direction"]);
    const { source } = this;
    const types = chooseTypes(method, given["type"], source.names);
    const lsn = source.lsn(method);
    const node = source.index.nodeIdOf(key, lsn, source.graph(lsn));
    return node === 0 ? 0 : source.index.degree(node, direction, types, lsn);
  }

  /**
   * Nodes in the order of their keys' bytes. A label with few nodes is looked up and sorted, one with many is found by a walk
   * over the keys.
   */
  nodes<L extends NodeLabel<S> = NodeLabel<S>>(
    options?: NodesOptions<L>,
  ): IterableIterator<NodeRecord<S, L>> {
    const method = "nodes";
    const given = checkOptions(method, options, nodesOptions);
    const { source } = this;
    const labelName =
      given["label"] === undefined ? undefined : checkName(method, "label", given["label"]);
    const prefix = given["prefix"] === undefined ? noBytes : checkPrefix(given["prefix"]);
    const afterKey = given["after"];
    const after =
      afterKey === undefined ? noBytes : wtf8Bytes(checkName(method, "after", afterKey));
    const limit = checkCount(method, "limit", given["limit"], 0);
    const lsn = source.lsn(method);
    const graph = source.graph(lsn);
    const label = labelName === undefined ? 0 : source.names.labelOf(graph, labelName);
    if (label === 0 && labelName !== undefined) return nothing();
    const walk = { graph, label, prefix, after, lsn, limit };
    return heldWalk(source, lsn, walkNodes(source, walk)) as IterableIterator<NodeRecord<S, L>>;
  }

  /** All edges in the order of their ids, which is that of their creation: a scan of the log. */
  allEdges<T extends EdgeType<S> = EdgeType<S>>(
    options?: AllEdgesOptions<T>,
  ): IterableIterator<EdgeRecord<S, T>> {
    const method = "allEdges";
    const given = checkOptions(method, options, allEdgesOptions);
    const after = given["after"] === undefined ? 0 : checkAfter(given["after"]);
    const limit = checkCount(method, "limit", given["limit"], 0);
    const { source } = this;
    const types = chooseTypes(method, given["type"], source.names);
    const lsn = source.lsn(method);
    const plan = { graph: source.graph(lsn), types, after, lsn, limit };
    return heldWalk(source, lsn, new EdgeScan(source, plan)) as IterableIterator<EdgeRecord<S, T>>;
  }

  /**
   * The nodes that can be reached from a node, breadth first and each once, the start (depth 0, `via` undefined) included.
   * `via` is the id of the edge that led there first.
   *
   * @throws VarveError `LIMIT_EXCEEDED` at the step that would meet more than `maxVisited` nodes.
   */
  traverse(key: string, options?: TraverseOptions<EdgeType<S>>): IterableIterator<Visit> {
    const method = "traverse";
    checkName(method, "key", key);
    const given = checkOptions(method, options, traverseOptions);
    const direction = checkDirection(method, given["direction"]);
    const depth = checkCount(method, "depth", given["depth"], 0);
    const maxVisited = checkCount(method, "maxVisited", given["maxVisited"], 1);
    const { source } = this;
    const types = chooseTypes(method, given["type"], source.names);
    const lsn = source.lsn(method);
    const start = source.index.nodeIdOf(key, lsn, source.graph(lsn));
    if (start === 0) return nothing();
    const search = { method, direction, types, lsn, maxVisited };
    return heldWalk(source, lsn, traverseFrom(source, start, search, depth));
  }

  /**
   * The keys on a path with the fewest edges, both ends included; one key where they are the same node, undefined where there
   * is no path.
   *
   * @throws VarveError `LIMIT_EXCEEDED` where more than `maxVisited` nodes would have to be looked at.
   */
  shortestPath(
    from: string,
    to: string,
    options?: ShortestPathOptions<EdgeType<S>>,
  ): string[] | undefined {
    const method = "shortestPath";
    checkName(method, "from", from);
    checkName(method, "to", to);
    const given = checkOptions(method, options, pathOptions);
    const direction = checkDirection(method, given["direction"]);
    const maxVisited = checkCount(method, "maxVisited", given["maxVisited"], 1);
    const { source } = this;
    const types = chooseTypes(method, given["type"], source.names);
    const lsn = source.lsn(method);
    const { index } = source;
    const graph = source.graph(lsn);
    const start = index.nodeIdOf(from, lsn, graph);
    const end = index.nodeIdOf(to, lsn, graph);
    if (start === 0 || end === 0) return undefined;
    const search = { method, direction, types, lsn, maxVisited };
    const path = shortestPathIds(source, start, end, search);
    return path?.map((id) => index.keyOf(id) as string);
  }

  /** The id of the node with a key, or undefined: for the calls that take ids, which touch no strings. */
  nodeId(key: string): number | undefined {
    checkName("nodeId", "key", key);
    const { source } = this;
    const lsn = source.lsn("nodeId");
    const id = source.index.nodeIdOf(key, lsn, source.graph(lsn));
    return id === 0 ? undefined : id;
  }

  /** The key of the node with an id, or undefined. */
  nodeKey(id: number): string | undefined {
    checkId("nodeKey", "id", id);
    const lsn = this.source.lsn("nodeKey");
    const { index } = this.source;
    return this.#isNode(id, lsn) && index.isLive(id, lsn) ? index.keyOf(id) : undefined;
  }

  /** The ids of a node's neighbours: ascending, each once, a fresh array. */
  neighborIds(id: number, options?: DirectionOptions<EdgeType<S>>): Uint32Array {
    const method = "neighborIds";
    checkId(method, "id", id);
    const given = checkOptions(method, options, directionOptions);
    const direction = checkDirection(method, given["direction"]);
    const { source } = this;
    const types = chooseTypes(method, given["type"], source.names);
    const lsn = source.lsn(method);
    if (!this.#isNode(id, lsn)) return new Uint32Array(0);
    return source.index.neighborIds(id, direction, types, lsn);
  }

  /** The ids of a node's edges, parallel ones included, in the order of `edges`: a fresh array. */
  edgeIds(id: number, options?: DirectionOptions<EdgeType<S>>): Float64Array {
    const method = "edgeIds";
    checkId(method, "id", id);
    const given = checkOptions(method, options, directionOptions);
    const direction = checkDirection(method, given["direction"]);
    const { source } = this;
    const types = chooseTypes(method, given["type"], source.names);
    const lsn = source.lsn(method);
    if (!this.#isNode(id, lsn)) return new Float64Array(0);
    return source.index.edgeIds(id, direction, types, lsn);
  }

  /** Whether an id can be that of a node of this graph. */
  #isNode(id: number, lsn: number): boolean {
    return id >>> 0 === id && id !== 0 && this.source.index.isIn(id, this.source.graph(lsn));
  }
}

function checkPrefix(prefix: unknown): Uint8Array {
  if (typeof prefix !== "string") {
    throw new TypeError(`nodes: prefix must be a string, got ${describe(prefix)}`);
  }
  if (wtf8Length(prefix) > limits.keyBytesMax) {
    throw new RangeError(
      `nodes: prefix must have at most ${limits.keyBytesMax} bytes, got ${wtf8Length(prefix)}`,
    );
  }
  return wtf8Bytes(prefix);
}

function checkAfter(after: unknown): number {
  return checkCount("allEdges", "after", after, 0);
}

function* nothing(): Generator<never, void> {
  // Ends at once.
}
