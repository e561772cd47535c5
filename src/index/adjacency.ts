// One direction of the edges: (node, type, other node, edge id | LSN of the removal or 0), read as of an LSN.

import type { DiskTree } from "./disk-tree.ts";
import type { EntrySource } from "./disk-tree-merge.ts";
import { distinct } from "./distinct-ids.ts";
import { EdgeColumns } from "./edge-columns.ts";
import { StackCursor, type WalkCursor } from "./stack-cursor.ts";
import { twoTo32 } from "./tree-floor.ts";
import { type LayerCursor, LayerMerge, WordLayers } from "./word-layers.ts";
import type { WordTree, WordTreeOptions } from "./word-tree.ts";

const width = 7;
const payloadWords = 2;

/** Removals that a layer in memory tells of, and the first LSN that it can hold. */
interface LayerState {
  removals: number;
  firstLsn: number;
}

/**
 * One entry per edge and layer has the edge's life as that layer knows it: the edge's id is the LSN that added it, and it is
 * removed once at the most, at the LSN in the payload. A removal that comes after its edge's layer was frozen has an entry of its
 * own in a newer layer, which counts.
 */
export class Adjacency {
  readonly layers: WordLayers;

  #active: LayerState = { removals: 0, firstLsn: 1 };
  #frozen: LayerState = { removals: 0, firstLsn: 1 };
  #diskRemovals = 0;
  readonly #stack: StackCursor;
  readonly #merge = new LayerMerge({ width, keyWords: width - payloadWords, keyBytes: false });
  readonly #probe = new Uint32Array(width);
  /** What reads collect before they know how much it is; each read empties it before it returns. */
  readonly #columns = new EdgeColumns(256);

  constructor(options: Omit<WordTreeOptions, "width" | "payloadWords">) {
    this.layers = new WordLayers({ ...options, width, payloadWords });
    this.#stack = new StackCursor(this.layers);
  }

  /** Moved by every read: good until anything else is called. */
  get cursor(): WalkCursor {
    return this.layers.isSingle ? this.layers.cursors[0]! : this.#stack;
  }

  get count(): number {
    return this.layers.count;
  }

  /** Removals held: while there are none, and an LSN is not in the past, entries need no look. */
  get removals(): number {
    return this.#active.removals + this.#frozen.removals + this.#diskRemovals;
  }

  get frozenRemovals(): number {
    return this.#frozen.removals;
  }

  insert(node: number, type: number, other: number, edge: number): void {
    const { active } = this.layers;
    aim(active.probe, node, type, other, edge, 0);
    active.insert();
  }

  insertRemoval(node: number, type: number, other: number, edge: number, lsn: number): void {
    const { active } = this.layers;
    aim(active.probe, node, type, other, edge, lsn);
    active.insert();
    this.#active.removals++;
  }

