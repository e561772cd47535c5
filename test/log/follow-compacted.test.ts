// A reader beside a writer that compacts, closes, or is replaced by damage: what it has read stays, and it is told what it cannot go on with.
import { describe, expect, it } from "vitest";
import { Database } from "../../src/database/database.ts";
import { openTuned } from "../../src/database/open.ts";
import { SimulatedDisk, simulatedPorts } from "../../src/testing/testing.ts";
import { manifestOf, segmentPaths, withByte, withHeader } from "../recovery/rewritten.ts";
import { compactorOf } from "../support/compactor-of.ts";
import { tinyTuning } from "../support/layered-script.ts";

/** Larger than what lies in the trees: reads of it go to the log. */
const long = (n: number): string => `${n}:${"y".repeat(9000)}`;

async function opened(
  disk: SimulatedDisk,
  readOnly: boolean,
  ports = simulatedPorts({ disk, seed: 5, tasks: "automatic" }),
): Promise<Database> {
  const options = { ...ports, memoryBudget: 16 * 2 ** 20, segmentBytes: 64 * 1024, readOnly };
  return await openTuned("/db", options, { ...tinyTuning, frameCacheBytes: 1 });
}

/** Nodes that are put again and again, one that is not, and nodes of which nothing is left. */
async function write(db: Database, from: number): Promise<void> {
  await db.transact((tx) => tx.putNode(`old${from}`, { props: { text: long(-1) } }));
  for (let i = from; i < from + 30; i++) {
    await db.transact((tx) => {
      tx.putNode(`key${i % 3}`, { props: { text: long(i) } });
      tx.putNode(`gone${i}`);
      if (i > from) tx.removeNode(`gone${i - 1}`);
    });
  }
  await db.checkpoint();
}

async function written(): Promise<{ disk: SimulatedDisk; writer: Database }> {
  const disk = new SimulatedDisk({ seed: 1, trace: "none" });
  const writer = await opened(disk, false);
  await write(writer, 0);
  return { disk, writer };
}

const texts = (db: Database): unknown[] =>
  ["old0", "key0", "key1"].map((key) => db.node(key)?.props["text"]);

async function compact(db: Database): Promise<void> {
  const compactor = compactorOf(db);
  const { segments } = await compactor.rewrite(compactor.everything(db.durableLsn)!);
  expect(segments).toBeGreaterThan(1);
}

describe("a reader that has not read by the files yet", () => {
  it("finds what has taken their place", async () => {
    const { disk, writer } = await written();
    const reader = await opened(disk, true);
    await compact(writer);
    expect(texts(reader)).toEqual(texts(writer));
    await reader.close();
    await writer.close();
  });

  it("is told of a file that is gone and has none in its place", async () => {
    const { disk, writer } = await written();
    const reader = await opened(disk, true);
    await writer.close();
    for (const path of segmentPaths(disk)) disk.removeFile(path);
    expect(() => texts(reader)).toThrow(expect.objectContaining({ code: "NOT_FOUND" }) as Error);
    await reader.close();
  });

  it.each([
    ["header", (disk: SimulatedDisk, path: string) => withByte(disk, path, 50)],
    ["footer", (disk: SimulatedDisk, path: string) => withByte(disk, path, -1)],
    [
      "foreign header",
      (disk: SimulatedDisk, path: string) => withHeader(disk, path, { segmentId: 99 }),
    ],
  ])("is told of damage in what has taken their place: %s", async (_, damaged) => {
    const { disk, writer } = await written();
    const reader = await opened(disk, true);
    await compact(writer);
    await writer.close();
    const path = segmentPaths(disk)[0]!;
    disk.writeFile(path, damaged(disk, path).readFile(path));
    await expect(reader.flush()).rejects.toMatchObject({
      code: "CORRUPT",
      details: { file: path.slice(4) },
    });
    await reader.close();
  });
});

describe("a reader that has fallen behind a compaction", () => {
  it("keeps the state that it has, and is told that it cannot go on", async () => {
    const { disk, writer } = await written();
    const reader = await opened(disk, true);
    const { log } = Database.coreOf(reader);
    const before = reader.lastLsn;
    await log.whenDurable(before);
    const waiting = log.whenDurable(before + 1);
    waiting.catch(() => {});
    await write(writer, 30);
    await compact(writer);
    await expect(reader.flush()).rejects.toMatchObject({ details: { lastLsn: before } });
    await expect(waiting).rejects.toBe(log.poison);
    await expect(log.whenDurable(before + 1)).rejects.toBe(log.poison);
    await expect(reader.flush()).rejects.toBe(log.poison);
    expect(reader.lastLsn).toBe(before);
    expect(reader.hasNode("key0")).toBe(true);
    await reader.close();
    await expect(log.flush()).rejects.toMatchObject({});
    const again = await opened(disk, true);
    expect(texts(again)).toEqual(texts(writer));
    await again.close();
    await writer.close();
  });
});

describe("a reader whose database goes away", () => {
  it("is told that it is gone, or that no copy of its manifest is sound", async () => {
    const cases: [string, (disk: SimulatedDisk) => void][] = [
      ["NOT_FOUND", (disk) => disk.removeFile("/db/manifest.a")],
      ["CORRUPT", (disk) => disk.writeFile("/db/manifest.a", new Uint8Array(60))],
    ];
    for (const [code, change] of cases) {
      const { disk, writer } = await written();
      await writer.close();
      const ports = simulatedPorts({ disk, seed: 5, tasks: "automatic" });
      const reader = await opened(disk, true, ports);
      const { lastLsn } = reader;
      change(disk);
      disk.removeFile("/db/manifest.b");
      ports.clock.advance(60_000);
      await expect(reader.flush()).rejects.toMatchObject({ code });
      expect(reader.lastLsn).toBe(lastLsn);
      await reader.close();
    }
  });

  it("and is closed, is told that it is closed", async () => {
    const { disk, writer } = await written();
    const reader = await opened(disk, true);
    const { log } = Database.coreOf(reader);
    const waiting = log.whenDurable(log.durableLsn + 1);
    await Promise.all([expect(waiting).rejects.toMatchObject({ code: "CLOSED" }), reader.close()]);
    await expect(log.flush()).rejects.toMatchObject({ code: "CLOSED" });
    await writer.close();
    expect(manifestOf(disk).segments.length).toBeGreaterThan(1);
  });
});
