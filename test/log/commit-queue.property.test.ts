// Explores in which order calls of the disk come back, fail and are waited for, through the public face.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  dropAll,
  type FaultRule,
  SimulatedDisk,
  simulatedPorts,
} from "../../src/testing/testing.ts";
import type { Database, Durability } from "../../src/varve.ts";
import { type Ending, History, type Plan, readView } from "../support/crash-oracle.ts";
import { filler, openOn, openWith, prepared } from "../support/crash-script.ts";

type Step =
  | { readonly kind: "put"; readonly durability: Durability; readonly bytes: number }
  /** Links the newest node to the one before: it stands or falls with both. */
  | { readonly kind: "link"; readonly durability: Durability }
  | { readonly kind: "mark" }
  /** Expects the last LSN as it is, or one that it is not. */
  | { readonly kind: "expect"; readonly right: boolean }
  | { readonly kind: "flush" }
  | { readonly kind: "wait"; readonly turns: number }
  | { readonly kind: "time" }
  | { readonly kind: "close" };

const durability: fc.Arbitrary<Durability> = fc.oneof(
  { arbitrary: fc.constant<Durability>("group"), weight: 4 },
  { arbitrary: fc.constant<Durability>("os"), weight: 1 },
  { arbitrary: fc.constant<Durability>({ intervalMs: 5 }), weight: 1 },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    arbitrary: fc.record({
      kind: fc.constant("put" as const),
      durability,
      bytes: fc.constantFrom(10, 10, 10, 9000, 25_000, 40_000),
    }),
    weight: 6,
  },
  { arbitrary: fc.record({ kind: fc.constant("link" as const), durability }), weight: 4 },
  { arbitrary: fc.constant({ kind: "mark" as const }), weight: 1 },
  {
    arbitrary: fc.record({ kind: fc.constant("expect" as const), right: fc.boolean() }),
    weight: 2,
  },
  { arbitrary: fc.constant({ kind: "flush" as const }), weight: 1 },
  {
    arbitrary: fc.record({ kind: fc.constant("wait" as const), turns: fc.nat(4) }),
    weight: 5,
  },
  { arbitrary: fc.constant({ kind: "time" as const }), weight: 1 },
  { arbitrary: fc.constant({ kind: "close" as const }), weight: 1 },
);

const fault: fc.Arbitrary<FaultRule | undefined> = fc.option(
  fc.oneof(
    fc.record({
      operation: fc.constantFrom("sync" as const, "truncate" as const, "create" as const),
      path: fc.constant(/\.log$/),
      occurrence: fc.integer({ min: 1, max: 6 }),
      errno: fc.constantFrom("EIO", "ENOSPC"),
      applied: fc.constantFrom("none" as const, "prefix" as const, "all" as const),
    }),
    fc.record({
      operation: fc.constant("write" as const),
      path: fc.constant(/\.log$/),
      occurrence: fc.integer({ min: 1, max: 6 }),
      times: fc.constantFrom(1, 2, "forever" as const),
      errno: fc.constantFrom("EIO", "ENOSPC"),
      applied: fc.constantFrom("none" as const, "prefix" as const, "all" as const),
    }),
  ),
  { nil: undefined },
);

/** One run: submits as the steps say, while the scheduler decides which call of the disk comes back next. */
class Run {
  readonly disk: SimulatedDisk = prepared(new SimulatedDisk({ seed: 9, trace: "none" }));
  readonly ports = simulatedPorts({ disk: this.disk, seed: 7 });
  readonly history = new History();
  readonly pending: Set<string> = new Set();
  /** Power cuts at the moment something was said to be durable, with what had been said by then. */
  readonly cuts: { disk: SimulatedDisk; history: History; durableLsn: number }[] = [];
  readonly puts: { key: string; entry: number }[] = [];
  readonly links: { entry: number; needs: number[] }[] = [];
  readonly wrongs: string[] = [];
  readonly scheduler: fc.Scheduler;
  isClosed = false;
  vanished: Ending = "rejected";
  syncs = 0;
  lastDurable = 0;
  db: Database | undefined;

  constructor(scheduler: fc.Scheduler) {
    this.scheduler = scheduler;
  }

  async begin(rule: FaultRule | undefined): Promise<void> {
    this.db = (await openWith(this.ports)).db;
    if (rule !== undefined) this.disk.faults.push(rule);
    // After a failed sync what vanished from reads may be on the disk; after a failed write it is not.
    if (rule?.operation === "sync") this.vanished = "unknown";
    this.disk.delay = async (operation, path) => {
      const counts = operation === "sync" && path.endsWith(".log");
      if (counts && ++this.syncs > 1) this.wrongs.push("two syncs of the log at a time");
      await this.scheduler.schedule(Promise.resolve(), `${operation} ${path}`);
      if (counts) this.syncs--;
    };
  }

  watch(what: string, work: Promise<unknown>): void {
    this.pending.add(what);
    const ended = (): void => {
      this.pending.delete(what);
    };
    work.then(ended, ended);
  }

