// The trees of all graphs and what they answer by number or by key, as of an LSN; applying events is the business of graph-index.ts.

import { type ByteReader, MalformedBytes } from "../codec/bytes.ts";
import { limits } from "../codec/limits.ts";
import { decodeWtf8 } from "../codec/text.ts";
import { defaultFamily } from "../log/event-format.ts";
import type { EventReader } from "../log/event-reader.ts";
import { NAME_KIND, type NameTable } from "../log/name-table.ts";
import type { Adjacency } from "./adjacency.ts";
import type { KeySource } from "./disk-tree-merge.ts";
import { distinct } from "./distinct-ids.ts";
import { Families, type Family } from "./families.ts";
import { FamilyCache } from "./family-cache.ts";
import type { FrozenLayer } from "./frozen-layer.ts";
import { type GraphIndexOptions, GraphLayers } from "./graph-layers.ts";
import { KeyBytes } from "./key-bytes.ts";
import { KeyCache, KeyStrings } from "./key-cache.ts";
import { keyRemoved } from "./key-layers.ts";
import { LiveIds } from "./live-ids.ts";
import { SupersededCounts } from "./superseded-counts.ts";
import type { TreeRun } from "./tree-run.ts";
import { UnfoldedCounts } from "./unfolded-counts.ts";

export type Direction = "out" | "in" | "both";

const noIds: Uint32Array = new Uint32Array(0);
const noEdges: Float64Array = new Float64Array(0);

/** What a checkpoint says of an index. */
export interface IndexState {
  readonly nextNodeId: number;
  readonly lastLsn: number;
  readonly nodeCount: number;
  readonly edgeCount: number;
  readonly families: readonly Family[];
  /** Newest first. */
  readonly runs: readonly TreeRun[];
}

export class GraphTrees extends GraphLayers {
  readonly names: NameTable;
  /** Which ids are live as of `lastLsn`. */
  readonly liveIds: LiveIds;

  /** The id that the next new node gets; ids of rejected nodes are passed over. */
  nextNodeId = 1;
  /** The LSN of the newest event applied. */
  lastLsn = 0;
  /**
   * Up to here the log may be compacted: there, what an event builds on may be gone, and what a put makes may be there already.
   * Only a replay meets such events; the states at and above the horizon come out right.
   */
  compactedTo = 0;
  /** Live nodes and edges of the default graph as of `lastLsn`. */
  nodeCount = 0;
  edgeCount = 0;
  /** What there is beside the default graph. */
  readonly families: Families = new Families();

  /** As of this LSN there was a node with this id: spares reads of the past a look for each older one. */
  #pastLsn = 0;
  #pastId = 0;
  readonly #keyBytes = new KeyBytes();
  /** Kept up while events are applied and taken back. */
  readonly superseded: SupersededCounts = new SupersededCounts();
  readonly unfolded: UnfoldedCounts = new UnfoldedCounts();
  readonly #familyCache = new FamilyCache();
  readonly keyCache: KeyCache;
  protected readonly keyStrings: KeyStrings;

  constructor(names: NameTable, options: GraphIndexOptions = {}) {
    super(options);
    this.names = names;
    this.liveIds = new LiveIds(this.nodes, options.liveIdPages ?? 2 ** 13);
    this.keyCache = new KeyCache(options.keyCacheSlots ?? 2 ** 17);
    this.keyStrings = new KeyStrings(options.keyStringSlots ?? 2 ** 16);
  }

  /** Moved by every walk over keys: good until anything else is called. */
  get keyCursor(): KeySource {
    return this.keys.cursor;
  }

  /** Memory of the caches, in bytes, estimated; the pages of the runs' trees are the page cache's. */
  get cacheBytes(): number {
    return this.keyCache.bytes + this.keyStrings.bytes + this.liveIds.bytes;
  }

  /** Memory of the layers and caches, in bytes, estimated. */
  get bytes(): number {
    return this.activeBytes + this.frozenBytes + this.spareBytes + this.cacheBytes;
  }

  /** Freezes everything applied so far, for a flush, and begins a new active layer; there must be no frozen one. */
  freeze(): FrozenLayer {
    return this.freezeAt(this.lastLsn);
  }

