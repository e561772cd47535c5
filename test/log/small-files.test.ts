// The small files beside the segments: both copies of the manifest, the slots of the watermark, the reserve, and names.
import { describe, expect, it } from "vitest";
import { sealBlock } from "../../src/log/fields.ts";
import { isOwnFile, parseSegmentFileName, segmentFileName } from "../../src/log/file-names.ts";
import { decodeManifest, encodeManifest, type Manifest } from "../../src/log/manifest-codec.ts";
import { ManifestStore, readManifest } from "../../src/log/manifest-store.ts";
import { ReserveFile, reserveBytes } from "../../src/log/reserve.ts";
import {
  decodeWatermark,
  encodeWatermark,
  readWatermark,
  WatermarkFile,
  watermarkFileBytes,
  watermarkFileWith,
} from "../../src/log/watermark.ts";
import { randomSurvival, SimulatedDisk, SimulatedRandom } from "../../src/testing/testing.ts";

const databaseId = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
const manifest: Manifest = {
  databaseId,
  edit: 5,
  epoch: 2,
  nextSegmentId: 4,
  createdMs: 1_700_000_000_000,
  segments: [
    {
      id: 1,
      generation: 1,
      baseLsn: 1,
      state: 1,
      lastLsn: 9,
      dataEnd: 5000,
      closingHash: { lo: 1, hi: 2 },
      lastHash: { lo: 3, hi: 4 },
      horizon: 40,
      erasedLsn: 44,
    },
    {
      id: 3,
      generation: 2,
      baseLsn: 10,
      state: 0,
      lastLsn: 0,
      dataEnd: 0,
      closingHash: { lo: 0, hi: 0 },
      lastHash: { lo: 0, hi: 0 },
      horizon: 0,
      erasedLsn: 0,
    },
  ],
  checkpoints: [
    { number: 4, lsn: 12, bytes: 300, hash: { lo: 3, hi: 4 }, durableLsn: 11 },
    { number: 2, lsn: 9, bytes: 200, hash: { lo: 5, hi: 6 }, durableLsn: 9 },
  ],
};

async function diskWithFolder(): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  await disk.makeDirectory("/db");
  return disk;
}

