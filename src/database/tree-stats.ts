// Sizes and counters of the trees of an index: each tree over all of its layers.
import type { TreeName } from "../index/tree-kind.ts";
import { treeNames } from "../index/tree-kind.ts";
import type { RunKeeper } from "./run-keeper.ts";

/** One tree, over all runs on disk. */
export interface TreeStats {
  /** Files, one for each run that has entries of this tree. */
  readonly files: number;
  /** Levels of pages of the highest one. */
  readonly height: number;
  readonly pages: number;
  readonly entries: number;
  readonly bytes: number;
  /** Decoded pages in the cache, and their bytes. */
  readonly cachedPages: number;
  readonly cachedBytes: number;
  readonly hits: number;
  readonly misses: number;
  /** Hits among all uses of pages, 0 to 1; 1 where there were none. */
  readonly hitRate: number;
}

export function treeStats({ runs }: RunKeeper): Readonly<Record<TreeName, TreeStats>> {
  const all = treeNames.map((name) => [name, statsOfTree(runs, name)] as const);
  return Object.fromEntries(all) as Record<TreeName, TreeStats>;
}

function statsOfTree(runs: RunKeeper["runs"], name: TreeName): TreeStats {
  const sums = { files: 0, height: 0, pages: 0, entries: 0, bytes: 0 };
  const cached = { cachedPages: 0, cachedBytes: 0, hits: 0, misses: 0 };
  for (const run of runs) {
    const tree = run.tree(name);
    if (tree === undefined) continue;
    sums.files++;
    sums.height = Math.max(sums.height, tree.height);
    sums.pages += tree.footer.pageCount;
    sums.entries += tree.count;
    sums.bytes += tree.fileBytes;
    cached.cachedPages += tree.pages.pageCount;
    cached.cachedBytes += tree.pages.bytes;
    cached.hits += tree.pages.hits;
    cached.misses += tree.pages.misses;
  }
  const uses = cached.hits + cached.misses;
  return { ...sums, ...cached, hitRate: uses === 0 ? 1 : cached.hits / uses };
}
