// What the index wants of a run on disk: its trees and what its record says of them.

import type { DiskTree } from "./disk-tree.ts";
import type { RunRecord } from "./run-record.ts";
import type { TreeName } from "./tree-kind.ts";

export interface TreeRun {
  readonly record: RunRecord;
  /** Undefined where the run has no entries of that kind. */
  tree(name: TreeName): DiskTree | undefined;
}

/** The trees of one kind, in the order of the runs. */
export function treesOf(runs: readonly TreeRun[], name: TreeName): DiskTree[] {
  const trees: DiskTree[] = [];
  for (const run of runs) {
    const tree = run.tree(name);
    if (tree !== undefined) trees.push(tree);
  }
  return trees;
}
