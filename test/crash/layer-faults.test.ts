// Lets every call that flushes, merges and checkpoints make fail, once, a few times and for ever.
import { describe, expect, it } from "vitest";
import {
  dropAll,
  type FaultRule,
  keepAll,
  SimulatedDisk,
  type TraceEntry,
} from "../../src/testing/testing.ts";
import { Explorer, lossesAt, report } from "../support/crash-explorer.ts";
import { settles } from "../support/crash-faults.ts";
import { History } from "../support/crash-oracle.ts";
import { large, prepared, small } from "../support/crash-script.ts";
import { layeredFaultyLife } from "../support/layered-faults.ts";
import { openLayered, rest } from "../support/layered-script.ts";

/** Set by `npm run test:crash`: then every kind of fault is tried at every call. */
const isThorough = process.env["VARVE_CRASH_SECONDS"] !== undefined;
const timeoutMs = isThorough ? 3_600_000 : 300_000;

function freshDisk(): SimulatedDisk {
  return prepared(new SimulatedDisk({ seed: 5 }));
}

type Site = Pick<FaultRule, "operation" | "path" | "occurrence">;

/** The calls of the life without faults, from its first flush on; those on the log alone are in faults.test.ts. */
async function sites(): Promise<Site[]> {
  const disk = freshDisk();
  const outcome = await layeredFaultyLife(new History(), disk, () => {});
  expect(outcome).toMatchObject({ refusedOpens: 0, poisoned: 0, overloaded: 0, unsaved: 0 });
  const met = new Map<string, number>();
  const all = disk.trace.map(({ operation, path }: TraceEntry) => {
    const occurrence = (met.get(`${operation} ${path}`) ?? 0) + 1;
    met.set(`${operation} ${path}`, occurrence);
    return { operation, path: new RegExp(`^${path}$`), occurrence };
  });
  const from = disk.trace.findIndex(({ path }) => path.endsWith(".tree"));
  return all.slice(from).filter(({ path }) => !/\.log\$$/.test(path.source));
}

const faults = [
  { errno: "EIO", times: 1 },
  { errno: "ENOSPC", times: 3 },
  { errno: "EIO", times: "forever" },
  { errno: "ENOSPC", times: 1 },
  { errno: "EIO", times: 3 },
  { errno: "ENOSPC", times: "forever" },
] as const;
const appliedKinds = ["none", "prefix", "all"] as const;

describe("an error at every call of a flush, a merge and a checkpoint", () => {
  it.each([0, 1, 2].map((part) => ({ part })))(
    "loses nothing acknowledged, leaves no writer hanging, and is made up for once it ends (part $part)",
    { timeout: timeoutMs },
    async ({ part }) => {
      const startedMs = performance.now();
      const explorer = new Explorer((disk) => openLayered(disk));
      const sums: Record<string, number> = {};
      for (const [turn, site] of (await sites()).entries()) {
        if (turn % 3 !== part) continue;
        const kinds = isThorough
          ? faults.flatMap((fault) => appliedKinds.map((applied) => ({ ...fault, applied })))
          : [{ ...faults[((turn / 3) | 0) % 6]!, applied: appliedKinds[(turn >> 1) % 3]! }];
        for (const kind of kinds) {
          const disk = freshDisk();
          const history = new History();
          const where = `${JSON.stringify(kind)} at ${site.operation} ${String(site.path)} ${site.occurrence}`;
          disk.faults.push({ ...site, ...kind });
          const outcome = await layeredFaultyLife(history, disk, () => {
            disk.faults.length = 0;
          }).catch((error: unknown) => {
            throw new Error(`${where}: ${String(error)}`, { cause: error });
          });
          for (const [what, count] of Object.entries(outcome)) {
            sums[what] = (sums[what] ?? 0) + count;
          }
          const point = { label: where, call: 0, phase: "after" as const, disk, history };
          const all = lossesAt(disk);
          for (const loss of new Set(
            isThorough
              ? [undefined, dropAll, keepAll, all[turn % all.length]]
              : [all[turn % all.length]],
          )) {
            await explorer.check(point, loss, "");
          }
        }
      }
      report(`faults (${JSON.stringify(sums)})`, explorer, startedMs);
      expect(sums["caughtUp"]).toBeGreaterThan(5);
      expect(sums["poisoned"]).toBeGreaterThan(2);
    },
  );
});

