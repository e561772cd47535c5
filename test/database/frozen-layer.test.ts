// A layer of the index that was frozen before the log had written what it holds: it goes into no file until that is durable or gone.
import { expect, it } from "vitest";
import { SimulatedDisk, settle } from "../../src/testing/testing.ts";
import { prepared } from "../support/crash-script.ts";
import { openLayered } from "../support/layered-script.ts";

/** All the turns that a flush takes, and more. */
const longSync = 30_000;

it("a layer frozen while a sync is under way goes into no file before its log is durable", async () => {
  const disk = prepared(new SimulatedDisk({ seed: 5, trace: "none" }));
  const { db, ports } = await openLayered(disk);
  await db.transact((tx) => tx.putNode("kept"));
  disk.faults.push({ operation: "sync", path: ".log", delayTurns: longSync, times: 1 });
  const synced = db.transact((tx) => tx.emit("b"));
  await Promise.resolve();
  // Waits for the sync, is frozen, and then rejected.
  disk.faults.push({ operation: "write", path: ".log", errno: "EIO" });
  const lost = db.transact((tx) => tx.putNode("lost"));
  const saved = db.checkpoint().catch(() => {});
  await expect(lost).rejects.toMatchObject({ code: "IO" });
  await synced;
  disk.faults.length = 0;
  await settle(ports, "the checkpoint", saved);
  await settle(ports, "the next one", db.checkpoint());
  const again = await openLayered(disk.kill());
  expect(again.db.recovery.replayedEvents).toBe(0);
  expect([again.db.nodeCount, again.db.hasNode("lost")]).toEqual([1, false]);
  await again.db.close();
});
