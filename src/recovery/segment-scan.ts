// Reads a segment's frames from front to back, checking each, and finds out what lies behind the last good one.
import { VarveError } from "../codec/errors.ts";
import { limits } from "../codec/limits.ts";
import { lengthWithoutZeros } from "../codec/zeros.ts";
import type { DiskFile } from "../disk/ports.ts";
import { sameHash } from "../log/fields.ts";
import {
  checkFrame,
  emptyFrameHeader,
  type FrameFault,
  type FrameHeader,
} from "../log/frame-codec.ts";
import { frameAlignment, frameHeaderBytes, frameVersion } from "../log/frame-format.ts";
import type { Segment } from "../log/segment.ts";
import { decodeSegmentFooter, looksLikeFooter } from "../log/segment-codec.ts";
import { footerBytesMaxFor, segmentHeaderBytes } from "../log/segment-format.ts";
import type { Behind, ScanEnd } from "./recovery-case.ts";

const chunkBytes: number = 1024 * 1024;

/** Called with each good frame, in order; the bytes are good until the next call. */
export type FrameSink = (
  header: Readonly<FrameHeader>,
  bytes: Uint8Array,
  payloadFrom: number,
  offset: number,
) => void;

export interface SegmentScan {
  readonly end: ScanEnd;
  /** Why the bytes at the end are no frame. */
  readonly fault: FrameFault;
  /** Offset at which the scan ended. */
  readonly offset: number;
  readonly fileBytes: number;
}

/** A window on the file that moves forward. */
class Window {
  bytes: Uint8Array;
  at = 0;
  end = 0;
  readonly #file: DiskFile;

  constructor(file: DiskFile, fileBytes: number) {
    this.#file = file;
    this.bytes = new Uint8Array(Math.min(chunkBytes, fileBytes));
  }

  covers(offset: number, count: number): boolean {
    return offset >= this.at && offset + count <= this.end;
  }

