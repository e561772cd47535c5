// The subscribers of one process: three feeds, a consumer that acks what it has seen, one that stores its effects with the ack, a projection.
import { Violation } from "../../src/testing/testing.ts";
import type { ChangeBatch, Consumer, Database } from "../../src/varve.ts";
import { batchOf, type FeedWorld, sums } from "./feed-world.ts";

type Session = AsyncIterator<ChangeBatch>;

export class Subscribers {
  readonly #db: Database;
  readonly #world: FeedWorld;
  readonly #life: number;
  readonly #sessions: Session[] = [];
  readonly #pulling: Promise<void>[] = [];
  #plain!: Consumer;
  #plainSession: Session | undefined;
  #plainSeen = 0;
  /** Where the transactions end that the plain consumer was given: an ack counts for whole ones only. */
  readonly #ends: number[] = [];
  #effects: Promise<void> = Promise.resolve();
  #phase: string | undefined;
  #turn: Promise<void> = Promise.resolve();
  #isClosing = false;
  #broken: unknown;

  constructor(db: Database, world: FeedWorld) {
    this.#db = db;
    this.#world = world;
    this.#life = world.life;
  }

  /** Whether the process it belongs to is gone, or going. */
  get #isOver(): boolean {
    return this.#isClosing || this.#world.life !== this.#life;
  }

  async start(padBytes: number, hasProjection: boolean): Promise<void> {
    for (const feed of this.#world.feeds.keys()) this.#begin(feed);
    this.pull(0, Number.POSITIVE_INFINITY);
    this.#plain = await this.#db.consumer("plain");
    const once = await this.#db.consumer("once", { filter: { kinds: ["event"] } });
    this.#world.hasConsumers = true;
    this.#effects = this.#storeEffects(once).catch((error) => this.#ended(error));
    this.#world.padBytes ??= padBytes;
    if (!hasProjection) await this.#db.project("sums", sums(this.#world.padBytes));
  }

  /** Throws what a subscriber has met since. */
  check(): void {
    if (this.#broken !== undefined) throw this.#broken;
  }

  /** The feeds have ended with the database. */
  async ended(): Promise<void> {
    this.#isClosing = true;
    for (const session of this.#sessions) await session.return?.();
    await Promise.all(this.#pulling);
    await this.#plainSession?.return?.();
    await this.#effects;
    this.check();
  }

  #begin(feed: number): void {
    const from = this.#world.feeds[feed]!.next;
    this.#sessions[feed] = this.#db.changes({ from })[Symbol.asyncIterator]();
    this.#pulling[feed] ??= Promise.resolve();
  }

  restart(feed: number): Promise<void> {
    return this.#inTurn(async () => {
      await this.#sessions[feed]!.return?.();
      await this.#pulling[feed];
      this.#begin(feed);
    });
  }

  /** Sessions begin and end one after the other. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }

  /** Asks for so many batches, one after the other, and does not wait for them. */
  pull(feed: number, batches: number): void {
    const session = this.#sessions[feed]!;
    const pulled = async (): Promise<void> => {
      for (let i = 0; i < batches; i++) {
        const { done, value } = await session.next();
        if (done === true || this.#isOver || this.#sessions[feed] !== session) return;
        this.#world.feeds[feed]!.take(batchOf(value, this.#db));
        if (feed === 0) this.#phase = value.phase;
      }
    };
    const before = this.#pulling[feed]!;
    this.#pulling[feed] = before.then(pulled).catch((error) => this.#ended(error));
  }

  /** The plain consumer reads one batch, if one is there soon; in a new session where that is asked for. */
  async read(isAnew: boolean): Promise<void> {
    await this.#inTurn(async () => {
      if (this.#plainSession !== undefined && !isAnew) return;
      await this.#plainSession?.return?.();
      this.#plainSession = this.#plain[Symbol.asyncIterator]();
      this.#plainSeen = 0;
    });
    const session = this.#plainSession!;
    const taken = session.next().then(({ value }) => {
      if (value !== undefined && this.#plainSession === session) this.#takePlain(value);
    });
    taken.catch((error) => this.#ended(error));
    await turns();
  }

  #takePlain({ firstLsn, lastLsn, changes }: ChangeBatch): void {
    const { kept } = this.#world.plain;
    if (!this.#isOver && this.#plainSeen === 0 && firstLsn <= kept) {
      throw new Violation("S5 resumable", `${firstLsn} comes again, ${kept} was acked`);
    }
    this.#plainSeen = lastLsn;
    for (const { txLastLsn } of changes) this.#ends.push(txLastLsn);
  }

  /** Acks what was read, or so many LSNs less. */
  async ack(back: number): Promise<void> {
    if (this.#plainSession === undefined || this.#plainSeen === 0) return;
    const lsn = Math.max(1, this.#plainSeen - back);
    this.#world.plain.ask(lsn);
    const counted = Math.max(0, ...this.#ends.filter((end) => end <= lsn));
    await this.#plain.ack(lsn);
    if (!this.#isOver) this.#world.plain.keep(counted);
  }

  /** The one that always asks has got everything durable, live. */
  async caughtUp(): Promise<void> {
    const [live] = this.#world.feeds;
    for (let round = 0; round < 50; round++) {
      this.check();
      if (live!.next > this.#db.durableLsn && this.#phase === "live") return;
      await turns();
    }
    const { durableLsn } = this.#db;
    const found = `a live reader stands before ${live!.next}, ${this.#phase}`;
    throw new Violation("S3 no gap", `${found}; durable is ${durableLsn}`);
  }

  /** Writes one node for each event, together with the ack. */
  async #storeEffects(consumer: Consumer): Promise<void> {
    for await (const batch of consumer) {
      if (this.#isOver) return;
      if (batch.changes.length === 0) continue;
      await this.#db.transact((tx) => {
        for (const { lsn } of batch.changes) {
          if (tx.hasNode(effectOf(lsn))) {
            throw new Violation("S11 effects once", `${lsn} is delivered again`);
          }
          tx.putNode(effectOf(lsn));
        }
        tx.ack(consumer, batch.lastLsn);
      });
    }
  }

  #ended(error: unknown): void {
    const { code, name } = error as { readonly code?: string; readonly name: string };
    const isEnd = ["CLOSED", "POISONED", "DeadDiskError", "DISK_FULL", "IO"].includes(code ?? name);
    if (!isEnd) this.#broken ??= error;
  }
}

const effectPrefix = "effect ";

function effectOf(lsn: number): string {
  return `${effectPrefix}${lsn}`;
}

/** The effects that are stored, by LSN. */
export function effectsOf(db: Database): number[] {
  return [...db.nodes()].map(({ key }) => Number(key.slice(effectPrefix.length)));
}

/** Lets promises and automatic tasks have their turns; no timer runs. */
export async function turns(): Promise<void> {
  for (let i = 0; i < 80; i++) await undefined;
}
