// A projection at work: reads the durable changes, applies them, and stores state, map and cursor together now and then.
import type { Change, ChangeBatch } from "../changes/change.ts";
import { feedPlan } from "../changes/feed-options.ts";
import { FeedReader } from "../changes/feed-reader.ts";
import type { FeedSource } from "../changes/feed-source.ts";
import type { ChangeFilter } from "../changes/filter-plan.ts";
import { transactionEndAt } from "../changes/transaction-end.ts";
import { VarveError } from "../codec/errors.ts";
import type { Cancel } from "../disk/ports.ts";
import { describe } from "../graph/arguments.ts";
import type { DatabaseCore } from "./database-core.ts";
import { asVarveError, mayBeWrittenLater, parkedError } from "./projection-errors.ts";
import { OutMap, type WritableOut } from "./projection-out.ts";
import {
  decodeState,
  encodeState,
  outGroupOf,
  outStateName,
  projectionStateName,
  type StoredProjection,
  storedProjections,
} from "./projection-store.ts";
import { transactOn } from "./transact.ts";
import { Transaction } from "./transaction.ts";

/** What a projection is made of. Must be deterministic: after a crash some changes are applied again. */
export interface ProjectionDefinition<S, V = unknown> {
  /** A whole number. Another one than before: the projection starts over. */
  readonly version: number;
  /** The state before the first change: anything that can be stored, up to 1 MiB. */
  readonly init: () => S;
  /**
   * Takes one change in: changes `state` in place or returns another, and may change `out`. Synchronous. What it
   * throws parks the projection as it was before the change's transaction.
   */
  readonly apply: (state: S, change: Change, out: WritableOut<V>) => S | undefined;
  /** As in `changes`. Another one than before: the projection starts over. */
  readonly filter?: ChangeFilter | undefined;
  /** As in `changes`: whether changes carry the state they replaced. */
  readonly before?: boolean | undefined;
}

/** `"running"`, also while it catches up; `"parked"` by an error in `apply`; `"ended"` by another, or by `close`. */
export type ProjectionStatus = "running" | "parked" | "ended";

/** The change that parked a projection, and what `apply` threw. */
export interface ParkedBy {
  readonly change: Change | undefined;
  readonly error: unknown;
}

interface Waiting {
  readonly lsn: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** So many changes are applied between two stores at the least, but for a map that changes much. */
const changesPerStore = 10_000;
const dirtyBytesPerStore = 1024 * 1024;
const dirtyEntriesPerStore = 4096;
/** What has been applied is stored within so many ms, more where the state is large. */
const storeAfterMs = 1000;
/** A state of so many bytes is stored half as often. */
const stateBytesPerPause = 64 * 1024;
/** Entries of projections that are gone that one store removes at the most. */
const leftoversPerStore = 1000;

class ApplyFailure extends Error {
  readonly parked: ParkedBy;

  constructor(change: Change | undefined, error: unknown) {
    super("apply failed");
    this.parked = { change, error };
  }
}

export class ProjectionRun<S, V> {
  readonly name: string;
  readonly version: number;
  readonly out: OutMap<V>;
  state!: S;
  /** Everything up to here has been applied. */
  lsn = 0;
  status: ProjectionStatus = "running";
  parked: ParkedBy | undefined;
  /** Why it does not go on. */
  failure: VarveError | undefined;
  readonly id: number;
  readonly #core: DatabaseCore;
  readonly #source: FeedSource;
  readonly #definition: ProjectionDefinition<S, V>;
  readonly #leftovers: () => Iterable<string>;
  readonly #feed: string;
  #reader: FeedReader;
  #storedLsn = 0;
  /** Whether nothing of it is stored. */
  #startsOver = true;
  #stateBytes = 0;
  #changesSinceStore = 0;
  #storing: Promise<void> | undefined;
  #timer: Cancel | undefined;
  #isApplying = false;
  /** Set once `apply` has failed, until it is parked. */
  #isGoingBack = false;
  /** Whether the reader began with a snapshot that is not over: state and cursor do not fit together before. */
  inSnapshot = false;
  /** Nothing could be written; the timer is set. */
  #isBlocked = false;
  #waiting: Waiting[] = [];

