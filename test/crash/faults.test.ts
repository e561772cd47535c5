// Lets every call of a scripted life fail, once and for ever, and fills the disk at many places.
import { describe, expect, it } from "vitest";
import {
  dropAll,
  type FaultRule,
  keepAll,
  SimulatedDisk,
  type TraceEntry,
} from "../../src/testing/testing.ts";
import { Explorer, report, someLosses } from "../support/crash-explorer.ts";
import { faultyLife, settles } from "../support/crash-faults.ts";
import { History, readView } from "../support/crash-oracle.ts";
import { filler, large, openOn, prepared, small } from "../support/crash-script.ts";

const timeoutMs = 300_000;
const appliedKinds = ["none", "prefix", "all"] as const;

function freshDisk(): SimulatedDisk {
  return prepared(new SimulatedDisk({ seed: 5 }));
}

/** The calls of the life without faults, each as the operation, the file and the how-manieth of these it is. */
async function sites(): Promise<Pick<FaultRule, "operation" | "path" | "occurrence">[]> {
  const disk = freshDisk();
  const outcome = await faultyLife(new History(), disk);
  expect(outcome).toEqual({ refusedOpens: 0, poisoned: 0, rejected: 0 });
  const met = new Map<string, number>();
  return (
    disk.trace
      .filter(({ operation }) => operation !== "lock")
      // The name of the database's directory is its parent's: where that could not be synced, nothing the engine may do
      // brings it back to be synced (it would have to take the user's directory away), and the open has failed.
      .filter(({ operation, path }) => operation !== "syncDirectory" || path !== "/data")
      .map(({ operation, path }: TraceEntry) => {
        const occurrence = (met.get(`${operation} ${path}`) ?? 0) + 1;
        met.set(`${operation} ${path}`, occurrence);
        return { operation, path: new RegExp(`^${path}$`), occurrence };
      })
  );
}

const isThorough = process.env["VARVE_CRASH_SECONDS"] !== undefined;

describe("an error at every disk call that changes state", () => {
  it.each([
    { errno: "EIO", times: 1 },
    { errno: "EIO", times: "forever" },
    { errno: "ENOSPC", times: 1 },
    { errno: "ENOSPC", times: "forever" },
  ] as const)(
    "$errno, $times: every promise settles, nothing acknowledged is lost, nothing rejected appears",
    { timeout: timeoutMs },
    async ({ errno, times }) => {
      const startedMs = performance.now();
      const explorer = new Explorer();
      const ends = { refusedOpens: 0, poisoned: 0, rejected: 0 };
      for (const [turn, site] of (await sites()).entries()) {
        for (const [kind, applied] of appliedKinds.entries()) {
          // Each place, and each way of failing; every pair of them only with a budget.
          if (!isThorough && (turn + kind) % 2 !== 0) continue;
          const disk = freshDisk();
          const history = new History();
          const where = `${errno} ${times} ${applied} at ${site.operation} ${String(site.path)} ${site.occurrence}`;
          disk.faults.push({ ...site, errno, times, applied });
          const outcome = await faultyLife(history, disk).catch((error: unknown) => {
            throw new Error(`${where}: ${String(error)}`, { cause: error });
          });
          ends.refusedOpens += outcome.refusedOpens;
          ends.poisoned += outcome.poisoned;
          ends.rejected += outcome.rejected;
          // A new process on the same machine, which sees what no sync has made durable; and power cuts.
          const point = { label: where, call: 0, phase: "after" as const, disk, history };
          for (const loss of [undefined, dropAll, keepAll, ...someLosses(disk, 2, turn).slice(3)]) {
            await explorer.check(point, loss, "");
          }
        }
      }
      report(`${errno}, ${times} (${JSON.stringify(ends)})`, explorer, startedMs);
      expect(ends.poisoned).toBeGreaterThan(10);
      expect(ends.refusedOpens).toBeGreaterThan(5);
      expect(ends.rejected).toBeGreaterThan(2);
    },
  );
});

describe("a write that could not be taken back", () => {
  it("does not come back once a reader has seen that it is not there", async () => {
    const disk = freshDisk();
    const history = new History();
    const { db, ports } = await openOn(disk);
    await history.submit(db, small("kept"));
    const path = "0001.log";
    // The write arrives whole and fails all the same; of the cut that takes it back only the write itself is made durable.
    disk.faults.push({ operation: "write", path, errno: "EIO", applied: "all" });
    disk.faults.push({ operation: "sync", path, errno: "EIO", applied: "prefix", appliedCount: 1 });
    const lost = await settles("transact", ports, history.submit(db, small("lost")));
    expect(lost).toMatchObject({ status: "rejected", reason: { code: "POISONED" } });
    await db.close();

    const seen = disk.clone();
    const reader = await openOn(seen);
    const known = history.checkAfter("kill", await readView(reader.db));
    expect(reader.db.hasNode("lost")).toBe(false);
    const later = await openOn(seen.powerCut(dropAll));
    known.checkAfter("power", await readView(later.db)).checkGraph(later.db);
  });
});

describe("a disk that is full", () => {
  it("rejects what does not fit, goes on reading, and writes again once there is space", async () => {
    const full: number[] = [];
    for (let room = 0; room <= 160; room += 8) {
      const disk = freshDisk();
      const history = new History();
      const { db, ports } = await openOn(disk);
      await history.submit(db, small("first"));
      disk.capacityBytes = disk.allocatedBytes() + room * 1024;
      for (let i = 0; i < 6; i++) {
        const plan = { steps: [{ put: `p${i}`, props: { pad: filler(30_000, i) } }] };
        const result = await settles("transact", ports, history.submit(db, plan));
        if (result.status === "fulfilled") continue;
        expect(result.reason).toMatchObject({ code: "DISK_FULL", retryable: true });
        full.push(room);
        history.checkSettled(db);
        await settles("flush", ports, db.flush());
      }
      disk.capacityBytes = Number.POSITIVE_INFINITY;
      await history.submit(db, large("later", 30_000));
      history.checkSettled(db);
      for (const next of [disk.clone(), disk.powerCut(dropAll)]) {
        const again = await openOn(next);
        history.checkAfter("power", await readView(again.db));
        expect(again.db.recovery.truncatedBytes).toBe(0);
      }
    }
    expect(new Set(full).size).toBeGreaterThan(10);
  });

  it("closes, opens again and recovers from a crash without any space left", async () => {
    for (let room = 0; room <= 96; room += 4) {
      const disk = freshDisk();
      const history = new History();
      const { db, ports } = await openOn(disk);
      await history.submit(db, large("base", 30_000));
      disk.capacityBytes = disk.allocatedBytes() + room * 1024;
      for (let i = 0; i < 6; i++) {
        await settles("transact", ports, history.submit(db, large(`q${i}`, 12_000)));
      }
      const crashed = disk.clone();
      await db.close();
      disk.capacityBytes = disk.allocatedBytes();
      const again = await openOn(disk);
      expect(again.db.recovery.clean).toBe(true);
      history.checkAfter("power", await readView(again.db));
      await again.db.close();
      for (const next of [crashed, crashed.powerCut(dropAll)]) {
        next.capacityBytes = next.allocatedBytes();
        const recovered = await openOn(next);
        history.checkAfter("power", await readView(recovered.db));
        await recovered.db.close();
        const last = await openOn(next.powerCut(dropAll));
        history.checkAfter("power", await readView(last.db));
      }
    }
  });
});
