// Rolls whose manifest cannot be written, and what a poisoned log, or one that is not durable yet, still refuses.
import { expect, it } from "vitest";
import { commit, openLog, type TestLog } from "./support.ts";

const put = (test: TestLog, i: number): Promise<void> =>
  commit(test, (batch) => batch.nodePut(0, i + 1, `k${i}`, [], { x: "y".repeat(9000) }));

it.each(["write", "sync"] as const)(
  "a roll poisons the log where the %s of a manifest fails, and nothing is lost",
  async (operation) => {
    const test = await openLog();
    const { log, ports } = test;
    const position = async (): Promise<void> => {
      await log.saveCheckpoint(new Uint8Array(10), 1, log.positionAfter(1));
    };
    ports.disk.faults.push({ operation, path: "manifest", errno: "EIO" });
    let acknowledged = 0;
    const filling = async (): Promise<void> => {
      for (let i = 0; i < 20; i++) {
        await put(test, i);
        acknowledged++;
      }
    };
    await expect(filling()).rejects.toMatchObject({ code: "POISONED" });
    expect(acknowledged).toBeGreaterThan(3);
    await expect(position()).rejects.toBe(log.poison);
    await log.close().catch(() => {});
    expect(ports.disk.openFiles).toBe(0);
    ports.disk.faults.length = 0;
    const { log: again } = await openLog({}, ports);
    expect(again.durableLsn).toBeGreaterThanOrEqual(acknowledged);
    await again.close();
  },
);

it("no place is told of that is not durable", async () => {
  const test = await openLog();
  const { log, batch } = test;
  await put(test, 0);
  batch.begin(log.nextLsn);
  batch.nodePut(0, 2, "late", [], {});
  batch.commit();
  await new Promise<void>((resolve, reject) => {
    log.accept(batch, "os", { acknowledge: resolve, reject });
  });
  expect(log.positionAfter(1).lastLsn).toBe(1);
  expect(() => log.positionAfter(2)).toThrow(RangeError);
  await log.flush();
  expect(log.positionAfter(2).lastLsn).toBe(2);
  await log.close();
});

it("a write that fails beside a sync that fails is told what the sync has found", async () => {
  const test = await openLog();
  const { log, batch, ports } = test;
  const accept = (level: "group" | "os", key: string): Promise<void> => {
    batch.begin(log.nextLsn);
    batch.nodePut(0, log.nextLsn, key, [], {});
    batch.commit();
    return new Promise((resolve, reject) => {
      log.accept(batch, level, { acknowledge: resolve, reject });
    });
  };
  ports.disk.faults.push(
    { operation: "sync", path: ".log", errno: "EIO" },
    { operation: "write", path: ".log", occurrence: 2, errno: "ENOSPC" },
  );
  const first = accept("group", "a");
  const told = expect(first).rejects.toMatchObject({ code: "POISONED" });
  while (log.stats().counters.syncs === 0) await undefined;
  await expect(accept("os", "b")).rejects.toMatchObject({ code: "POISONED" });
  await told;
  expect(ports.disk.faults).toHaveLength(2);
  await log.close().catch(() => {});
});
