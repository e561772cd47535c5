// Random lives of a database that drops history: writes, checkpoints, compaction asked for and in the background, with a consumer,
// snapshots and views of the past that hold it.
import { Database } from "../../src/database/database.ts";
import { openTuned } from "../../src/database/open.ts";
import type { Tuning } from "../../src/database/tuning.ts";
import { handle } from "../../src/index/tree-worker.ts";
import {
  SimulatedClock,
  type SimulatedDisk,
  SimulatedRandom,
  simulatedPorts,
} from "../../src/testing/testing.ts";
import type { HistoryPolicy, Snapshot } from "../../src/varve.ts";
import { recordCalls } from "./crash-explorer.ts";
import { History, type Plan, type Step, Violation } from "./crash-oracle.ts";
import { databasePath, filler, type Opened } from "./crash-script.ts";
import { rest, tinyTuning } from "./layered-script.ts";
import type { Place } from "./state-sweep.ts";

/** What may be on the disk at one place of a life. */
export interface Kept {
  readonly history: History;
  readonly policy: HistoryPolicy;
  readonly wallMs: number;
  /** Of the consumer: the last ack that has resolved, and the last that was asked for; undefined before it is there. */
  readonly acked: number | undefined;
  readonly asked: number | undefined;
  /** Of the views that are open: nothing above it may be dropped. */
  readonly pinned: number;
}

export function keyOfKept({ history, acked, asked, pinned }: Kept): string {
  return `${history.fingerprint} ${acked} ${asked} ${pinned}`;
}

const treeWorker = new URL("../../src/index/tree-worker.ts", import.meta.url);
const keys = Array.from({ length: 7 }, (_, i) => `k${i}`);
export const readerName = "reader";

export async function openKept(
  disk: SimulatedDisk,
  history: HistoryPolicy,
  wallMs?: number,
  tuned: Partial<Tuning> = {},
): Promise<Opened> {
  const clock = new SimulatedClock(wallMs);
  const ports = simulatedPorts({ disk, seed: 7, tasks: "automatic", clock });
  ports.workers.register(treeWorker, { handle });
  const options = { ...ports, segmentBytes: 64 * 1024, memoryBudget: 16 * 2 ** 20, history };
  const db = await openTuned(databasePath, options, { ...tinyTuning, ...tuned });
  return { db, ports };
}

export interface LifeOptions {
  readonly seed: number;
  readonly policy: HistoryPolicy;
  /** Events to a layer: few, and flushes and merges come all the time. */
  readonly layerEvents: number;
  /** Steps of the part that is broken. */
  readonly steps: number;
}

/** A life, and what is known of it. */
export class KeptLife {
  readonly history: History = new History();
  readonly disk: SimulatedDisk;
  readonly options: LifeOptions;
  /** Segments rewritten, over all openings. */
  rewritten = 0;
  opened!: Opened;
  readonly #random: SimulatedRandom;
  #views: Snapshot[] = [];
  #acked: number | undefined;
  #asked: number | undefined;

  constructor(disk: SimulatedDisk, options: LifeOptions) {
    this.disk = disk;
    this.options = options;
    this.#random = new SimulatedRandom(options.seed).fork("kept life");
  }

