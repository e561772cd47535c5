// Reads a sealed segment from front to back in slices and hands its frames to a rewriter, checking each on the way.
import { VarveError } from "../codec/errors.ts";
import type { Clock, DiskFile } from "../disk/ports.ts";
import type { Hash64 } from "../log/fields.ts";
import {
  checkFrame,
  emptyFrameHeader,
  type FrameFault,
  type FrameHeader,
} from "../log/frame-codec.ts";
import { frameHeaderBytes } from "../log/frame-format.ts";
import { decodeSegmentHeader } from "../log/segment-codec.ts";
import { segmentHeaderBytes } from "../log/segment-format.ts";
import type { SegmentView } from "../log/segment-view.ts";
import type { FrameBuilder } from "./frame-builder.ts";
import type { RecordRewriter } from "./record-rewriter.ts";

const chunkBytes: number = 256 * 1024;
/** So long the event loop is kept at most, but for one record. */
const sliceMs = 3;

export interface PassHost {
  readonly clock: Clock;
  /** Called between slices; throws where the work is not to go on. */
  check(): void;
  /** Waits until so many bytes more may be read or written. */
  pace(bytes: number): Promise<void> | undefined;
  /** Leaves the event loop to others behind a slice that took so long. */
  rest(ms: number): Promise<void>;
}

/** @throws {VarveError} CORRUPT at the first damage; whatever `check` throws. */
export async function passSegment(
  file: DiskFile,
  view: SegmentView,
  rewriter: RecordRewriter,
  builder: FrameBuilder,
  host: PassHost,
): Promise<void> {
  const nonce = await readNonce(file, view);
  const header = emptyFrameHeader();
  let buffer = new Uint8Array(Math.min(chunkBytes, view.dataEnd - segmentHeaderBytes));
  let previousLo: number | undefined;
  let offset = segmentHeaderBytes;
  let deadline = host.clock.monotonicMs() + sliceMs;
  const isTimeUp = (): boolean => host.clock.monotonicMs() >= deadline;

  const turn = async (): Promise<void> => {
    await host.rest(host.clock.monotonicMs() - deadline + sliceMs);
    host.check();
    deadline = host.clock.monotonicMs() + sliceMs;
  };

  while (offset < view.dataEnd) {
    const length = await read(file, buffer, offset, view.dataEnd);
    if (length === 0) throw damage(view, offset, "short");
    await host.pace(length);
    host.check();
    deadline = host.clock.monotonicMs() + sliceMs;
    let at = 0;
    while (at < length) {
      const fault = checkFrame(buffer, at, length, nonce, header);
      if (fault === "short" && at > 0) break;
      if (fault === "short" && header.frameBytes > buffer.length && length >= frameHeaderBytes) {
        if (offset + header.frameBytes > view.dataEnd) throw damage(view, offset, "length");
        buffer = new Uint8Array(header.frameBytes);
        break;
      }
      requireSound(view, offset + at, fault, header, previousLo);
      previousLo = header.hashLo;
      builder.beginFrame(header);
      const from = at + frameHeaderBytes;
      rewriter.open(buffer, from, from + header.payloadBytes, header.firstLsn);
      while (!rewriter.advance(isTimeUp)) await turn();
      builder.endFrame(header);
      at += header.frameBytes;
      if (isTimeUp()) await turn();
    }
    offset += at;
  }
  if (view.lastHash.lo !== (previousLo ?? 0)) throw damage(view, offset, "wrong end");
}

async function readNonce(file: DiskFile, view: SegmentView): Promise<Hash64> {
  const page = new Uint8Array(segmentHeaderBytes);
  const length = await file.read(page, 0);
  const header = decodeSegmentHeader(page.subarray(0, length), view.name, false);
  const isOwn =
    header !== undefined &&
    header.segmentId === view.id &&
    header.generation === view.generation &&
    header.baseLsn === view.baseLsn;
  if (!isOwn) throw damage(view, 0, "header");
  return header.nonce;
}

async function read(
  file: DiskFile,
  buffer: Uint8Array,
  offset: number,
  end: number,
): Promise<number> {
  const wanted = Math.min(buffer.length, end - offset);
  return await file.read(buffer.subarray(0, wanted), offset);
}

function requireSound(
  view: SegmentView,
  offset: number,
  fault: FrameFault,
  header: FrameHeader,
  previousLo: number | undefined,
): void {
  if (fault !== "none") throw damage(view, offset, fault);
  if (previousLo !== undefined && header.previousHash !== previousLo) {
    throw damage(view, offset, "misplaced");
  }
}

function damage(view: SegmentView, offset: number, fault: string): VarveError {
  return new VarveError("CORRUPT", `${view.name} is damaged at offset ${offset} (${fault})`, {
    details: { file: view.name, offset, fault, firstLsn: view.baseLsn, lastLsn: view.lastLsn },
  });
}