describe("the manifest", () => {
  it("is read as it was written, and not with any byte changed or missing", () => {
    const bytes = encodeManifest(manifest);
    expect(decodeManifest(bytes, "m", false)).toEqual(manifest);
    for (let at = 0; at < bytes.length; at++) {
      bytes[at]! ^= 0x40;
      expect(decodeManifest(bytes, "m", false)).toBeUndefined();
      bytes[at]! ^= 0x40;
      expect(decodeManifest(bytes.subarray(0, at), "m", false)).toBeUndefined();
    }
    // What an older, longer manifest has left behind it is no part of it.
    const longer = new Uint8Array(bytes.length + 100).fill(7);
    longer.set(bytes);
    expect(decodeManifest(longer, "m", false)).toEqual(manifest);
  });

  it("is found whichever copy is sound, the newest first, and what is not is named", async () => {
    const disk = await diskWithFolder();
    const store = await ManifestStore.create(disk, "/db", manifest);
    await store.close();
    const sound = encodeManifest(manifest);
    const newer = encodeManifest({ ...manifest, edit: 6, epoch: 3 });
    const cases = [
      [sound, sound, 5, [], []],
      [newer, sound, 6, [], []],
      [sound, newer, 6, [], []],
      [sound.slice(0, 50), newer, 6, ["manifest.a"], []],
      [newer, new Uint8Array(0), 6, ["manifest.b"], []],
      [undefined, sound, 5, [], ["manifest.a"]],
      [sound, undefined, 5, [], ["manifest.b"]],
      [new Uint8Array(9), undefined, undefined, ["manifest.a"], ["manifest.b"]],
    ] as const;
    for (const [a, b, edit, damaged, missing] of cases) {
      const copy = disk.clone();
      if (a === undefined) copy.removeFile("/db/manifest.a");
      else copy.writeFile("/db/manifest.a", a);
      if (b === undefined) copy.removeFile("/db/manifest.b");
      else copy.writeFile("/db/manifest.b", b);
      const found = await readManifest(copy, "/db", false);
      expect([found.manifest?.edit, found.damaged, found.missing]).toEqual([
        edit,
        damaged,
        missing,
      ]);
    }
  });

  it("is refused where its copies are of two databases", async () => {
    const disk = await diskWithFolder();
    const other = { ...manifest, databaseId: new Uint8Array(16), edit: 99 };
    disk.writeFile("/db/manifest.a", encodeManifest(manifest));
    disk.writeFile("/db/manifest.b", encodeManifest(other));
    await expect(readManifest(disk, "/db", false)).rejects.toMatchObject({
      code: "CORRUPT",
      details: { file: "manifest.b" },
    });
  });

  it("is none yet where its copies are of two creations that were cut short", async () => {
    const disk = await diskWithFolder();
    const one = { ...manifest, segments: [] };
    disk.writeFile("/db/manifest.a", encodeManifest(one));
    disk.writeFile("/db/manifest.b", encodeManifest({ ...one, databaseId: new Uint8Array(16) }));
    const found = await readManifest(disk, "/db", false);
    expect(found).toMatchObject({ manifest: { segments: [] }, damaged: ["manifest.b"] });
  });

  it("is none with counters that cannot be counted on from", () => {
    const edges = [{ edit: 2 ** 53 - 1 }, { epoch: 2 ** 53 - 1 }, { nextSegmentId: 2 ** 32 - 1 }];
    for (const edge of edges) {
      expect(decodeManifest(encodeManifest({ ...manifest, ...edge }), "m", false)).toBeUndefined();
    }
  });

  it("torn anywhere leaves the old one or the new one", async () => {
    // Longer than a sector, so that a write of it can be torn.
    const segments = Array.from({ length: 40 }, (_, i) => ({
      ...manifest.segments[0]!,
      id: i + 1,
    }));
    const disk = await diskWithFolder();
    const store = await ManifestStore.create(disk, "/db", { ...manifest, segments });
    await disk.syncDirectory("/db");
    await disk.syncDirectory("/");
    const points: SimulatedDisk[] = [];
    disk.onCall = () => points.push(disk.clone());
    const later = segments.map((segment) => ({ ...segment, generation: 7 }));
    await store.edit(() => ({ segments: later, nextSegmentId: 99 }));
    const random = new SimulatedRandom(1);
    for (const point of points) {
      for (let i = 0; i < 200; i++) {
        const left = point.powerCut(randomSurvival(point, random, { piecesPercent: 100 }));
        const found = await readManifest(left, "/db", false);
        const { nextSegmentId, segments: kept } = found.manifest!;
        expect(kept).toEqual(nextSegmentId === 99 ? later : segments);
      }
    }
    expect(points.length).toBeGreaterThan(7);
    await store.close();
  });
});