  /** Takes other runs, newest first; with `dropFrozen` they hold what the frozen layer does. Closing runs is the caller's. */
  install(runs: readonly TreeRun[], dropFrozen: boolean): void {
    this.setRuns(runs, dropFrozen);
  }

  /** Fills an empty index with what a checkpoint holds. */
  restore(state: IndexState): void {
    this.nextNodeId = state.nextNodeId;
    this.lastLsn = state.lastLsn;
    this.nodeCount = state.nodeCount;
    this.edgeCount = state.edgeCount;
    this.families.load(state.families);
    this.liveIds.clear(state.nextNodeId - 1);
    this.startAt(state.lastLsn + 1);
    this.setRuns(state.runs, false);
  }

  /** Takes over what another index of the same events holds, in other layers; that one is worthless from then on. */
  adopt(other: GraphTrees): void {
    this.adoptLayers(other);
    this.nextNodeId = other.nextNodeId;
    this.lastLsn = other.lastLsn;
    this.nodeCount = other.nodeCount;
    this.edgeCount = other.edgeCount;
    this.families.load(other.families.all());
    const { highest } = other.liveIds;
    if (this.liveIds.highest !== highest) this.liveIds.clear(highest);
  }

  /** Forgets everything but the names, runs included, which stay open. */
  clear(): void {
    this.clearLayers();
    this.keyCache.clear();
    this.keyStrings.clear();
    this.liveIds.clear(0);
    this.superseded.clear();
    this.unfolded.clear();
    this.#pastId = 0;
    this.nextNodeId = 1;
    this.lastLsn = 0;
    this.nodeCount = 0;
    this.edgeCount = 0;
    this.families.clear();
    this.#familyCache.clear();
  }

  /** How many patches an edge has without an image, before one at an LSN that supersedes the last of them. */
  protected depthBefore(edgeId: number, lsn: number): number {
    if (!this.edges.find(edgeId, lsn)) return 0;
    this.superseded.note(this.edges.foundLsn);
    return this.edges.foundDepth;
  }

  /** Whether nothing here is above this LSN. */
  isCurrent(lsn: number): boolean {
    return lsn >= this.lastLsn;
  }