  /** Takes an edge out, as if it had never been. */
  undoInsert(node: number, type: number, other: number, edge: number): void {
    aim(this.#probe, node, type, other, edge, 0);
    this.layers.remove(this.#probe);
  }

  /** Makes an edge live again, as if it had never been removed at `lsn`. */
  undoRemoval(node: number, type: number, other: number, edge: number, lsn: number): void {
    const isActive = lsn >= this.#active.firstLsn;
    const tree = (isActive ? this.layers.active : this.layers.frozen) as WordTree;
    const state = isActive ? this.#active : this.#frozen;
    aim(tree.probe, node, type, other, edge, 0);
    // The entry of an edge that an older layer added tells of nothing but its removal.
    if (edge >= state.firstLsn) tree.insert();
    else tree.remove();
    state.removals--;
  }

  /** Makes the active layer the frozen one; a new one begins at an LSN. */
  freeze(firstLsn: number): void {
    this.layers.freeze();
    this.#frozen = this.#active;
    this.#active = { removals: 0, firstLsn };
  }

  /** @param keepsMemory as in `WordLayers`. */
  dropFrozen(keepsMemory: boolean): void {
    this.layers.dropFrozen(keepsMemory);
    this.#frozen = { removals: 0, firstLsn: 1 };
  }

  /** Says what LSN the active layer, which is empty, begins at. */
  startAt(firstLsn: number): void {
    this.#active.firstLsn = firstLsn;
  }

  setDisks(disks: readonly DiskTree[], removals: number): void {
    this.layers.setDisks(disks);
    this.#diskRemovals = removals;
  }

  /**
   * The ids at the other ends, ascending, each once, freshly copied.
   * @param type 0 for every type.
   * @param isCurrent whether nothing in the tree is above `lsn`.
   */
  neighborIds(node: number, type: number, lsn: number, isCurrent: boolean): Uint32Array {
    const columns = this.#columns;
    columns.count = 0;
    if (isCurrent && this.removals === 0) this.#gatherOthers(node, type, columns);
    else this.gather(node, type, 0, lsn, isCurrent, columns);
    return distinct(columns.others, columns.count);
  }

  /** Whether a node has an edge as of an LSN. */
  has(node: number, type: number, other: number, edge: number, lsn: number): boolean {
    const columns = this.#columns;
    columns.count = 0;
    this.gather(node, type, other, lsn, false, columns);
    for (let i = 0; i < columns.count; i++) if (columns.edges[i] === edge) return true;
    return false;
  }

  /** How many edges a node has. */
  degree(node: number, type: number, lsn: number, isCurrent: boolean): number {
    const columns = this.#columns;
    columns.count = 0;
    this.gather(node, type, 0, lsn, isCurrent, columns);
    return columns.count;
  }

  /** The ids of a node's edges, by type, other end and id, freshly copied. */
  edgeIds(node: number, type: number, lsn: number, isCurrent: boolean): Float64Array {
    const columns = this.#columns;
    columns.count = 0;
    this.gather(node, type, 0, lsn, isCurrent, columns);
    return columns.edges.slice(0, columns.count);
  }

  /** The ids of a node's edges to itself; meant for the outgoing direction. */
  loopIds(node: number, type: number, lsn: number, isCurrent: boolean): Float64Array {
    const columns = this.#columns;
    columns.count = 0;
    this.gather(node, type, 0, lsn, isCurrent, columns);
    let kept = 0;
    for (let i = 0; i < columns.count; i++) {
      if (columns.others[i] === node) columns.edges[kept++] = columns.edges[i]!;
    }
    return columns.edges.slice(0, kept);
  }

  /**
   * Adds a node's edges to columns, by type, other end and id.
   * @param type 0 for every type.
   * @param other 0 for every other end; else `type` is not 0.
   */
  gather(
    node: number,
    type: number,
    other: number,
    lsn: number,
    isCurrent: boolean,
    into: EdgeColumns,
  ): void {
    const probe = this.#probe;
    probe[0] = node;
    probe[1] = type;
    probe[2] = other;
    const prefixWords = type === 0 ? 1 : other === 0 ? 2 : 3;
    const checksNothing = isCurrent && this.removals === 0;
    const cursor = this.#seek(prefixWords);
    if (cursor === undefined) return;
    let count = into.count;
    for (let more = cursor.isValid; more; more = cursor.nextLeaf()) {
      const { words, leafEnd } = cursor;
      const end = this.#endIn(words, cursor.base, leafEnd, prefixWords);
      into.reserve(count + (end - cursor.base) / width);
      const { types, others, edges } = into;
      for (let base = cursor.base; base < end; base += width) {
        const edge = words[base + 3]! * twoTo32 + words[base + 4]!;
        if (!checksNothing) {
          const removedAt = words[base + 5]! * twoTo32 + words[base + 6]!;
          if (edge > lsn || (removedAt !== 0 && removedAt <= lsn)) continue;
        }
        types[count] = words[base + 1]!;
        others[count] = words[base + 2]!;
        edges[count] = edge;
        count++;
      }
      if (end < leafEnd) break;
    }
    into.count = count;
  }

  /** Takes over the layers of another one, which is worthless from then on. */
  adopt(other: Adjacency): void {
    this.layers.adopt(other.layers);
    this.#active = other.#active;
    this.#frozen = other.#frozen;
    this.#diskRemovals = other.#diskRemovals;
  }

  clear(): void {
    this.layers.clear();
    this.#active = { removals: 0, firstLsn: 1 };
    this.#frozen = { removals: 0, firstLsn: 1 };
    this.#diskRemovals = 0;
  }

  /** Throws an Error naming the first broken invariant of the trees in memory. */
  check(): void {
    this.layers.check();
  }

  /** A cursor on the first of the entries that begin with the probe's first words: over all layers that have any. */
  #seek(prefixWords: number): EntrySource | undefined {
    const { layers } = this;
    if (layers.isSingle) {
      const cursor = layers.cursors[0]!;
      cursor.seek(this.#probe, prefixWords);
      return cursor;
    }
    const found = layers.seekAll(this.#probe, prefixWords);
    if (found.length < 2) return found[0];
    this.#merge.begin(found);
    return this.#merge;
  }

  /** `gather` without the columns that neighbours do not need and the looks that a current read does not need. */
  #gatherOthers(node: number, type: number, into: EdgeColumns): void {
    const probe = this.#probe;
    probe[0] = node;
    probe[1] = type;
    const prefixWords = type === 0 ? 1 : 2;
    const { layers } = this;
    if (layers.isSingle) {
      const cursor = layers.cursors[0]!;
      if (cursor.seek(probe, prefixWords)) this.#appendOthers(cursor, prefixWords, into);
      return;
    }
    // Without removals no layer hides anything of another, and the order is that of whoever sorts the ids.
    for (const cursor of layers.seekAll(probe, prefixWords)) {
      this.#appendOthers(cursor, prefixWords, into);
    }
  }

  #appendOthers(cursor: LayerCursor, prefixWords: number, into: EdgeColumns): void {
    let { count } = into;
    for (let more = true; more; more = cursor.nextLeaf()) {
      const { words, leafEnd } = cursor;
      const end = this.#endIn(words, cursor.base, leafEnd, prefixWords);
      into.reserve(count + (end - cursor.base) / width);
      const { others } = into;
      for (let base = cursor.base + 2; base < end; base += width) others[count++] = words[base]!;
      if (end < leafEnd) break;
    }
    into.count = count;
  }

  /** Where in a leaf, from `from` on, the entries end that begin with the first words of the probe. */
  #endIn(words: Uint32Array, from: number, leafEnd: number, prefixWords: number): number {
    // A node with many edges fills whole leaves: then one look at the last entry is enough.
    if (from < leafEnd && this.#hasPrefix(words, leafEnd - width, prefixWords)) return leafEnd;
    let end = from;
    while (end < leafEnd && this.#hasPrefix(words, end, prefixWords)) end += width;
    return end;
  }

  #hasPrefix(words: Uint32Array, base: number, prefixWords: number): boolean {
    const probe = this.#probe;
    return (
      words[base] === probe[0] &&
      (prefixWords < 2 || words[base + 1] === probe[1]) &&
      (prefixWords < 3 || words[base + 2] === probe[2])
    );
  }
}

/** Fills a probe with one entry. */
function aim(
  probe: Uint32Array,
  node: number,
  type: number,
  other: number,
  edge: number,
  lsn: number,
): void {
  probe[0] = node;
  probe[1] = type;
  probe[2] = other;
  probe[3] = edge / twoTo32;
  probe[4] = edge >>> 0;
  probe[5] = lsn / twoTo32;
  probe[6] = lsn >>> 0;
}
