// The six trees of a graph in their layers, and the life of these: active, frozen, on disk. What the trees answer is the business
// of graph-trees.ts.

import { Adjacency } from "./adjacency.ts";
import { EdgeVersions } from "./edge-versions.ts";
import { FrozenLayer } from "./frozen-layer.ts";
import { KeyLayers } from "./key-layers.ts";
import { LabelVersions } from "./label-versions.ts";
import { NodeVersions } from "./node-versions.ts";
import { type TreeName, treeNames } from "./tree-kind.ts";
import { type TreeRun, treesOf } from "./tree-run.ts";
import type { WordLayers } from "./word-layers.ts";

export interface GraphIndexOptions {
  /** Entries of a leaf of every tree; each tree has a default of its own. */
  readonly leafCapacity?: number;
  /** Children of an inner node of every tree. */
  readonly innerCapacity?: number;
  /** Entries that a tree puts aside before it merges them into its leaves. */
  readonly stagingCapacity?: number;
  /** Size of the chunks that hold keys and small records, a power of two. */
  readonly chunkBytes?: number;
  /** Short keys whose ids are remembered, 32 bytes each, a power of two; default 2^17, 4 MiB. */
  readonly keyCacheSlots?: number;
  /** Ids whose keys are remembered as strings, a power of two; default 2^16. */
  readonly keyStringSlots?: number;
  /** Pages of 4,096 ids whose being live is remembered, 512 bytes each; default 8,192, 4 MiB. */
  readonly liveIdPages?: number;
}

const stagingCapacityDefault = 8_192;

export class GraphLayers {
  /** (key, LSN) → node id. */
  readonly keys: KeyLayers;
  readonly nodes: NodeVersions;
  readonly outgoing: Adjacency;
  readonly incoming: Adjacency;
  readonly edges: EdgeVersions;
  readonly labels: LabelVersions;

  #frozen: FrozenLayer | undefined = undefined;
  #runs: readonly TreeRun[] = [];
  /** What the active layer can hold begins here. */
  #activeFirstLsn = 1;
  #splitsBefore = 0;

  constructor(options: GraphIndexOptions) {
    const { leafCapacity, innerCapacity, chunkBytes } = options;
    const stagingCapacity = options.stagingCapacity ?? stagingCapacityDefault;
    const nodes = {
      ...(leafCapacity === undefined ? {} : { leafCapacity }),
      ...(innerCapacity === undefined ? {} : { innerCapacity }),
    };
    const tree = { ...nodes, stagingCapacity };
    this.keys = new KeyLayers({ ...nodes, ...(chunkBytes === undefined ? {} : { chunkBytes }) });
    this.nodes = new NodeVersions({ tree, chunkBytes });
    this.outgoing = new Adjacency(tree);
    // Both directions fill in step: this one merges halfway between two merges of the other.
    const firstStagingCapacity = Math.ceil(stagingCapacity / 2);
    this.incoming = new Adjacency({ ...tree, firstStagingCapacity });
    this.edges = new EdgeVersions(tree);
    this.labels = new LabelVersions(tree);
  }

  /** The layer that is being written to disk, if there is one. */
  get frozen(): FrozenLayer | undefined {
    return this.#frozen;
  }

  /** Newest first. */
  get runs(): readonly TreeRun[] {
    return this.#runs;
  }

  /** Memory of the active layer, in bytes: nodes, staged entries, keys and records. */
  get activeBytes(): number {
    let bytes = this.keys.activeBytes + this.nodes.activeBytes;
    bytes += this.outgoing.layers.active.bytes + this.incoming.layers.active.bytes;
    return bytes + this.edges.layers.active.bytes + this.labels.layers.active.bytes;
  }

