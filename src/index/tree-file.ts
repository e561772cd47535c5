// Opens and creates the files of runs: what is opened is held against its record, what is created never overwrites.

import { VarveError } from "../codec/errors.ts";
import type { Disk, DiskFile } from "../disk/ports.ts";
import { DiskTree } from "./disk-tree.ts";
import type { TreeFooter } from "./disk-tree-format.ts";
import type { PageCache } from "./page-cache.ts";
import { sameShape } from "./page-format.ts";
import { corruptTree } from "./page-reader.ts";
import type { TreeFileRecord } from "./run-record.ts";
import { TREE_KIND, treeShapes } from "./tree-kind.ts";

/** A file of a run, and all that is known of it before it is read. */
export interface TreeFileAddress {
  readonly path: string;
  readonly record: TreeFileRecord;
  readonly firstLsn: number;
  readonly lastLsn: number;
  readonly databaseId: Uint8Array;
}

/** Opens a tree; damage, a missing file and one that is not what its record says are CORRUPT (see `isTreeDamage`). */
export async function openTreeFile(
  disk: Disk,
  address: TreeFileAddress,
  cache: PageCache,
): Promise<DiskTree> {
  const { path, record, databaseId } = address;
  const file = openExisting(disk, path);
  try {
    const expected = { databaseId, treeId: record.treeId };
    const tree = DiskTree.open(file, record.bytes, cache, expected);
    const fault = footerFault(tree.footer, address);
    if (fault !== undefined) throw corruptTree(path, tree.footer.footerOffset, fault);
    return tree;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Makes an empty file; one that a crash left under the name is removed first. */
export async function createTreeFile(disk: Disk, path: string): Promise<DiskFile> {
  if ((await disk.stat(path)) !== undefined) await disk.unlink(path);
  return disk.open(path, "create");
}

/** At once: a database has many, and each wait would cost an opening more than the call. */
function openExisting(disk: Disk, path: string): DiskFile {
  try {
    return disk.openSync(path);
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
    if (error.code === "NOT_FOUND") throw corruptTree(path, 0, "no such file");
    if (error.code === "CORRUPT") throw corruptTree(path, 0, String(error.details["reason"]));
    throw error;
  }
}

function footerFault(footer: TreeFooter, address: TreeFileAddress): string | undefined {
  const { record, firstLsn, lastLsn } = address;
  if (footer.kind !== TREE_KIND[record.name]) return "tree of another kind";
  if (!sameShape(footer.shape, treeShapes[record.name])) return "entries of another shape";
  if (footer.entryCount !== record.entries) return "another count of entries";
  if (footer.firstLsn !== firstLsn || footer.lastLsn !== lastLsn) return "another range of LSNs";
  return undefined;
}
