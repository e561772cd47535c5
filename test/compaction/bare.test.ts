// What makes a thing stays bare where a later event has its whole state and is not rewritten: reads and replays show that state.
import { expect, it } from "vitest";
import type { SegmentChoice } from "../../src/compaction/compactor.ts";
import type { Database } from "../../src/database/database.ts";
import { dropAll, SimulatedDisk } from "../../src/testing/testing.ts";
import { compactorOf } from "../support/compactor-of.ts";
import { prepared } from "../support/crash-script.ts";
import { openLayered } from "../support/layered-script.ts";
import { loseIndex } from "../support/lose-index.ts";

const patches = 16;
const text = "said at first ".repeat(300);

/** Puts, patches up to one with an image, and a put of an edge, each in a segment behind that of what they change. */
async function written(disk: SimulatedDisk): Promise<Database> {
  const { db } = await openLayered(disk);
  const fill = async (): Promise<void> => {
    for (let i = 0; i < 4; i++) await db.transact((tx) => tx.emit("pad", "z".repeat(20_000)));
  };
  await db.transact((tx) => {
    tx.putNode("put", { labels: ["A", "B"], props: { text } });
    tx.putNode("patched", { labels: ["A", "B"], props: { stays: "all along", n: 0 } });
    tx.putEdge("put", "TO", "patched", { text });
  });
  await fill();
  await db.transact((tx) => tx.putNode("put", { labels: ["B", "C"], props: { n: 1 } }));
  await db.transact((tx) => tx.putEdge("put", "TO", "patched", { n: 1 }));
  for (let i = 1; i <= patches; i++) {
    const labels = i % 2 === 0 ? { addLabels: ["A"] } : { removeLabels: ["A"] };
    await db.transact((tx) =>
      tx.patchNode("patched", { ...labels, props: { n: i, [`p${i}`]: i } }),
    );
  }
  await fill();
  await fill();
  await db.checkpoint();
  return db;
}

function picture(db: Database): unknown {
  const labelled = ["A", "B", "C"].map((label) => [...db.nodes({ label })].map(({ key }) => key));
  const nodes = ["put", "patched"].map((key) => [db.node(key)?.labels, db.node(key)?.props]);
  return [nodes, labelled, [...db.allEdges()].map(({ id, props }) => [id, props])];
}

function bytesOf(disk: SimulatedDisk): Buffer {
  const files = disk.listAll().filter((path) => path.endsWith(".log"));
  return Buffer.concat(files.map((path) => Buffer.from(disk.readFile(path))));
}

it("stays bare, and goes once the later one says that there is such a thing", async () => {
  const disk = prepared(new SimulatedDisk({ seed: 3, trace: "none" }));
  const db = await written(disk);
  const before = picture(db);
  const compactor = compactorOf(db);
  const requireSame = async (): Promise<void> => {
    expect(picture(db)).toEqual(before);
    expect((await db.verify()).problems).toEqual([]);
    const copy = disk.powerCut(dropAll);
    await loseIndex(copy);
    const replayed = (await openLayered(copy)).db;
    expect(picture(replayed)).toEqual(before);
    expect((await replayed.verify()).problems).toEqual([]);
    await replayed.close();
  };
  const horizon = db.durableLsn;
  const part = (which: (at: number) => boolean): SegmentChoice => {
    const all = compactor.everything(horizon)!;
    return { ...all, segments: all.segments.filter((_, at) => which(at)) };
  };
  expect(bytesOf(disk).includes("said at first")).toBe(true);
  await compactor.rewrite(part((at) => at === 0));
  expect(bytesOf(disk).includes("said at first")).toBe(false);
  await requireSame();
  await compactor.rewrite(part((at) => at > 0));
  await requireSame();
  const again = await compactor.rewrite(part((at) => at === 0));
  // Both nodes' creations; the edge's addition is its id.
  expect(again.droppedEvents).toBe(2);
  await requireSame();
  await db.close();
});
