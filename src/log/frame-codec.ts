// Writes and checks frame headers.
import { getU32, putU32 } from "../codec/bytes.ts";
import { hash64 } from "../codec/checksum.ts";
import { limits } from "../codec/limits.ts";
import { getU64, type Hash64, putU64 } from "./fields.ts";
import {
  durableDistanceMax,
  FRAME,
  FRAME_FLAG,
  frameBytesFor,
  frameFlagsKnown,
  frameHeaderBytes,
  frameVersion,
} from "./frame-format.ts";

/** A frame's header, decoded. One object is reused along a scan. */
export interface FrameHeader {
  hashLo: number;
  hashHi: number;
  frameBytes: number;
  payloadBytes: number;
  firstLsn: number;
  timeMs: number;
  eventCount: number;
  previousHash: number;
  flags: number;
  /** The highest LSN known to be synced when the frame was written. */
  durableLsn: number;
}

export function emptyFrameHeader(): FrameHeader {
  return {
    hashLo: 0,
    hashHi: 0,
    frameBytes: 0,
    payloadBytes: 0,
    firstLsn: 0,
    timeMs: 0,
    eventCount: 0,
    previousHash: 0,
    flags: 0,
    durableLsn: 0,
  };
}

const hashScratch = new Uint32Array(2);

/** What a frame's header says of it, apart from what follows from its place in the log. */
export interface FrameFields {
  readonly payloadBytes: number;
  readonly firstLsn: number;
  readonly timeMs: number;
  readonly eventCount: number;
  readonly flags: number;
}

/**
 * Completes the frame whose payload already stands at `at + frameHeaderBytes`: zeroes the padding,
 * fills the header in and seals it with a checksum over everything behind the checksum itself.
 *
 * @returns the frame's hash in `out` (low, high): the next frame and the footer chain to it.
 */
export function writeFrame(
  bytes: Uint8Array,
  at: number,
  fields: FrameFields,
  durableLsn: number,
  previous: Hash64,
  nonce: Hash64,
  out: Uint32Array,
): void {
  const frameBytes = frameBytesFor(fields.payloadBytes);
  bytes.fill(0, at + frameHeaderBytes + fields.payloadBytes, at + frameBytes);
  putU32(bytes, at + FRAME.frameBytes, frameBytes);
  putU32(bytes, at + FRAME.payloadBytes, fields.payloadBytes);
  putU64(bytes, at + FRAME.firstLsn, fields.firstLsn);
  putU64(bytes, at + FRAME.timeMs, fields.timeMs);
  putU32(bytes, at + FRAME.eventCount, fields.eventCount);
  putU32(bytes, at + FRAME.previousHash, previous.lo);
  putU32(bytes, at + FRAME.flags, fields.flags | (frameVersion << 16));
  putU32(
    bytes,
    at + FRAME.durableDistance,
    Math.min(fields.firstLsn - durableLsn, durableDistanceMax),
  );
  hash64(bytes, at + 8, at + frameBytes, nonce.lo, nonce.hi, out);
  putU32(bytes, at, out[0]!);
  putU32(bytes, at + 4, out[1]!);
}

/** Why bytes are not a frame; `none` when they are one. */
export type FrameFault =
  | "none"
  /** The first 16 bytes are zero: nothing was written here. */
  | "blank"
  /** The bytes end before the frame does; only a length that could be true says so. */
  | "short"
  | "length"
  | "hash"
  | "version"
  | "fields";

/**
 * Reads the header at `at` without checking the hash. The result is a guess until `checkFrame`
 * has confirmed it.
 */
export function peekFrame(
  bytes: Uint8Array,
  at: number,
  end: number,
  into: FrameHeader,
): FrameFault {
  if (end - at < frameHeaderBytes) return isBlank(bytes, at, end) ? "blank" : "short";
  if (isBlank(bytes, at, at + 16)) return "blank";
  into.frameBytes = getU32(bytes, at + FRAME.frameBytes);
  into.payloadBytes = getU32(bytes, at + FRAME.payloadBytes);
  if (
    into.payloadBytes > limits.frameBytesMax ||
    into.frameBytes !== frameBytesFor(into.payloadBytes)
  ) {
    return "length";
  }
  into.hashLo = getU32(bytes, at);
  into.hashHi = getU32(bytes, at + 4);
  into.firstLsn = getU64(bytes, at + FRAME.firstLsn);
  into.timeMs = getU64(bytes, at + FRAME.timeMs);
  into.eventCount = getU32(bytes, at + FRAME.eventCount);
  into.previousHash = getU32(bytes, at + FRAME.previousHash);
  const flagsAndVersion = getU32(bytes, at + FRAME.flags);
  into.flags = flagsAndVersion & 0xffff;
  const distance = getU32(bytes, at + FRAME.durableDistance);
  into.durableLsn = distance === durableDistanceMax ? 0 : into.firstLsn - distance;
  return end - at < into.frameBytes ? "short" : "none";
}

/** Reads and checks the frame at `at`; `into` is only to be trusted when the answer is `none`. */
export function checkFrame(
  bytes: Uint8Array,
  at: number,
  end: number,
  nonce: Hash64,
  into: FrameHeader,
): FrameFault {
  const fault = peekFrame(bytes, at, end, into);
  if (fault !== "none") return fault;
  hash64(bytes, at + 8, at + into.frameBytes, nonce.lo, nonce.hi, hashScratch);
  if (hashScratch[0] !== into.hashLo || hashScratch[1] !== into.hashHi) return "hash";
  if (getU32(bytes, at + FRAME.flags) >>> 16 !== frameVersion) return "version";
  if ((into.flags & FRAME_FLAG.compressed) !== 0 || (into.flags & ~frameFlagsKnown) !== 0) {
    return "version";
  }
  const lsnFits = into.firstLsn >= 1 && into.firstLsn + into.eventCount - 1 <= limits.lsnMax;
  return lsnFits && into.timeMs <= limits.lsnMax && into.durableLsn >= 0 ? "none" : "fields";
}

function isBlank(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (bytes[i] !== 0) return false;
  return true;
}
