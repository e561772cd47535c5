// What a backup copies: the segments of a log on disk, up to the frame that its watermark says is durable. Changes nothing.
import { VarveError } from "../codec/errors.ts";
import type { Disk, DiskFile } from "../disk/ports.ts";
import { type Hash64, sameHash, zeroHash } from "../log/fields.ts";
import { segmentFileName } from "../log/file-names.ts";
import { FRAME_FLAG } from "../log/frame-format.ts";
import { type Manifest, type ManifestSegment, SEGMENT_STATE } from "../log/manifest-codec.ts";
import { readManifest } from "../log/manifest-store.ts";
import { Segment } from "../log/segment.ts";
import { decodeSegmentHeader } from "../log/segment-codec.ts";
import { segmentHeaderBytes } from "../log/segment-format.ts";
import { readWatermark, type Watermark } from "../log/watermark.ts";
import { cutTo, pointOf, type SegmentPoint } from "./replay.ts";
import { scanSegment } from "./segment-scan.ts";

/** A segment as the copy is to hold it: sealed, and ended early where the log was not durable any further. */
export interface PlannedSegment {
  readonly name: string;
  readonly entry: ManifestSegment;
  /** Made for the copy; undefined where the segment's own footer is copied with it. */
  readonly footer: Uint8Array | undefined;
}

export interface BackupSource {
  readonly directory: string;
  readonly manifest: Manifest;
  readonly segments: readonly PlannedSegment[];
  /** Where the copy ends. */
  readonly lastLsn: number;
  readonly lastHash: Hash64;
}

/**
 * Reads what is durable now, beside a writer too.
 *
 * @throws {VarveError} NOT_FOUND where a segment was replaced meanwhile: then what there is now is to be read;
 *   CORRUPT where the log does not have what its watermark says.
 */
export async function readSource(disk: Disk, directory: string): Promise<BackupSource> {
  const { databaseId } = await soundManifest(disk, directory);
  // Order: the mark first, so that the manifest read behind it names the segment that the mark is in.
  const { watermark } = await readWatermark(disk, directory, databaseId);
  const manifest = await soundManifest(disk, directory);
  if (watermark === undefined) {
    throw new VarveError(
      "CORRUPT",
      `${directory} has no sound watermark: open it for writing first`,
      {
        details: { file: "watermark", directory },
      },
    );
  }
  const segments = await upTo(disk, directory, manifest, watermark);
  const last = segments[segments.length - 1]?.entry;
  return {
    directory,
    manifest,
    segments,
    lastLsn: last?.lastLsn ?? 0,
    lastHash: last?.closingHash ?? zeroHash,
  };
}

async function soundManifest(disk: Disk, directory: string): Promise<Manifest> {
  const { manifest } = await readManifest(disk, directory, true);
  if (manifest !== undefined) return manifest;
  throw new VarveError("CORRUPT", `both copies of the manifest of ${directory} are lost`, {
    details: { file: "manifest.a", directory },
  });
}

async function upTo(
  disk: Disk,
  directory: string,
  { segments, databaseId }: Manifest,
  mark: Watermark,
): Promise<PlannedSegment[]> {
  if (sameHash(mark.lastHash, zeroHash)) return [];
  for (let at = segments.length - 1; at >= 0; at--) {
    const entry = segments[at]!;
    if (entry.baseLsn > mark.durableLsn + 1) continue;
    const last = await endingAt(disk, directory, databaseId, entry, mark);
    if (last === undefined) continue;
    const before: PlannedSegment[] = [];
    for (const sealed of segments.slice(0, at)) {
      before.push(await whole(disk, directory, databaseId, sealed));
    }
    return last.entry.dataEnd > segmentHeaderBytes ? [...before, last] : before;
  }
  throw new VarveError("CORRUPT", `the log ends before its watermark, LSN ${mark.durableLsn}`, {
    details: { file: nameOf(segments[segments.length - 1]!), lastLsn: mark.durableLsn },
  });
}

function nameOf({ baseLsn, generation }: ManifestSegment): string {
  return segmentFileName(baseLsn, generation);
}

