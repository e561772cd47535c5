// Segments that a replay need not read: those before its position by header and footer, the position's own up to it.
import { VarveError } from "../codec/errors.ts";
import type { DiskFile } from "../disk/ports.ts";
import { type Hash64, sameHash } from "../log/fields.ts";
import { checkFrame, emptyFrameHeader } from "../log/frame-codec.ts";
import type { LogPosition } from "../log/log-position.ts";
import { type ManifestSegment, SEGMENT_STATE } from "../log/manifest-codec.ts";
import type { Segment } from "../log/segment.ts";
import { decodeSegmentFooter } from "../log/segment-codec.ts";
import { segmentHeaderBytes } from "../log/segment-format.ts";
import { scanSegment } from "./segment-scan.ts";

/** Fills a sealed segment from its footer, which must say what the manifest does. */
export async function passSegment(
  file: DiskFile,
  segment: Segment,
  entry: ManifestSegment,
  previousLastLsn: number,
): Promise<void> {
  if (segment.baseLsn <= previousLastLsn) throw damage(segment, 0, "overlapping LSNs");
  // What an earlier recovery had not finished cutting has no footer yet.
  if (entry.state === SEGMENT_STATE.cutPending) {
    await readThrough(file, segment, entry, previousLastLsn);
    return;
  }
  const { dataEnd } = entry;
  segment.fileBytes = await file.size();
  const bytes = new Uint8Array(Math.max(0, segment.fileBytes - dataEnd));
  const length = dataEnd < segmentHeaderBytes ? 0 : await file.read(bytes, dataEnd);
  const footer = decodeSegmentFooter(bytes.subarray(0, length));
  const sound =
    footer !== undefined &&
    footer.lastLsn === entry.lastLsn &&
    sameHash(footer.closingHash, entry.lastHash);
  if (!sound) throw damage(segment, dataEnd, "footer");
  segment.state = entry.state;
  segment.index = footer.index;
  segment.dataEnd = dataEnd;
  segment.lastLsn = footer.lastLsn;
  segment.lastHash = footer.closingHash;
  if (!segment.endsAs(entry)) throw damage(segment, 0, "not what the manifest tells of");
  segment.eventCount = footer.eventCount;
  segment.frameCount = footer.frameCount;
  segment.firstTimeMs = footer.firstTimeMs;
  segment.lastTimeMs = footer.lastTimeMs;
}

async function readThrough(
  file: DiskFile,
  segment: Segment,
  entry: ManifestSegment,
  previousLastLsn: number,
): Promise<void> {
  const nothing = (): undefined => undefined;
  const scan = await scanSegment(file, segment, previousLastLsn, entry.dataEnd, nothing, nothing);
  segment.fileBytes = scan.fileBytes;
  segment.state = entry.state;
  const whole = scan.end === "sealed-end" && segment.endsAs(entry);
  if (!whole) throw damage(segment, scan.offset, scan.fault === "none" ? scan.end : scan.fault);
}

/**
 * Fills the segment of a position, whose header has been read, with what it held up to there. The frames right before
 * the position are read: a log that ends before it has lost what a checkpoint knew to be durable.
 */
export async function resumeSegment(
  file: DiskFile,
  segment: Segment,
  position: LogPosition,
): Promise<void> {
  const { index, offset } = position;
  const from = index.offsetAt(index.count - 1);
  if ((await file.size()) < offset) throw damage(segment, offset, "ends before its checkpoint");
  const bytes = new Uint8Array(offset - from);
  const length = await file.read(bytes, from);
  const last = lastFrameHash(bytes, length, segment.nonce);
  if (last === undefined || !sameHash(last, position.lastHash)) {
    throw damage(segment, from, "not what its checkpoint has seen");
  }
  segment.index = index.before(offset);
  segment.dataEnd = offset;
  segment.lastLsn = position.lastLsn;
  segment.lastHash = position.lastHash;
  segment.eventCount = position.eventCount;
  segment.frameCount = position.frameCount;
  segment.firstTimeMs = position.firstTimeMs;
  segment.lastTimeMs = position.lastTimeMs;
}

/** The hash of the last of the frames that the bytes consist of, or undefined where they do not. */
function lastFrameHash(bytes: Uint8Array, length: number, nonce: Hash64): Hash64 | undefined {
  const header = emptyFrameHeader();
  let hash: Hash64 | undefined;
  let at = 0;
  while (at < length) {
    if (checkFrame(bytes, at, length, nonce, header) !== "none") return undefined;
    if (hash !== undefined && header.previousHash !== hash.lo) return undefined;
    hash = { lo: header.hashLo, hi: header.hashHi };
    at += header.frameBytes;
  }
  return length === bytes.length ? hash : undefined;
}

function damage(segment: Segment, offset: number, fault: string): VarveError {
  const file = segment.name;
  return new VarveError(
    "CORRUPT",
    `${file} is damaged at offset ${offset} (${fault}); nothing was changed`,
    { details: { file, offset, fault, firstLsn: segment.baseLsn } },
  );
}
