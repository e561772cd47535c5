// Opens, follows, backs up and repairs logs whose frames are sound, and whose order no writer ever made.
import { beforeAll, describe, expect, it } from "vitest";
import { repair } from "../../src/database/repair.ts";
import { FRAME_FLAG, frameBytesFor } from "../../src/log/frame-format.ts";
import { backUp } from "../../src/recovery/backup.ts";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.ts";
import { simulatedPorts } from "../../src/testing/simulated-ports.ts";
import { portsOn } from "../backup/support.ts";
import { takeApart } from "../corruption/crafted.ts";
import {
  cleanSpecimen,
  directory,
  openOn,
  segmentBytes,
  withoutFile,
} from "../corruption/specimen.ts";
import {
  type CraftedFrame,
  manifestOf,
  segmentPaths,
  withByte,
  withEntry,
  withFrames,
  withMark,
} from "./rewritten.ts";

const path = "/db/0000000000000001-0001.log";
const { continues, unfinished } = FRAME_FLAG;

/** Six nodes, each put by a transaction and a frame of its own. */
let disk: SimulatedDisk;
let frames: readonly CraftedFrame[];

beforeAll(async () => {
  const { db, ports } = await openOn(simulatedPorts({ seed: 5 }).disk);
  for (const key of ["a", "b", "c", "d", "e", "f"]) await db.transact((tx) => tx.putNode(key));
  await db.close();
  disk = ports.disk.clone();
  frames = takeApart(disk, path).frames.map(({ payload, firstLsn, eventCount, timeMs }) => {
    return { payload, firstLsn, eventCount, timeMs };
  });
  expect(frames.length).toBe(6);
});

/** The log with other flags on its frames, cleanly closed for all that its files say. */
function flagged(flags: readonly number[]): SimulatedDisk {
  const crafted = frames.map((frame, i) => ({ ...frame, flags: flags[i] ?? 0 }));
  const { disk: image, hashes } = withFrames(disk, path, crafted);
  return withMark(image, 6, hashes.at(-1)!);
}

async function keysOn(image: SimulatedDisk): Promise<string[]> {
  const { db } = await openOn(image);
  const keys = [...db.nodes()].map(({ key }) => key);
  expect((await db.verify()).problems).toEqual([]);
  await db.close();
  return keys;
}

const repairOn = (image: SimulatedDisk) =>
  repair(directory, { ...simulatedPorts({ disk: image, seed: 4 }), segmentBytes });

describe("frames of a large transaction", () => {
  it("are applied together, or not at all where the last one is torn", async () => {
    const image = flagged([0, unfinished, unfinished | continues, continues]);
    expect(await keysOn(image.clone())).toEqual(["a", "b", "c", "d", "e", "f"]);
    const torn = withByte(
      withoutFile(image, "/db/watermark"),
      path,
      takeApart(image, path).frames[3]!.at,
    );
    expect(await keysOn(torn)).toEqual(["a"]);
  });

  it("without the first or the last of them make no sense, and are all that a repair takes", async () => {
    const torn: [number[], string[]][] = [
      [
        [0, continues],
        ["a", "c", "d", "e", "f"],
      ],
      [
        [0, unfinished, 0],
        ["a", "c", "d", "e", "f"],
      ],
      [
        [0, unfinished, unfinished | continues, 0],
        ["a", "d", "e", "f"],
      ],
    ];
    for (const [flags, left] of torn) {
      await expect(openOn(flagged(flags))).rejects.toMatchObject({
        code: "CORRUPT",
        details: { fault: "malformed" },
      });
      const image = flagged(flags);
      const { lost } = await repairOn(image);
      expect(lost).toMatchObject([{ firstLsn: 2, reason: "damaged" }]);
      expect(await keysOn(image)).toEqual(left);
    }
  });

  it("that end the log without its last one are cut, and are no part of a backup", async () => {
    const crafted = frames.map((frame, i) => ({ ...frame, flags: i === 5 ? unfinished : 0 }));
    const { disk: image, hashes } = withFrames(disk, path, crafted);
    const marked = withMark(image, 6, hashes[5]!);
    expect(await backUp(portsOn(marked), "/db", "/copy", async () => {})).toMatchObject({ lsn: 5 });
    expect(await keysOn(marked)).toEqual(["a", "b", "c", "d", "e"]);
  });

  it("of which there is nothing else in the log leave a backup of nothing", async () => {
    const { disk: image, hashes } = withFrames(disk, path, [{ ...frames[0]!, flags: unfinished }]);
    const marked = withMark(image, 1, hashes[0]!);
    const report = await backUp(portsOn(marked), "/db", "/copy", async () => {});
    expect(report).toMatchObject({ lsn: 0, files: 1 });
  });

  it("at the end of a sealed segment are damage", async () => {
    const whole = await cleanSpecimen(1);
    const paths = segmentPaths(whole);
    const apart = takeApart(whole, paths[0]!);
    const crafted = apart.frames.map((frame, i) => {
      return { ...frame, flags: i === apart.frames.length - 1 ? unfinished : frame.flags };
    });
    const { disk: image, dataEnd } = withFrames(whole, paths[0]!, crafted);
    const told = withEntry(image, 0, { dataEnd });
    await expect(openOn(told)).rejects.toMatchObject({
      code: "CORRUPT",
      details: { case: "R5-sealed-damage", fault: "sealed-end" },
    });
    const { firstLsn } = crafted.at(-1)!;
    const { lastLsn } = manifestOf(whole).segments[0]!;
    const { lost } = await repairOn(told);
    expect(lost[0]).toMatchObject({ firstLsn, reason: "damaged" });
    expect(lost[0]!.lastLsn).toBeGreaterThanOrEqual(lastLsn);
  });
});