  /** @param leftovers names of system state that no projection needs any more. */
  constructor(
    core: DatabaseCore,
    source: FeedSource,
    name: string,
    definition: ProjectionDefinition<S, V>,
    newId: () => number,
    leftovers: () => Iterable<string>,
  ) {
    const { version, filter, before } = definition;
    const plan = feedPlan({ from: "now", filter, before }, core.log);
    this.name = name;
    this.version = version;
    this.#core = core;
    this.#source = source;
    this.#definition = definition;
    this.#leftovers = leftovers;
    this.#feed = plan.key;
    const stored = storedProjections(core.state).get(name);
    const goesOn = stored?.version === version && stored.feed === this.#feed;
    this.id = goesOn ? stored.id : newId();
    this.out = new OutMap<V>(() => core.state.group(outGroupOf(this.id)));
    this.#load();
    if (!goesOn) this.#stateBytes = encodeState(this.state).length;
    this.#reader = this.#readerFrom(this.lsn + 1);
  }

  /** Begins on a later task: whoever started it sees it first as it was stored. */
  start(): void {
    this.#source.scheduler.task(() => void this.#run());
  }

  /** Resolves once everything that is durable now has been applied. */
  caughtUp(): Promise<void> {
    const lsn = this.#core.log.durableLsn;
    if (this.failure !== undefined) return Promise.reject(this.failure);
    if (this.lsn >= lsn) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiting.push({ lsn, resolve, reject }));
  }

  /** Stores what has been applied and ends. The store has begun when this returns. */
  close(): Promise<void> {
    if (this.status !== "running") return this.#storing ?? Promise.resolve();
    this.#end("ended", this.#closedError());
    // In the middle of a batch state and cursor do not fit together.
    if (this.#isApplying) return Promise.resolve();
    const store = (): Promise<void> => this.#store();
    return (this.#storing?.then(store) ?? store()).catch(() => {});
  }

  #closedError(): VarveError {
    return new VarveError("CLOSED", `projection ${describe(this.name)} is closed`);
  }

  async #run(): Promise<void> {
    try {
      while (this.status === "running" && !this.#isGoingBack) {
        const reading = this.#reader.read();
        if (reading === "end") return;
        if (reading === "wait") await this.#wait();
        else if (reading === "again") await this.#turn();
        else await this.#take(reading);
      }
    } catch (error) {
      await this.#fail(error);
    }
  }

  async #take(batch: ChangeBatch): Promise<void> {
    const isSnapshot = batch.phase === "snapshot";
    this.#apply(batch, batch.lastLsn);
    if (this.status !== "running") return;
    if (isSnapshot) return await this.#turn();
    if (this.inSnapshot) {
      // At once: nothing could go back to where this began.
      this.inSnapshot = false;
      this.#tell();
      return await this.#store();
    }
    this.#changesSinceStore += batch.changes.length;
    this.#tell();
    if (this.#storeIsDue()) await this.#store();
    else await this.#turn();
  }

