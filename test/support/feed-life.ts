// A random life of a database with subscribers: three feeds, two consumers and a projection beside a writer, and what is known of them.

import type { SimulatedRandom } from "../../src/testing/testing.ts";
import type {
  Change,
  ChangeBatch,
  Consumer,
  Database,
  ProjectionDefinition,
} from "../../src/varve.ts";
import { filler, type Opened } from "./crash-script.ts";

/** What one subscriber was given over all its sessions, and where the next begins; no crash reaches it. */
export interface Delivered {
  readonly changes: readonly Change[];
  /** How many of them were there at the moment. */
  readonly count: number;
  readonly cursor: number;
}

/** What was known at one moment of a life. */
export interface Known {
  readonly feeds: readonly Delivered[];
  /** Of the consumer that acks what it has seen: acks that had resolved, and those that had been asked for. */
  readonly ackedLsn: number;
  readonly askedLsn: number;
  readonly hasConsumers: boolean;
  /** Last LSN whose commit is known to be durable. */
  readonly durableLsn: number;
  readonly fingerprint: string;
}

export interface Sum {
  count: number;
  last: number;
  pad: string;
}

/** Counts the life's own events, by remainder in `out`; its state fills several frames where `padBytes` says so. */
export function sums(padBytes: number): ProjectionDefinition<Sum, number> {
  return {
    version: 1,
    init: () => ({ count: 0, last: -1, pad: filler(padBytes) }),
    apply(state, change, out) {
      if (change.kind !== "event") return undefined;
      const n = Number.parseInt(change.value as string, 10);
      state.count++;
      state.last = n;
      const key = `r${n % 7}`;
      if (n % 11 === 10) out.delete(key);
      else out.put(key, (out.get(key) ?? 0) + 1);
      return undefined;
    },
  };
}

class Feed implements Delivered {
  readonly changes: Change[] = [];
  cursor = 1;
  #session: AsyncIterator<ChangeBatch> | undefined;
  #pulling: Promise<void> = Promise.resolve();

  get count(): number {
    return this.changes.length;
  }

  start(db: Database): void {
    this.#session = db.changes({ from: this.cursor })[Symbol.asyncIterator]();
  }

  async stop(): Promise<void> {
    await this.#session?.return?.();
    await this.#pulling;
  }

  pull(db: Database, batches: number): void {
    const session = this.#session!;
    this.#pulling = this.#pulling.then(async () => {
      for (let i = 0; i < batches; i++) {
        const next = await session.next().catch(ended);
        if (next === undefined || next.done === true || this.#session !== session) return;
        takeBatch(db, this.changes, next.value, this.cursor);
        this.cursor = next.value.nextLsn;
      }
    });
  }
}

function ended(error: { readonly code?: string; readonly name: string }): undefined {
  const name = error.code ?? error.name;
  if (!["CLOSED", "POISONED", "DeadDiskError", "DISK_FULL", "IO"].includes(name)) throw error;
  return undefined;
}

/** S1, S2, S4 and S6, as a batch arrives. */
function takeBatch(db: Database, into: Change[], batch: ChangeBatch, cursor: number): void {
  const wrong = (what: string): never => {
    throw new Error(`${what}: batch ${batch.firstLsn} to ${batch.lastLsn}, cursor ${cursor}`);
  };
  if (batch.firstLsn !== cursor || batch.nextLsn !== batch.lastLsn + 1) wrong("S3 no gap");
  if (batch.lastLsn > db.durableLsn) wrong("S6 nothing that is not durable");
  let last = cursor - 1;
  for (const change of batch.changes) {
    if (change.lsn <= last) wrong("S1 in order, S2 once");
    last = change.lsn;
    into.push(change);
  }
  const end = batch.changes.at(-1);
  if (end !== undefined && end.lsn !== end.txLastLsn) wrong("S4 whole transactions");
  if (batch.mark !== undefined && batch.changes.length > 0) wrong("S7 marks have no changes");
}

export class FeedLife {
  readonly #random: SimulatedRandom;
  readonly #padBytes: number;
  readonly #feeds: readonly Feed[] = [new Feed(), new Feed(), new Feed()];
  #opened!: Opened;
  #plain: Consumer | undefined;
  #plainSession: AsyncIterator<ChangeBatch> | undefined;
  #plainSeen = 0;
  /** Where the transactions end that the plain consumer was given: an ack counts for whole ones only. */
  readonly #ends: number[] = [];
  #once: Promise<void> = Promise.resolve();
  #ackedLsn = 0;
  #askedLsn = 0;
  #hasConsumers = false;
  #durableLsn = 0;
  #number = 0;
  #isOver = false;

  constructor(random: SimulatedRandom, padBytes: number) {
    this.#random = random;
    this.#padBytes = padBytes;
  }

