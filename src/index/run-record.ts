// What a checkpoint says of one run: the trees that were flushed or merged together.

import { treeFileName } from "../log/file-names.ts";
import type { TreeName } from "./tree-kind.ts";

/** One file of a run. */
export interface TreeFileRecord {
  /** Never used twice in a database; names the file together with the tree's name. */
  readonly treeId: number;
  readonly name: TreeName;
  readonly bytes: number;
  readonly entries: number;
}

/** The trees of all versions with LSNs from `firstLsn` to `lastLsn`; a tree without entries has no file. */
export interface RunRecord {
  readonly firstLsn: number;
  readonly lastLsn: number;
  /** Entries of `out` that tell of a removal. */
  readonly removals: number;
  readonly trees: readonly TreeFileRecord[];
}

/** Whether a file of this name is one of these runs'. */
export function haveFile(runs: readonly RunRecord[], name: string | undefined): boolean {
  return runs.some(({ trees }) =>
    trees.some((tree) => treeFileName(tree.treeId, tree.name) === name),
  );
}
