// The checkpoints that a recovery may begin with: which of them can be read, and what they have to do with the directory.
import { MalformedBytes } from "../codec/bytes.ts";
import { VarveError } from "../codec/errors.ts";
import type { Disk } from "../disk/ports.ts";
import type { Checkpoint } from "../index/checkpoint.ts";
import { decodeCheckpoint } from "../index/checkpoint-codec.ts";
import { isTreeDamage } from "../index/page-reader.ts";
import { hashOf, sameHash } from "../log/fields.ts";
import {
  checkpointFileName,
  parseCheckpointFileName,
  parseTreeFileName,
  treeFileName,
} from "../log/file-names.ts";
import type { CheckpointRef, Manifest } from "../log/manifest-codec.ts";
import { readWhole } from "../log/small-file.ts";

/** What is restored from a checkpoint before the log behind it is replayed. */
export interface RecoveryBase {
  /** Told first: whose files these are, and the lowest tree id that no file in the directory has. */
  begin(databaseId: Uint8Array, nextTreeId: number): void;
  /** Opens the trees and takes everything over. Throws CORRUPT, NOT_FOUND or IO where it cannot. */
  load(checkpoint: Checkpoint): Promise<void>;
  /** Forgets all that was loaded and replayed, closes its files, and removes those it had made itself. */
  clear(): Promise<void>;
}

/** For whoever keeps no trees: every checkpoint is passed over, and the whole log replayed. */
export const noBase: RecoveryBase = {
  begin: () => {},
  load: () => Promise.reject(new VarveError("NOT_FOUND", "no trees are kept here")),
  clear: () => Promise.resolve(),
};

/** A checkpoint whose file is sound. */
export interface Candidate {
  readonly ref: CheckpointRef;
  readonly checkpoint: Checkpoint;
}

export interface CheckpointFindings {
  /** Newest first. */
  readonly candidates: readonly Candidate[];
  /** Files that the manifest names and that are missing or not what was written. */
  readonly lost: readonly string[];
}

/** Reads every checkpoint that the manifest names; changes nothing. Throws FORMAT_UNSUPPORTED for another version. */
export async function readCheckpoints(
  disk: Disk,
  directory: string,
  manifest: Manifest,
): Promise<CheckpointFindings> {
  const candidates: Candidate[] = [];
  const lost: string[] = [];
  for (const ref of manifest.checkpoints) {
    const checkpoint = await readCheckpoint(disk, directory, manifest, ref);
    if (checkpoint === undefined) lost.push(checkpointFileName(ref.number));
    else candidates.push({ ref, checkpoint });
  }
  return { candidates, lost };
}

async function readCheckpoint(
  disk: Disk,
  directory: string,
  manifest: Manifest,
  ref: CheckpointRef,
): Promise<Checkpoint | undefined> {
  const name = checkpointFileName(ref.number);
  let bytes: Uint8Array | undefined;
  try {
    bytes = await readWhole(disk, disk.join(directory, name));
  } catch (error) {
    if (isUnloadable(error)) return undefined;
    throw error;
  }
  if (bytes?.length !== ref.bytes || !sameHash(hashOf(bytes, 0, bytes.length), ref.hash))
    return undefined;
  const checkpoint = decodeCheckpoint(bytes, manifest.databaseId, name);
  return checkpoint !== undefined && belongs(checkpoint, ref, manifest) ? checkpoint : undefined;
}

function belongs(checkpoint: Checkpoint, ref: CheckpointRef, manifest: Manifest): boolean {
  const { number, lsn, position } = checkpoint;
  const same = number === ref.number && lsn === ref.lsn && position.lastLsn === ref.durableLsn;
  return same && (isStart(checkpoint) || manifest.segments.some(isAt(position.segmentId)));
}

function isAt(segmentId: number): (segment: { readonly id: number }) => boolean {
  return ({ id }) => id === segmentId;
}

/** Whether the replay behind a checkpoint begins where the log does; its segment may have been replaced since. */
export function isStart({ position }: Checkpoint): boolean {
  return position.frameCount === 0;
}

/** Whether an error in reading what a checkpoint names means that another way must be taken. */
export function isUnloadable(error: unknown): boolean {
  if (error instanceof MalformedBytes) return true;
  return error instanceof VarveError && ["CORRUPT", "NOT_FOUND", "IO"].includes(error.code);
}

/** Whether an error in a replay comes from the trees below it, not from the log. */
export function isTreeFault(error: unknown): boolean {
  return isTreeDamage(error) || (isUnloadable(error) && treeNamedIn(error) !== undefined);
}

/** The tree file that an error tells of. */
export function treeNamedIn(error: unknown): string | undefined {
  if (!(error instanceof VarveError)) return undefined;
  for (const path of [error.details["path"], error.details["file"]]) {
    const name = typeof path === "string" ? path.split(/[/\\]/).pop() : undefined;
    if (name !== undefined && parseTreeFileName(name) !== undefined) return name;
  }
  return undefined;
}

/** The lowest tree id above all that the directory has files of. */
export function freeTreeId(names: readonly string[]): number {
  return names.reduce((id, name) => Math.max(id, (parseTreeFileName(name)?.treeId ?? 0) + 1), 1);
}

/** Those of the names that are of trees and checkpoints and belong to none of `kept`. */
export function strayNames(names: readonly string[], kept: readonly Candidate[]): string[] {
  const owned = new Set<string>();
  for (const { checkpoint } of kept) {
    owned.add(checkpointFileName(checkpoint.number));
    for (const { trees } of checkpoint.runs) {
      for (const { treeId, name } of trees) owned.add(treeFileName(treeId, name));
    }
  }
  const isDerived = (name: string): boolean =>
    parseCheckpointFileName(name) !== undefined || parseTreeFileName(name) !== undefined;
  return names.filter((name) => isDerived(name) && !owned.has(name)).sort();
}
