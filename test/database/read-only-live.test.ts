// A reader and a writer on one disk, each at its own pace, through kills of the writer in the middle of a call.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeManifest } from "../../src/log/manifest-codec.ts";
import { decodeWatermark, WATERMARK, watermarkSlotOffsets } from "../../src/log/watermark.ts";
import {
  SimulatedDisk,
  type SimulatedPorts,
  SimulatedRandom,
  simulatedPorts,
} from "../../src/testing/testing.ts";
import { type Change, type Database, open, type VarveError } from "../../src/varve.ts";
import { allOf, Folded, settle } from "../changes/live-support.ts";
import { Process } from "../support/mortal-disk.ts";

type Step =
  | { readonly do: "commit"; readonly size: number; readonly durability: "group" | "os" }
  | { readonly do: "time"; readonly ms: number }
  | { readonly do: "turns"; readonly turns: number }
  | { readonly do: "kill"; readonly calls: number }
  | { readonly do: "close" };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant("commit" as const),
        size: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.constantFrom(120, 400)),
        durability: fc.constantFrom("group" as const, "os" as const),
      }),
    },
    { weight: 5, arbitrary: fc.record({ do: fc.constant("time" as const), ms: fc.nat(60) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("turns" as const), turns: fc.nat(40) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("kill" as const), calls: fc.nat(12) }) },
    { weight: 1, arbitrary: fc.constant({ do: "close" as const }) },
  ),
  { minLength: 10, maxLength: 50 },
);

const small = { memoryBudget: 16 * 2 ** 20, segmentBytes: 64 * 1024 };

/** What the files prove durable at this moment. */
function provenLsn(disk: SimulatedDisk): number {
  const lsns = [0];
  const mark = disk.readFile("/db/watermark");
  for (const offset of watermarkSlotOffsets) {
    const slot = mark.subarray(offset, offset + 64);
    const id = slot.subarray(WATERMARK.databaseId, WATERMARK.databaseId + 16);
    lsns.push(decodeWatermark(slot, id)?.durableLsn ?? 0);
  }
  for (const name of ["/db/manifest.a", "/db/manifest.b"]) {
    const manifest = decodeManifest(disk.readFile(name), name, true);
    lsns.push(...(manifest?.segments ?? []).map(({ lastLsn }) => lastLsn));
  }
  return Math.max(...lsns);
}

/** The writers, one after the other. */
class Writers {
  kills = 0;
  readonly #disk: SimulatedDisk;
  #process: Process | undefined;
  #ports: SimulatedPorts | undefined;
  #db: Database | undefined;
  #number = 0;
  /** How many calls the next life has, where it is to end while it recovers. */
  #nextCalls: number | undefined;

  constructor(disk: SimulatedDisk) {
    this.#disk = disk;
  }

  async db(): Promise<Database> {
    while (this.#db === undefined || this.#process?.isDead === true) {
      if (this.#process?.isDead === true) this.kills++;
      this.#ports?.scheduler.stop();
      this.#process = new Process(this.#disk);
      const seed = 1 + this.kills;
      this.#ports = simulatedPorts({ disk: this.#disk, tasks: "automatic", seed });
      const ports = { ...this.#ports, disk: this.#process.disk };
      this.#process.dieIn(this.#nextCalls ?? Number.POSITIVE_INFINITY);
      this.#nextCalls = undefined;
      try {
        this.#db = await open("/db", { ...ports, ...small });
      } catch (error) {
        if (!this.#process.isDead) throw error;
      }
    }
    return this.#db;
  }

  async commit(size: number, durability: "group" | "os"): Promise<void> {
    const db = await this.db();
    const number = this.#number++;
    const write = db.transact(
      (tx) => {
        for (let i = 0; i < size; i++) {
          tx.putNode(`n${(number * 7 + i) % 40}`, { props: { number, i, pad: "-".repeat(90) } });
        }
      },
      { durability },
    );
    write.catch(() => {});
  }

  kill(calls: number): void {
    if (calls === 0) this.#nextCalls = undefined;
    if (calls === 0) this.#process?.die();
    else this.#process?.dieIn(calls);
    if (calls % 2 === 1) this.#nextCalls = calls * 2;
  }

  async time(ms: number): Promise<void> {
    await this.#ports?.scheduler.advance(ms);
  }

  async close(): Promise<void> {
    await this.#db?.close().catch(() => {});
    this.#db = undefined;
    if (this.#process?.isDead === true) this.kills++;
    this.#process = undefined;
  }
}

describe("a reader and a writer on one disk", () => {
  it("agree on every durable transaction, whatever becomes of the writer", async () => {
    let kills = 0;
    let delivered = 0;
    await fc.assert(
      fc.asyncProperty(steps, fc.nat(1000), async (plan, seed) => {
        const random = new SimulatedRandom(seed);
        const disk = new SimulatedDisk({ trace: "none" });
        const writers = new Writers(disk);
        await writers.db();
        // Every waiting call of either takes some time of its own, so that they interleave.
        disk.delay = async () => {
          for (let i = random.u32() % 7; i > 0; i--) await undefined;
        };
        const ports = simulatedPorts({ disk, tasks: "automatic", seed });
        const reader = await open("/db", { ...ports, ...small, readOnly: true });
        const seen: Change[] = [];
        const reading = (async () => {
          for await (const batch of reader.changes()) {
            expect(batch.lastLsn).toBeLessThanOrEqual(provenLsn(disk));
            expect(batch.firstLsn).toBe((seen.at(-1)?.lsn ?? 0) + 1);
            for (const change of batch.changes) seen.push(change);
            expect(seen.at(-1)?.txLastLsn ?? 0).toBe(seen.at(-1)?.lsn ?? 0);
            expect(reader.durableLsn).toBeGreaterThanOrEqual(batch.lastLsn);
          }
        })().catch((error: VarveError) => expect(error).toHaveProperty("code", "CLOSED"));
        for (const step of plan) {
          if (step.do === "commit") await writers.commit(step.size, step.durability);
          else if (step.do === "kill") writers.kill(step.calls);
          else if (step.do === "close") await writers.close();
          else if (step.do === "turns") for (let i = 0; i < step.turns; i++) await undefined;
          else await Promise.all([ports.scheduler.advance(step.ms), writers.time(step.ms)]);
          expect(reader.lastLsn).toBeLessThanOrEqual(provenLsn(disk));
        }
        writers.kill(0);
        const db = await writers.db();
        const { lastLsn } = await db.transact((tx) => tx.emit("end", 0));
        const reached = reader.whenDurable(lastLsn);
        await ports.scheduler.until(reached);
        while ((seen.at(-1)?.lsn ?? 0) < lastLsn) await settle();
        expect(seen).toEqual(await allOf(db.changes({ live: false })));
        expect(Folded.ofDatabase(reader).plain()).toEqual(Folded.ofDatabase(db).plain());
        expect(reader.nodeCount).toBe(db.nodeCount);
        await reader.close();
        await reading;
        await writers.close();
        kills += writers.kills;
        delivered += seen.length;
      }),
      { numRuns: Number(process.env["VARVE_RUNS"] ?? 25) },
    );
    expect(kills).toBeGreaterThan(25);
    expect(delivered).toBeGreaterThan(5000);
  });
});
