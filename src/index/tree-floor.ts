// Finds the last entry at or below a probe in a word tree: the way to the newest version as of an LSN.

import type { WordTree } from "./word-tree.ts";
import type { TreeNode } from "./word-tree-node.ts";

export const twoTo32: number = 2 ** 32;

/** After a `find` that returned true the entry is `words[base] …`, until the tree changes. */
export class TreeFloor {
  words: Uint32Array = new Uint32Array(0);
  base = 0;

  /** Looks for the last entry whose key words are at or below those of the probe. */
  find(tree: WordTree, probe: Uint32Array): boolean {
    tree.settle();
    let leaf: TreeNode | undefined = tree.leafOf(probe, 0);
    let ordinal = tree.bound(leaf.words, tree.width, 0, leaf.count, probe, 0, 0);
    if (ordinal === 0) {
      leaf = leaf.prev;
      if (leaf === undefined) return false;
      ordinal = leaf.count;
    }
    this.words = leaf.words;
    this.base = (ordinal - 1) * tree.width;
    return true;
  }
}