  get frozenBytes(): number {
    if (this.#frozen === undefined) return 0;
    let bytes = this.keys.frozenBytes + this.nodes.frozenBytes;
    for (const { layers } of [this.outgoing, this.incoming, this.edges, this.labels]) {
      bytes += layers.frozen!.bytes;
    }
    return bytes;
  }

  /** Memory that layers have left behind for the next ones, in bytes. */
  get spareBytes(): number {
    let bytes = this.keys.spareBytes + this.nodes.spareBytes;
    for (const { layers } of [this.outgoing, this.incoming, this.edges, this.labels]) {
      bytes += layers.spareBytes;
    }
    return bytes;
  }

  /** Entries of the active layer in all trees. */
  get activeEntries(): number {
    const { keys, nodes, outgoing, incoming, edges, labels } = this;
    let entries = keys.active.count + nodes.layers.active.count;
    entries += outgoing.layers.active.count + incoming.layers.active.count;
    return entries + edges.layers.active.count + labels.layers.active.count;
  }

  /** Splits of tree nodes so far. */
  get splits(): number {
    return this.#splitsBefore + this.#activeSplits;
  }

  /** The layers of a tree of words. */
  wordLayers(name: Exclude<TreeName, "keys">): WordLayers {
    switch (name) {
      case "nodes":
        return this.nodes.layers;
      case "out":
        return this.outgoing.layers;
      case "in":
        return this.incoming.layers;
      case "edges":
        return this.edges.layers;
      case "labels":
        return this.labels.layers;
    }
  }

  /** Throws an Error naming the first broken invariant; costs a walk over everything in memory. */
  check(): void {
    const { keys, outgoing, incoming } = this;
    keys.check();
    for (const name of treeNames) if (name !== "keys") this.wordLayers(name).check();
    requireSame("active", outgoing.layers.active.count, incoming.layers.active.count);
    requireSame("frozen", outgoing.layers.frozen?.count ?? 0, incoming.layers.frozen?.count ?? 0);
    for (const run of this.#runs) {
      requireSame("run", run.tree("out")?.count ?? 0, run.tree("in")?.count ?? 0);
    }
  }

  /** Makes the active layer the frozen one. */
  protected freezeAt(lastLsn: number): FrozenLayer {
    if (this.#frozen !== undefined) throw new Error("freeze: a layer is frozen already");
    const { keys, nodes, outgoing, incoming, edges, labels } = this;
    this.#splitsBefore += this.#activeSplits;
    for (const part of [keys, nodes, edges.layers, labels.layers]) part.freeze();
    outgoing.freeze(lastLsn + 1);
    incoming.freeze(lastLsn + 1);
    this.#frozen = new FrozenLayer(this, this.#activeFirstLsn, lastLsn);
    this.#activeFirstLsn = lastLsn + 1;
    return this.#frozen;
  }

  /** Takes other runs, newest first, and drops the frozen layer where they hold what it did. Runs no longer named stay open. */
  protected setRuns(runs: readonly TreeRun[], dropFrozen: boolean): void {
    const { keys, nodes, outgoing, incoming, edges, labels } = this;
    if (dropFrozen) {
      this.#frozen = undefined;
      // Where nothing came meanwhile there may be no next layer for long.
      const keepsMemory = this.activeEntries > 0;
      for (const part of [keys, nodes, outgoing, incoming, edges.layers, labels.layers]) {
        part.dropFrozen(keepsMemory);
      }
    }
    let removals = 0;
    for (const { record } of runs) removals += record.removals;
    keys.setDisks(treesOf(runs, "keys"));
    nodes.setDisks(treesOf(runs, "nodes"));
    outgoing.setDisks(treesOf(runs, "out"), removals);
    incoming.setDisks(treesOf(runs, "in"), removals);
    edges.layers.setDisks(treesOf(runs, "edges"));
    labels.layers.setDisks(treesOf(runs, "labels"));
    this.#runs = runs;
  }

  /** Takes over the layers of another one, which is worthless from then on. */
  protected adoptLayers(other: GraphLayers): void {
    this.#splitsBefore += this.#activeSplits;
    this.keys.adopt(other.keys);
    this.nodes.adopt(other.nodes);
    this.outgoing.adopt(other.outgoing);
    this.incoming.adopt(other.incoming);
    this.edges.layers.adopt(other.edges.layers);
    this.labels.layers.adopt(other.labels.layers);
    this.#frozen = other.#frozen;
    this.#runs = other.#runs;
    this.#activeFirstLsn = other.#activeFirstLsn;
  }

  /** Says that everything from an LSN on was taken back: what comes there now goes to the active layer. */
  protected cutAt(firstLsn: number): void {
    if (firstLsn >= this.#activeFirstLsn) return;
    if (this.#frozen !== undefined) this.#frozen.lastLsn = firstLsn - 1;
    this.startAt(firstLsn);
  }

  /** Says what LSN the active layer begins at; it is empty. */
  protected startAt(firstLsn: number): void {
    this.#activeFirstLsn = firstLsn;
    this.outgoing.startAt(firstLsn);
    this.incoming.startAt(firstLsn);
  }

  protected clearLayers(): void {
    const { keys, nodes, outgoing, incoming, edges, labels } = this;
    for (const part of [keys, nodes, outgoing, incoming, edges.layers, labels.layers]) part.clear();
    this.#frozen = undefined;
    this.#runs = [];
    this.startAt(1);
  }

  get #activeSplits(): number {
    const { keys, nodes, outgoing, incoming, edges, labels } = this;
    let { splits } = keys.active;
    for (const { layers } of [nodes, outgoing, incoming, edges, labels]) {
      splits += layers.active.splits;
    }
    return splits;
  }
}

function requireSame(layer: string, out: number, into: number): void {
  if (out !== into) throw new Error(`broken index: ${out} out and ${into} in, ${layer} layer`);
}
