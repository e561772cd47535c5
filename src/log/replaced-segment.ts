// Finds the generation that compaction has put in the place of a segment: by its header and footer alone, since what it holds was read.
import { VarveError } from "../codec/errors.ts";
import type { DiskFile } from "../disk/ports.ts";
import { sameBytes, sameHash } from "./fields.ts";
import { isCompacted, type Manifest, type ManifestSegment } from "./manifest-codec.ts";
import { Segment } from "./segment.ts";
import { decodeSegmentFooter, decodeSegmentHeader } from "./segment-codec.ts";
import { footerBytesMaxFor, segmentHeaderBytes } from "./segment-format.ts";

/**
 * What compaction has put in the place of a segment, alone or joined with its neighbours; undefined where it is as it was known. A
 * joined one has the id of its last, and ids ascend.
 */
export function replacementOf(
  { segments }: Manifest,
  old: { readonly id: number; readonly baseLsn: number; readonly generation: number },
): ManifestSegment | undefined {
  const entry = segments.find(({ id }) => id >= old.id);
  if (entry === undefined || !isCompacted(entry)) return undefined;
  const isSame =
    entry.id === old.id && entry.baseLsn === old.baseLsn && entry.generation === old.generation;
  const isWithin = entry.baseLsn <= old.baseLsn && old.baseLsn <= entry.lastLsn;
  return isWithin && !isSame ? entry : undefined;
}

/** Whether a segment that reaches above an LSN was rewritten between two manifests. */
export function isRewrittenAbove(known: Manifest, manifest: Manifest, lsn: number): boolean {
  return known.segments.some((old) => (replacementOf(manifest, old)?.lastLsn ?? 0) > lsn);
}

/** Reads what a manifest names in the place of a segment. Synchronous: nobody finds the segment missing. */
export function readReplacement(
  entry: ManifestSegment,
  databaseId: Uint8Array,
  open: (segment: Segment) => DiskFile,
): Segment {
  const segment = Segment.named(entry);
  const file = open(segment);
  const page = new Uint8Array(segmentHeaderBytes);
  const header = decodeSegmentHeader(page.subarray(0, file.readSync(page, 0)), segment.name, true);
  const bytes = new Uint8Array(footerBytesMaxFor(entry.dataEnd) + 1);
  const footer = decodeSegmentFooter(bytes.subarray(0, file.readSync(bytes, entry.dataEnd)));
  const belongs =
    header !== undefined &&
    sameBytes(header.databaseId, databaseId) &&
    header.segmentId === entry.id &&
    header.generation === entry.generation;
  const isSound = footer?.lastLsn === entry.lastLsn && sameHash(footer.closingHash, entry.lastHash);
  if (!belongs || !isSound) throw damage(segment, belongs ? entry.dataEnd : 0);
  segment.nonce = header.nonce;
  segment.compacted = header.compacted;
  segment.state = entry.state;
  segment.index = footer.index;
  segment.dataEnd = entry.dataEnd;
  segment.lastLsn = footer.lastLsn;
  segment.lastHash = footer.closingHash;
  segment.eventCount = footer.eventCount;
  segment.frameCount = footer.frameCount;
  segment.firstTimeMs = footer.firstTimeMs;
  segment.lastTimeMs = footer.lastTimeMs;
  segment.fileBytes = entry.dataEnd + bytes.length;
  return segment;
}

function damage(segment: Segment, offset: number): VarveError {
  const file = segment.name;
  return new VarveError("CORRUPT", `${file} is not what the manifest tells of`, {
    details: { file, offset, fault: "replaced segment", firstLsn: segment.baseLsn },
  });
}