  /** The durable LSN never falls, and what it covers is there after a power cut at this very moment. */
  look(force: boolean): void {
    const { durableLsn, lastLsn } = this.db!;
    if (durableLsn < this.lastDurable) this.wrongs.push(`durable LSN fell to ${durableLsn}`);
    if (durableLsn > lastLsn) this.wrongs.push(`durable LSN ${durableLsn} is above ${lastLsn}`);
    if (!force && durableLsn === this.lastDurable) return;
    this.lastDurable = durableLsn;
    this.history.noteVanished(this.db!, this.vanished);
    const history = this.history.snapshot();
    this.cuts.push({ disk: this.disk.powerCut(dropAll), history, durableLsn });
  }

  submit(name: string, plan: Plan, keys: readonly string[]): number {
    const before = this.history.length;
    const work = this.history.submit(this.db!, plan);
    this.watch(name, work);
    const isGroup = plan.durability === "group" || plan.durability === undefined;
    work.then(
      () => {
        if (!isGroup || this.isClosed) return;
        // What was accepted before it and has not vanished is durable with it.
        this.history.noteVanished(this.db!, this.vanished);
        this.history.noteDurable(before + 1);
        this.look(true);
      },
      () => {
        if (this.isClosed) return;
        const visible = keys.filter((key) => this.db!.hasNode(key));
        if (visible.length > 0) this.wrongs.push(`rejected ${visible.join()} can be seen`);
      },
    );
    return this.history.length > before ? before : -1;
  }

  act(step: Step, at: number): void {
    const db = this.db!;
    const key = `k${at}`;
    switch (step.kind) {
      case "put": {
        const half = { pad: filler(Math.ceil(step.bytes / 2), at) };
        const steps = [
          { put: key, props: half },
          { put: `${key}.2`, props: half },
        ];
        const plan: Plan = { steps, durability: step.durability };
        const entry = this.submit(key, plan, [key]);
        if (entry >= 0) this.puts.push({ key, entry });
        return;
      }
      case "link": {
        const ends = this.puts.filter((put) => db.hasNode(put.key)).slice(-2);
        if (ends.length < 2) return;
        const [from, to] = ends as [(typeof ends)[0], (typeof ends)[0]];
        const plan: Plan = {
          steps: [{ link: [from.key, `l${at}`, to.key] }],
          durability: step.durability,
        };
        const entry = this.submit(key, plan, []);
        if (entry >= 0) this.links.push({ entry, needs: [from.entry, to.entry] });
        return;
      }
      case "mark":
        this.submit(key, { steps: [], mark: key }, []);
        return;
      case "expect": {
        const { lastLsn } = db;
        const work = db.transact(() => {}, { expectLsn: lastLsn + (step.right ? 0 : 1) });
        this.watch(key, work);
        work.then(
          () => !step.right && this.wrongs.push("a wrong expectLsn passed"),
          (error: { code?: string }) => {
            if (step.right && error.code === "CONFLICT") this.wrongs.push("a right one did not");
          },
        );
        return;
      }
      case "flush": {
        const count = this.history.length;
        const work = db.flush();
        this.watch(key, work);
        work.then(
          () => {
            this.history.noteDurable(count);
            if (!this.isClosed) this.look(true);
          },
          () => this.history.noteVanished(this.isClosed ? undefined : db, this.vanished),
        );
        return;
      }
      default:
    }
  }

  async drive(steps: readonly Step[]): Promise<void> {
    let closed = false;
    for (const [at, step] of steps.entries()) {
      if (step.kind === "wait") {
        for (let i = 0; i < step.turns; i++) await this.turn();
      } else if (step.kind === "time") await this.ports.scheduler.advance(10);
      else if (step.kind === "close") {
        closed = true;
        break;
      } else this.act(step, at);
    }
    if (!closed) await this.end();
    this.history.noteVanished(this.db!, this.vanished);
    const before = this.history.length;
    const closing = this.db!.close();
    this.isClosed = true;
    closing.then(
      () => this.history.noteDurable(before),
      () => this.history.noteVanished(undefined),
    );
    this.watch("close", closing);
    await this.end();
  }

  async turn(): Promise<void> {
    for (let i = 0; i < 8; i++) await undefined;
    if (this.scheduler.count() > 0) await this.scheduler.waitOne();
    for (let i = 0; i < 8; i++) await undefined;
    if (!this.isClosed) this.look(false);
  }

  /** Releases everything until all has settled. */
  async end(): Promise<void> {
    for (let i = 0; i < 500 && this.pending.size > 0; i++) {
      await this.turn();
      if (this.scheduler.count() === 0 && this.pending.size > 0) {
        await this.ports.scheduler.advance(1000);
      }
    }
    if (this.pending.size > 0) this.wrongs.push(`never settled: ${[...this.pending].join()}`);
  }

