// Backs up logs that are damaged, end early or hold a recovery that was cut short, to places that hold parts of a copy already.
import { beforeAll, describe, expect, it } from "vitest";
import type { Manifest } from "../../src/log/manifest-codec.ts";
import { SEGMENT_STATE } from "../../src/log/manifest-codec.ts";
import { watermarkFileWith } from "../../src/log/watermark.ts";
import { backUp } from "../../src/recovery/backup.ts";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.ts";
import { takeApart } from "../corruption/crafted.ts";
import { cleanSpecimen, digestOf, openOn, withFile, withoutFile } from "../corruption/specimen.ts";
import {
  manifestOf,
  segmentPaths,
  withByte,
  withEntry,
  withHeader,
  withMark,
} from "../recovery/rewritten.ts";
import { digestAt, openAt, portsOn } from "./support.ts";

let disk: SimulatedDisk;
let segments: Manifest["segments"];
let paths: string[];

beforeAll(async () => {
  disk = await cleanSpecimen(1);
  [segments, paths] = [manifestOf(disk).segments, segmentPaths(disk)];
});

const backUpOn = (image: SimulatedDisk) => backUp(portsOn(image), "/db", "/copy", async () => {});

const hash = { lo: 5, hi: 5 };

describe("a backup of files that do not belong together", () => {
  it("is refused, naming the file, and no copy opens", async () => {
    const [first, last] = [paths[0]!, paths[2]!];
    const damages: [string, SimulatedDisk][] = [
      ["watermark", withoutFile(disk, "/db/watermark")],
      ["manifest.a", withoutFile(withoutFile(disk, "/db/manifest.a"), "/db/manifest.b")],
      [first.slice(4), withHeader(disk, first, { segmentId: 50 })],
      [first.slice(4), withEntry(disk, 0, { lastLsn: segments[0]!.lastLsn - 1 })],
      [last.slice(4), withByte(disk, last, 50)],
    ];
    for (const [file, image] of damages) {
      await expect(backUpOn(image)).rejects.toMatchObject({ code: "CORRUPT", details: { file } });
      await expect(openAt(image, "/copy", { create: false })).rejects.toThrow();
    }
  });

  it("is refused where the log has no frame that its watermark names", async () => {
    const { databaseId } = manifestOf(disk);
    const mark = { sequence: 99, durableLsn: 20, lastHash: hash, clean: true };
    const image = withFile(disk, "/db/watermark", watermarkFileWith(databaseId, mark));
    await expect(backUpOn(image)).rejects.toMatchObject({
      code: "CORRUPT",
      details: { lastLsn: 20 },
    });
  });
});

describe("a backup of a log that its watermark ends early", () => {
  function markedAt(image: SimulatedDisk, durableLsn: number, lastHash: typeof hash) {
    const { databaseId } = manifestOf(image);
    const mark = { sequence: 99, durableLsn, lastHash, clean: false };
    return withFile(image, "/db/watermark", watermarkFileWith(databaseId, mark));
  }

  it("ends with the segment, or with the frame inside one, that the mark names", async () => {
    const first = segments[0]!;
    const early = markedAt(disk, first.lastLsn, first.closingHash);
    expect(await backUpOn(early)).toMatchObject({ lsn: first.lastLsn });
    const inside = takeApart(disk, paths[1]!).frames[3]!;
    const hashes = hashesIn(paths[1]!);
    const image = markedAt(disk, inside.firstLsn - 1, hashes[2]!);
    expect(await backUpOn(image)).toMatchObject({ lsn: inside.firstLsn - 1 });
    const db = await openAt(image, "/copy", { create: false });
    expect(db.lastLsn).toBe(inside.firstLsn - 1);
    expect(await db.verify()).toMatchObject({ sound: true });
    await db.close();
    expect(segments[1]!.lastLsn).toBeGreaterThan(inside.firstLsn);
  });

  function hashesIn(path: string): { lo: number; hi: number }[] {
    const bytes = disk.readFile(path);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    return takeApart(disk, path).frames.map(({ at }) => ({
      lo: view.getUint32(at, true),
      hi: view.getUint32(at + 4, true),
    }));
  }
});

