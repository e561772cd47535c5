// Recovers and repairs logs whose frames are larger than what recovery reads at a time.
import { expect, it } from "vitest";
import { repair } from "../../src/database/repair.ts";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.ts";
import { type SimulatedPorts, simulatedPorts } from "../../src/testing/simulated-ports.ts";
import { type Database, open } from "../../src/varve.ts";
import { takeApart } from "../corruption/crafted.ts";
import { manifestOf, withByte, withFrames, withMark } from "./rewritten.ts";

const path = "/db/0000000000000001-0001.log";
const segmentBytes: number = 8 * 2 ** 20;
const large = (fill: number): Uint8Array => new Uint8Array(1_300_000).fill(fill);

async function openOn(ports: SimulatedPorts): Promise<Database> {
  return await open("/db", { ...ports, segmentBytes, memoryBudget: 64 * 2 ** 20 });
}

/** One transaction that the watermark covers, then large and small ones that it does not, as after a kill. */
async function killed(): Promise<SimulatedDisk> {
  const ports = simulatedPorts({ seed: 3, tasks: "automatic" });
  const db = await openOn(ports);
  await db.transact((tx) => tx.putNode("synced", { props: { bytes: large(1) } }));
  for (const [i, key] of ["a", "b"].entries()) {
    await db.transact((tx) => tx.putNode(`small-${key}`));
    await db.transact((tx) => tx.putNode(key, { props: { bytes: large(i + 2) } }));
  }
  await db.close();
  const { frames } = takeApart(ports.disk, path);
  expect(frames.length).toBe(5);
  const { disk, hashes } = withFrames(ports.disk, path, frames);
  return withMark(disk, 1, hashes[0]!, false);
}

function keysOf(db: Database): string[] {
  return [...db.nodes()].map(({ key }) => key);
}

it("large frames above the watermark are moved to a new segment, and are what they were", async () => {
  const disk = await killed();
  const db = await openOn(simulatedPorts({ disk, tasks: "automatic" }));
  expect(db.recovery).toMatchObject({ clean: false, truncatedBytes: 0 });
  expect(manifestOf(disk).segments.length).toBeGreaterThan(1);
  for (const [i, key] of ["synced", "a", "b"].entries()) {
    const { bytes } = db.node(key)!.props as { bytes: Uint8Array };
    expect(Buffer.from(bytes).equals(large(i + 1)), key).toBe(true);
  }
  expect((await db.verify()).problems).toEqual([]);
  await db.close();
});

it("large frames behind a torn one are found, counted, and never were", async () => {
  const disk = await killed();
  const { at } = takeApart(disk, path).frames[1]!;
  const db = await openOn(
    simulatedPorts({ disk: withByte(disk, path, at + 20), tasks: "automatic" }),
  );
  expect(keysOf(db)).toEqual(["synced"]);
  expect(db.recovery.warnings).toEqual(["3 frames behind a torn one were never acknowledged"]);
  expect(db.recovery.truncatedBytes).toBeGreaterThan(2 * 1_300_000);
  await db.close();
});

it("bytes that only look like the start of a large frame cost nothing, and are no frame", async () => {
  const disk = await killed();
  const { frames } = takeApart(disk, path);
  const torn = withByte(disk, path, frames[1]!.at + 20);
  // A frame's head without its body, and one whose LSN cannot be.
  const bytes = torn.readFile(path).slice();
  bytes.fill(0x5a, frames[2]!.at + 100_000, frames[2]!.at + 200_000);
  bytes.fill(0xff, frames[4]!.at + 24, frames[4]!.at + 32);
  torn.writeFile(path, bytes);
  const db = await openOn(simulatedPorts({ disk: torn, tasks: "automatic" }));
  expect(keysOf(db)).toEqual(["synced"]);
  expect(db.recovery.warnings).toEqual(["1 frames behind a torn one were never acknowledged"]);
  await db.close();
});

it("large frames are kept by a repair that makes the segment anew", async () => {
  const disk = await killed();
  const db = await openOn(simulatedPorts({ disk, tasks: "automatic" }));
  await db.close();
  const segment = manifestOf(disk).segments[1]!;
  const moved = `/db/${String(segment.baseLsn).padStart(16, "0")}-0001.log`;
  const { at } = takeApart(disk, moved).frames[0]!;
  const damaged = withByte(disk, moved, at + 20);
  const report = await repair("/db", {
    ...simulatedPorts({ disk: damaged, tasks: "automatic" }),
    segmentBytes,
  });
  expect(report.lost).toMatchObject([{ firstLsn: 2, lastLsn: 2 }]);
  const again = await openOn(simulatedPorts({ disk: damaged, tasks: "automatic" }));
  expect(keysOf(again).sort()).toEqual(["a", "b", "small-b", "synced"]);
  expect((await again.verify()).problems).toEqual([]);
  await again.close();
});
