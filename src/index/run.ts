// A run that is open for reading: the trees of one range of LSNs, their files and their share of the page cache.

import type { Disk } from "../disk/ports.ts";
import { treeFileName } from "../log/file-names.ts";
import type { DiskTree } from "./disk-tree.ts";
import type { PageCache } from "./page-cache.ts";
import type { RunRecord, TreeFileRecord } from "./run-record.ts";
import { openTreeFile, type TreeFileAddress } from "./tree-file.ts";
import type { TreeName } from "./tree-kind.ts";

export class Run {
  readonly record: RunRecord;
  /** Of all its files. */
  readonly bytes: number;
  readonly #trees: Map<TreeName, DiskTree>;

  private constructor(record: RunRecord, trees: Map<TreeName, DiskTree>) {
    this.record = record;
    this.#trees = trees;
    this.bytes = runBytes(record);
  }

  /**
   * Opens the files of a run by their footers. Throws CORRUPT where one is missing or not what the record says (see
   * `isTreeDamage`), and leaves nothing open then.
   */
  static async open(
    disk: Disk,
    directory: string,
    record: RunRecord,
    databaseId: Uint8Array,
    cache: PageCache,
  ): Promise<Run> {
    const opening = record.trees.map((tree) =>
      openTreeFile(disk, treeAddress(disk, directory, record, tree, databaseId), cache),
    );
    const trees = new Map<TreeName, DiskTree>();
    const opened = await Promise.allSettled(opening);
    for (const [ordinal, result] of opened.entries()) {
      if (result.status === "fulfilled") trees.set(record.trees[ordinal]!.name, result.value);
    }
    const failed = opened.find((result) => result.status === "rejected");
    if (failed !== undefined) {
      await closeTrees(trees);
      throw failed.reason;
    }
    return new Run(record, trees);
  }

  /** Undefined where the run has no entry of this kind. */
  tree(name: TreeName): DiskTree | undefined {
    return this.#trees.get(name);
  }

  /** Gives its pages back to the cache and closes its files; cursors on them are worthless. Closing twice does nothing. */
  async close(): Promise<void> {
    await closeTrees(this.#trees);
  }
}

export function runBytes(record: RunRecord): number {
  return record.trees.reduce((sum, tree) => sum + tree.bytes, 0);
}

export function treeAddress(
  disk: Disk,
  directory: string,
  run: RunRecord,
  record: TreeFileRecord,
  databaseId: Uint8Array,
): TreeFileAddress {
  const path = disk.join(directory, treeFileName(record.treeId, record.name));
  return { path, record, firstLsn: run.firstLsn, lastLsn: run.lastLsn, databaseId };
}

async function closeTrees(trees: Map<TreeName, DiskTree>): Promise<void> {
  const open = [...trees.values()];
  trees.clear();
  for (const tree of open) tree.release();
  // Every file gets its close, whatever becomes of the others.
  const closed = await Promise.allSettled(open.map((tree) => tree.file.close()));
  for (const result of closed) if (result.status === "rejected") throw result.reason;
}