/** The segment up to the mark, or undefined where the mark is not in it. */
async function endingAt(
  disk: Disk,
  directory: string,
  databaseId: Uint8Array,
  entry: ManifestSegment,
  mark: Watermark,
): Promise<PlannedSegment | undefined> {
  const { state, closingHash, lastLsn } = entry;
  const isActive = state === SEGMENT_STATE.active;
  if (!isActive && lastLsn === mark.durableLsn && sameHash(closingHash, mark.lastHash)) {
    return await whole(disk, directory, databaseId, entry);
  }
  let end: SegmentPoint | undefined;
  const segment = await scanned(
    disk,
    directory,
    databaseId,
    entry,
    isActive ? undefined : entry.dataEnd,
    (read, open) => {
      if (sameHash(read.lastHash, mark.lastHash)) end = open ?? pointOf(read);
    },
  );
  if (end === undefined) return undefined;
  cutTo(segment, end);
  return sealedAs(segment);
}

/** A segment that is not active any more, all of it. */
async function whole(
  disk: Disk,
  directory: string,
  databaseId: Uint8Array,
  entry: ManifestSegment,
): Promise<PlannedSegment> {
  if (entry.state === SEGMENT_STATE.sealed)
    return { name: nameOf(entry), entry, footer: undefined };
  // A recovery that was cut short has announced its end and not written its footer.
  const segment = await scanned(disk, directory, databaseId, entry, entry.dataEnd, () => {});
  return sealedAs(segment);
}

function sealedAs(segment: Segment): PlannedSegment {
  const footer = segment.footerBytes();
  segment.state = SEGMENT_STATE.sealed;
  return { name: segment.name, entry: segment.toManifest(), footer };
}

/** Reads a segment's frames, up to `dataEnd` where that is said; `noted` is told behind each of them where an unfinished transaction began. */
async function scanned(
  disk: Disk,
  directory: string,
  databaseId: Uint8Array,
  entry: ManifestSegment,
  dataEnd: number | undefined,
  noted: (segment: Segment, open: SegmentPoint | undefined) => void,
): Promise<Segment> {
  const { id, generation, baseLsn } = entry;
  const segment = new Segment(id, generation, baseLsn);
  const file = await disk.open(disk.join(directory, segment.name), "read");
  try {
    await readHeader(file, segment, databaseId);
    let open: SegmentPoint | undefined;
    const scan = await scanSegment(
      file,
      segment,
      baseLsn - 1,
      dataEnd,
      ({ flags }) => {
        if ((flags & FRAME_FLAG.unfinished) === 0) open = undefined;
        else open ??= pointOf(segment);
      },
      () => {
        noted(segment, open);
        return undefined;
      },
    );
    if (dataEnd === undefined || scan.end === "sealed-end") return segment;
    throw damage(segment.name, scan.offset, scan.fault);
  } finally {
    await file.close();
  }
}

async function readHeader(file: DiskFile, segment: Segment, databaseId: Uint8Array): Promise<void> {
  const page = new Uint8Array(segmentHeaderBytes);
  const length = await file.read(page, 0);
  const header = decodeSegmentHeader(page.subarray(0, length), segment.name, true);
  const belongs =
    header !== undefined &&
    header.segmentId === segment.id &&
    header.generation === segment.generation &&
    header.databaseId.every((byte, i) => byte === databaseId[i]);
  if (!belongs) throw damage(segment.name, 0, "header");
  segment.nonce = header.nonce;
  segment.lastHash = header.previousHash;
}

/** The hash of the frame that ends at an offset of a segment; undefined where none does. */
export async function hashAt(
  disk: Disk,
  directory: string,
  databaseId: Uint8Array,
  entry: ManifestSegment,
  offset: number,
): Promise<Hash64 | undefined> {
  let found: Hash64 | undefined;
  await scanned(disk, directory, databaseId, entry, entry.dataEnd, (segment) => {
    if (segment.dataEnd === offset) found = segment.lastHash;
  });
  return found;
}

/** Reads a copied segment back. @throws {VarveError} CORRUPT where it is not what it is to be. */
export async function checkCopied(
  disk: Disk,
  directory: string,
  databaseId: Uint8Array,
  { entry, name }: PlannedSegment,
): Promise<void> {
  const segment = await scanned(disk, directory, databaseId, entry, entry.dataEnd, () => {});
  const same = segment.lastLsn === entry.lastLsn && sameHash(segment.lastHash, entry.lastHash);
  if (!same) throw damage(name, segment.dataEnd, "wrong end");
}

export function damage(name: string, offset: number, fault: string): VarveError {
  return new VarveError("CORRUPT", `${name} is damaged at offset ${offset} (${fault})`, {
    details: { file: name, offset, fault },
  });
}
