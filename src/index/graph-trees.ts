// The trees of one graph and what they answer by number or by key, as of an LSN; changing them is the business of graph-index.ts.

import type { ByteReader } from "../codec/bytes.ts";
import { decodeWtf8 } from "../codec/text.ts";
import type { NameTable } from "../log/name-table.ts";
import { Adjacency, distinct } from "./adjacency.ts";
import { EdgeVersions } from "./edge-versions.ts";
import { KeyBytes } from "./key-bytes.ts";
import { KeyCache, KeyStrings } from "./key-cache.ts";
import { type KeyCursor, KeyTree } from "./key-tree.ts";
import { LabelVersions } from "./label-versions.ts";
import { liveNode, unknownNode } from "./node-table.ts";
import { NodeVersions } from "./node-versions.ts";

export interface GraphIndexOptions {
  /** Entries of a leaf of every tree; each tree has a default of its own. */
  readonly leafCapacity?: number;
  /** Children of an inner node of every tree. */
  readonly innerCapacity?: number;
  /** Entries that a tree puts aside before it merges them into its leaves. */
  readonly stagingCapacity?: number;
  /** Size of the chunks that hold keys and small records, a power of two. */
  readonly chunkBytes?: number;
  /** Keys whose ids are remembered, a power of two; default 2^19, 4 MiB. */
  readonly keyCacheSlots?: number;
  /** Ids whose keys are remembered as strings, a power of two; default 2^16. */
  readonly keyStringSlots?: number;
}

/** In `keys`, the flags of a version that removed the node. */
export const keyRemoved = 1;

export type Direction = "out" | "in" | "both";

const noIds: Uint32Array = new Uint32Array(0);
const noEdges: Float64Array = new Float64Array(0);

export class GraphTrees {
  /** (key, LSN) → node id. */
  readonly keys: KeyTree;
  /** Moved by every walk over keys: good until anything else is called. */
  readonly keyCursor: KeyCursor;
  readonly nodes: NodeVersions;
  readonly outgoing: Adjacency;
  readonly incoming: Adjacency;
  readonly edges: EdgeVersions;
  readonly labels: LabelVersions;
  readonly names: NameTable;

  /** The id that the next new node gets; ids of rejected nodes are passed over. */
  nextNodeId = 1;
  /** The LSN of the newest event applied. */
  lastLsn = 0;
  /** Live nodes and edges as of `lastLsn`. */
  nodeCount = 0;
  edgeCount = 0;

  readonly #keyBytes = new KeyBytes();
  protected readonly keyCache: KeyCache;
  protected readonly keyStrings: KeyStrings;

  constructor(names: NameTable, options: GraphIndexOptions = {}) {
    const { leafCapacity, innerCapacity, stagingCapacity, chunkBytes } = options;
    const nodes = {
      ...(leafCapacity === undefined ? {} : { leafCapacity }),
      ...(innerCapacity === undefined ? {} : { innerCapacity }),
    };
    const tree = { ...nodes, ...(stagingCapacity === undefined ? {} : { stagingCapacity }) };
    this.names = names;
    this.keys = new KeyTree({ ...nodes, ...(chunkBytes === undefined ? {} : { chunkBytes }) });
    this.keyCursor = this.keys.cursor();
    this.nodes = new NodeVersions({ tree, chunkBytes });
    this.outgoing = new Adjacency(tree);
    this.incoming = new Adjacency(tree);
    this.edges = new EdgeVersions(tree);
    this.labels = new LabelVersions(tree);
    this.keyCache = new KeyCache(options.keyCacheSlots ?? 2 ** 19);
    this.keyStrings = new KeyStrings(options.keyStringSlots ?? 2 ** 16);
  }

  /** Splits of tree nodes so far. */
  get splits(): number {
    const { keys, nodes, outgoing, incoming, edges, labels } = this;
    return (
      keys.splits + nodes.splits + outgoing.splits + incoming.splits + edges.splits + labels.splits
    );
  }

  /** Memory of the trees and caches, in bytes, estimated. */
  get bytes(): number {
    const { keys, nodes, outgoing, incoming, edges, labels, keyCache } = this;
    return (
      keys.bytes +
      nodes.bytes +
      outgoing.bytes +
      incoming.bytes +
      edges.bytes +
      labels.bytes +
      keyCache.bytes
    );
  }

  /** Whether nothing here is above this LSN. */
  isCurrent(lsn: number): boolean {
    return lsn >= this.lastLsn;
  }

  /** The id of the live node with this key as of an LSN, or 0. The caller has checked the key's length. */
  nodeIdOf(key: string, lsn: number): number {
    const cached = this.cachedIdOf(key);
    if (cached !== 0 && this.isLive(cached, lsn)) return cached;
    return this.#findId(lsn);
  }