  get known(): Kept {
    return {
      history: this.history.snapshot(),
      policy: this.options.policy,
      wallMs: this.opened.ports.clock.wallMs(),
      acked: this.#acked,
      asked: this.#asked,
      pinned: Math.min(Number.POSITIVE_INFINITY, ...this.#views.map(({ lsn }) => lsn)),
    };
  }

  /** Four segments, of which little is still needed. */
  async fill(): Promise<void> {
    await this.open();
    for (let i = 0; i < 4; i++) {
      for (let k = 0; k < 2; k++) await this.write();
      await this.writeLarge(60_000);
      await this.opened.ports.scheduler.advance(1000);
    }
    await this.#begin();
  }

  /** The part that is broken: it always compacts, closes and opens again. */
  async live(): Promise<void> {
    await this.compact();
    for (let at = 0; at < this.options.steps; at++) await this.#step();
    await this.writeLarge(60_000);
    await this.opened.ports.scheduler.advance(1000);
    await this.compact();
    await this.#reopen();
    await this.write();
    await this.compact();
    await this.close();
  }

  async open(wallMs?: number): Promise<void> {
    const { policy, layerEvents } = this.options;
    this.opened = await openKept(this.disk, policy, wallMs, { activeEventsMax: layerEvents });
  }

  async #step(): Promise<void> {
    const kind = this.#random.below(14);
    if (kind < 4) await this.write();
    else if (kind < 6) await this.writeLarge(20_000 + this.#random.below(40_000));
    else if (kind < 7) await this.compact();
    else if (kind < 8) await this.opened.db.checkpoint();
    else if (kind < 9) await this.#look();
    else if (kind < 10) this.#views.shift()?.close();
    else if (kind < 11) await this.ack();
    else if (kind < 12) await this.#rest();
    else if (kind < 13) await this.#reopen();
    else await this.opened.ports.scheduler.advance(1 + this.#random.below(3000));
  }

  async #begin(): Promise<void> {
    if (this.#random.below(3) === 0) return;
    await this.opened.db.consumer(readerName);
    this.#acked = 0;
    this.#asked = 0;
    await this.ack();
  }

  async write(): Promise<void> {
    const { db } = this.opened;
    await this.history.submit(db, randomPlan(db, this.#random));
  }

  /** Fills the log: most of it with what no state needs. */
  async writeLarge(bytes: number): Promise<void> {
    const steps: Step[] = [];
    const from = this.#random.below(400);
    for (let i = 0; i < 5; i++) {
      steps.push({ put: `big.${i}`, props: { pad: filler(1900, from + i * 7) } });
    }
    steps.push({ emit: "filler", value: filler(bytes - 10_000, from) });
    await this.history.submit(this.opened.db, { steps });
  }

  async compact(): Promise<void> {
    const { db } = this.opened;
    const before = Database.coreOf(db).log.horizon;
    const { horizon } = await db.compact();
    this.#checkHorizon(horizon, before);
  }

  async #rest(): Promise<void> {
    const before = Database.coreOf(this.opened.db).log.horizon;
    await rest(this.opened);
    this.#checkHorizon(Database.coreOf(this.opened.db).log.horizon, before);
  }

  /** Open views and the consumer keep what they need. */
  #checkHorizon(horizon: number, before: number): void {
    const { pinned, acked } = this.known;
    if (horizon > Math.max(before, Math.min(pinned, acked ?? Number.POSITIVE_INFINITY))) {
      throw new Violation("horizon", `${horizon}, held at ${pinned} and ${acked}`);
    }
  }

  async #look(): Promise<void> {
    const { db } = this.opened;
    const { horizon } = Database.coreOf(db).log;
    const isOld = this.#random.below(2) === 0 && horizon > 0;
    this.#views.push(isOld ? await db.asOf(horizon) : db.snapshot());
  }

  /** Deals with the next batch, if there is one. */
  async ack(): Promise<void> {
    const { db } = this.opened;
    if (this.#asked === undefined || this.#asked >= db.durableLsn) return;
    const consumer = await db.consumer(readerName);
    for await (const batch of consumer) {
      this.#asked = Math.max(this.#asked, batch.lastLsn);
      await consumer.ack(batch.lastLsn);
      this.#acked = this.#asked;
      break;
    }
  }

  async #reopen(): Promise<void> {
    const wallMs = this.opened.ports.clock.wallMs();
    await this.close();
    await this.open(wallMs);
  }

  async close(): Promise<void> {
    const { db } = this.opened;
    for (const view of this.#views.splice(0)) view.close();
    this.rewritten += db.stats().history.segmentsRewritten;
    await db.close();
  }
}

/** A few operations that make sense on what is there. */
export function randomPlan(db: Database, random: SimulatedRandom): Plan {
  const draft = new Draft(db, random);
  for (let left = 1 + random.below(4); left > 0; left--) draft.add();
  const { steps } = draft;
  return random.below(3) > 0 ? { steps } : { steps, mark: `m${random.below(1000)}` };
}

/** The steps of a transaction, and what will be there behind them: at most one edge leads from one node to another. */
class Draft {
  readonly steps: Step[] = [];
  readonly #random: SimulatedRandom;
  readonly #alive: Set<string>;
  readonly #edges: Set<string> = new Set();

  constructor(db: Database, random: SimulatedRandom) {
    this.#random = random;
    this.#alive = new Set(keys.filter((key) => db.hasNode(key)));
    for (const key of this.#alive) {
      for (const to of db.neighbors(key, { direction: "out" })) this.#edges.add(`${key} ${to}`);
    }
  }

  add(): void {
    const kind = this.#random.below(10);
    if (kind < 4 || this.#alive.size === 0) this.#put(this.#some(keys));
    else if (kind < 6) this.#patch(this.#some(this.#alive));
    else if (kind < 7) this.#remove(this.#some(this.#alive));
    else if (kind < 9) this.#toggle(this.#some(this.#alive), this.#some(this.#alive));
    else this.steps.push({ emit: "met", value: this.#random.below(100) });
  }

  #put(key: string): void {
    this.#alive.add(key);
    this.steps.push({ put: key, props: { n: this.#random.below(100) } });
  }

  #patch(key: string): void {
    const name = this.#some(["p", "q"]);
    this.steps.push({ patch: key, props: { [name]: this.#random.below(100) } });
  }

  #remove(key: string): void {
    for (const edge of [...this.#edges]) {
      const [from = "", to = ""] = edge.split(" ");
      if (from === key || to === key) this.#toggle(from, to);
    }
    this.#alive.delete(key);
    this.steps.push({ remove: key });
  }

  #toggle(from: string, to: string): void {
    const edge = `${from} ${to}`;
    if (this.#edges.delete(edge)) {
      this.steps.push({ unlink: [from, "to", to] });
      return;
    }
    this.#edges.add(edge);
    this.steps.push({ link: [from, "to", to] });
  }

  #some(from: Iterable<string>): string {
    const all = [...from];
    return all[this.#random.below(all.length)]!;
  }
}

/**
 * What follows a crash, with every place at which it can be broken off: the recovery, a write, compaction, and a close.
 *
 * @param check says what all later lives must hold, of the database just opened.
 */
export async function recordRecovery(
  { disk, known }: { readonly disk: SimulatedDisk; readonly known: Kept },
  check: (opened: Opened) => Promise<History>,
): Promise<Place<Kept>[]> {
  let now = known;
  return await recordCalls(
    disk,
    () => ({ ...now, history: now.history.snapshot() }),
    async () => {
      const opened = await openKept(disk, known.policy, known.wallMs);
      const { db } = opened;
      // The views died with the process.
      now = { ...known, history: await check(opened), pinned: Number.POSITIVE_INFINITY };
      await now.history.submit(db, randomPlan(db, new SimulatedRandom(now.history.length)));
      await db.compact();
      await db.close();
    },
  );
}

/** A life with every place at which it can be broken. */
export async function recordKept(
  disk: SimulatedDisk,
  options: LifeOptions,
): Promise<{ life: KeptLife; places: Place<Kept>[] }> {
  const life = new KeptLife(disk, options);
  await life.fill();
  const places = await recordCalls(
    disk,
    () => life.known,
    () => life.live(),
  );
  return { life, places };
}
