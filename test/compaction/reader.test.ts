// A reader beside a writer whose log is compacted: it reads on, by the files that have taken the place of those it knew.
import { describe, expect, it } from "vitest";
import { Database } from "../../src/database/database.ts";
import { openTuned } from "../../src/database/open.ts";
import { SimulatedDisk, simulatedPorts } from "../../src/testing/testing.ts";
import { compactorOf } from "../support/compactor-of.ts";
import { tinyTuning } from "../support/layered-script.ts";

const path = "/db";
/** Larger than what lies in the trees: reads of it go to the log. */
const long = (n: number): string => `${n}:${"y".repeat(9000)}`;

async function opened(disk: SimulatedDisk, readOnly: boolean): Promise<Database> {
  const ports = simulatedPorts({ disk, seed: 5, tasks: "automatic" });
  const options = { ...ports, memoryBudget: 16 * 2 ** 20, segmentBytes: 64 * 1024, readOnly };
  // Without a cache of frames, every read goes to a file.
  return await openTuned(path, options, { ...tinyTuning, frameCacheBytes: 1 });
}

/** Nodes that were put again and again, over several segments, and some that were not. */
async function filled(db: Database): Promise<void> {
  for (let i = 0; i < 60; i++) {
    await db.transact((tx) => {
      tx.putNode(`key${i % 7}`, { props: { text: long(i) } });
      tx.putNode(`gone${i}`);
      if (i > 0) tx.removeNode(`gone${i - 1}`);
    });
  }
  await db.checkpoint();
}

function texts(db: Database): unknown[] {
  return [0, 1, 2, 3, 4, 5, 6].map((i) => db.node(`key${i}`)?.props["text"]);
}

async function compacted(db: Database): Promise<number> {
  const compactor = compactorOf(db);
  const choice = compactor.everything(db.durableLsn);
  return (await compactor.rewrite(choice!)).segments;
}

describe("a reader beside a compacting writer", () => {
  it("reads props from the log right after the files it knew are gone", async () => {
    const disk = new SimulatedDisk({ seed: 1, trace: "none" });
    const writer = await opened(disk, false);
    await filled(writer);
    const reader = await opened(disk, true);
    const before = texts(writer);
    expect(texts(reader)).toEqual(before);
    expect(await compacted(writer)).toBeGreaterThan(3);
    // No poll has come by: the reader has to find out by itself.
    expect(texts(reader)).toEqual(before);
    await writer.transact((tx) => tx.putNode("key0", { props: { text: "new" } }));
    await reader.flush();
    expect(texts(reader)).toEqual(["new", ...before.slice(1)]);
    const { horizon } = Database.coreOf(reader).log;
    expect(horizon).toBe(Database.coreOf(writer).log.horizon);
    expect(horizon).toBeGreaterThan(0);
    expect(await reader.verify()).toMatchObject({ sound: true });
    await reader.close();
    await writer.close();
  });

  it("opens a log that is compacted", async () => {
    const disk = new SimulatedDisk({ seed: 1, trace: "none" });
    const writer = await opened(disk, false);
    await filled(writer);
    await compacted(writer);
    const reader = await opened(disk, true);
    expect(texts(reader)).toEqual(texts(writer));
    expect(reader.nodeCount).toBe(writer.nodeCount);
    expect((await reader.verify()).problems).toEqual([]);
    await reader.close();
    await writer.close();
  });
});
