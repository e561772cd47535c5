// Makes databases whose checksums are right and whose content is not: the last frame of a log, written anew.
import { checkFrame, emptyFrameHeader, writeFrame } from "../../src/log/frame-codec.ts";
import { frameHeaderBytes } from "../../src/log/frame-format.ts";
import { decodeSegmentHeader } from "../../src/log/segment-codec.ts";
import { segmentHeaderBytes } from "../../src/log/segment-format.ts";
import { watermarkFileWith } from "../../src/log/watermark.ts";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.ts";
import { withFile } from "./specimen.ts";

/** The one segment of a small database, taken apart. */
export interface TakenApart {
  readonly disk: SimulatedDisk;
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly frames: readonly TakenFrame[];
}

export interface TakenFrame {
  readonly at: number;
  readonly payload: Uint8Array;
  readonly firstLsn: number;
  readonly eventCount: number;
  readonly timeMs: number;
  readonly previousHash: number;
  readonly flags: number;
}

function nonceOf(bytes: Uint8Array): { lo: number; hi: number } {
  const header = decodeSegmentHeader(bytes.subarray(0, segmentHeaderBytes), "crafted", false);
  return header!.nonce;
}

export function takeApart(disk: SimulatedDisk, path: string): TakenApart {
  const bytes = disk.readFile(path);
  const nonce = nonceOf(bytes);
  const header = emptyFrameHeader();
  const frames: TakenFrame[] = [];
  let at = segmentHeaderBytes;
  while (checkFrame(bytes, at, bytes.length, nonce, header) === "none") {
    const from = at + frameHeaderBytes;
    const payload = bytes.slice(from, from + header.payloadBytes);
    const { firstLsn, eventCount, timeMs, previousHash, flags } = header;
    frames.push({ at, payload, firstLsn, eventCount, timeMs, previousHash, flags });
    at += header.frameBytes;
  }
  return { disk, path, bytes, frames };
}

export interface Crafted {
  readonly payload: Uint8Array;
  readonly eventCount?: number;
  readonly flags?: number;
  /** Of the frame that it says it goes on from. */
  readonly previousHash?: number;
  /** An odd number: the encoder adds the bits of its own version, 1. */
  readonly version?: number;
}

/** A copy of the database whose last frame has this payload, cleanly closed for all that its files say. */
export function withLastFrame(apart: TakenApart, crafted: Crafted): SimulatedDisk {
  const { path, frames } = apart;
  const last = frames.at(-1)!;
  const { payload, eventCount = last.eventCount, flags = last.flags } = crafted;
  const bytes = apart.bytes.slice();
  bytes.fill(0, last.at);
  bytes.set(payload, last.at + frameHeaderBytes);
  const out = new Uint32Array(2);
  const fields = { ...last, payloadBytes: payload.length, eventCount, flags };
  const previous = { lo: crafted.previousHash ?? last.previousHash, hi: 0 };
  const nonce = nonceOf(bytes);
  // Flags and version share a word: the version is what stands above the flags.
  const version = (crafted.version ?? 1) << 16;
  writeFrame(bytes, last.at, { ...fields, flags: flags | version }, 0, previous, nonce, out);
  const header = decodeSegmentHeader(bytes.subarray(0, segmentHeaderBytes), path, false)!;
  const watermark = {
    sequence: 1000,
    durableLsn: Math.max(last.firstLsn - 1, last.firstLsn + eventCount - 1),
    lastHash: { lo: out[0]!, hi: out[1]! },
    clean: true,
  };
  const marked = watermarkFileWith(header.databaseId, watermark);
  return withFile(withFile(apart.disk, path, bytes), "/db/watermark", marked);
}
