// A position in an in-memory B+Tree that survives changes of the tree: it remembers the key it stands on, and finds its place
// again when the tree has changed since.

import type { TreeCore } from "./word-tree-core.ts";
import { copyWords, type TreeNode } from "./word-tree-node.ts";

const noWords = new Uint32Array(0);

/**
 * While `isValid`, the current entry is `words[base] … words[base + width - 1]`, and the entries up to `leafEnd` follow it in
 * the same array. These three hold until the tree changes; `next`, `prev` and `nextLeaf` work after changes too. A cursor that
 * ran off an end is not valid and stays there until it seeks again.
 */
export class TreeCursor<Tree extends TreeCore> {
  readonly tree: Tree;
  words: Uint32Array = noWords;
  base = 0;
  leafEnd = 0;
  isValid = false;

  #leaf: TreeNode | undefined = undefined;
  #revision = -1;
  readonly #key: Uint32Array;
  /** The last key of the leaf when the cursor came to it: where a caller that read the whole leaf stands. */
  readonly #lastKey: Uint32Array;

  constructor(tree: Tree) {
    this.tree = tree;
    this.#key = new Uint32Array(tree.keyWords);
    this.#lastKey = new Uint32Array(tree.keyWords);
  }

  /** Moves to the next entry; false at the end. */
  next(): boolean {
    if (!this.isValid) return false;
    const { tree } = this;
    if (tree.stagedCount !== 0 || tree.revision !== this.#revision)
      return this.seekAfter(this.#key);
    const base = this.base + tree.width;
    if (base === this.leafEnd) return this.#land((this.#leaf as TreeNode).next, 0);
    this.base = base;
    copyWords(this.words, base, this.#key, 0, tree.keyWords);
    return true;
  }

  /** Moves to the entry before; false at the start. */
  prev(): boolean {
    if (!this.isValid) return false;
    const { tree } = this;
    if (tree.stagedCount !== 0 || tree.revision !== this.#revision) {
      return this.seekBefore(this.#key);
    }
    if (this.base === 0) return this.#landOnLast((this.#leaf as TreeNode).prev);
    this.base -= tree.width;
    copyWords(this.words, this.base, this.#key, 0, tree.keyWords);
    return true;
  }

  /** Moves past all entries up to `leafEnd`, to the first one of the next leaf; false at the end. */
  nextLeaf(): boolean {
    if (!this.isValid) return false;
    const { tree } = this;
    if (tree.stagedCount !== 0 || tree.revision !== this.#revision) {
      return this.seekAfter(this.#lastKey);
    }
    return this.#land((this.#leaf as TreeNode).next, 0);
  }

  /** Makes another entry of the current leaf the current one, for a loop that stops in the middle of a leaf. */
  moveTo(base: number): void {
    this.base = base;
    copyWords(this.words, base, this.#key, 0, this.tree.keyWords);
  }

  /** Moves to the first entry at or above a whole key. */
  protected seekFrom(key: Uint32Array): boolean {
    const leaf = this.#leafOf(key);
    return this.#landOrNext(leaf, this.#bound(leaf, key, -1));
  }

  /** Moves to the first entry above a whole key. */
  protected seekAfter(key: Uint32Array): boolean {
    const leaf = this.#leafOf(key);
    return this.#landOrNext(leaf, this.#bound(leaf, key, 0));
  }

  /** Moves to the last entry at or below a whole key. */
  protected seekUpTo(key: Uint32Array): boolean {
    const leaf = this.#leafOf(key);
    return this.#landOrPrev(leaf, this.#bound(leaf, key, 0));
  }

  /** Moves to the last entry below a whole key. */
  protected seekBefore(key: Uint32Array): boolean {
    const leaf = this.#leafOf(key);
    return this.#landOrPrev(leaf, this.#bound(leaf, key, -1));
  }

  #leafOf(key: Uint32Array): TreeNode {
    this.tree.settle();
    return this.tree.leafOf(key, 0);
  }

  #bound(leaf: TreeNode, key: Uint32Array, tie: 0 | -1): number {
    return this.tree.bound(leaf.words, this.tree.width, 0, leaf.count, key, 0, tie);
  }

  #landOrNext(leaf: TreeNode, ordinal: number): boolean {
    return ordinal < leaf.count ? this.#land(leaf, ordinal) : this.#land(leaf.next, 0);
  }

  #landOrPrev(leaf: TreeNode, ordinal: number): boolean {
    return ordinal > 0 ? this.#land(leaf, ordinal - 1) : this.#landOnLast(leaf.prev);
  }

  #landOnLast(leaf: TreeNode | undefined): boolean {
    return this.#land(leaf, leaf === undefined ? 0 : leaf.count - 1);
  }

  #land(leaf: TreeNode | undefined, ordinal: number): boolean {
    this.#leaf = leaf;
    this.isValid = leaf !== undefined;
    if (leaf === undefined) {
      this.words = noWords;
      this.base = 0;
      this.leafEnd = 0;
      return false;
    }
    const { width, keyWords } = this.tree;
    this.words = leaf.words;
    this.base = ordinal * width;
    this.leafEnd = leaf.count * width;
    this.#revision = this.tree.revision;
    copyWords(leaf.words, this.base, this.#key, 0, keyWords);
    copyWords(leaf.words, this.leafEnd - width, this.#lastKey, 0, keyWords);
    return true;
  }
}
