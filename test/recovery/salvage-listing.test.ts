// Repairs databases of which it is not clear what belongs to them: lost manifests, foreign files, headers and footers that are gone.
import { beforeAll, describe, expect, it } from "vitest";
import { type RepairReport, repair } from "../../src/database/repair.ts";
import type { Manifest } from "../../src/log/manifest-codec.ts";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.ts";
import { simulatedPorts } from "../../src/testing/simulated-ports.ts";
import { takeApart, withLastFrame } from "../corruption/crafted.ts";
import {
  cleanSpecimen,
  digestOf,
  directory,
  imageOf,
  openOn,
  sameImage,
  segmentBytes,
  withFile,
  withoutFile,
} from "../corruption/specimen.ts";
import { manifestOf, segmentPaths, withByte, withFooter, withHeader } from "./rewritten.ts";

let disk: SimulatedDisk;
let digest: string;
let segments: Manifest["segments"];
let paths: string[];

beforeAll(async () => {
  disk = await cleanSpecimen(1);
  [segments, paths] = [manifestOf(disk).segments, segmentPaths(disk)];
  const { db } = await openOn(disk.clone());
  digest = await digestOf(db);
  await db.close();
});

function withoutManifest(image: SimulatedDisk): SimulatedDisk {
  return withoutFile(withoutFile(image, "/db/manifest.a"), "/db/manifest.b");
}

function repairOn(image: SimulatedDisk): Promise<RepairReport> {
  return repair(directory, { ...simulatedPorts({ disk: image, seed: 4 }), segmentBytes });
}

/** Repairs, and compares all that the database answers with what it did. */
async function expectWhole(image: SimulatedDisk): Promise<void> {
  expect((await repairOn(image)).lost).toEqual([]);
  const { db } = await openOn(image);
  expect(await digestOf(db)).toBe(digest);
  expect((await db.verify()).problems).toEqual([]);
  await db.close();
}

describe("without a manifest", () => {
  it("a segment is known by its name where its header is damaged", async () => {
    for (const path of paths) await expectWhole(withByte(withoutManifest(disk), path, 50));
    let all = withoutManifest(disk);
    for (const path of paths.slice(1)) all = withByte(all, path, 90);
    await expectWhole(all);
  });

  it("a segment whose footer is gone ends where the next one begins", async () => {
    const bytes = disk.readFile(paths[0]!).subarray(0, segments[0]!.dataEnd);
    await expectWhole(withFile(withoutManifest(disk), paths[0]!, bytes));
    await expectWhole(withByte(withoutManifest(disk), paths[1]!, -1));
  });

  it("segments are of the database that most of them are of", async () => {
    const foreign = (await cleanSpecimen(9)).readFile(paths[0]!);
    const among = withFile(withoutManifest(disk), "/db/0000000000000500-0001.log", foreign);
    const id = new Uint8Array(16).fill(3);
    const path = "/db/0000000000000500-0001.log";
    const told = { databaseId: id, baseLsn: 500, previousHash: { lo: 0, hi: 0 } };
    await expectWhole(withHeader(among, path, told));
  });

  it("of two generations of a segment the one that reaches further counts, then the later one", async () => {
    const later = paths[1]!.replace("-0001", "-0002");
    const bytes = disk.readFile(paths[1]!);
    const copied = withHeader(withFile(disk, later, bytes), later, { generation: 2 });
    await expectWhole(withoutManifest(copied));
    const shorter = copied.readFile(later).subarray(0, 4096);
    await expectWhole(withoutManifest(withFile(copied, later, shorter)));
    const torn = withFile(copied, later, copied.readFile(later).subarray(0, 100));
    await expectWhole(withoutManifest(torn));
  });

  it("nothing is changed where a segment cannot be opened", async () => {
    const image = withoutManifest(disk);
    const before = imageOf(image);
    image.faults.push({ operation: "open", path: ".log", errno: "EIO", times: "forever" });
    await expect(repairOn(image)).rejects.toMatchObject({ code: "IO" });
    expect(sameImage(before, imageOf(image))).toBe(true);
  });
});

describe("with a manifest", () => {
  it("a file of another database under a segment's name is a missing segment", async () => {
    const { baseLsn, lastLsn } = segments[1]!;
    for (const lie of [{ databaseId: new Uint8Array(16) }, { segmentId: 99 }, { baseLsn: 1 }]) {
      const image = withHeader(disk, paths[1]!, lie);
      const { lost } = await repairOn(image);
      expect(lost[0]).toMatchObject({ firstLsn: baseLsn, reason: "missing" });
      expect(lost[0]!.lastLsn).toBe(lastLsn);
    }
  });

  it("a footer that tells of another end is made anew", async () => {
    const { dataEnd, lastLsn } = segments[0]!;
    await expectWhole(withFooter(disk, paths[0]!, dataEnd, { lastLsn: lastLsn + 1 }));
    await expectWhole(withFooter(disk, paths[0]!, dataEnd, { closingHash: { lo: 1, hi: 1 } }));
  });

  it("and without a watermark nothing more is lost than what is damaged", async () => {
    const bare = withoutFile(withByte(disk, paths[1]!, 50), "/db/watermark");
    await expectWhole(bare);
  });

  it("frames of a later version are left to that version", async () => {
    const apart = takeApart(withByte(disk, paths[0]!, 50), paths.at(-1)!);
    const later = withLastFrame(apart, { payload: new Uint8Array(8), version: 2 });
    const before = imageOf(later);
    await expect(repairOn(later)).rejects.toMatchObject({ code: "FORMAT_UNSUPPORTED" });
    const after = imageOf(later);
    // The reserve may be spent on what was begun, which nothing names.
    for (const [path, bytes] of before) {
      if (!path.endsWith("/reserve")) expect(after.get(path)?.equals(bytes), path).toBe(true);
    }
  });
});
