// Reads the segments of an open log again and checks all of them, up to where each reached when the check began.
import { VarveError } from "../codec/errors.ts";
import type { Disk } from "../disk/ports.ts";
import { sameHash } from "../log/fields.ts";
import { compactedToOf, SEGMENT_STATE } from "../log/manifest-codec.ts";
import { Segment } from "../log/segment.ts";
import { decodeSegmentFooter, decodeSegmentHeader } from "../log/segment-codec.ts";
import { segmentHeaderBytes } from "../log/segment-format.ts";
import type { SegmentView } from "../log/segment-view.ts";
import { Replay, type ReplaySink } from "./replay.ts";
import { scanSegment } from "./segment-scan.ts";

export interface VerifiedLog {
  readonly frames: number;
  readonly events: number;
  readonly lastLsn: number;
}

/** @throws {VarveError} CORRUPT at the first damage, naming file and offset. */
export async function verifyLog(
  disk: Disk,
  directory: string,
  views: readonly SegmentView[],
  sink: ReplaySink,
): Promise<VerifiedLog> {
  const replay = new Replay(sink, undefined);
  sink.noteCompacted?.(compactedToOf(views));
  let frames = 0;
  let previous: Segment | undefined;
  for (const view of views) {
    const segment = new Segment(view.id, view.generation, view.baseLsn);
    await verifySegment(disk, directory, view, segment, previous, replay);
    frames += segment.frameCount;
    previous = segment;
  }
  return { frames, events: replay.replayedEvents, lastLsn: previous?.lastLsn ?? 0 };
}

async function verifySegment(
  disk: Disk,
  directory: string,
  view: SegmentView,
  segment: Segment,
  previous: Segment | undefined,
  replay: Replay,
): Promise<void> {
  const file = await disk.open(disk.join(directory, view.name), "read");
  try {
    const page = new Uint8Array(segmentHeaderBytes);
    const length = await file.read(page, 0);
    const header = decodeSegmentHeader(page.subarray(0, length), view.name, false);
    if (header === undefined) throw damage(view, 0, "header");
    const chained = previous === undefined || sameHash(header.previousHash, previous.closingHash);
    if (!chained) throw damage(view, 0, "broken chain");
    segment.nonce = header.nonce;
    segment.lastHash = header.previousHash;
    segment.compacted = header.compacted;
    replay.begin(segment);
    const scan = await scanSegment(
      file,
      segment,
      previous?.lastLsn ?? 0,
      view.dataEnd,
      (frame, bytes, from) => replay.frame(segment, frame, bytes, from),
      () => replay.noted(segment),
    );
    const whole = scan.end === "sealed-end" && ends(segment, view);
    if (!whole) throw damage(view, scan.offset, scan.fault === "none" ? scan.end : scan.fault);
    if (view.state === SEGMENT_STATE.active) return;
    const footer = new Uint8Array(Math.max(0, scan.fileBytes - view.dataEnd));
    await file.read(footer, view.dataEnd);
    const decoded = decodeSegmentFooter(footer);
    if (decoded === undefined || !sameHash(decoded.closingHash, segment.lastHash)) {
      throw damage(view, view.dataEnd, "footer");
    }
  } finally {
    await file.close();
  }
}

function ends(segment: Segment, view: SegmentView): boolean {
  return (
    segment.lastLsn === view.lastLsn &&
    sameHash(segment.lastHash, view.lastHash) &&
    sameHash(segment.closingHash, view.closingHash)
  );
}

function damage(view: SegmentView, offset: number, fault: string): VarveError {
  return new VarveError("CORRUPT", `${view.name} is damaged at offset ${offset} (${fault})`, {
    details: { file: view.name, offset, fault, firstLsn: view.baseLsn, lastLsn: view.lastLsn },
  });
}