  /**
   * The id of the live node with this key in a graph as of an LSN, or 0. The caller has checked the key's length.
   * @param graph a family number; below 0 there is no such graph.
   */
  nodeIdOf(key: string, lsn: number, graph = 0): number {
    const cached = this.cachedIdOf(key, graph);
    // The node that has the key now had it from its first version on.
    if (cached !== 0 && (this.isCurrent(lsn) || this.#wasThere(cached, lsn))) return cached;
    return this.#findId(lsn);
  }

  /** Whether a node that is live now was there as of an LSN: ids ascend as nodes are created. */
  #wasThere(id: number, lsn: number): boolean {
    if (lsn >= this.#pastLsn && id <= this.#pastId) return true;
    if (!this.nodes.find(id, lsn)) return false;
    this.#pastLsn = lsn;
    this.#pastId = id;
    return true;
  }

  /** The id of the node that has a key as of the newest event, or 0 where the cache does not know. */
  cachedIdOf(key: string, graph = 0): number {
    const keyBytes = this.#keyBytes;
    if (graph === 0) keyBytes.set(key);
    else keyBytes.setIn(graph, key);
    return this.keyCache.get(keyBytes);
  }

  /** The number of the graph or map that has a name as of an LSN; -1 where nothing was ever in it, or it is dropped. */
  familyNamed(kind: Family["kind"], name: string, lsn: number): number {
    const numbers = this.names.numbersOf(kind, 0, name);
    for (let i = numbers.length - 1; i >= 0; i--) {
      const family = this.families.get(numbers[i]!);
      if (family === undefined || family.firstLsn > lsn) continue;
      return lsn < family.droppedLsn ? family.number : -1;
    }
    return -1;
  }

  /** Whether the node with an id, if there ever was one, is in a graph. */
  isIn(id: number, graph: number): boolean {
    if (this.families.isEmpty) return graph === 0;
    let found = this.#familyCache.get(id);
    if (found < 0) {
      if (!this.#isKnown(id) || !this.nodes.find(id, limits.lsnMax)) return false;
      found = this.nodes.foundFamily;
      this.#familyCache.put(id, found);
    }
    return found === graph;
  }

  /** Whether a graph is there as of an LSN; the default one always is. */
  hasGraph(graph: number, lsn: number): boolean {
    if (graph === 0) return true;
    const family = this.families.get(graph);
    return family !== undefined && family.kind === NAME_KIND.graph && lsn < family.droppedLsn;
  }

  /** Finds the newest version of a map's entry at or below an LSN: its LSN, or 0 where there is none or it is a removal. */
  entryLsn(map: number, key: string, lsn: number): number {
    const keyBytes = this.#keyBytes;
    keyBytes.setIn(map, key);
    const { bytes, length, hash } = keyBytes;
    const { keys } = this;
    if (!keys.find(bytes, 0, length, lsn, hash) || keys.foundFlags === keyRemoved) return 0;
    return keys.foundLsn;
  }

  /** Whether there is a node with this id as of an LSN; any number may be asked for. */
  isLive(id: number, lsn: number): boolean {
    return this.#isKnown(id) && this.nodes.findLive(id, lsn);
  }

  /** The key of a node, removed ones included; undefined for an id that never was one. */
  keyOf(id: number): string | undefined {
    const known = this.keyStrings.get(id);
    if (known !== undefined) return known;
    if (!this.#isKnown(id) || !this.nodes.find(id, limits.lsnMax)) return undefined;
    return this.#readKey(id);
  }

  /** Forgets what is kept in memory of a node that is gone for good. */
  forgetNode(id: number): void {
    this.keyStrings.forget(id);
    // One of a dropped graph was never removed.
    this.liveIds.set(id, false);
  }

  /** The key of the node whose version was found last. */
  keyOfFound(id: number): string {
    return this.keyStrings.get(id) ?? this.#readKey(id);
  }

  /** A reader on the bytes of a key, good until the next call; undefined for an id that never was one. */
  openKey(id: number): ByteReader | undefined {
    if (!this.#isKnown(id) || !this.nodes.find(id, limits.lsnMax)) return undefined;
    return this.nodes.openKey();
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

  protected countNodes(reader: EventReader, count: number): void {
    if (reader.family === defaultFamily) this.nodeCount += count;
    else this.familyOf(reader, NAME_KIND.graph).nodes += count;
  }

  protected countEdges(reader: EventReader, count: number): void {
    if (reader.family === defaultFamily) this.edgeCount += count;
    else this.familyOf(reader, NAME_KIND.graph).edges += count;
  }

  /** The graph or map that an event is of; throws where there is none with its number, or another kind of thing. */
  protected familyOf({ family, lsn }: EventReader, kind: Family["kind"]): Family {
    const found = this.families.get(family);
    const known = found ?? this.names.scopedOf(family);
    if (known?.kind !== kind)
      throw new MalformedBytes(`no family ${family} of events at LSN ${lsn}`);
    return found ?? this.families.begin(family, kind, lsn);
  }

  #loopsOf(node: number, type: number, lsn: number, isCurrent: boolean): Set<number> {
    const loops = new Set<number>();
    for (const edge of this.outgoing.loopIds(node, type, lsn, isCurrent)) loops.add(edge);
    return loops;
  }

  #isKnown(id: number): boolean {
    return id >>> 0 === id && id !== 0 && id <= this.liveIds.highest;
  }

  #readKey(id: number): string {
    const reader = this.nodes.openKey();
    const key = decodeWtf8(reader.bytes, reader.position, reader.end);
    this.keyStrings.put(id, key);
    return key;
  }

  /** Asks the key tree for the key last set. */
  #findId(lsn: number): number {
    const { bytes, length, hash } = this.#keyBytes;
    const { keys } = this;
    if (!keys.find(bytes, 0, length, lsn, hash) || keys.foundFlags === keyRemoved) return 0;
    const id = keys.foundId;
    if (this.isCurrent(lsn)) this.keyCache.put(bytes, 0, length, hash, id);
    return id;
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