  /** Sees to it that `[offset, offset + count)` is in the window, as far as the file has it. */
  async cover(offset: number, count: number, limit: number): Promise<void> {
    const wanted = Math.min(offset + count, limit);
    if (offset >= this.at && wanted <= this.end) return;
    if (this.bytes.length < count) this.bytes = new Uint8Array(count);
    const into = this.bytes.subarray(0, Math.min(this.bytes.length, Math.max(0, limit - offset)));
    this.at = offset;
    this.end = offset + (await this.#file.read(into, offset));
  }
}

/**
 * Scans `segment`, whose header has been read, behind what is noted in it, and notes every good frame.
 *
 * @param dataEnd where the frames of a segment that is not active end; undefined for the active one.
 * @param noted called once a frame handed to `sink` is noted in the segment; what it returns is waited for.
 */
export async function scanSegment(
  file: DiskFile,
  segment: Segment,
  previousLastLsn: number,
  dataEnd: number | undefined,
  sink: FrameSink,
  noted: () => Promise<void> | undefined,
): Promise<SegmentScan> {
  const fileBytes = await file.size();
  const limit = Math.min(fileBytes, dataEnd ?? fileBytes);
  const window = new Window(file, limit);
  const header = emptyFrameHeader();
  let expectedLsn = previousLastLsn + 1;
  let offset = segment.dataEnd;
  const ended = (end: ScanEnd, fault: FrameFault): SegmentScan => ({
    end,
    fault,
    offset,
    fileBytes,
  });
  while (true) {
    if (dataEnd !== undefined && offset === dataEnd) return ended("sealed-end", "none");
    await window.cover(offset, frameHeaderBytes, limit);
    let fault = checkFrame(
      window.bytes,
      offset - window.at,
      window.end - window.at,
      segment.nonce,
      header,
    );
    if (
      fault === "short" &&
      header.frameBytes <= limit - offset &&
      limit - offset >= frameHeaderBytes
    ) {
      await window.cover(offset, header.frameBytes, limit);
      fault = checkFrame(
        window.bytes,
        offset - window.at,
        window.end - window.at,
        segment.nonce,
        header,
      );
    }
    if (fault === "blank") return ended("blank", fault);
    // Its checksum is right: nothing is damaged, a later version has written it.
    if (fault === "version") throw unsupportedFrame(segment, offset);
    if (fault !== "none") {
      const footer =
        dataEnd === undefined && (await endsWithFooter(file, segment, offset, fileBytes));
      return ended(footer ? "footer" : "damaged", fault);
    }
    const chained = header.previousHash === segment.lastHash.lo;
    if (!chained || header.firstLsn < expectedLsn) return ended("misplaced", fault);
    sink(header, window.bytes, offset - window.at + frameHeaderBytes, offset);
    segment.noteFrame(header.firstLsn, header.eventCount, header.timeMs, header.frameBytes, {
      lo: header.hashLo,
      hi: header.hashHi,
    });
    const wait = noted();
    if (wait !== undefined) await wait;
    // What a frame without events says of LSNs may be of some that were rejected: they are given out again.
    if (header.eventCount > 0) expectedLsn = header.firstLsn + header.eventCount;
    offset += header.frameBytes;
  }
}

function unsupportedFrame(segment: Segment, offset: number): VarveError {
  const file = segment.name;
  return new VarveError(
    "FORMAT_UNSUPPORTED",
    `${file} has a frame at offset ${offset} of a version or kind that this version does not know`,
    { details: { file, offset, supportedVersion: frameVersion } },
  );
}

async function endsWithFooter(
  file: DiskFile,
  segment: Segment,
  offset: number,
  fileBytes: number,
): Promise<boolean> {
  const bytesMax = footerBytesMaxFor(offset - segmentHeaderBytes);
  const bytes = new Uint8Array(Math.min(fileBytes - offset, bytesMax + 1));
  await file.read(bytes, offset);
  if (!looksLikeFooter(bytes, 0, bytes.length)) return false;
  const footer = decodeSegmentFooter(bytes);
  return footer !== undefined && sameHash(footer.closingHash, segment.lastHash);
}

export interface BehindFindings {
  readonly behind: Behind;
  /** Bytes from the end to the last one that is not zero. */
  readonly bytes: number;
  readonly frames: number;
}

/** Looks at everything behind `offset`: is there anything, are there sound frames, does one testify? */
export async function lookBehind(
  file: DiskFile,
  segment: Segment,
  offset: number,
  fileBytes: number,
): Promise<BehindFindings> {
  const lastByte = await lastNonZero(file, offset, fileBytes);
  if (lastByte < offset) return { behind: "nothing", bytes: 0, frames: 0 };
  const end = lastByte + 1;
  const window = new Window(file, fileBytes - offset);
  const header = emptyFrameHeader();
  let frames = 0;
  let witness = false;
  // Frames are 8-aligned, so a sound one behind the damage is found at one of these offsets.
  let at = offset + frameAlignment;
  while (at + frameHeaderBytes <= end + frameAlignment && at < fileBytes) {
    // Asked first, because so many steps would not bear a promise each.
    if (!window.covers(at, frameHeaderBytes)) await window.cover(at, frameHeaderBytes, fileBytes);
    let fault = checkFrame(
      window.bytes,
      at - window.at,
      window.end - window.at,
      segment.nonce,
      header,
    );
    if (fault === "short" && plausible(header, segment, fileBytes - at)) {
      await window.cover(at, header.frameBytes, fileBytes);
      fault = checkFrame(
        window.bytes,
        at - window.at,
        window.end - window.at,
        segment.nonce,
        header,
      );
    }
    if (fault === "none" && header.firstLsn > segment.lastLsn) {
      frames++;
      if (header.durableLsn > segment.lastLsn) witness = true;
      at += header.frameBytes;
    } else {
      at += frameAlignment;
    }
  }
  const behind: Behind = witness ? "witness" : frames > 0 ? "frames" : "bytes";
  return { behind, bytes: end - offset, frames };
}

/** Spares reading on behalf of lengths that only look like one. */
function plausible(header: FrameHeader, segment: Segment, room: number): boolean {
  return (
    header.frameBytes <= room &&
    header.frameBytes >= frameHeaderBytes &&
    header.firstLsn > segment.lastLsn &&
    header.firstLsn <= limits.lsnMax &&
    header.durableLsn >= 0
  );
}

/** The offset of the last byte in [from, to) that is not zero; below `from` where there is none. */
async function lastNonZero(file: DiskFile, from: number, to: number): Promise<number> {
  const buffer = new Uint8Array(Math.min(chunkBytes, Math.max(0, to - from)));
  for (let end = to; end > from; ) {
    const at = Math.max(from, end - buffer.length);
    const length = await file.read(buffer.subarray(0, end - at), at);
    const written = lengthWithoutZeros(buffer.subarray(0, length));
    if (written > 0) return at + written - 1;
    end = at;
  }
  return from - 1;
}
