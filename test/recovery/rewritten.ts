// Rewrites files of a closed database so that their checksums are right and what they say is not.
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
import type { SimulatedDisk } from "../../src/testing/simulated-disk.ts";
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