describe("a frame", () => {
  it("that stands there a second time is passed over by a repair", async () => {
    const twice = [...frames.slice(0, 3), frames[1]!, ...frames.slice(3)];
    const { disk: image, hashes } = withFrames(disk, path, twice);
    const marked = withMark(image, 6, hashes.at(-1)!);
    await expect(openOn(marked)).rejects.toMatchObject({ details: { fault: "misplaced" } });
    expect((await repairOn(marked)).lost).toEqual([]);
    expect(await keysOn(marked)).toEqual(["a", "b", "c", "d", "e", "f"]);
  });

  it("behind a hole is kept where something says that it was durable, else it never was", async () => {
    const crafted = frames.map((frame, i) => ({ ...frame, behindHole: i === 3 ? 64 : 0 }));
    const holed = withFrames(disk, path, crafted);
    const marked = withMark(holed.disk, 6, holed.hashes.at(-1)!);
    const { lost } = await repairOn(marked);
    expect(lost).toEqual([]);
    expect(await keysOn(marked)).toEqual(["a", "b", "c", "d", "e", "f"]);
    expect(await keysOn(withoutFile(holed.disk, "/db/watermark"))).toEqual(["a", "b", "c"]);
  });

  it("of an LSN that belongs to the next segment is no part of its own", async () => {
    const whole = await cleanSpecimen(1);
    const [first, second] = segmentPaths(whole);
    const apart = takeApart(whole, first!);
    const later = takeApart(whole, second!).frames[0]!;
    const { disk: image, dataEnd } = withFrames(whole, first!, [...apart.frames, later]);
    const { lost } = await repairOn(withEntry(image, 0, { dataEnd }));
    expect(lost).toEqual([]);
  });
});

describe("a torn tail", () => {
  it("is kept once, though an earlier recovery had begun to keep it", async () => {
    const holed = withFrames(
      disk,
      path,
      frames.map((frame, i) => ({ ...frame, behindHole: i === 3 ? 64 : 0 })),
    );
    const bare = withoutFile(holed.disk, "/db/watermark");
    const { at } = takeApart(bare, path).frames[2]!;
    const next = at + frameBytesFor(frames[2]!.payload.length);
    const kept = `/db/quarantine/${path.slice(4)}.${next}.tail`;
    bare.writeFile(kept, new Uint8Array(100_000).fill(1));
    expect(await keysOn(bare)).toEqual(["a", "b", "c"]);
    const tail = bare.readFile(kept);
    expect(
      Buffer.from(tail).equals(holed.disk.readFile(path).subarray(next, next + tail.length)),
    ).toBe(true);
    // Zeros at the end are no part of it.
    expect(holed.dataEnd - next - tail.length).toBeLessThan(8);
  });
});
