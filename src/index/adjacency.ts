// One direction of the edges: (node, type, other node, edge id | LSN of the removal or 0), read as of an LSN.

import { EdgeColumns } from "./edge-columns.ts";
import { twoTo32 } from "./tree-floor.ts";
import { type WordCursor, WordTree, type WordTreeOptions } from "./word-tree.ts";

const width = 7;
const payloadWords = 2;

/**
 * One entry per edge has its whole life: the edge's id is the LSN that added it, and it is removed once at the most, at the LSN
 * in the payload.
 */
export class Adjacency {
  /** Removals held: while there are none, and an LSN is not in the past, entries need no look. */
  removals = 0;

  /** Moved by every read: good until anything else is called. */
  readonly cursor: WordCursor;

  readonly #tree: WordTree;
  readonly #probe = new Uint32Array(width);
  /** What reads collect before they know how much it is; each read empties it before it returns. */
  readonly #columns = new EdgeColumns(256);

  constructor(options: Omit<WordTreeOptions, "width" | "payloadWords">) {
    this.#tree = new WordTree({ ...options, width, payloadWords });
    this.cursor = this.#tree.cursor();
  }

  get splits(): number {
    return this.#tree.splits;
  }

  get bytes(): number {
    return this.#tree.bytes;
  }

  get count(): number {
    return this.#tree.count;
  }

  /** See `WordTree.setStagingCapacity`; returns the capacity before. */
  setStagingCapacity(entries: number): number {
    const before = this.#tree.stagingCapacity;
    this.#tree.setStagingCapacity(entries);
    return before;
  }

  insert(node: number, type: number, other: number, edge: number): void {
    const { probe } = this.#tree;
    aim(probe, node, type, other, edge, 0);
    this.#tree.insert();
  }

  insertRemoval(node: number, type: number, other: number, edge: number, lsn: number): void {
    const { probe } = this.#tree;
    aim(probe, node, type, other, edge, lsn);
    this.#tree.insert();
    this.removals++;
  }

  /** Takes an edge out, as if it had never been. */
  undoInsert(node: number, type: number, other: number, edge: number): void {
    const { probe } = this.#tree;
    aim(probe, node, type, other, edge, 0);
    this.#tree.remove();
  }

  /** Makes an edge live again, as if it had never been removed. */
  undoRemoval(node: number, type: number, other: number, edge: number): void {
    this.insert(node, type, other, edge);
    this.removals--;
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
    const checksNothing = isCurrent && this.removals === 0;
    const { cursor } = this;
    const probe = this.#probe;
    probe[0] = node;
    probe[1] = type;
    probe[2] = other;
    const prefixWords = type === 0 ? 1 : other === 0 ? 2 : 3;
    let count = into.count;
    for (let more = cursor.seek(probe, prefixWords); more; more = cursor.nextLeaf()) {
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

  clear(): void {
    this.#tree.clear();
    this.removals = 0;
  }

  /** Throws an Error naming the first broken invariant of the tree. */
  check(): void {
    this.#tree.check();
  }

  /** `gather` without the columns that neighbours do not need and the looks that a current read does not need. */
  #gatherOthers(node: number, type: number, into: EdgeColumns): void {
    const { cursor } = this;
    const probe = this.#probe;
    probe[0] = node;
    probe[1] = type;
    const prefixWords = type === 0 ? 1 : 2;
    let count = 0;
    for (let more = cursor.seek(probe, prefixWords); more; more = cursor.nextLeaf()) {
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

/** A fresh array of the first `count` ids, ascending and each once; the input may be reordered. */
export function distinct(ids: Uint32Array, count: number): Uint32Array {
  let kept = 0;
  let last = -1;
  for (let i = 0; i < count; i++) {
    const id = ids[i]!;
    if (id === last) continue;
    if (id < last) return distinct(ids.subarray(0, count).sort(), count);
    ids[kept++] = id;
    last = id;
  }
  return ids.slice(0, kept);
}
