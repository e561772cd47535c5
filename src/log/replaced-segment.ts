// Finds the generation that compaction has put in the place of a segment: by its header and footer alone, since what it holds was read.
import { VarveError } from "../codec/errors.ts";
import type { DiskFile } from "../disk/ports.ts";
import { sameBytes, sameHash } from "./fields.ts";
import type { Manifest, ManifestSegment } from "./manifest-codec.ts";
import { Segment } from "./segment.ts";
import { decodeSegmentFooter, decodeSegmentHeader } from "./segment-codec.ts";
import { footerBytesMaxFor, segmentHeaderBytes } from "./segment-format.ts";

/** Whether an entry is of a newer generation of a segment. */
export function replaces(
  entry: ManifestSegment | undefined,
  old: { readonly id: number; readonly baseLsn: number; readonly generation: number },
): entry is ManifestSegment {
  return entry?.id === old.id && entry.baseLsn === old.baseLsn && entry.generation > old.generation;
}

/** Whether a segment that reaches above an LSN was rewritten between two manifests. */
export function isRewrittenAbove(known: Manifest, manifest: Manifest, lsn: number): boolean {
  const generations = new Map(manifest.segments.map((entry) => [entry.id, entry]));
  return known.segments.some((old) => {
    const entry = generations.get(old.id);
    return replaces(entry, old) && entry.lastLsn > lsn;
  });
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
