// Opens databases that a later version could have written, checksums and all: refused where they must be, untouched.
import { beforeAll, describe, expect, it } from "vitest";
import { putU32 } from "../../src/codec/bytes.ts";
import { sealBlock } from "../../src/log/fields.ts";
import { MANIFEST, manifestVersion } from "../../src/log/manifest-codec.ts";
import { readManifest } from "../../src/log/manifest-store.ts";
import { SEGMENT_HEADER, segmentHeaderBytes } from "../../src/log/segment-format.ts";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.ts";
import { outcomeAndImageOf } from "./outcome.ts";
import { cleanSpecimen, digestOf, imageOf, openOn, withFile } from "./specimen.ts";

let disk: SimulatedDisk;
let digest: string;

beforeAll(async () => {
  disk = await cleanSpecimen(1);
  const { db } = await openOn(disk.clone());
  digest = await digestOf(db);
  await db.close();
});

/** A copy in which one field of one or both manifest copies is another, with the checksum to match. */
function withManifestField(names: readonly string[], at: number, value: number): SimulatedDisk {
  return names.reduce((left, name) => {
    const bytes = left.readFile(`/db/${name}`);
    putU32(bytes, at, value);
    sealBlock(bytes, 0, bytes.length);
    return withFile(left, `/db/${name}`, bytes);
  }, disk);
}

function withSegmentField(path: string, at: number, value: number): SimulatedDisk {
  const bytes = disk.readFile(path);
  putU32(bytes, at, value);
  sealBlock(bytes, 0, segmentHeaderBytes);
  return withFile(disk, path, bytes);
}

const both = ["manifest.a", "manifest.b"];
const fields = [
  ["a newer version", MANIFEST.version, manifestVersion + 1],
  ["an unknown incompatible feature", MANIFEST.features, 1 << 31],
  ["an unknown feature that is compatible for readers", MANIFEST.features + 4, 1],
] as const;

describe("a manifest of a later version", () => {
  it.each(fields)("is refused with %s, and nothing is changed", async (_, at, value) => {
    for (const names of [both, ["manifest.a"], ["manifest.b"]]) {
      const outcome = await outcomeAndImageOf(withManifestField(names, at, value), digest, "newer");
      expect(outcome).toEqual({ kind: "refused", code: "FORMAT_UNSUPPORTED", file: names[0] });
    }
  });

  it("says what it found and what is supported", async () => {
    const newer = withManifestField(both, MANIFEST.version, 9);
    await expect(openOn(newer)).rejects.toMatchObject({
      retryable: false,
      details: { version: 9, supportedVersion: manifestVersion },
    });
  });

  it("is read, though not written, with a feature that is compatible for readers", async () => {
    const newer = withManifestField(both, MANIFEST.features + 4, 1);
    const found = await readManifest(newer, "/db", true);
    expect(found.manifest?.segments).toHaveLength(3);
    await expect(readManifest(newer, "/db", false)).rejects.toMatchObject({
      code: "FORMAT_UNSUPPORTED",
    });
  });

  it("opens with a feature that is compatible for all", async () => {
    const newer = withManifestField(both, MANIFEST.features + 8, 1);
    expect((await outcomeAndImageOf(newer, digest, "compatible")).kind).toBe("same");
  });
});

describe("a segment of a later version", () => {
  it("is refused by its header: version and features", async () => {
    const paths = [...imageOf(disk).keys()].filter((path) => path.endsWith(".log"));
    for (const path of paths) {
      for (const at of [
        SEGMENT_HEADER.version,
        SEGMENT_HEADER.incompatible,
        SEGMENT_HEADER.readOnlyCompatible,
      ]) {
        const outcome = await outcomeAndImageOf(withSegmentField(path, at, 77), digest, path);
        expect(outcome).toEqual({
          kind: "refused",
          code: "FORMAT_UNSUPPORTED",
          file: path.slice(4),
        });
      }
      const newer = withSegmentField(path, SEGMENT_HEADER.compatible, 77);
      expect((await outcomeAndImageOf(newer, digest, path)).kind).toBe("same");
    }
  });
});
