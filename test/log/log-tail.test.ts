// Opens logs for reading only whose files are damaged, belong elsewhere or are changed by another hand while they are followed.
import { beforeAll, describe, expect, it } from "vitest";
import { FRAME_FLAG } from "../../src/log/frame-format.ts";
import type { Manifest } from "../../src/log/manifest-codec.ts";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.ts";
import { simulatedPorts } from "../../src/testing/simulated-ports.ts";
import { type Database, open } from "../../src/varve.ts";
import { takeApart } from "../corruption/crafted.ts";
import { cleanSpecimen, digestOf, openOn, withFile, withoutFile } from "../corruption/specimen.ts";
import {
  manifestOf,
  segmentPaths,
  withByte,
  withEntry,
  withFooter,
  withFrames,
  withHeader,
  withManifest,
  withMark,
} from "../recovery/rewritten.ts";

let disk: SimulatedDisk;
let segments: Manifest["segments"];
let paths: string[];

beforeAll(async () => {
  disk = await cleanSpecimen(1);
  [segments, paths] = [manifestOf(disk).segments, segmentPaths(disk)];
});

function follow(
  image: SimulatedDisk,
  ports = simulatedPorts({ disk: image, seed: 8, tasks: "automatic" }),
): Promise<Database> {
  return open("/db", { ...ports, memoryBudget: 16 * 2 ** 20, readOnly: true });
}

async function expectRefused(image: SimulatedDisk, fault: string): Promise<void> {
  await expect(follow(image), fault).rejects.toMatchObject({ code: "CORRUPT", details: { fault } });
  expect(image.openFiles, fault).toBe(0);
}

const other = { lo: 7, hi: 7 };
const { continues, unfinished } = FRAME_FLAG;

describe("a reader", () => {
  it("is told what is wrong with a segment", async () => {
    const [first, second] = [paths[0]!, paths[1]!];
    const { dataEnd, lastLsn } = segments[1]!;
    const lies: [string, SimulatedDisk][] = [
      ["header", withByte(disk, second, 50)],
      ["foreign header", withHeader(disk, second, { segmentId: 9 })],
      ["foreign header", withHeader(disk, second, { databaseId: new Uint8Array(16) })],
      ["foreign header", withHeader(disk, second, { generation: 2 })],
      ["foreign header", withHeader(disk, second, { baseLsn: 1 })],
      ["broken chain", withHeader(disk, second, { previousHash: other })],
      ["broken chain", withHeader(disk, first, { previousHash: other })],
      ["wrong end", withEntry(disk, 1, { lastLsn: lastLsn - 1 })],
      ["short", withEntry(disk, 1, { dataEnd: dataEnd - 8 })],
      ["footer", withFooter(disk, second, dataEnd, { closingHash: other })],
      ["footer", withFooter(disk, second, dataEnd, { lastLsn: lastLsn - 1 })],
      ["footer", withFooter(disk, second, dataEnd, { eventCount: 1 })],
      ["hash", withByte(disk, second, 4096 + 70)],
      ["missing", withoutFile(disk, second)],
    ];
    for (const [fault, image] of lies) await expectRefused(image, fault);
  });

  it("is told of frames in an order that no writer made", async () => {
    const { frames } = takeApart(disk, paths[0]!);
    const flagged = (flags: readonly number[]): SimulatedDisk => {
      const crafted = frames.map((frame, i) => ({ ...frame, flags: flags[i] ?? 0 }));
      const { disk: image, dataEnd } = withFrames(disk, paths[0]!, crafted);
      return withEntry(image, 0, { dataEnd });
    };
    const fault = "a transaction without its beginning or its end";
    await expectRefused(flagged([0, continues]), fault);
    await expectRefused(flagged([unfinished, 0]), fault);
    const open = frames.map((_, i) => (i === frames.length - 1 ? unfinished : 0));
    await expectRefused(flagged(open), "a transaction without its end");
    const twice = [frames[0]!, ...frames];
    const { disk: image, dataEnd } = withFrames(disk, paths[0]!, twice);
    await expectRefused(withEntry(image, 0, { dataEnd }), "misplaced");
    const counted = frames.map((frame, i) => (i === 1 ? { ...frame, eventCount: 1 } : frame));
    const miscounted = withFrames(disk, paths[0]!, counted);
    await expectRefused(
      withEntry(miscounted.disk, 0, { dataEnd: miscounted.dataEnd }),
      "malformed: wrong count of events",
    );
  });

  it("is told that the log ends before its watermark", async () => {
    const { lastLsn } = await follow(disk.clone()).then(async (db) => {
      await db.close();
      return db;
    });
    await expect(follow(withMark(disk, lastLsn + 5, other))).rejects.toMatchObject({
      code: "CORRUPT",
      details: { firstLsn: lastLsn + 1, lastLsn: lastLsn + 5 },
    });
  });

  it("needs one sound copy of the manifest", async () => {
    const torn = withFile(disk, "/db/manifest.a", new Uint8Array(60));
    const db = await follow(torn);
    const whole = await openOn(disk.clone());
    expect(await digestOf(db)).toBe(await digestOf(whole.db));
    await Promise.all([db.close(), whole.db.close()]);
    const both = withFile(torn, "/db/manifest.b", new Uint8Array(60));
    await expect(follow(both)).rejects.toMatchObject({
      code: "CORRUPT",
      details: { file: "manifest.a" },
    });
  });
});

describe("a reader of a database that others change", () => {
  async function changed(to: SimulatedDisk): Promise<Database> {
    const image = disk.clone();
    const ports = simulatedPorts({ disk: image, seed: 8, tasks: "automatic" });
    const db = await follow(image, ports);
    for (const path of ["/db/manifest.a", "/db/manifest.b", "/db/watermark", ...paths]) {
      image.writeFile(path, to.readFile(path));
    }
    // Now and then a reader looks at the names again, whatever it sees in the files it has.
    ports.clock.advance(60_000);
    return db;
  }

  it("is told that it is gone once another database has its place", async () => {
    const another = await cleanSpecimen(2);
    const db = await changed(another);
    await expect(db.flush()).rejects.toMatchObject({ code: "NOT_FOUND" });
    await db.close();
  });

  it("takes no step back where an older manifest comes up", async () => {
    const older = withManifest(disk, ({ edit }) => ({ edit: edit - 1 }));
    const db = await changed(older);
    await db.flush();
    expect(db.lastLsn).toBe((await follow(disk.clone())).lastLsn);
    await db.close();
  });
});