describe("the watermark", () => {
  const mark = { sequence: 7, durableLsn: 123_456, lastHash: { lo: 5, hi: 6 }, clean: true };

  it("is read as it was written, and not with any byte changed, nor in another database", () => {
    const slot = encodeWatermark(databaseId, mark);
    expect(decodeWatermark(slot, databaseId)).toEqual(mark);
    expect(decodeWatermark(slot, new Uint8Array(16))).toBeUndefined();
    for (let at = 0; at < slot.length; at++) {
      slot[at]! ^= 2;
      expect(decodeWatermark(slot, databaseId)).toBeUndefined();
      slot[at]! ^= 2;
    }
  });

  it("is none with numbers that cannot be counted on from", () => {
    const edges = [{ sequence: 2 ** 53 - 1 }, { sequence: 2 ** 60 }, { durableLsn: 2 ** 60 }];
    for (const edge of edges) {
      const slot = encodeWatermark(databaseId, { ...mark, ...edge });
      expect(decodeWatermark(slot, databaseId)).toBeUndefined();
    }
  });

  it("is written in turn to two slots: a torn one leaves the one before", async () => {
    const disk = await diskWithFolder();
    const file = new WatermarkFile(await disk.open("/db/watermark", "create"), databaseId, 0);
    for (let lsn = 1; lsn <= 6; lsn++) {
      file.write(lsn, { lo: lsn, hi: 0 }, false);
      const found = await readWatermark(disk, "/db", databaseId);
      expect(found.watermark).toMatchObject({ sequence: lsn, durableLsn: lsn, clean: false });
      const torn = disk.clone();
      const bytes = torn.readFile("/db/watermark");
      bytes[(lsn % 2) * 4096 + 40]! ^= 1;
      torn.writeFile("/db/watermark", bytes);
      const left = await readWatermark(torn, "/db", databaseId);
      expect(left.watermark?.durableLsn).toBe(lsn === 1 ? undefined : lsn - 1);
      expect(left.damaged).toBe(true);
    }
    await file.close();
  });

  it("says that it is damaged for anything but slots, and zeros between them", async () => {
    const disk = await diskWithFolder();
    expect(await readWatermark(disk, "/db", databaseId)).toEqual({
      watermark: undefined,
      damaged: true,
    });
    const whole = watermarkFileWith(databaseId, mark);
    disk.writeFile("/db/watermark", whole);
    expect(await readWatermark(disk, "/db", databaseId)).toEqual({
      watermark: mark,
      damaged: false,
    });
    for (const bytes of [
      whole.subarray(0, watermarkFileBytes - 1),
      whole.slice().fill(1, 900, 901),
    ]) {
      disk.writeFile("/db/watermark", bytes);
      expect((await readWatermark(disk, "/db", databaseId)).damaged).toBe(true);
    }
  });
});

describe("the reserve", () => {
  it("holds real space, gives it up once, and takes it again where there is some", async () => {
    const disk = await diskWithFolder();
    const reserve = await ReserveFile.open(disk, "/db/reserve");
    await reserve.restore();
    expect(disk.allocatedBytes()).toBe(reserveBytes);
    expect([await reserve.release(), await reserve.release()]).toEqual([true, false]);
    expect(disk.allocatedBytes()).toBe(0);
    disk.capacityBytes = reserveBytes / 2;
    await reserve.restore();
    expect([disk.allocatedBytes(), await reserve.release()]).toEqual([0, false]);
    disk.capacityBytes = Number.POSITIVE_INFINITY;
    await reserve.restore();
    await reserve.close();
    const again = await ReserveFile.open(disk, "/db/reserve");
    expect(await again.release()).toBe(true);
    await again.close();
  });
});

describe("file names", () => {
  it("of segments sort in log order and are parsed as they are built", () => {
    const names = [1, 9, 10, 4096, 2 ** 53 - 1].map((lsn) => segmentFileName(lsn, 1));
    expect([...names].sort()).toEqual(names);
    expect(parseSegmentFileName(segmentFileName(77, 12_345))).toEqual({
      baseLsn: 77,
      generation: 12_345,
    });
    for (const name of [
      "1-1.log",
      "../0000000000000001-0001.log",
      "0000000000000001-0001.log.bak",
      "x",
    ]) {
      expect(parseSegmentFileName(name)).toBeUndefined();
      expect(isOwnFile(name)).toBe(false);
    }
    expect(isOwnFile("watermark")).toBe(true);
  });
});

describe("a sealed block", () => {
  it("carries its checksum in its first eight bytes", () => {
    const block = new Uint8Array(32).fill(9);
    sealBlock(block, 0, 32);
    expect([...block.subarray(8)]).toEqual(Array(24).fill(9));
    expect([...block.subarray(0, 8)]).not.toEqual(Array(8).fill(9));
  });
});
