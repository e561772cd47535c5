// One call of `transact`: its turn, its callback, its acceptance, and the promise that tells how it ended.
import { VarveError } from "../codec/errors.ts";
import type { Schema } from "../graph/types.ts";
import type { CommitTicket } from "../log/group.ts";
import type { DatabaseCore } from "./database-core.ts";
import { checkDurability, checkSignal, type Durability, describe } from "./options.ts";
import { Transaction } from "./transaction.ts";

/** What `transact` runs. Synchronous: a returned promise is a `TypeError`. */
export type TransactionCallback<S, T> = (tx: Transaction<S>) => T;

export interface TransactOptions {
  /** What this commit waits for; the database's durability where it is undefined. */
  readonly durability?: Durability | undefined;
  /** Commit only if this is the last accepted LSN when the callback starts; else `CONFLICT`. */
  readonly expectLsn?: number | undefined;
  /** Counts until the callback starts: `ABORTED`. */
  readonly signal?: AbortSignal | undefined;
}

/** How a transaction was written. */
export interface Receipt<T> {
  /** What the callback returned. */
  readonly result: T;
  /** LSNs of its first and last event; `lastLsn` is `firstLsn - 1` where it wrote none. */
  readonly firstLsn: number;
  readonly lastLsn: number;
  /** Commit time, ms since 1970. */
  readonly at: number;
}

const knownOptions: ReadonlySet<string> = new Set(["durability", "expectLsn", "signal"]);

interface CheckedOptions {
  readonly durability: Durability;
  readonly expectLsn: number | undefined;
  readonly signal: AbortSignal | undefined;
}

export function transactOn<S = Schema, T = unknown>(
  core: DatabaseCore,
  callback: TransactionCallback<S, T>,
  options: TransactOptions,
): Promise<Receipt<T>> {
  return new Promise<Receipt<T>>((resolve, reject) => {
    if (typeof callback !== "function") {
      throw new TypeError(`transact: the callback must be a function, not ${describe(callback)}`);
    }
    const checked = checkOptions(core, options);
    if (core.inCallback)
      throw new TypeError("transact: called inside the callback of another transact");
    core.requireWritable("transact");
    const call = new TransactCall<S, T>(core, callback, checked, resolve, reject);
    core.queue.enter(call);
    // Whoever waits under pressure waits for a sync: see to it that one comes.
    if (core.queue.length > 0) core.log.requestSync();
  });
}

function checkOptions(core: DatabaseCore, options: TransactOptions): CheckedOptions {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`transact: options must be an object, not ${describe(options)}`);
  }
  for (const name of Object.keys(options)) {
    if (!knownOptions.has(name)) throw new TypeError(`transact: unknown option ${name}`);
  }
  const { durability, expectLsn } = options;
  if (expectLsn !== undefined) {
    if (typeof expectLsn !== "number") {
      throw new TypeError(`transact: expectLsn must be a number, not ${describe(expectLsn)}`);
    }
    if (!Number.isSafeInteger(expectLsn) || expectLsn < 0) {
      throw new RangeError(`transact: expectLsn must be a whole number from 0, not ${expectLsn}`);
    }
  }
  return {
    durability:
      durability === undefined ? core.settings.durability : checkDurability("transact", durability),
    expectLsn,
    signal: checkSignal("transact", options.signal),
  };
}

class TransactCall<S, T> implements CommitTicket {
  readonly #core: DatabaseCore;
  readonly #callback: TransactionCallback<S, T>;
  readonly #options: CheckedOptions;
  readonly #resolve: (receipt: Receipt<T>) => void;
  readonly #reject: (error: unknown) => void;
  #receipt: Receipt<T> | undefined;

  constructor(
    core: DatabaseCore,
    callback: TransactionCallback<S, T>,
    options: CheckedOptions,
    resolve: (receipt: Receipt<T>) => void,
    reject: (error: unknown) => void,
  ) {
    this.#core = core;
    this.#callback = callback;
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  acknowledge(): void {
    this.#resolve(this.#receipt!);
  }

  reject(error: unknown): void {
    this.#reject(error);
  }

  run(): void {
    try {
      this.#core.requireWritable("transact");
      this.#checkTurn();
      this.#runCallback();
    } catch (error) {
      this.#reject(error);
    }
  }

  #checkTurn(): void {
    const { signal, expectLsn } = this.#options;
    if (signal?.aborted) {
      throw new VarveError("ABORTED", "transact: aborted before it started", {
        cause: signal.reason,
      });
    }
    const lastLsn = this.#core.log.acceptedLsn;
    if (expectLsn === undefined || expectLsn === lastLsn) return;
    throw new VarveError("CONFLICT", `transact: the last LSN is ${lastLsn}, not ${expectLsn}`, {
      details: { expectLsn, lastLsn },
    });
  }

  #runCallback(): void {
    const core = this.#core;
    const { transaction, log, settings } = core;
    const states: [string, unknown][] = [];
    transaction.begin(log.nextLsn, {
      implicitNodes: settings.implicitNodes,
      transactionBytesMax: settings.maxTransactionBytes,
    });
    let result: T;
    core.inCallback = true;
    try {
      result = this.#callback(new Transaction<S>(transaction, states, core.leases, core.state));
      refusePromise(result);
      // A callback that went on though a read had met damage has seen who knows what.
      core.background.rebuild.require();
    } catch (error) {
      transaction.rollback();
      throw error;
    } finally {
      core.inCallback = false;
    }
    if (transaction.batch.records.position === 0) {
      transaction.rollback();
      this.#resolve(emptyReceipt(core, result));
      return;
    }
    this.#accept(result, states);
  }

  #accept(result: T, states: readonly [string, unknown][]): void {
    const core = this.#core;
    const { durability } = this.#options;
    const { batch } = core.transaction.finish();
    const level = typeof durability === "object" ? "accepted" : durability;
    const pending = core.log.accept(batch, level, this);
    const { firstLsn, lastLsn, timeMs } = pending;
    this.#receipt = { result, firstLsn, lastLsn, at: timeMs };
    core.pipeline.push({ firstLsn, lastLsn, bytes: batch.bytes });
    core.noteAccepted(pending, states, batch.bytes);
    if (typeof durability === "object") core.log.settleAccepted(pending, durability.intervalMs);
  }
}

function refusePromise(result: unknown): void {
  if (typeof (result as PromiseLike<unknown> | null | undefined)?.then !== "function") return;
  // Nobody else will ever look at it: its rejection must not end the process.
  void Promise.resolve(result).catch(() => {});
  throw new TypeError("transact: the callback returned a promise; it must be synchronous");
}

function emptyReceipt<T>(core: DatabaseCore, result: T): Receipt<T> {
  const lastLsn = core.log.acceptedLsn;
  return { result, firstLsn: lastLsn + 1, lastLsn, at: core.settings.ports.clock.wallMs() };
}