  known(): Known {
    const feeds = this.#feeds.map(({ changes, count, cursor }) => ({ changes, count, cursor }));
    const ackedLsn = this.#ackedLsn;
    const askedLsn = this.#askedLsn;
    const hasConsumers = this.#hasConsumers;
    const durableLsn = this.#durableLsn;
    const cursors = feeds.map(({ count, cursor }) => `${count}/${cursor}`);
    const fingerprint = [...cursors, ackedLsn, askedLsn, hasConsumers, durableLsn].join();
    return { feeds, ackedLsn, askedLsn, hasConsumers, durableLsn, fingerprint };
  }

  /** One session, from an open database to one that is closed, or stands as a crash will find it. */
  async session(opened: Opened, steps: number, close: boolean): Promise<void> {
    this.#opened = opened;
    this.#isOver = false;
    const { db } = opened;
    for (const feed of this.#feeds) feed.start(db);
    this.#feeds[0]!.pull(db, Number.POSITIVE_INFINITY);
    this.#plain = await db.consumer("plain");
    const once = await db.consumer("once", { filter: { kinds: ["event"] } });
    this.#hasConsumers = true;
    this.#once = this.#effects(db, once);
    await db.project("sums", sums(this.#padBytes));
    for (let i = 0; i < steps; i++) await this.#step(db);
    this.#isOver = true;
    if (close) await db.close();
    else {
      opened.ports.scheduler.stop();
      opened.ports.disk.stop();
    }
    for (const feed of this.#feeds) await feed.stop();
    await this.#plainSession?.return?.();
    this.#plainSession = undefined;
    if (close) await this.#once;
  }

  async #step(db: Database): Promise<void> {
    const random = this.#random;
    const what = random.below(16);
    if (what < 6) this.#commit(db);
    else if (what < 8) this.#feeds[1]!.pull(db, 1 + random.below(2));
    else if (what === 8) {
      await this.#feeds[2]!.stop();
      this.#feeds[2]!.start(db);
      this.#feeds[2]!.pull(db, 2);
    } else if (what < 11) await this.#read();
    else if (what < 13) this.#ack();
    else if (what === 13) await this.#opened.ports.scheduler.advance(1100);
    else await settle();
  }

  #commit(db: Database): void {
    const size = this.#random.below(30) === 0 ? 300 : 1 + this.#random.below(4);
    const durability = this.#random.below(4) === 0 ? ("os" as const) : ("group" as const);
    const write = db.transact(
      (tx) => {
        for (let i = 0; i < size; i++) tx.emit("n", `${this.#number++}${"-".repeat(100)}`);
      },
      { durability },
    );
    write.then(({ lastLsn }) => {
      if (durability === "group") this.#durableLsn = Math.max(this.#durableLsn, lastLsn);
    }, ended);
  }

  /** The plain consumer reads one batch, if one is there soon; now and then in a new session. */
  async #read(): Promise<void> {
    const consumer = this.#plain!;
    if (this.#plainSession === undefined || this.#random.below(3) === 0) {
      await this.#plainSession?.return?.();
      this.#plainSession = consumer[Symbol.asyncIterator]();
      this.#plainSeen = 0;
    }
    const session = this.#plainSession;
    void session.next().then(({ value }) => {
      if (value === undefined || this.#plainSession !== session) return;
      if (this.#plainSeen === 0 && value.firstLsn <= this.#ackedLsn) {
        throw new Error(`S5: LSN ${value.firstLsn} again, ${this.#ackedLsn} was acked`);
      }
      this.#plainSeen = value.lastLsn;
      for (const { txLastLsn } of value.changes) this.#ends.push(txLastLsn);
    }, ended);
    await settle();
  }

  #ack(): void {
    if (this.#plainSession === undefined || this.#plainSeen === 0) return;
    const lsn = Math.max(1, this.#plainSeen - this.#random.below(3));
    this.#askedLsn = Math.max(this.#askedLsn, lsn);
    const counted = this.#ends.filter((end) => end <= lsn);
    this.#plain!.ack(lsn).then(() => {
      this.#ackedLsn = Math.max(this.#ackedLsn, ...counted);
    }, ended);
  }

  /** Writes one node for each event, together with the ack. */
  async #effects(db: Database, consumer: Consumer): Promise<void> {
    try {
      for await (const batch of consumer) {
        if (this.#isOver) return;
        if (batch.changes.length === 0) continue;
        await db.transact((tx) => {
          for (const { lsn } of batch.changes) {
            if (tx.hasNode(`effect ${lsn}`)) throw new Error(`S11: effect ${lsn} twice`);
            tx.putNode(`effect ${lsn}`);
          }
          tx.ack(consumer, batch.lastLsn);
        });
      }
    } catch (error) {
      ended(error as Error);
    }
  }
}

/** Lets promises and automatic tasks have their turns; no timer runs. */
async function settle(): Promise<void> {
  for (let i = 0; i < 80; i++) await undefined;
}
