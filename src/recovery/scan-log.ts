// Reads the segments that the manifest names, in order, from where a replay begins, and decides at each end what it
// means. Changes nothing.
import { VarveError } from "../codec/errors.ts";
import type { Disk, DiskFile } from "../disk/ports.ts";
import { type Hash64, sameBytes, sameHash, zeroHash } from "../log/fields.ts";
import { endsAt } from "../log/log-position.ts";
import { type Manifest, type ManifestSegment, SEGMENT_STATE } from "../log/manifest-codec.ts";
import { Segment } from "../log/segment.ts";
import { decodeSegmentFooter, decodeSegmentHeader } from "../log/segment-codec.ts";
import { segmentHeaderBytes } from "../log/segment-format.ts";
import type { Watermark } from "../log/watermark.ts";
import { passSegment, resumeSegment } from "./passed-segment.ts";
import { decideTail, isBelowProven, type RecoveryDecision } from "./recovery-case.ts";
import type { Replay } from "./replay.ts";
import { type BehindFindings, lookBehind, type SegmentScan, scanSegment } from "./segment-scan.ts";

export interface ScannedLog {
  readonly segments: Segment[];
  /** The last segment's file, open for writing. */
  readonly file: DiskFile;
  readonly scan: SegmentScan;
  readonly behind: BehindFindings;
  readonly decision: RecoveryDecision;
  /** A segment that an earlier recovery had not finished cutting. */
  readonly cutPending: Segment | undefined;
}

const nothingBehind: BehindFindings = { behind: "nothing", bytes: 0, frames: 0 };

/** Returns undefined for a manifest without segments: a database whose creation was cut short. */
export async function readSegments(
  disk: Disk,
  directory: string,
  manifest: Manifest,
  watermark: Watermark | undefined,
  replay: Replay,
): Promise<ScannedLog | undefined> {
  const segments: Segment[] = [];
  let cutPending: Segment | undefined;
  let previous: Segment | undefined;
  let passing = replay.from !== undefined;
  for (const [ordinal, entry] of manifest.segments.entries()) {
    const isLast = ordinal === manifest.segments.length - 1;
    const segment = Segment.named(entry);
    if (isLast !== (entry.state === SEGMENT_STATE.active)) throw damage(segment, 0, "manifest", {});
    const file = await openSegment(disk, directory, segment, isLast);
    let handedOver = false;
    try {
      const previousHash = previous?.closingHash ?? zeroHash;
      await readHeader(file, segment, manifest.databaseId, previousHash);
      const isPlace = passing && replay.from?.segmentId === entry.id;
      if (passing && !(isPlace && !endsAt(entry, replay.from!))) {
        passing = !isPlace;
        await passSegment(file, segment, entry, previous?.lastLsn ?? 0);
        if (entry.state === SEGMENT_STATE.cutPending) cutPending = segment;
        segments.push(segment);
        previous = segment;
        continue;
      }
      if (isPlace) await resumeSegment(file, segment, replay.from!);
      passing = false;
      const scanned = await readSegment(
        file,
        segment,
        entry,
        manifest,
        previous,
        watermark,
        replay,
      );
      if (entry.state === SEGMENT_STATE.cutPending) cutPending = segment;
      segments.push(segment);
      previous = segment;
      if (isLast) {
        handedOver = true;
        return { segments, file, cutPending, ...scanned };
      }
    } finally {
      if (!handedOver) await file.close();
    }
  }
  return undefined;
}

export async function openSegment(
  disk: Disk,
  directory: string,
  segment: Segment,
  isLast: boolean,
): Promise<DiskFile> {
  const path = disk.join(directory, segment.name);
  if ((await disk.stat(path)) === undefined) throw damage(segment, 0, "missing", {});
  return await disk.open(path, isLast ? "write" : "read");
}

