// The structure shared by the in-memory B+Trees: descent, splits of inner nodes, removal, and the check of the invariants. How
// tuples compare is the subclass's business, through one hook that searches a whole node.

import { copyWords, linkAfter, moveWords, TreeNode, unlink } from "./word-tree-node.ts";

export interface TreeShape {
  /** Words of an entry, 1 to 8. */
  readonly width: number;
  /** Trailing words of an entry that do not take part in its order, 0 to width - 1. */
  readonly payloadWords: number;
  /** Entries of a leaf, at least 2. */
  readonly leafCapacity: number;
  /** Children of an inner node, at least 4. */
  readonly innerCapacity: number;
}

export abstract class TreeCore {
  readonly width: number;
  readonly keyWords: number;
  readonly leafCapacity: number;
  readonly innerCapacity: number;
  /** Counts the changes of the leaves; cursors compare it to know whether their position still holds. */
  revision = 0;
  /** Entries put aside that the leaves do not hold yet; always 0 in a tree that does not stage. */
  stagedCount = 0;
  /** Leaves that were split in two or more since the tree was made. */
  splits = 0;
  leafCount = 1;

  /** Entries in the leaves. */
  protected entries = 0;
  /** The inner nodes of the last descent, root first, and the child taken in each. */
  protected readonly path: TreeNode[] = [];
  protected readonly slots: number[] = [];
  /** Levels of inner nodes; 0 while the root is a leaf. */
  protected innerLevels = 0;
  #root: TreeNode;
  #innerCount = 0;
  /** Leaves that were cleared and wait for their next use: memory that comes and goes makes work for the garbage collector. */
  readonly #spare: TreeNode[] = [];

  constructor(shape: TreeShape) {
    const { width, payloadWords, leafCapacity, innerCapacity } = shape;
    requireRange("width", width, 1, 8);
    requireRange("payloadWords", payloadWords, 0, width - 1);
    requireRange("leafCapacity", leafCapacity, 2, 65_536);
    requireRange("innerCapacity", innerCapacity, 4, 65_536);
    this.width = width;
    this.keyWords = width - payloadWords;
    this.leafCapacity = leafCapacity;
    this.innerCapacity = innerCapacity;
    this.#root = this.newLeaf();
  }

  /**
   * Searches the tuples low..high of a node for the probe; `tie` 0 returns the place after the last tuple at or below the
   * probe, `tie` -1 the place of the first tuple at or above it.
   */
  abstract bound(
    words: Uint32Array,
    stride: number,
    low: number,
    high: number,
    probe: Uint32Array,
    probeBase: number,
    tie: 0 | -1,
  ): number;

  /** Brings the leaves up to date with everything inserted. */
  abstract settle(): void;

  /** Entries held. */
  get count(): number {
    return this.entries + this.stagedCount;
  }

  /** Levels of nodes, 1 for a lone leaf. */
  get height(): number {
    return this.innerLevels + 1;
  }

  /** Memory of the nodes, in bytes, estimated. */
  get bytes(): number {
    const innerBytes = this.innerCapacity * (this.keyWords * 4 + 8) + 200;
    return this.leafCount * this.#leafBytes + this.#innerCount * innerBytes;
  }

  /** Memory of leaves that wait for their next use, in bytes, estimated. */
  get spareBytes(): number {
    return this.#spare.length * this.#leafBytes;
  }

  /** Forgets all entries, and keeps the memory of the leaves for others. */
  clear(): void {
    this.#spareLeaves();
    this.#root = this.newLeaf();
    this.splits = 0;
    this.path.length = 0;
    this.slots.length = 0;
    this.innerLevels = 0;
    this.leafCount = 1;
    this.#innerCount = 0;
    this.entries = 0;
    this.stagedCount = 0;
    this.revision++;
  }

  /** The leaf whose range holds the probe. It may be that its neighbour holds the first entry above, or the last below. */
  leafOf(probe: Uint32Array, probeBase: number): TreeNode {
    return this.#descend(probe, probeBase, this.innerLevels);
  }

  protected newLeaf(): TreeNode {
    return this.#spare.pop() ?? new TreeNode(this.leafCapacity * this.width, undefined);
  }

  /** Hangs a leaf that is already in the chain into the inner nodes, under its first key. */
  protected adoptLeaf(leaf: TreeNode): void {
    this.leafCount++;
    if (this.innerLevels === 0) {
      this.#growRoot(leaf);
    } else {
      this.#descend(leaf.words, 0, this.innerLevels - 1);
      const level = this.innerLevels - 1;
      const parent = this.path[level] as TreeNode;
      const slot = this.bound(parent.words, this.keyWords, 1, parent.count, leaf.words, 0, 0);
      this.#insertChild(level, slot, leaf);
    }
  }

