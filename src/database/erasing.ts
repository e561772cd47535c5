// Carries out what `erase` asked for: the log loses the events, then the index its entries, then every file of before goes.

import type { Compactor } from "../compaction/compactor.ts";
import type { ErasedNodes } from "../compaction/record-rewriter.ts";
import type { Log } from "../log/log.ts";
import type { OwnWrites } from "./core-parts.ts";
import { type ErasureOrder, erasureOrder, erasureStateName, pendingErasures } from "./erasures.ts";
import type { RunKeeper } from "./run-keeper.ts";
import type { SystemState } from "./system-values.ts";

export interface ErasingHost {
  readonly log: Log;
  readonly state: SystemState;
  readonly runs: RunKeeper;
  /** Undefined where nothing is ever written. */
  readonly compactor: Compactor | undefined;
  /** Commits what is the system's own; resolves once it is durable. */
  commit(write: (writes: OwnWrites) => void): Promise<void>;
  checkpoint(): Promise<void>;
  /** Rewrites the segments that hold something; how many, or undefined where it was called off. */
  rewrite(erased: ErasedNodes, signal: AbortSignal | undefined): Promise<number | undefined>;
  /** Merges the index into one run without these nodes. */
  merge(ids: Uint32Array): Promise<void>;
  /** Throws where it is not to go on. */
  requireGoing(signal: AbortSignal | undefined): void;
  /** Told once nothing of these nodes is left. */
  ended(ids: readonly number[]): void;
  /** Told at the end, however that came: the past is whole again, or still in pieces. */
  settled(): void;
}

export class Erasing {
  readonly #host: ErasingHost;
  #running: Promise<number> | undefined;

  constructor(host: ErasingHost) {
    this.#host = host;
  }

  /** Nodes that are not gone yet. */
  get pending(): number {
    return pendingErasures(this.#host.state);
  }

  /** Whether what was erased is in segments that may be rewritten, so that it can go without ado. */
  get isDue(): boolean {
    if (this.#running !== undefined || this.pending === 0) return false;
    return this.#reachable() !== undefined;
  }

  /**
   * Erases everything that was durably asked for by now, or with `isDue` as much of it as can go without a new segment. What is cut
   * short begins again with the next call. Resolves to how many segments were rewritten.
   */
  async run(signal: AbortSignal | undefined): Promise<number> {
    while (this.#running !== undefined) await this.#running.catch(() => {});
    this.#running = this.#erase(signal).finally(() => {
      this.#running = undefined;
    });
    return await this.#running;
  }

  /** As `run`, of what is in segments that may be rewritten. */
  async runDue(): Promise<number> {
    if (!this.isDue) return 0;
    this.#running = this.#carryOut(this.#reachable()!, undefined).finally(() => {
      this.#running = undefined;
    });
    return await this.#running;
  }

  async #erase(signal: AbortSignal | undefined): Promise<number> {
    const host = this.#host;
    const order = erasureOrder(host.state, host.log.durableLsn);
    if (order === undefined || host.compactor === undefined) return 0;
    if (!this.#covers(order)) await this.#seal(signal);
    return await this.#carryOut(order, signal);
  }

  /** Has every event of before in sealed segments, and the only checkpoint behind them. */
  async #seal(signal: AbortSignal | undefined): Promise<void> {
    const { log, commit, checkpoint, requireGoing } = this.#host;
    log.rewriting?.endSegment();
    await commit((writes) => writes.pass());
    requireGoing(signal);
    await checkpoint();
    requireGoing(signal);
  }

  async #carryOut(order: ErasureOrder, signal: AbortSignal | undefined): Promise<number> {
    try {
      return await this.#steps(order, signal);
    } finally {
      this.#host.settled();
    }
  }

  /** Order: the log first. As long as the index has the keys, whoever reads an old frame can still say whose it is. */
  async #steps(order: ErasureOrder, signal: AbortSignal | undefined): Promise<number> {
    const host = this.#host;
    const segments = await host.rewrite(order, signal);
    host.requireGoing(signal);
    if (segments === undefined || !this.#isGoneFromLog(order)) return 0;
    await host.merge(Uint32Array.from(order.ids));
    host.requireGoing(signal);
    await host.checkpoint();
    host.requireGoing(signal);
    // Backups hold the files that they copy; what is not gone is not done.
    const { rewriting } = host.log;
    if ((await rewriting?.removeLeft()) !== 0 || (await host.runs.removeLeft()) !== 0) {
      return segments;
    }
    await host.commit((writes) => {
      for (const id of order.ids) writes.state(erasureStateName(id), undefined);
    });
    host.ended(order.ids);
    return segments;
  }

  /** Of all that waits, what lies in segments that may be rewritten. */
  #reachable(): ErasureOrder | undefined {
    const { state, compactor, log } = this.#host;
    const last = compactor?.eligible(Number.POSITIVE_INFINITY).at(-1);
    return last === undefined
      ? undefined
      : erasureOrder(state, Math.min(last.lastLsn, log.durableLsn));
  }

  #covers({ lsn }: ErasureOrder): boolean {
    const last = this.#host.compactor?.eligible(Number.POSITIVE_INFINITY).at(-1);
    return last !== undefined && last.lastLsn >= lsn;
  }

  #isGoneFromLog({ lsn }: ErasureOrder): boolean {
    const { log } = this.#host;
    return log
      .segments()
      .every((each) => each.baseLsn > lsn || each.eventCount === 0 || each.erasedLsn >= lsn);
  }
}