async function readSegment(
  file: DiskFile,
  segment: Segment,
  entry: ManifestSegment,
  manifest: Manifest,
  previous: Segment | undefined,
  watermark: Watermark | undefined,
  replay: Replay,
): Promise<{ scan: SegmentScan; behind: BehindFindings; decision: RecoveryDecision }> {
  const active = entry.state === SEGMENT_STATE.active;
  replay.begin(segment);
  const scan = await scanSegment(
    file,
    segment,
    Math.max(previous?.lastLsn ?? 0, segment.lastLsn),
    active ? undefined : entry.dataEnd,
    (header, bytes, payloadFrom) => replay.frame(segment, header, bytes, payloadFrom),
    () => replay.noted(segment),
  );
  segment.fileBytes = scan.fileBytes;
  const behind =
    active && scan.end !== "footer"
      ? await lookBehind(file, segment, scan.offset, scan.fileBytes)
      : nothingBehind;
  const decision = decideTail({
    active,
    end: scan.end,
    behind: behind.behind,
    belowProven:
      active &&
      isBelowProven(segment.lastLsn, {
        markLsn: watermark?.durableLsn ?? 0,
        markSeen: replay.watermarkSeen,
        checkpointLsn: checkpointLsn(manifest),
      }),
    transactionOpen: replay.openFrom !== undefined,
  });
  if (decision.action === "refuse") throw refusal(segment, scan, decision, watermark);
  if (!active) {
    await checkSealed(file, segment, entry, scan);
    replay.end(segment);
  }
  return { scan, behind, decision };
}

/** The manifest is the witness: the file of the checkpoint may be lost. */
function checkpointLsn({ checkpoints }: Manifest): number {
  return checkpoints.reduce((lsn, { durableLsn }) => Math.max(lsn, durableLsn), 0);
}

/** Reads the header of a segment, which must be the one that its place in the log asks for. */
export async function readHeader(
  file: DiskFile,
  segment: Segment,
  databaseId: Uint8Array,
  previousHash: Hash64,
): Promise<void> {
  const page = new Uint8Array(segmentHeaderBytes);
  const length = await file.read(page, 0);
  const header = decodeSegmentHeader(page.subarray(0, length), segment.name, false);
  if (header === undefined) throw damage(segment, 0, "header", {});
  const belongs =
    sameBytes(header.databaseId, databaseId) &&
    header.segmentId === segment.id &&
    header.generation === segment.generation &&
    header.baseLsn === segment.baseLsn;
  if (!belongs) throw damage(segment, 0, "foreign header", { segmentId: header.segmentId });
  if (!sameHash(header.previousHash, previousHash)) throw damage(segment, 0, "broken chain", {});
  segment.nonce = header.nonce;
  segment.lastHash = header.previousHash;
  segment.compacted = header.compacted;
}

async function checkSealed(
  file: DiskFile,
  segment: Segment,
  entry: ManifestSegment,
  scan: SegmentScan,
): Promise<void> {
  segment.state = entry.state;
  const ends = segment.endsAs(entry);
  if (!ends) throw damage(segment, scan.offset, "wrong end", { expectedLastLsn: entry.lastLsn });
  if (entry.state === SEGMENT_STATE.cutPending) return;
  const bytes = new Uint8Array(Math.max(0, scan.fileBytes - scan.offset));
  await file.read(bytes, scan.offset);
  const footer = decodeSegmentFooter(bytes);
  const sound =
    footer !== undefined &&
    footer.lastLsn === segment.lastLsn &&
    footer.eventCount === segment.eventCount &&
    sameHash(footer.closingHash, segment.lastHash);
  if (!sound) throw damage(segment, scan.offset, "footer", {});
}

function refusal(
  segment: Segment,
  scan: SegmentScan,
  decision: RecoveryDecision,
  watermark: Watermark | undefined,
): VarveError {
  const firstLsn = segment.lastLsn + 1;
  return damage(segment, scan.offset, scan.fault === "none" ? scan.end : scan.fault, {
    case: decision.label,
    firstLsn,
    lastLsn: Math.max(firstLsn, watermark?.durableLsn ?? 0),
  });
}

function damage(
  segment: Segment,
  offset: number,
  fault: string,
  details: Record<string, unknown>,
): VarveError {
  return new VarveError(
    "CORRUPT",
    `${segment.name} is damaged at offset ${offset} (${fault}); nothing was changed`,
    { details: { file: segment.name, offset, fault, firstLsn: segment.baseLsn, ...details } },
  );
}
