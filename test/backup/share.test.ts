// An incremental backup copies what is new and little else: bytes counted, for logs of one segment and of many.
import { expect, it } from "vitest";
import { SimulatedDisk } from "../../src/testing/simulated-disk.ts";
import type { Database } from "../../src/varve.ts";
import { copy, openAt, original } from "./support.ts";

const keys = Array.from({ length: 1000 }, (_, i) => `node-${i}`);

async function addEdges(db: Database, count: number): Promise<void> {
  for (let done = 0; done < count; done += 200) {
    await db.transact((tx) => {
      for (let i = done; i < done + 200; i++) {
        const from = keys[(i * 7) % keys.length]!;
        tx.addEdge(from, "KNOWS", keys[i % keys.length]!, { time: 1.6e12 + i, weight: i / 7 });
      }
    });
  }
}

it.each([
  { log: "one segment", segmentBytes: 2 ** 26 },
  { log: "many segments", segmentBytes: 2 ** 16 },
])("copies at most 3 % of $log after 1 % more", async ({ segmentBytes }) => {
  const disk = new SimulatedDisk({ seed: 2, trace: "none" });
  disk.writeFile("/data/other", new Uint8Array(1));
  const db = await openAt(disk, original, { segmentBytes });
  await db.transact((tx) => tx.putNodes(keys));
  await addEdges(db, 20_000);
  const first = await db.backup(copy);
  expect(db.stats().segments > 4).toBe(segmentBytes === 2 ** 16);
  await addEdges(db, 200);
  const second = await db.backup(copy);
  const { copiedBytes, reusedBytes } = second;
  expect(reusedBytes).toBeGreaterThan(first.copiedBytes * 0.95);
  expect(copiedBytes).toBeGreaterThan(first.copiedBytes * 0.009);
  expect(copiedBytes).toBeLessThanOrEqual((copiedBytes + reusedBytes) * 0.03);
  const lastLsn = db.lastLsn;
  await db.close();
  const there = await openAt(disk, copy, { create: false });
  expect([there.lastLsn, there.edgeCount]).toEqual([lastLsn, 20_200]);
  await there.close();
});
