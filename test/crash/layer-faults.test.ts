// Lets every call that flushes, merges and checkpoints make fail, once, a few times and for ever.
import { describe, expect, it } from "vitest";
import {
  type CrashSite,
  explore,
  type FaultKind,
  SimulatedDisk,
  type Step,
  survivalFamily,
} from "../../src/testing/testing.ts";
import { large, linked, marked, small } from "../support/commit-model.ts";
import { prepared } from "../support/crash-script.ts";
import { DatabaseSession } from "../support/database-session.ts";
import { databaseSubject } from "../support/database-subject.ts";
import { expectSound, shrinks } from "../support/expect-sound.ts";
import { openLayeredWith, rest } from "../support/layered-script.ts";
import { type LayeredCommand, layeredSubject } from "../support/layered-subject.ts";

/** Set by `npm run test:crash`: then every kind of fault is tried at every call. */
const isThorough = process.env["VARVE_CRASH_SECONDS"] !== undefined;
const timeoutMs = isThorough ? 3_600_000 : 600_000;

const kinds = (["EIO", "ENOSPC"] as const).flatMap((errno) =>
  ([1, 3, "forever"] as const).flatMap((times) =>
    (["none", "prefix", "all"] as const).map((applied): FaultKind => ({ errno, times, applied })),
  ),
);

/** Every call from the first flush on; those on the log alone are in faults.test.ts. */
function fromFirstFlush(): (site: CrashSite) => boolean {
  let isFlushed = false;
  return ({ path }) => {
    isFlushed ||= path.endsWith(".tree");
    return isFlushed && !path.endsWith(".log");
  };
}

const life: readonly Step<LayeredCommand>[] = [
  [small("a"), linked("b", "a"), small("c")],
  "rest",
  [linked("d", "b"), marked("first")],
  "rest",
  { tx: [{ unlink: ["b", "next", "a"] }, { remove: "c" }] },
  "rest",
  [large("big", 40_000), small("e")],
  "rest",
  [linked("f", "e"), marked("second")],
  "rest",
  large("wide", 24_000),
  "rest",
  [linked("g", "f"), small("h")],
  "rest",
  "checkpoint",
  [linked("i", "a"), small("j")],
  "rest",
];

const ends = [
  {
    what: "made up for once it ends",
    end: [{ faults: "" }, "catch up", small("last")],
    stride: 131,
  },
  { what: "survived by a close", end: [], stride: 139 },
] as const;

describe("an error at every call of a flush, a merge and a checkpoint", () => {
  it.each(ends)(
    "loses nothing acknowledged, leaves no writer hanging, and is $what",
    { timeout: timeoutMs },
    async ({ what, end, stride }) => {
      const subject = layeredSubject({ hasGaps: true });
      const report = await explore(subject, {
        scripts: [[...life, ...end]],
        sequenceLength: 0,
        crashes: 0,
        faults: true,
        isFaulty: fromFirstFlush(),
        faultKinds: kinds,
        faultStride: isThorough ? 1 : stride,
        survivals: isThorough ? 1 : "one",
        afterwardsStride: isThorough ? 1 : 3,
        seed: 5,
        shrinks,
      });
      expectSound(`faults that are ${what} (${JSON.stringify(subject.met)})`, report);
      expect(report.lives).toBeGreaterThan(40);
      expect(subject.met.operations.poisoned).toBeGreaterThan(2);
      if (end.length > 0) expect(subject.met.caughtUp).toBeGreaterThan(5);
    },
  );
});

/** A database by hand, whose layers have room for so many events. */
function session(disk: SimulatedDisk, activeEventsMax: number): Promise<DatabaseSession> {
  const subject = databaseSubject({
    open: (ports) => openLayeredWith(ports, "group", { activeEventsMax }),
    hasGaps: true,
  });
  return DatabaseSession.begin(disk, subject);
}

function codeOf(result: PromiseSettledResult<unknown>): unknown {
  return result.status === "rejected" ? (result.reason as { code?: unknown }).code : "fulfilled";
}

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
      const disk = prepared(new SimulatedDisk({ seed: 5 }));
      const store = await session(disk, 1000);
      await store.submit(large("base", 40_000));
      disk.faults.push({
        operation: "syncDirectory",
        path: /graph$/,
        errno: "EIO",
        applied,
        occurrence,
      });
      // A roll makes a name of its own beside those of the checkpoint.
      const asked = isBesideRoll
        ? [store.submit("checkpoint"), store.submit(large("rolls", 40_000))]
        : [store.submit("checkpoint")];
      const codes = (await Promise.all(asked)).map(codeOf);
      expect(codes).toContain("POISONED");
      if (!isBesideRoll) {
        expect(codes).toEqual(["POISONED"]);
        expect(codeOf(await store.submit(small("late")))).toBe("POISONED");
      }
      await Promise.allSettled([store.settled(store.running.db.close())]);
      await store.next("kill", disk);
      for (const survival of survivalFamily(disk)) {
        const found = await store.next("power", disk, survival);
        expect(codeOf(await found.submit(small("again")))).toBe("fulfilled");
        await found.next("power", found.running.ports.disk);
      }
    },
  );
});

describe("an index that cannot be written to disk", () => {
  it("turns writers away once memory is full, and takes them again when it can be", async () => {
    const disk = prepared(new SimulatedDisk({ seed: 5 }));
    const store = await session(disk, 5);
    const { db, ports } = store.running;
    disk.faults.push({ operation: "create", path: ".tree", errno: "EIO", times: "forever" });
    const codes = new Set<unknown>();
    for (let at = 0; at < 40 && !codes.has("OVERLOADED"); at++) {
      codes.add(codeOf(await store.submit(small(`n${at}`))));
      await rest(store.running);
    }
    expect([...codes]).toEqual(["fulfilled", "OVERLOADED"]);
    expect(codeOf(await store.submit("checkpoint"))).toBe("IO");
    await store.checkRead();
    disk.faults.length = 0;
    await ports.scheduler.advance(20_000);
    await rest(store.running);
    await store.submit(small("later"));
    expect(codeOf(await store.submit("checkpoint"))).toBe("fulfilled");
    expect(db.stats().checkpoint.lag).toBe(0);
    await store.checkRead();
    await db.close();
    expect(disk.openFiles).toBe(0);
  });

  it("does not keep a close from resolving, nor the next open from replaying everything", async () => {
    const disk = prepared(new SimulatedDisk({ seed: 5 }));
    const store = await session(disk, 1000);
    await store.submit(large("base", 20_000));
    disk.faults.push({ operation: "sync", path: ".tree", errno: "ENOSPC", times: "forever" });
    await store.settled(store.running.db.close());
    expect(disk.openFiles).toBe(0);
    disk.faults.length = 0;
    const again = await store.next("kill", disk);
    expect(again.running.db.recovery).toMatchObject({ clean: true, checkpointLsn: 0 });
    await again.running.db.close();
  });
});
