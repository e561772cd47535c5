// What a backup finds where it is to go: nothing, one that was not finished, or an older one of the same database.
import { VarveError } from "../codec/errors.ts";
import type { Disk } from "../disk/ports.ts";
import { sameBytes, sameHash } from "../log/fields.ts";
import { FILE, isOwnFile, segmentFileName } from "../log/file-names.ts";
import {
  isCompacted,
  type Manifest,
  type ManifestSegment,
  SEGMENT_STATE,
} from "../log/manifest-codec.ts";
import { type ManifestFindings, readManifest } from "../log/manifest-store.ts";
import { decodeSegmentFooter } from "../log/segment-codec.ts";
import { segmentHeaderBytes } from "../log/segment-format.ts";
import { type BackupSource, damage, hashAt, type PlannedSegment } from "./backup-source.ts";

/** What there is at the destination. */
export interface BackupTarget {
  readonly directory: string;
  /** Undefined where no backup has been finished there. */
  readonly found: ManifestFindings | undefined;
}

/** What is to be done with each segment. */
export interface SegmentPlan {
  /** There already, whole. */
  readonly reused: readonly PlannedSegment[];
  /** There already up to `from.dataEnd`. */
  readonly grown: { readonly to: PlannedSegment; readonly from: ManifestSegment } | undefined;
  readonly fresh: readonly PlannedSegment[];
}

/**
 * Says whether a backup can go to a directory; changes nothing.
 *
 * @throws {VarveError} NOT_A_DATABASE for a file, and for a directory of other things; EXISTS for what belongs to another database.
 */
export async function readTarget(
  disk: Disk,
  directory: string,
  databaseId: Uint8Array,
): Promise<BackupTarget> {
  const stat = await disk.stat(directory);
  if (stat === undefined) return { directory, found: undefined };
  if (stat.kind !== "directory") throw refused("NOT_A_DATABASE", directory, "is no directory");
  const names = await disk.list(directory);
  const found = await readManifest(disk, directory, false);
  if (found.manifest !== undefined) {
    if (!sameBytes(found.manifest.databaseId, databaseId)) {
      throw refused("EXISTS", directory, "is another database");
    }
    return { directory, found };
  }
  const isUnfinished = names.includes(FILE.backup);
  const other = names.find((name) => name !== FILE.lock && !(isUnfinished && isOwnFile(name)));
  if (other === undefined) return { directory, found: undefined };
  if (isOwnFile(other)) throw refused("EXISTS", directory, `holds ${other} of a database`);
  throw refused("NOT_A_DATABASE", directory, `holds ${other}`);
}

/**
 * Compares what an older backup has with what the new one is to have.
 *
 * @throws {VarveError} EXISTS where the directory has anything that the source's log does not: somebody has written there, or
 *   the source has been put back to an older state; CORRUPT where a segment of it is damaged.
 */
export async function planSegments(
  disk: Disk,
  source: BackupSource,
  directory: string,
  { segments, databaseId }: Manifest,
): Promise<SegmentPlan> {
  const old = segments.filter(({ state }) => state !== SEGMENT_STATE.active);
  const active = segments.find(({ state }) => state === SEGMENT_STATE.active);
  if (active !== undefined && !(await isEmpty(disk, directory, active))) throw diverged(directory);
  const byName = new Map(old.map((entry) => [nameOf(entry), entry]));
  const reused: PlannedSegment[] = [];
  const fresh: PlannedSegment[] = [];
  let grown: SegmentPlan["grown"];
  let isProven = old.length === 0;
  const last = old[old.length - 1];
  for (const planned of source.segments) {
    const there = byName.get(planned.name);
    const { entry } = planned;
    if (last !== undefined && (endsAlike(last, entry) || isRewritten(last, entry))) isProven = true;
    if (there === undefined) {
      fresh.push(planned);
    } else if (isWhole(there, entry)) {
      await requireWhole(disk, directory, there);
      reused.push(planned);
    } else {
      // Where a backup broke off that went on with it, its end is there, and anything behind it in place of its footer.
      const isStart = there === last && there.id === entry.id && there.dataEnd <= entry.dataEnd;
      const hash = isStart
        ? await hashAt(disk, source.directory, databaseId, entry, there.dataEnd)
        : undefined;
      if (hash === undefined || !sameHash(hash, there.closingHash)) throw diverged(directory);
      grown = { to: planned, from: there };
      isProven = true;
    }
  }
  if (!isProven) throw diverged(directory);
  return { reused, grown, fresh };
}

function nameOf({ baseLsn, generation }: ManifestSegment): string {
  return segmentFileName(baseLsn, generation);
}

function isWhole(there: ManifestSegment, entry: ManifestSegment): boolean {
  const isSealed = there.state === SEGMENT_STATE.sealed;
  return (
    isSealed && there.id === entry.id && there.dataEnd === entry.dataEnd && endsAlike(there, entry)
  );
}

function endsAlike(a: ManifestSegment, b: ManifestSegment): boolean {
  return a.lastLsn === b.lastLsn && sameHash(a.closingHash, b.closingHash);
}

/** Where compaction has rewritten what the old backup ends in, its last frame is gone: that its LSN is there has to do. */
function isRewritten({ lastLsn }: ManifestSegment, entry: ManifestSegment): boolean {
  return isCompacted(entry) && entry.baseLsn <= lastLsn && lastLsn <= entry.lastLsn;
}

async function isEmpty(disk: Disk, directory: string, entry: ManifestSegment): Promise<boolean> {
  const file = await disk.open(disk.join(directory, nameOf(entry)), "read");
  try {
    const start = new Uint8Array(64);
    const length = await file.read(start, segmentHeaderBytes);
    return start.subarray(0, length).every((byte) => byte === 0);
  } finally {
    await file.close();
  }
}

/** The end of a segment that is there already is read again; all of it only `verify` reads. */
async function requireWhole(disk: Disk, directory: string, entry: ManifestSegment): Promise<void> {
  const name = nameOf(entry);
  const file = await disk.open(disk.join(directory, name), "read");
  try {
    const bytes = new Uint8Array(Math.max(0, (await file.size()) - entry.dataEnd));
    await file.read(bytes, entry.dataEnd);
    const footer = decodeSegmentFooter(bytes);
    const isSound = footer !== undefined && sameHash(footer.closingHash, entry.lastHash);
    if (!isSound) throw damage(name, entry.dataEnd, "footer");
  } finally {
    await file.close();
  }
}

function diverged(directory: string): VarveError {
  return refused(
    "EXISTS",
    directory,
    "has what the database does not have: it was written to, or the database was put back to an older state",
  );
}

function refused(code: "EXISTS" | "NOT_A_DATABASE", directory: string, why: string): VarveError {
  return new VarveError(code, `backup: ${directory} ${why}`, { details: { path: directory } });
}