  /** The id that the cache has for a key, live or not, or 0 where it has none. */
  cachedIdOf(key: string): number {
    const keyBytes = this.#keyBytes;
    keyBytes.set(key);
    const newest = this.keyCache.newest(keyBytes.hash);
    if (newest !== 0 && this.#hasKey(newest)) return newest;
    const older = this.keyCache.older(keyBytes.hash);
    return older !== 0 && this.#hasKey(older) ? older : 0;
  }

  /** Whether there is a node with this id as of an LSN; any number may be asked for. */
  isLive(id: number, lsn: number): boolean {
    const state = this.nodes.table.stateOf(id);
    if (state === unknownNode) return false;
    return this.isCurrent(lsn) ? state === liveNode : this.nodes.findLive(id, lsn);
  }

  /** The key of a node, removed ones included; undefined for an id that never was one. */
  keyOf(id: number): string | undefined {
    const known = this.keyStrings.get(id);
    if (known !== undefined) return known;
    if (this.nodes.table.stateOf(id) === unknownNode) return undefined;
    const reader = this.nodes.openKey(id);
    const key = decodeWtf8(reader.bytes, reader.position, reader.end);
    this.keyStrings.put(id, key);
    return key;
  }

  /** A reader on the bytes of a key, good until the next call; undefined for an id that never was one. */
  openKey(id: number): ByteReader | undefined {
    return this.nodes.table.stateOf(id) === unknownNode ? undefined : this.nodes.openKey(id);
  }

  /** The adjacency of one direction. */
  adjacency(direction: "out" | "in"): Adjacency {
    return direction === "out" ? this.outgoing : this.incoming;
  }

  /**
   * The ids of a node's neighbours, ascending, each once, freshly copied.
   * @param types numbers of edge types, or undefined for all.
   */
  neighborIds(
    node: number,
    direction: Direction,
    types: readonly number[] | undefined,
    lsn: number,
  ): Uint32Array {
    const isCurrent = this.isCurrent(lsn);
    if (direction !== "both" && (types === undefined || types.length === 1)) {
      const tree = direction === "out" ? this.outgoing : this.incoming;
      return tree.neighborIds(node, types === undefined ? 0 : types[0]!, lsn, isCurrent);
    }
    const lists: Uint32Array[] = [];
    for (const side of sidesOf(direction)) {
      for (const type of types ?? [0]) {
        lists.push(this.adjacency(side).neighborIds(node, type, lsn, isCurrent));
      }
    }
    return union(lists);
  }

  /** The ids of a node's edges: out then in, by type, other end and id; a self-loop once where both are asked for. */
  edgeIds(
    node: number,
    direction: Direction,
    types: readonly number[] | undefined,
    lsn: number,
  ): Float64Array {
    const isCurrent = this.isCurrent(lsn);
    if (direction !== "both" && (types === undefined || types.length === 1)) {
      return this.adjacency(direction).edgeIds(node, types?.[0] ?? 0, lsn, isCurrent);
    }
    const lists: Float64Array[] = [];
    for (const side of sidesOf(direction)) {
      for (const type of types ?? [0]) {
        let list = this.adjacency(side).edgeIds(node, type, lsn, isCurrent);
        if (direction === "both" && side === "in" && list.length > 0) {
          const loops = this.#loopsOf(node, type, lsn, isCurrent);
          if (loops.size > 0) list = list.filter((edge) => !loops.has(edge));
        }
        lists.push(list);
      }
    }
    return concat(lists);
  }

  degree(
    node: number,
    direction: Direction,
    types: readonly number[] | undefined,
    lsn: number,
  ): number {
    const isCurrent = this.isCurrent(lsn);
    let count = 0;
    for (const side of sidesOf(direction)) {
      for (const type of types ?? [0]) {
        count += this.adjacency(side).degree(node, type, lsn, isCurrent);
      }
    }
    return count;
  }

  /** Throws an Error naming the first broken invariant; costs a walk over everything. */
  check(): void {
    const { keys, nodes, outgoing, incoming, edges, labels } = this;
    for (const tree of [keys, nodes, outgoing, incoming, edges, labels]) tree.check();
    if (outgoing.count !== incoming.count) {
      throw new Error(`broken index: ${outgoing.count} out and ${incoming.count} in`);
    }
  }

  #loopsOf(node: number, type: number, lsn: number, isCurrent: boolean): Set<number> {
    const loops = new Set<number>();
    for (const edge of this.outgoing.loopIds(node, type, lsn, isCurrent)) loops.add(edge);
    return loops;
  }

  /** Asks the key tree for the key last set. */
  #findId(lsn: number): number {
    const { bytes, length, hash } = this.#keyBytes;
    if (!this.keys.find(bytes, 0, length, lsn)) return 0;
    if (this.keys.foundFlags === keyRemoved) return 0;
    const id = this.keys.foundId;
    if (this.isCurrent(lsn)) this.keyCache.put(hash, id);
    return id;
  }

  /** Whether the key last set is that of an id. */
  #hasKey(id: number): boolean {
    if (this.nodes.table.stateOf(id) === unknownNode) return false;
    const { bytes, length } = this.#keyBytes;
    return this.nodes.hasKey(id, bytes, length);
  }
}

export function sidesOf(direction: Direction): readonly ("out" | "in")[] {
  if (direction === "both") return ["out", "in"];
  return direction === "out" ? ["out"] : ["in"];
}

function union(lists: readonly Uint32Array[]): Uint32Array {
  const filled = lists.filter((list) => list.length > 0);
  if (filled.length < 2) return filled[0] ?? noIds.slice();
  const all = new Uint32Array(filled.reduce((count, list) => count + list.length, 0));
  let count = 0;
  for (const list of filled) {
    all.set(list, count);
    count += list.length;
  }
  return distinct(all, count);
}

function concat(lists: readonly Float64Array[]): Float64Array {
  const filled = lists.filter((list) => list.length > 0);
  if (filled.length < 2) return filled[0] ?? noEdges.slice();
  const all = new Float64Array(filled.reduce((count, list) => count + list.length, 0));
  let count = 0;
  for (const list of filled) {
    all.set(list, count);
    count += list.length;
  }
  return all;
}