  /** Makes a leaf that takes the upper half of a full leaf (nothing, when appending), and returns it. */
  protected splitLeaf(leaf: TreeNode, keep: number): TreeNode {
    const right = this.newLeaf();
    const moved = leaf.count - keep;
    copyWords(leaf.words, keep * this.width, right.words, 0, moved * this.width);
    right.count = moved;
    leaf.count = keep;
    linkAfter(leaf, right);
    this.splits++;
    return right;
  }

  /** Takes an entry out of the leaf of the last full descent. */
  protected removeEntry(leaf: TreeNode, ordinal: number): void {
    const { width } = this;
    moveWords(leaf.words, ordinal * width, (ordinal + 1) * width, leaf.count * width);
    leaf.count--;
    this.entries--;
    this.revision++;
    if (this.innerLevels === 0) return;
    const level = this.innerLevels - 1;
    const slot = this.slots[level] as number;
    if (leaf.count === 0) {
      unlink(leaf);
      this.leafCount--;
      this.#removeChild(level, slot);
    } else if (leaf.count * 4 <= this.leafCapacity) {
      this.#mergeSiblings(level, slot);
    }
    // A root with one child says nothing; the child takes its place.
    while (this.innerLevels > 0 && this.#root.count === 1) {
      this.#root = (this.#root.children as TreeNode[])[0] as TreeNode;
      this.innerLevels--;
      this.#innerCount--;
    }
  }

  /** Throws an Error naming the first broken invariant; costs a walk over everything. */
  check(): void {
    this.settle();
    const walk = { leaf: undefined as TreeNode | undefined, entries: 0, leaves: 0, inner: 0 };
    this.#checkNode(this.#root, 0, undefined, 0, undefined, 0, walk);
    must(walk.leaf?.next === undefined, "the last leaf has a next leaf");
    must(walk.entries === this.entries, `counted ${walk.entries} entries, not ${this.entries}`);
    must(walk.leaves === this.leafCount, `counted ${walk.leaves} leaves, not ${this.leafCount}`);
    must(walk.inner === this.#innerCount, `counted ${walk.inner} inner nodes`);
  }

  get #leafBytes(): number {
    return this.leafCapacity * this.width * 4 + 200;
  }

