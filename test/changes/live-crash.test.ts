// Live, lagging and restarting subscribers beside a writer, through failing writes, failing syncs and power cuts: S1 to S7 of the
// reliability contract.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Database } from "../../src/database/database.ts";
import {
  dropAll,
  randomSurvival,
  SimulatedDisk,
  type SimulatedPorts,
  SimulatedRandom,
  simulatedPorts,
} from "../../src/testing/testing.ts";
import { type Change, type ChangeBatch, open, type VarveError } from "../../src/varve.ts";
import { allOf, settle } from "./live-support.ts";

type Step =
  | { readonly do: "commit"; readonly size: number; readonly durability: "group" | "os" }
  | { readonly do: "pull"; readonly who: number; readonly batches: number }
  | { readonly do: "restart"; readonly who: number }
  | { readonly do: "fault"; readonly operation: "write" | "sync" }
  | { readonly do: "settle" }
  | { readonly do: "crash"; readonly seed: number };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant("commit" as const),
        size: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.constant(700)),
        durability: fc.constantFrom("group" as const, "os" as const),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant("pull" as const),
        who: fc.nat(2),
        batches: fc.integer({ min: 1, max: 3 }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("restart" as const), who: fc.nat(2) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant("fault" as const),
        operation: fc.constantFrom("write" as const, "sync" as const),
      }),
    },
    { weight: 3, arbitrary: fc.constant({ do: "settle" as const }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("crash" as const), seed: fc.nat(99) }) },
  ),
  { minLength: 5, maxLength: 40 },
);

/** One subscriber over all its sessions; its cursor is kept where no crash reaches it. */
class Subscriber {
  readonly delivered: Change[] = [];
  cursor = 1;
  #session: AsyncIterator<ChangeBatch> | undefined;
  #expected = 1;
  #pending: Promise<void> = Promise.resolve();

  start(db: Database): void {
    this.#session = db.changes({ from: this.cursor })[Symbol.asyncIterator]();
    this.#expected = this.cursor;
  }

  async stop(): Promise<void> {
    await this.#session?.return?.();
    await this.#pending;
  }

  pull(db: Database, batches: number): void {
    const session = this.#session!;
    this.#pending = this.#pending.then(async () => {
      for (let i = 0; i < batches; i++) {
        const next = await session.next().catch((error: VarveError) => {
          expect(["CLOSED", "POISONED", "DeadDiskError"]).toContain(error.code ?? error.name);
          return undefined;
        });
        if (next === undefined || next.done === true || this.#session !== session) return;
        this.#take(db, next.value);
      }
    });
  }

  #take(db: Database, batch: ChangeBatch): void {
    // S6: nothing above what is durable at the moment of delivery.
    expect(batch.lastLsn).toBeLessThanOrEqual(db.durableLsn);
    expect(batch.firstLsn).toBe(this.#expected);
    expect(batch.nextLsn).toBe(batch.lastLsn + 1);
    let last = this.#expected - 1;
    for (const change of batch.changes) {
      // S1 and S2; gaps there are only where transactions were rejected: S3 is checked against the log.
      if (change.lsn <= last) expect(change.lsn).toBeGreaterThan(last);
      last = change.lsn;
      this.delivered.push(change);
    }
    // S4: whole transactions.
    const end = batch.changes.at(-1);
    if (end !== undefined) expect(end.txLastLsn).toBe(end.lsn);
    this.#expected = batch.nextLsn;
    this.cursor = batch.nextLsn;
  }
}

/** A look at the text first: the deep comparison of such lists takes longer than all the rest. */
function requireEqual(found: readonly Change[], due: readonly Change[]): void {
  if (JSON.stringify(found) !== JSON.stringify(due)) expect(found).toEqual(due);
}

async function openOn(disk: SimulatedDisk): Promise<{ db: Database; ports: SimulatedPorts }> {
  const ports = simulatedPorts({ disk, tasks: "automatic" });
  const options = { ...ports, memoryBudget: 16 * 2 ** 20, segmentBytes: 64 * 1024 };
  return { db: await open("/db", options), ports };
}

describe("subscribers beside a writer", () => {
  it("get every durable event once and in order, through faults, crashes and restarts", {
    timeout: 120_000,
  }, async () => {
    let crashes = 0;
    let delivered = 0;
    await fc.assert(
      fc.asyncProperty(steps, async (plan) => {
        let { db, ports } = await openOn(new SimulatedDisk());
        // One that always asks, one that lags, one that starts over and over.
        const subscribers = [new Subscriber(), new Subscriber(), new Subscriber()];
        const [live] = subscribers as [Subscriber, Subscriber, Subscriber];
        for (const one of subscribers) one.start(db);
        live.pull(db, Number.POSITIVE_INFINITY);
        let number = 0;
        const reopen = async (disk: SimulatedDisk): Promise<void> => {
          for (const one of subscribers) await one.stop();
          ({ db, ports } = await openOn(disk));
          // S5 and S6: what was delivered is in the log that the crash left, and nothing is missing from it.
          const log = await allOf(db.changes({ live: false }));
          for (const { delivered, cursor } of subscribers) {
            requireEqual(
              delivered,
              log.filter(({ lsn }) => lsn < cursor),
            );
          }
          for (const one of subscribers) one.start(db);
          live.pull(db, Number.POSITIVE_INFINITY);
        };
        for (const step of plan) {
          if (step.do === "commit") {
            const { size, durability } = step;
            const write = db.transact(
              (tx) => {
                for (let i = 0; i < size; i++) tx.emit("n", `${number++}${"-".repeat(90)}`);
              },
              { durability },
            );
            write.catch(() => {});
          } else if (step.do === "pull") {
            subscribers[step.who]!.pull(db, step.batches);
          } else if (step.do === "restart" && step.who !== 0) {
            await subscribers[step.who]!.stop();
            subscribers[step.who]!.start(db);
          } else if (step.do === "fault") {
            const errno = step.operation === "write" ? "ENOSPC" : "EIO";
            ports.disk.faults.push({ operation: step.operation, errno });
          } else if (step.do === "settle") {
            await settle();
          } else if (step.do === "crash") {
            crashes++;
            ports.scheduler.stop();
            ports.disk.stop();
            await reopen(
              ports.disk.powerCut(randomSurvival(ports.disk, new SimulatedRandom(step.seed))),
            );
          }
        }
        // Everyone gets to the end, and has then seen the log as it is.
        ports.scheduler.stop();
        ports.disk.stop();
        await reopen(ports.disk.powerCut(dropAll));
        await db.transact((tx) => tx.emit("end", 0));
        const log = await allOf(db.changes({ live: false }));
        for (const one of subscribers) {
          one.pull(db, 1000);
        }
        while (subscribers.some(({ cursor }) => cursor <= db.durableLsn)) await settle();
        for (const one of subscribers) requireEqual(one.delivered, log);
        delivered += log.length;
        for (const one of subscribers) await one.stop();
        expect(Database.waitingFeedsOf(db)).toBe(0);
        await db.close();
      }),
      { numRuns: 80 },
    );
    expect(crashes).toBeGreaterThan(10);
    expect(delivered).toBeGreaterThan(1000);
  });
});
