// The segment table on disk: when it is flushed, and that a crash between two flushes loses neither data nor space.
import { describe, expect, it } from "vitest";
import { decodeAllocation, readAllocation } from "../../src/log/allocation-table.ts";
import { MANIFEST } from "../../src/log/manifest-codec.ts";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.ts";
import { simulatedPorts } from "../../src/testing/simulated-ports.ts";
import { dropAll, keepAll } from "../../src/testing/survival.ts";
import { commit, openLog, type TestLog } from "./support.ts";

function databaseIdOf(disk: SimulatedDisk): Uint8Array {
  return disk.readFile("/db/manifest.a").slice(MANIFEST.body, MANIFEST.body + 16);
}

/** The last LSN of each segment as the durable table has it. */
async function flushedLsns(disk: SimulatedDisk): Promise<number[]> {
  const durable = disk.powerCut(dropAll);
  const table = await readAllocation(durable, "/db", databaseIdOf(disk));
  return (table ?? []).map(({ lastLsn }) => lastLsn);
}

function add(test: TestLog, bytes = 10): Promise<void> {
  return commit(test, (batch) => {
    batch.nodePut(0, batch.nextLsn, `k${batch.nextLsn}`, [], { text: "x".repeat(bytes) });
  });
}

describe("the segment table", () => {
  it("is flushed on its period, once something has changed", async () => {
    const test = await openLog({ allocationFlushMs: 5000 });
    const { disk, scheduler } = test.ports;
    await add(test);
    await scheduler.advance(4999);
    expect(await flushedLsns(disk)).toEqual([0]);
    await scheduler.advance(1);
    expect(await flushedLsns(disk)).toEqual([1]);
    const calls = disk.calls;
    await scheduler.advance(60_000);
    expect(disk.calls).toBe(calls);
    await add(test);
    await scheduler.advance(5000);
    expect(await flushedLsns(disk)).toEqual([2]);
    await test.log.close();
  });

  it("is flushed on demand, at each roll, and at close", async () => {
    const test = await openLog();
    const { disk } = test.ports;
    await add(test);
    expect(await test.log.flushAllocation()).toBe(true);
    expect(await flushedLsns(disk)).toEqual([1]);
    for (let i = 0; i < 8; i++) await add(test, 9000);
    const afterRoll = await flushedLsns(disk);
    expect(afterRoll.length).toBe(2);
    expect(afterRoll[0]).toBe(test.log.segments()[0]!.lastLsn);
    await add(test);
    await test.log.close();
    expect((await flushedLsns(disk)).at(-1)).toBe(10);
    const bytes = disk.readFile("/db/allocation");
    const table = decodeAllocation(bytes, databaseIdOf(disk))!;
    for (const { baseLsn, fileBytes } of table) {
      const path = disk.listAll().find((path) => path.includes(`${baseLsn}-0001.log`))!;
      expect(disk.readFile(path).length).toBe(fileBytes);
    }
  });

  it("that cannot be flushed costs nothing: the log goes on and closes", async () => {
    const test = await openLog();
    test.ports.disk.faults.push({
      operation: "sync",
      path: "allocation",
      errno: "EIO",
      times: "forever",
    });
    await add(test);
    expect(await test.log.flushAllocation()).toBe(false);
    await add(test);
    await test.log.close();
    const again = await openLog({}, test.ports);
    expect(again.log.acceptedLsn).toBe(2);
    await again.log.close();
  });

  it("loses nothing and leaks no space where the machine dies between two flushes", async () => {
    for (const [survival, cut] of [
      [dropAll, 3],
      [keepAll, 3],
      [dropAll, 20],
      [keepAll, 20],
    ] as const) {
      const test = await openLog();
      for (let i = 0; i < cut; i++) await add(test, 9000);
      const { segments } = test.log.stats();
      test.ports.scheduler.stop();
      const disk = test.ports.disk.powerCut(survival);
      const again = await openLog({}, simulatedPorts({ disk }));
      expect(again.log.acceptedLsn).toBe(cut);
      await again.log.close();
      // Every segment file is one that the table and the manifest name, and none is larger than it must be.
      const files = disk.listAll().filter((path) => path.endsWith(".log"));
      const table = await readAllocation(disk, "/db", databaseIdOf(disk));
      expect(table).toHaveLength(files.length);
      expect(files.length).toBeLessThanOrEqual(segments + 1);
      const held = files.reduce((sum, path) => sum + disk.readFile(path).length, 0);
      expect(table!.reduce((sum, { fileBytes }) => sum + fileBytes, 0)).toBe(held);
      expect(held).toBeLessThan(cut * 9500 + 3 * 64 * 1024);
    }
  });
});
