// Appends again, into a new segment, what lies above the proven watermark: after a failed sync, syncing again proves nothing.

import { VarveError } from "../codec/errors.ts";
import type { DiskFile, Ports } from "../disk/ports.ts";
import { ActiveSegment } from "../log/active-segment.ts";
import type { Hash64 } from "../log/fields.ts";
import { checkFrame, emptyFrameHeader, writeFrame } from "../log/frame-codec.ts";
import { Segment } from "../log/segment.ts";
import type { SegmentPoint } from "./replay.ts";

const bufferBytes: number = 1024 * 1024;

export interface ReappendOrder {
  readonly ports: Ports;
  readonly directory: string;
  readonly databaseId: Uint8Array;
  readonly segmentId: number;
  readonly segmentBytes: number;
  /** The file and the segment that the suffix is read from; the segment ends where the suffix does. */
  readonly from: DiskFile;
  readonly old: Segment;
  /** Where the suffix begins. */
  readonly proven: SegmentPoint;
}

/** Writes the new segment and makes it and its name durable; no manifest names it yet. */
export async function reappend(order: ReappendOrder): Promise<ActiveSegment> {
  const { ports, old, proven } = order;
  const segment = Segment.following(order.segmentId, proven.lastLsn, old);
  const active = await ActiveSegment.create(
    ports,
    order.directory,
    segment,
    order.databaseId,
    proven.lastHash,
    order.segmentBytes,
  );
  try {
    await copyFrames(order, active);
    await active.file.sync();
  } catch (error) {
    await active.file.close().catch(() => {});
    throw error;
  }
  return active;
}

async function copyFrames(order: ReappendOrder, active: ActiveSegment): Promise<void> {
  const { from, old, proven } = order;
  const { segment } = active;
  const header = emptyFrameHeader();
  const out = new Uint32Array(2);
  let offset = proven.offset;
  while (offset < old.dataEnd) {
    const bytes = new Uint8Array(Math.min(old.dataEnd - offset, bufferBytes));
    let length = await from.read(bytes, offset);
    if (length === 0) throw changed(old, offset);
    let buffer = bytes;
    let at = 0;
    while (at < length) {
      let fault = checkFrame(buffer, at, length, old.nonce, header);
      if (fault === "short" && at > 0) break;
      if (fault === "short") {
        buffer = new Uint8Array(header.frameBytes);
        length = await from.read(buffer, offset);
        fault = checkFrame(buffer, 0, length, old.nonce, header);
      }
      if (fault !== "none") throw changed(old, offset + at);
      const hash: Hash64 = segment.lastHash;
      writeFrame(buffer, at, header, proven.lastLsn, hash, segment.nonce, out);
      const start = segment.dataEnd;
      if (active.needsExtension(header.frameBytes)) {
        await active.extendFor(header.frameBytes, order.segmentBytes);
      }
      active.file.writeSync(buffer.subarray(at, at + header.frameBytes), start);
      const written = { lo: out[0]!, hi: out[1]! };
      segment.noteFrame(
        header.firstLsn,
        header.eventCount,
        header.timeMs,
        header.frameBytes,
        written,
      );
      at += header.frameBytes;
    }
    offset += at;
  }
}

/** The bytes were sound a moment ago: the disk has changed its mind, or somebody else writes. */
function changed(segment: Segment, offset: number): VarveError {
  return new VarveError("CORRUPT", `${segment.name} changed while it was recovered`, {
    details: { file: segment.name, offset },
  });
}