describe("a backup of a log whose recovery was cut short", () => {
  it("ends the segment that was to be cut where the manifest says", async () => {
    const bytes = disk.readFile(paths[0]!).subarray(0, segments[0]!.dataEnd);
    const bare = withFile(disk, paths[0]!, bytes);
    const image = withEntry(bare, 0, { state: SEGMENT_STATE.cutPending });
    await backUpOn(image);
    const { db } = await openOn(disk.clone());
    expect(await digestAt(image, "/copy")).toBe(await digestOf(db));
    await db.close();
    const damaged = withByte(image, paths[0]!, segments[0]!.dataEnd - 10);
    await expect(backUpOn(damaged)).rejects.toMatchObject({ code: "CORRUPT" });
  });
});

describe("a backup that goes to a place where something is", () => {
  it("removes what one that was not finished has left, and copies what is not what it was", async () => {
    const image = disk.clone();
    image.writeFile("/copy/backup", new Uint8Array(0));
    image.writeFile("/copy/reserve", new Uint8Array(10));
    image.writeFile(`/copy/${paths[0]!.slice(4)}`, new Uint8Array(10));
    await backUpOn(image);
    expect(image.listAll()).not.toContain("/copy/backup");
    const { db } = await openOn(disk.clone());
    expect(await digestAt(image, "/copy")).toBe(await digestOf(db));
    await db.close();
  });

  it("is refused where files of a database stand, and among others, though one was not finished there", async () => {
    const image = disk.clone();
    image.writeFile("/copy/reserve", new Uint8Array(10));
    await expect(backUpOn(image)).rejects.toMatchObject({ code: "EXISTS" });
    image.writeFile("/copy/backup", new Uint8Array(0));
    image.writeFile("/copy/notes.txt", new Uint8Array(1));
    await expect(backUpOn(image)).rejects.toMatchObject({ code: "NOT_A_DATABASE" });
    expect(image.readFile("/copy/reserve").length).toBe(10);
  });

  it("is refused where the end of a segment that is there is damaged, and where it ends elsewhere", async () => {
    const image = disk.clone();
    await backUpOn(image);
    const there = segmentPaths(image, "/copy");
    await expect(backUpOn(withByte(image, there[0]!, -1))).rejects.toMatchObject({
      code: "CORRUPT",
      details: { fault: "footer" },
    });
    const longer = withEntry(image, 2, { lastLsn: 5000, closingHash: hash }, "/copy");
    await expect(backUpOn(longer)).rejects.toMatchObject({ code: "EXISTS" });
  });

  it("goes on where a segment was replaced under it, and copies none twice", async () => {
    const image = disk.clone();
    const name = paths[1]!.slice(4);
    image.faults.push({ operation: "open", path: `/db/${name}`, errno: "ENOENT" });
    const report = await backUpOn(image);
    expect(report.files).toBe(segments.length + 1);
    const { db } = await openOn(disk.clone());
    expect(await digestAt(image, "/copy")).toBe(await digestOf(db));
    await db.close();
    const again = disk.clone();
    again.faults.push({
      operation: "open",
      path: `/db/${name}`,
      errno: "ENOENT",
      times: "forever",
    });
    await expect(backUpOn(again)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("takes the place of what stands there under a name that it needs, and refuses to end earlier", async () => {
    const [first] = segments;
    const image = withMark(disk, first!.lastLsn, first!.closingHash);
    await backUpOn(image);
    image.writeFile(`/copy/${paths[1]!.slice(4)}`, new Uint8Array(7));
    image.writeFile("/db/watermark", disk.readFile("/db/watermark"));
    await backUpOn(image);
    const { db } = await openOn(disk.clone());
    expect(await digestAt(image, "/copy")).toBe(await digestOf(db));
    await db.close();
    const earlier = withMark(image, first!.lastLsn, first!.closingHash);
    await expect(backUpOn(earlier)).rejects.toMatchObject({ code: "EXISTS" });
  });

  it("reads back what it copied", async () => {
    const image = disk.clone();
    // The disk says that it has written, and has not.
    image.faults.push({ operation: "write", path: /copy.*\.log/, occurrence: 2, damage: "stale" });
    await expect(backUpOn(image)).rejects.toMatchObject({ code: "CORRUPT" });
  });
});