describe("a sync of the directory that fails", () => {
  it.each([
    { occurrence: 1, applied: "none", isBesideRoll: false },
    { occurrence: 1, applied: "prefix", isBesideRoll: false },
    { occurrence: 1, applied: "none", isBesideRoll: true },
    { occurrence: 2, applied: "none", isBesideRoll: true },
    { occurrence: 2, applied: "prefix", isBesideRoll: true },
  ] as const)(
    "while a checkpoint is saved poisons: no later sync proves the names of its trees ($occurrence, $applied, $isBesideRoll)",
    async ({ occurrence, applied, isBesideRoll }) => {
      const disk = freshDisk();
      const history = new History();
      const { db, ports } = await openLayered(disk, "group", { activeEventsMax: 1000 });
      await history.submit(db, large("base", 40_000));
      disk.faults.push({
        operation: "syncDirectory",
        path: /graph$/,
        errno: "EIO",
        applied,
        occurrence,
      });
      const asked = [settles("checkpoint", ports, db.checkpoint())];
      if (isBesideRoll) {
        // Its roll makes a name of its own beside those of the checkpoint.
        const rolling = history.submit(db, large("rolls", 40_000)).then(() => {});
        asked.push(settles("transact", ports, rolling));
      }
      const results = await Promise.all(asked);
      const codes = results.map((result) =>
        result.status === "rejected" ? (result.reason as { code?: unknown }).code : "fulfilled",
      );
      expect(codes).toContain("POISONED");
      if (!isBesideRoll) {
        expect(codes).toEqual(["POISONED"]);
        await expect(db.transact((tx) => tx.putNode("late"))).rejects.toMatchObject({
          code: "POISONED",
        });
      }
      await settles("close", ports, db.close());
      const explorer = new Explorer((next) => openLayered(next));
      const point = { label: "names", call: 0, phase: "after" as const, disk, history };
      for (const loss of lossesAt(disk)) await explorer.check(point, loss, "");
    },
  );
});

describe("an index that cannot be written to disk", () => {
  it("turns writers away once memory is full, and takes them again when it can be", async () => {
    const disk = freshDisk();
    const history = new History();
    const opened = await openLayered(disk);
    const { db, ports } = opened;
    disk.faults.push({ operation: "create", path: ".tree", errno: "EIO", times: "forever" });
    const codes = new Set<unknown>();
    for (let at = 0; at < 40; at++) {
      const result = await settles("transact", ports, history.submit(db, small(`n${at}`)));
      const code = result.status === "rejected" && (result.reason as { code?: unknown }).code;
      codes.add(code);
      if (code !== false) break;
      await rest(opened);
    }
    expect([...codes]).toEqual([false, "OVERLOADED"]);
    const saved = await settles("checkpoint", ports, db.checkpoint());
    expect(saved).toMatchObject({ status: "rejected", reason: { code: "IO" } });
    history.checkSettled(db);
    disk.faults.length = 0;
    await ports.scheduler.advance(20_000);
    await rest(opened);
    await history.submit(db, small("later"));
    const again = await settles("checkpoint", ports, db.checkpoint());
    expect(again.status).toBe("fulfilled");
    expect(db.stats().checkpoint.lag).toBe(0);
    history.checkSettled(db);
    await db.close();
    expect(disk.openFiles).toBe(0);
  });

  it("does not keep a close from resolving, nor the next open from replaying everything", async () => {
    const disk = freshDisk();
    const history = new History();
    const { db, ports } = await openLayered(disk, "group", { activeEventsMax: 1000 });
    await history.submit(db, large("base", 20_000));
    disk.faults.push({ operation: "sync", path: ".tree", errno: "ENOSPC", times: "forever" });
    expect((await settles("close", ports, db.close())).status).toBe("fulfilled");
    expect(disk.openFiles).toBe(0);
    disk.faults.length = 0;
    const again = await openLayered(disk);
    expect(again.db.recovery).toMatchObject({ clean: true, checkpointLsn: 0 });
    history.checkSettled(again.db);
    await again.db.close();
  });
});