  #apply(batch: ChangeBatch, toLsn: number): void {
    const { changes } = batch;
    const { apply } = this.#definition;
    let change: Change | undefined;
    this.#isApplying = true;
    this.out.isWritable = true;
    try {
      for (let i = 0; i < changes.length; i++) {
        change = changes[i]!;
        if (change.lsn > toLsn) break;
        const next = apply(this.state, change, this.out);
        if (next !== undefined) this.state = synchronous(next);
        if (this.status === "ended") return;
      }
      if (batch.phase !== "snapshot") this.lsn = toLsn;
    } catch (error) {
      throw new ApplyFailure(change, error);
    } finally {
      this.#isApplying = false;
      this.out.isWritable = false;
    }
  }

  async #wait(): Promise<void> {
    if (this.lsn > this.#storedLsn) this.#armTimer();
    await new Promise<void>((resolve) => this.#reader.wait(resolve));
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => this.#source.scheduler.task(resolve));
  }

  #tell(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ lsn }) => lsn > this.lsn);
    for (const { lsn, resolve } of waiting) if (lsn <= this.lsn) resolve();
  }

  #storeIsDue(): boolean {
    if (this.#isBlocked) return false;
    const { dirtyBytes, dirtyCount } = this.out;
    if (dirtyBytes > dirtyBytesPerStore || dirtyCount > dirtyEntriesPerStore) return true;
    return this.#changesSinceStore > Math.max(changesPerStore, this.#stateBytes / 16);
  }

  #armTimer(): void {
    const ms = storeAfterMs * (1 + Math.floor(this.#stateBytes / stateBytesPerPause));
    this.#timer ??= this.#source.scheduler.after(ms, () => {
      this.#timer = undefined;
      this.#isBlocked = false;
      if (this.status === "running") void this.#store().catch((error) => this.#fail(error));
    });
  }

  #stopTimer(): void {
    this.#timer?.();
    this.#timer = undefined;
  }

  /** Stores state, map and cursor in one transaction. What could not be written is tried again later. */
  #store(): Promise<void> {
    this.#storing ??= this.#storeNow().finally(() => {
      this.#storing = undefined;
    });
    return this.#storing;
  }

  async #storeNow(): Promise<void> {
    this.#stopTimer();
    if (this.lsn === this.#storedLsn) return;
    this.#changesSinceStore = 0;
    let lsn = 0;
    const write = (tx: Transaction): void => {
      lsn = this.lsn;
      this.#write(tx);
    };
    try {
      await transactOn(this.#core, write, { durability: "group" });
      this.#storedLsn = lsn;
      this.out.endStore(true);
    } catch (error) {
      this.out.endStore(false);
      if (!mayBeWrittenLater(error)) throw error;
      // One that is closed is stored by nobody: the next to run it goes on from what was stored before.
      if (this.status !== "running") return;
      this.#isBlocked = true;
      this.#armTimer();
    }
  }

  #write(tx: Transaction): void {
    let state: Uint8Array;
    try {
      state = encodeState(this.state);
    } catch (error) {
      throw new ApplyFailure(undefined, error);
    }
    this.#stateBytes = state.length;
    const { version, id, lsn } = this;
    const stored: StoredProjection = { version, id, lsn, feed: this.#feed, state };
    Transaction.storeState(tx, projectionStateName(this.name), stored);
    for (const [key, bytes] of this.out.beginStore()) {
      Transaction.storeState(tx, outStateName(id, key), bytes ?? undefined);
    }
    let count = 0;
    for (const name of this.#leftovers()) {
      if (count++ === leftoversPerStore) break;
      Transaction.storeState(tx, name, undefined);
    }
  }

  async #fail(error: unknown): Promise<void> {
    if (this.status !== "running" || this.#isGoingBack) return;
    if (!(error instanceof ApplyFailure)) {
      this.#end("ended", asVarveError(this.name, error));
      return;
    }
    const { change, error: cause } = error.parked;
    this.#isGoingBack = true;
    this.#stopTimer();
    await this.#storing?.catch(() => {});
    if (this.status !== "running") return;
    this.parked = error.parked;
    const failure = parkedError(this.name, change, cause);
    await this.#goBack(change).catch(() => this.#load());
    if (this.status !== "running") return;
    this.#end("parked", failure);
    await this.#store().catch(() => {});
  }

  /** To the state before the transaction of a change: that which is stored, and then what lies between. */
  async #goBack(change: Change | undefined): Promise<void> {
    this.#reader.close();
    this.#load();
    if (change === undefined || this.inSnapshot) return;
    const toLsn = transactionEndAt(this.#core.log, change.lsn - 1);
    const reader = this.#readerFrom(this.lsn + 1);
    this.#reader = reader;
    if (this.inSnapshot) return;
    while (this.lsn < toLsn && this.status === "running") {
      const reading = reader.read();
      if (reading === "again") await this.#turn();
      else if (typeof reading === "string") return;
      else {
        this.#apply(reading, Math.min(toLsn, reading.lastLsn));
        await this.#turn();
      }
    }
  }

  #end(status: ProjectionStatus, failure: VarveError): void {
    this.status = status;
    this.failure = failure;
    this.#stopTimer();
    this.#reader.close();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { reject } of waiting) reject(failure);
  }

  /** Takes over what is stored. */
  #load(): void {
    const stored = storedProjections(this.#core.state).get(this.name);
    const isOwn = stored?.id === this.id;
    this.#startsOver = !isOwn;
    this.state = isOwn ? (decodeState(stored.state) as S) : this.#definition.init();
    this.#stateBytes = isOwn ? stored.state.length : 0;
    this.lsn = isOwn ? stored.lsn : 0;
    this.#storedLsn = this.lsn;
    this.out.reload();
  }

  /** One that starts over does so from the graph as it is, where the changes that made it are gone. */
  #readerFrom(lsn: number): FeedReader {
    const { filter, before } = this.#definition;
    const { log } = this.#core;
    this.inSnapshot = this.#startsOver && log.horizon > 0;
    const from = this.inSnapshot ? "snapshot" : lsn;
    return new FeedReader(this.#source, feedPlan({ from, filter, before }, log));
  }
}

function synchronous<T>(state: T): T {
  if (typeof (state as PromiseLike<unknown> | null)?.then !== "function") return state;
  void Promise.resolve(state).catch(() => {});
  throw new TypeError("project: apply returned a promise; it must be synchronous");
}
