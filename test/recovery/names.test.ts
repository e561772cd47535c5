// Names whose sync failed: they look like any other, no later sync makes them durable, and an orderly life behind them must not rely on them.
import { expect, it } from "vitest";
import { dropAll, type SimulatedDisk, simulatedPorts } from "../../src/testing/testing.ts";
import { type Database, open } from "../../src/varve.ts";

function openOn(disk: SimulatedDisk, path = "/db"): Promise<Database> {
  return open(path, simulatedPorts({ disk, tasks: "automatic" }));
}

async function madeDisk(): Promise<SimulatedDisk> {
  const { disk } = simulatedPorts({ tasks: "automatic" });
  const db = await openOn(disk);
  await db.transact((tx) => tx.putNode("a"));
  await db.close();
  return disk;
}

function failSync(disk: SimulatedDisk, path = "/db", occurrence = 1): void {
  disk.faults.push({ operation: "syncDirectory", path, occurrence, errno: "EIO" });
}

/** An orderly life, and what a power cut right behind it leaves. */
async function lived(disk: SimulatedDisk): Promise<SimulatedDisk> {
  disk.faults.length = 0;
  await (await openOn(disk)).close();
  return disk.powerCut(dropAll);
}

it.each([
  ["manifest.a", 1],
  ["manifest.b", 1],
  // Without it the log is copied first.
  ["watermark", 3],
  ["allocation", 1],
  ["reserve", 1],
] as const)(
  "%s, made again by an opening whose sync of the directory failed, stays there after the next orderly close",
  async (name, occurrence) => {
    const disk = await madeDisk();
    disk.removeFile(`/db/${name}`);
    failSync(disk, "/db", occurrence);
    await expect(openOn(disk)).rejects.toMatchObject({ code: "IO" });
    const db = await openOn(await lived(disk));
    expect(db.recovery).toMatchObject({ rebuilt: [], warnings: [], clean: true });
    expect(db.node("a")).toBeDefined();
    await db.close();
  },
);

it("a creation whose manifests may never get a durable name is begun again", async () => {
  const { disk } = simulatedPorts({ tasks: "automatic" });
  failSync(disk);
  disk.faults.push({ operation: "unlink", errno: "EIO", times: "forever" });
  await expect(openOn(disk)).rejects.toMatchObject({ code: "IO" });
  expect(await disk.list("/db")).toHaveLength(2);
  const left = await lived(disk);
  expect((await left.list("/db")).length).toBeGreaterThan(2);
  expect((await openOn(left)).recovery.rebuilt).toEqual([]);
});

it("the watermark of a backup is made anew where the sync of its name failed", async () => {
  const disk = await madeDisk();
  const db = await openOn(disk);
  failSync(disk, "/copy", 4);
  await expect(db.backup("/copy")).rejects.toMatchObject({ code: "IO" });
  disk.faults.length = 0;
  await db.backup("/copy");
  await db.close();
  const copy = await openOn(disk.powerCut(dropAll), "/copy");
  expect(copy.recovery.rebuilt).not.toContain("watermark");
  await copy.close();
});
