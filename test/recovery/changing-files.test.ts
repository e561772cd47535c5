// Files that change, or end sooner, between two looks of one recovery or copy, and files that cannot be read at all.
import { describe, expect, it } from "vitest";
import { copyRange } from "../../src/recovery/copy-file.ts";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.ts";
import { simulatedPorts } from "../../src/testing/simulated-ports.ts";
import { type Database, open } from "../../src/varve.ts";
import { takeApart } from "../corruption/crafted.ts";
import { indexedSpecimen, openIndexed } from "../corruption/specimen.ts";
import { withFrames, withMark } from "./rewritten.ts";

const path = "/db/0000000000000001-0001.log";

function openOn(disk: SimulatedDisk): Promise<Database> {
  const ports = simulatedPorts({ disk, tasks: "automatic" });
  return open("/db", { ...ports, segmentBytes: 2 ** 20, memoryBudget: 16 * 2 ** 20 });
}

/** As after a kill: of five transactions the watermark covers one. */
async function killed(): Promise<SimulatedDisk> {
  const { disk } = simulatedPorts({ seed: 3 });
  const db = await openOn(disk);
  for (let i = 0; i < 5; i++) await db.transact((tx) => tx.putNode(`n${i}`));
  await db.close();
  const { frames } = takeApart(disk, path);
  const { disk: image, hashes } = withFrames(disk, path, frames);
  return withMark(image, 1, hashes[0]!, false);
}

describe("a recovery that moves what is not proven", () => {
  it.each<[string, (bytes: Uint8Array, at: number) => Uint8Array]>([
    ["ends there", (bytes, at) => bytes.slice(0, at)],
    ["ends behind the next frame's header", (bytes, at) => bytes.slice(0, at + 50)],
    [
      "has another byte there",
      (bytes, at) => bytes.map((byte, i) => (i === at + 50 ? ~byte : byte)),
    ],
  ])(
    "refuses where the segment, once it was read, %s; nothing is lost by that",
    async (_, change) => {
      const disk = await killed();
      const bytes = disk.readFile(path).slice();
      const { at } = takeApart(disk, path).frames[1]!;
      let changes = 0;
      disk.onCall = ({ operation, path: made }) => {
        if (operation !== "create" || !made.endsWith(".log")) return;
        changes++;
        disk.writeFile(path, change(bytes, at));
      };
      await expect(openOn(disk)).rejects.toMatchObject({
        code: "CORRUPT",
        message: expect.stringContaining("changed while it was recovered") as string,
        details: { file: path.slice(4), offset: at },
      });
      expect(changes).toBeGreaterThan(0);
      expect(disk.openFiles).toBe(0);
      disk.onCall = undefined;
      disk.writeFile(path, bytes);
      const db = await openOn(disk);
      expect([...db.nodes()].map(({ key }) => key)).toEqual(["n0", "n1", "n2", "n3", "n4"]);
      await db.close();
    },
  );
});

describe("a checkpoint's file that cannot be read", () => {
  it("is one that is not there: the log says everything", async () => {
    const disk = await indexedSpecimen(1);
    const whole = await openIndexed(disk.clone());
    const keys = [...whole.db.nodes()].map(({ key }) => key);
    await whole.db.close();
    disk.faults.push({ operation: "read", path: "checkpoint-", times: "forever", errno: "EIO" });
    const { db } = await openIndexed(disk);
    expect(db.recovery.rebuilt).toEqual([expect.stringMatching(/^checkpoint-/)]);
    expect([...db.nodes()].map(({ key }) => key)).toEqual(keys);
    await db.close();
  });
});

describe("a copy", () => {
  it("of what ends too soon is refused, with what it has of it", async () => {
    const { disk } = simulatedPorts();
    disk.writeFile("/from", new Uint8Array(50).fill(7));
    const source = await disk.open("/from", "read");
    const target = await disk.open("/to", "create");
    await expect(copyRange(source, target, 10, 60, () => Promise.resolve())).rejects.toMatchObject({
      code: "CORRUPT",
      details: { offset: 50 },
    });
    expect(disk.readFile("/to").length).toBe(50);
    await Promise.all([source.close(), target.close()]);
  });
});
