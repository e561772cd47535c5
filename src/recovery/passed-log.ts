// The segments that a log has up to a checkpoint's position, from their headers and footers: for whoever reads on from there.
import type { Disk } from "../disk/ports.ts";
import { zeroHash } from "../log/fields.ts";
import { endsAt, type LogPosition } from "../log/log-position.ts";
import type { Manifest } from "../log/manifest-codec.ts";
import { Segment } from "../log/segment.ts";
import { passSegment, resumeSegment } from "./passed-segment.ts";
import { openSegment, readHeader } from "./scan-log.ts";

/** @throws {VarveError} CORRUPT where the log is not what the manifest or the checkpoint says. */
export async function segmentsUpTo(
  disk: Disk,
  directory: string,
  manifest: Manifest,
  position: LogPosition,
): Promise<Segment[]> {
  const segments: Segment[] = [];
  for (const entry of manifest.segments) {
    const previous = segments[segments.length - 1];
    const segment = Segment.named(entry);
    const file = await openSegment(disk, directory, segment, false);
    try {
      await readHeader(file, segment, manifest.databaseId, previous?.closingHash ?? zeroHash);
      const isLast = entry.id === position.segmentId;
      if (isLast && !endsAt(entry, position)) await resumeSegment(file, segment, position);
      else await passSegment(file, segment, entry, previous?.lastLsn ?? 0);
      segments.push(segment);
      if (isLast) break;
    } finally {
      await file.close();
    }
  }
  return segments;
}