  async judge(): Promise<void> {
    this.disk.delay = undefined;
    const { endings } = this.history;
    for (const { entry, needs } of this.links) {
      const built = endings[entry];
      const gone = needs.some(
        (need) => endings[need] === "rejected" || endings[need] === "unknown",
      );
      if (gone && built === "durable") this.wrongs.push("built on what was rejected, and durable");
    }
    expect(this.wrongs).toEqual([]);
    for (const { disk, history, durableLsn } of this.cuts) {
      const { db } = await openOn(disk);
      history.checkAfter("power", await readView(db)).checkGraph(db);
      expect(db.lastLsn).toBeGreaterThanOrEqual(durableLsn);
    }
    for (const [disk, death] of [
      [this.disk.clone(), "kill"],
      [this.disk.powerCut(dropAll), "power"],
    ] as const) {
      const { db } = await openOn(disk);
      this.history.checkAfter(death, await readView(db)).checkGraph(db);
    }
  }
}

describe("the commit queue, whatever comes back when", () => {
  it("acknowledges nothing early, leaves nobody waiting, and shows nothing that was rejected", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(step, { minLength: 1, maxLength: 24 }),
        fault,
        async (scheduler, steps, rule) => {
          const run = new Run(scheduler);
          await run.begin(rule);
          await run.drive(steps);
          await run.judge();
        },
      ),
      { numRuns: Number(process.env["VARVE_CRASH_SECONDS"] ?? 0) > 0 ? 5000 : 400 },
    );
  }, 600_000);

  it("gives concurrent commits one sync to share", async () => {
    const { db } = await openOn(prepared(new SimulatedDisk()));
    const before = db.stats().counters.syncs;
    const rounds = 20;
    for (let round = 0; round < rounds; round++) {
      const commits = Array.from({ length: 64 }, (_, i) =>
        db.transact((tx) => tx.putNode(`n${round}.${i}`)),
      );
      await Promise.all(commits);
    }
    const syncs = db.stats().counters.syncs - before;
    expect(syncs / (64 * rounds)).toBeLessThan(0.1);
    await db.close();
  });

  it("keeps one sync in flight for clients that commit one after the other, side by side", async () => {
    const disk = prepared(new SimulatedDisk());
    const { db } = await openOn(disk);
    let inFlight = 0;
    let most = 0;
    disk.delay = async (operation, path) => {
      if (operation !== "sync" || !path.endsWith(".log")) return;
      most = Math.max(most, ++inFlight);
      for (let i = 0; i < 10; i++) await undefined;
      inFlight--;
    };
    const before = db.stats().counters.syncs;
    const clients = Array.from({ length: 64 }, async (_, client) => {
      for (let i = 0; i < 10; i++) await db.transact((tx) => tx.putNode(`c${client}.${i}`));
    });
    await Promise.all(clients);
    expect(most).toBe(1);
    expect((db.stats().counters.syncs - before) / 640).toBeLessThan(0.1);
    await db.close();
  });

  it("passes no LSN of a rejected transaction on with one that writes state alone", async () => {
    const disk = prepared(new SimulatedDisk());
    const history = new History();
    const { db } = await openOn(disk);
    await history.submit(db, { steps: [{ put: "a", props: {} }] });
    const { lastLsn } = db;
    disk.faults.push({ operation: "write", path: ".log", errno: "ENOSPC" });
    const full = history.submit(db, { steps: [{ put: "b", props: {} }] });
    await expect(full).rejects.toMatchObject({ code: "DISK_FULL" });
    await history.submit(db, { steps: [], mark: "m" });
    expect(db.lastLsn).toBe(lastLsn);
    expect(db.durableLsn).toBe(lastLsn);
    for (const [next, death] of [
      [disk.clone(), "kill"],
      [disk.powerCut(dropAll), "power"],
    ] as const) {
      history.checkAfter(death, await readView((await openOn(next)).db));
    }
  });

  it("tells the next flush, or else the close, of a loss that nobody waited for", async () => {
    for (const asks of ["flush", "close"] as const) {
      const disk = prepared(new SimulatedDisk());
      const { db } = await openOn(disk);
      disk.faults.push({ operation: "write", path: ".log", errno: "ENOSPC" });
      await db.transact((tx) => tx.putNode("a"), { durability: { intervalMs: 5 } });
      for (let i = 0; i < 100; i++) await undefined;
      expect(db.hasNode("a")).toBe(false);
      await expect(db[asks]()).rejects.toMatchObject({ code: "DISK_FULL" });
      await db.close().catch(() => {});
      expect(disk.openFiles).toBe(0);
    }
  });

  it("tells calls that wait for room when the log is poisoned meanwhile", async () => {
    const disk = prepared(new SimulatedDisk());
    const ports = simulatedPorts({ disk });
    const { open } = await import("../../src/varve.ts");
    const db = await open("/data/graph", { ...ports, maxPendingBytes: 40_000 });
    disk.faults.push({ operation: "sync", path: ".log", errno: "EIO", times: "forever" });
    const calls = Array.from({ length: 8 }, (_, i) =>
      db.transact((tx) => tx.putNode(`n${i}`, { props: { pad: filler(9000, i) } })),
    );
    const ends = Promise.all(
      calls.map((call) => call.catch((error: { code?: string }) => error.code)),
    );
    let settled: unknown;
    ends.then((codes) => {
      settled = codes;
    });
    for (let i = 0; i < 1000; i++) await undefined;
    expect(settled).toEqual(Array.from({ length: 8 }, () => "POISONED"));
    await db.close();
  });
});
