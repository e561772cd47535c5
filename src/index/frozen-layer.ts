// The layer of all trees that takes no more events: what a flush writes to disk, as it stands there.

import type { Adjacency } from "./adjacency.ts";
import type { EntrySource } from "./disk-tree-merge.ts";
import type { KeyLayers } from "./key-layers.ts";
import type { NodeVersions } from "./node-versions.ts";
import type { TreeName } from "./tree-kind.ts";
import type { WordLayers } from "./word-layers.ts";

const noPrefix: Uint32Array = new Uint32Array(0);

/** Where the frozen trees are. */
export interface FrozenTrees {
  readonly keys: KeyLayers;
  readonly nodes: NodeVersions;
  readonly outgoing: Adjacency;
  wordLayers(name: Exclude<TreeName, "keys">): WordLayers;
}

/** Good while it is the index's frozen layer. */
export class FrozenLayer {
  readonly firstLsn: number;
  /** Falls when events of the layer are taken back: to be read when nothing can be any more. */
  lastLsn: number;

  readonly #layers: FrozenTrees;

  constructor(layers: FrozenTrees, firstLsn: number, lastLsn: number) {
    this.#layers = layers;
    this.firstLsn = firstLsn;
    this.lastLsn = lastLsn;
  }

  /** Entries of `out` that tell of a removal. */
  get removals(): number {
    return this.#layers.outgoing.frozenRemovals;
  }

  count(name: TreeName): number {
    const { keys } = this.#layers;
    return (name === "keys" ? keys.frozen : this.#layers.wordLayers(name).frozen)!.count;
  }

  /** The entries of a tree in the shape that it has on disk, from the first on. */
  source(name: TreeName): EntrySource {
    const { keys, nodes } = this.#layers;
    if (name === "keys") return keys.frozenSource();
    if (name === "nodes") return nodes.frozenSource();
    const cursor = this.#layers.wordLayers(name).frozen!.cursor();
    cursor.seek(noPrefix, 0);
    return cursor;
  }
}