  #spareLeaves(): void {
    let leaf: TreeNode | undefined = this.#root;
    while (leaf.children !== undefined) leaf = leaf.children[0] as TreeNode;
    while (leaf !== undefined) {
      const next: TreeNode | undefined = leaf.next;
      leaf.count = 0;
      leaf.prev = undefined;
      leaf.next = undefined;
      this.#spare.push(leaf);
      leaf = next;
    }
  }

  #descend(probe: Uint32Array, probeBase: number, levels: number): TreeNode {
    let node = this.#root;
    for (let level = 0; level < levels; level++) {
      const slot = this.bound(node.words, this.keyWords, 1, node.count, probe, probeBase, 0) - 1;
      this.path[level] = node;
      this.slots[level] = slot;
      node = (node.children as TreeNode[])[slot] as TreeNode;
    }
    if (levels < this.innerLevels) this.path[levels] = node;
    return node;
  }

  #newInner(): TreeNode {
    this.#innerCount++;
    return new TreeNode(this.innerCapacity * this.keyWords, []);
  }

  /** Puts a new root over the old one and its new right sibling, whose tuple 0 is the separator. */
  #growRoot(right: TreeNode): void {
    const root = this.#newInner();
    (root.children as TreeNode[]).push(this.#root, right);
    copyWords(right.words, 0, root.words, this.keyWords, this.keyWords);
    root.count = 2;
    this.#root = root;
    this.innerLevels++;
  }

  /** Inserts a child, whose tuple 0 is its separator, into the inner node at this level of the path. */
  #insertChild(level: number, slot: number, child: TreeNode): void {
    const node = this.path[level] as TreeNode;
    if (node.count < this.innerCapacity) {
      this.#placeChild(node, slot, child);
      return;
    }
    // Growth at the right edge leaves full nodes behind; anywhere else both halves get room.
    const keep = this.#isRightEdge(level, slot) ? node.count : node.count >>> 1;
    const right = this.#newInner();
    const moved = node.count - keep;
    const { keyWords } = this;
    copyWords(node.words, keep * keyWords, right.words, 0, moved * keyWords);
    for (const sibling of (node.children as TreeNode[]).splice(keep)) right.children?.push(sibling);
    right.count = moved;
    node.count = keep;
    if (slot <= keep && moved > 0) this.#placeChild(node, slot, child);
    else this.#placeChild(right, slot - keep, child);
    if (level === 0) this.#growRoot(right);
    else this.#insertChild(level - 1, (this.slots[level - 1] as number) + 1, right);
  }

  #isRightEdge(level: number, slot: number): boolean {
    if (slot !== (this.path[level] as TreeNode).count) return false;
    for (let above = 0; above < level; above++) {
      if (this.slots[above] !== (this.path[above] as TreeNode).count - 1) return false;
    }
    return true;
  }

  #placeChild(node: TreeNode, slot: number, child: TreeNode): void {
    const { keyWords } = this;
    const at = slot * keyWords;
    moveWords(node.words, at + keyWords, at, node.count * keyWords);
    copyWords(child.words, 0, node.words, at, keyWords);
    const children = node.children as TreeNode[];
    children.push(child);
    children.copyWithin(slot + 1, slot, node.count);
    children[slot] = child;
    node.count++;
  }

  /** Takes a child out of the inner node at this level of the path, and the node out of its parent when nothing is left. */
  #removeChild(level: number, slot: number): void {
    const node = this.path[level] as TreeNode;
    if (node.count === 1) {
      // Invariant: the root has two children or more, so this ends below the root.
      this.#innerCount--;
      this.#removeChild(level - 1, this.slots[level - 1] as number);
      return;
    }
    const { keyWords } = this;
    moveWords(node.words, slot * keyWords, (slot + 1) * keyWords, node.count * keyWords);
    (node.children as TreeNode[]).splice(slot, 1);
    node.count--;
    if (level > 0 && node.count * 4 <= this.innerCapacity) {
      this.#mergeSiblings(level - 1, this.slots[level - 1] as number);
    }
  }

  /** Pours a nearly empty child and a sibling under the same parent together, when the result leaves room to grow. */
  #mergeSiblings(level: number, slot: number): void {
    const parent = this.path[level] as TreeNode;
    const children = parent.children as TreeNode[];
    const isLeaf = level === this.innerLevels - 1;
    const stride = isLeaf ? this.width : this.keyWords;
    const roomy = ((isLeaf ? this.leafCapacity : this.innerCapacity) * 3) >>> 2;
    for (let left = slot; left >= 0 && left >= slot - 1; left--) {
      if (left + 1 >= parent.count) continue;
      const into = children[left] as TreeNode;
      const from = children[left + 1] as TreeNode;
      if (into.count + from.count > roomy) continue;
      if (isLeaf) {
        unlink(from);
        this.leafCount--;
      } else {
        // Child 0 of an inner node has no separator of its own until it stops being the first.
        copyWords(parent.words, (left + 1) * stride, from.words, 0, stride);
        for (const child of from.children as TreeNode[]) into.children?.push(child);
        this.#innerCount--;
      }
      copyWords(from.words, 0, into.words, into.count * stride, from.count * stride);
      into.count += from.count;
      this.#removeChild(level, left + 1);
      return;
    }
  }

  #checkNode(
    node: TreeNode,
    level: number,
    low: Uint32Array | undefined,
    lowBase: number,
    high: Uint32Array | undefined,
    highBase: number,
    walk: { leaf: TreeNode | undefined; entries: number; leaves: number; inner: number },
  ): void {
    const isLeaf = node.children === undefined;
    const stride = isLeaf ? this.width : this.keyWords;
    must(isLeaf === (level === this.innerLevels), "leaves lie at different depths");
    must(node.count > 0 || level === 0, "an empty node below the root");
    must(node.count <= (isLeaf ? this.leafCapacity : this.innerCapacity), "an overfull node");
    for (let i = isLeaf ? 0 : 1; i < node.count; i++) {
      const at = i * stride;
      if (i > (isLeaf ? 0 : 1)) {
        must(this.#isBelow(node.words, stride, i - 1, node.words, at), "tuples out of order");
      }
      if (low !== undefined) {
        must(!this.#isBelow(node.words, stride, i, low, lowBase), "a tuple below its fence");
      }
      if (high !== undefined) {
        must(this.#isBelow(node.words, stride, i, high, highBase), "a tuple not below its fence");
      }
    }
    if (node.children === undefined) {
      must(node.prev === walk.leaf, "a leaf with the wrong previous leaf");
      must(walk.leaf === undefined || walk.leaf.next === node, "a leaf with the wrong next leaf");
      walk.leaf = node;
      walk.leaves++;
      walk.entries += node.count;
      return;
    }
    must(node.children.length === node.count, "children and separators differ in number");
    must(level > 0 || node.count > 1, "a root with one child");
    walk.inner++;
    node.children.forEach((child, slot) => {
      const isLast = slot === node.count - 1;
      const at = slot * stride;
      this.#checkNode(
        child,
        level + 1,
        slot === 0 ? low : node.words,
        slot === 0 ? lowBase : at,
        isLast ? high : node.words,
        isLast ? highBase : at + stride,
        walk,
      );
    });
  }

  #isBelow(
    words: Uint32Array,
    stride: number,
    ordinal: number,
    other: Uint32Array,
    otherBase: number,
  ): boolean {
    return this.bound(words, stride, ordinal, ordinal + 1, other, otherBase, -1) === ordinal + 1;
  }
}

/** Throws a RangeError when an option of a tree is not an integer of its range. */
export function requireRange(name: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new RangeError(`tree: ${name} must be an integer from ${min} to ${max}, got ${value}`);
}

function must(holds: boolean, complaint: string): void {
  if (!holds) throw new Error(`broken tree: ${complaint}`);
}
