// Rewrites files of a closed database so that their checksums are right and what they say is not.
import type { Hash64 } from "../../src/log/fields.ts";
import { writeFrame } from "../../src/log/frame-codec.ts";
import { frameBytesFor, frameHeaderBytes } from "../../src/log/frame-format.ts";
import { decodeManifest, encodeManifest, type Manifest } from "../../src/log/manifest-codec.ts";
import {
  decodeSegmentFooter,
  decodeSegmentHeader,
  encodeSegmentFooter,
  encodeSegmentHeader,
  type SegmentFooter,
  type SegmentHeader,
} from "../../src/log/segment-codec.ts";
import { segmentHeaderBytes } from "../../src/log/segment-format.ts";
import { watermarkFileWith } from "../../src/log/watermark.ts";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.ts";
import type { TakenFrame } from "../corruption/crafted.ts";
import { withFile } from "../corruption/specimen.ts";

/** Copies of a database's manifest, by the paths of both. */
export function manifestOf(disk: SimulatedDisk, directory = "/db"): Manifest {
  const [a, b] = ["a", "b"].map((copy) =>
    decodeManifest(disk.readFile(`${directory}/manifest.${copy}`), copy, false),
  );
  return a!.edit > b!.edit ? a! : b!;
}

export function withManifest(
  disk: SimulatedDisk,
  edit: (manifest: Manifest) => Partial<Manifest>,
  directory = "/db",
): SimulatedDisk {
  const manifest = manifestOf(disk, directory);
  const bytes = encodeManifest({ ...manifest, ...edit(manifest) });
  return withFile(
    withFile(disk, `${directory}/manifest.a`, bytes),
    `${directory}/manifest.b`,
    bytes,
  );
}

/** Changes what a manifest says of one of its segments. */
export function withEntry(
  disk: SimulatedDisk,
  ordinal: number,
  entry: Partial<Manifest["segments"][number]>,
  directory = "/db",
): SimulatedDisk {
  return withManifest(
    disk,
    ({ segments }) => ({
      segments: segments.map((old, i) => (i === ordinal ? { ...old, ...entry } : old)),
    }),
    directory,
  );
}

export function withHeader(
  disk: SimulatedDisk,
  path: string,
  edit: Partial<SegmentHeader>,
): SimulatedDisk {
  const bytes = disk.readFile(path).slice();
  const header = decodeSegmentHeader(bytes.subarray(0, segmentHeaderBytes), path, false)!;
  bytes.set(encodeSegmentHeader({ ...header, ...edit }), 0);
  return withFile(disk, path, bytes);
}

export function withFooter(
  disk: SimulatedDisk,
  path: string,
  dataEnd: number,
  edit: Partial<SegmentFooter>,
): SimulatedDisk {
  const bytes = disk.readFile(path).slice();
  const footer = decodeSegmentFooter(bytes.subarray(dataEnd))!;
  bytes.set(encodeSegmentFooter({ ...footer, ...edit }), dataEnd);
  return withFile(disk, path, bytes);
}

/** A copy with one byte of a file changed; counted from its end where `at` is below 0. */
export function withByte(disk: SimulatedDisk, path: string, at: number): SimulatedDisk {
  const bytes = disk.readFile(path).slice();
  bytes[at < 0 ? bytes.length + at : at]! ^= 0x41;
  return withFile(disk, path, bytes);
}

/** Paths of the segments that the manifest names, in order. */
export function segmentPaths(disk: SimulatedDisk, directory = "/db"): string[] {
  return manifestOf(disk, directory).segments.map(({ baseLsn, generation }) => {
    const [lsn, number] = [String(baseLsn).padStart(16, "0"), String(generation).padStart(4, "0")];
    return `${directory}/${lsn}-${number}.log`;
  });
}

/** A frame as it is to be; what is left out is as the log would have it. */
export type CraftedFrame = Pick<TakenFrame, "payload" | "firstLsn" | "eventCount"> &
  Partial<Pick<TakenFrame, "flags" | "timeMs">> & {
    readonly durableLsn?: number;
    /** A hole of so many bytes before it. */
    readonly behindHole?: number;
  };

export interface CraftedSegment {
  readonly disk: SimulatedDisk;
  /** Behind the last frame. */
  readonly dataEnd: number;
  readonly hashes: readonly Hash64[];
}

/** Writes the frames of a segment anew, chained one to the other; the file stays as long as it was, if that is enough. */
export function withFrames(
  disk: SimulatedDisk,
  path: string,
  frames: readonly CraftedFrame[],
): CraftedSegment {
  const old = disk.readFile(path);
  const header = decodeSegmentHeader(old.subarray(0, segmentHeaderBytes), path, false)!;
  const frameBytes = frames.reduce((sum, { payload, behindHole = 0 }) => {
    return sum + behindHole + frameBytesFor(payload.length);
  }, 0);
  const bytes = new Uint8Array(Math.max(old.length, segmentHeaderBytes + frameBytes));
  bytes.set(old.subarray(0, segmentHeaderBytes));
  const hashes: Hash64[] = [];
  const out = new Uint32Array(2);
  let at = segmentHeaderBytes;
  for (const frame of frames) {
    const { payload, flags = 0, timeMs = 1000, durableLsn = 0, behindHole = 0 } = frame;
    at += behindHole;
    bytes.set(payload, at + frameHeaderBytes);
    const fields = { ...frame, flags, timeMs, payloadBytes: payload.length };
    const previous = hashes.at(-1) ?? header.previousHash;
    writeFrame(bytes, at, fields, durableLsn, previous, header.nonce, out);
    hashes.push({ lo: out[0]!, hi: out[1]! });
    at += frameBytesFor(payload.length);
  }
  return { disk: withFile(disk, path, bytes), dataEnd: at, hashes };
}

/** A copy whose watermark says so. */
export function withMark(
  disk: SimulatedDisk,
  durableLsn: number,
  lastHash: Hash64,
  clean = true,
): SimulatedDisk {
  const mark = { sequence: 1000, durableLsn, lastHash, clean };
  return withFile(disk, "/db/watermark", watermarkFileWith(manifestOf(disk).databaseId, mark));
}
