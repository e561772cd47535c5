// What goes on behind an open database: the stages of its index, merges, rebuilds, and who waits for a checkpoint.
import type { VarveError } from "../codec/errors.ts";
import type { CoreParts } from "./core-parts.ts";
import { IndexRebuild } from "./index-rebuild.ts";
import { IndexStages } from "./index-stages.ts";
import type { PressureReason } from "./next-stage.ts";
import type { BackgroundStage } from "./pipeline.ts";

/** What the background needs of the database around it. */
export interface BackgroundHost {
  isOpen(): boolean;
  inCallback(): boolean;
  /** Has every stage look whether it has something to do. */
  wake(): void;
  /** Writers may go on, if nothing else holds them up. */
  proceed(): void;
  /** Writers that wait for the index are not to wait any longer. */
  stall(cause: unknown): void;
  /** The index was made anew and serves again. */
  rebuilt(): void;
  /** It could not be made anew: nobody is to wait for it. */
  lost(error: VarveError): void;
}

interface Waiter {
  readonly lsn: number;
  resolve(): void;
  reject(error: unknown): void;
}

export class Background {
  readonly stages: IndexStages;
  readonly rebuild: IndexRebuild;
  /** Why the last step failed, until one works again. */
  stalled: unknown;
  readonly #parts: CoreParts;
  readonly #host: BackgroundHost;
  #waiters: Waiter[] = [];

  constructor(parts: CoreParts, host: BackgroundHost) {
    this.#parts = parts;
    this.#host = host;
    this.rebuild = new IndexRebuild({
      scheduler: parts.settings.ports.scheduler,
      rebuild: () => this.#rebuildIndex(),
      done: () => host.rebuilt(),
      failed: (error) => {
        host.lost(error);
        this.rejectWaiters(error);
      },
    });
    parts.runs.cache.damaged = (error) => this.rebuild.met(error);
    this.stages = this.#indexStages();
  }

  /** The stages that the pipeline runs. */
  get loops(): readonly BackgroundStage[] {
    const merge: BackgroundStage = () => this.#merge();
    // Two merges: while large runs are being merged, small ones go on coming.
    return [() => this.stages.advance(), merge, merge];
  }

  /** Why writers have to wait for the index, if they have. */
  get pressure(): PressureReason | undefined {
    return this.#parts.log.poison === undefined ? this.stages.pressure : undefined;
  }

  /** Resolves once a checkpoint stands for everything accepted so far. */
  checkpoint(): Promise<void> {
    const lsn = this.stages.want();
    if (this.stages.isSaved(lsn)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiters.push({ lsn, resolve, reject });
      // Inside a callback of transact the trees show what is not accepted: the stages begin behind it.
      this.#parts.settings.ports.scheduler.microtask(() => this.#host.wake());
    });
  }

  /** Told of a step that failed, or with undefined that one has worked again. */
  stageFailed(error: unknown): void {
    this.stalled = error;
    if (error === undefined) return;
    this.#host.stall(error);
    this.rejectWaiters(error);
  }

  rejectWaiters(error: unknown): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
  }

  /** Ends everything; the log is settled and nothing more is written to it. */
  async close(): Promise<void> {
    await this.rebuild.close();
    await this.stages.close();
  }

  #indexStages(): IndexStages {
    const { log, index, names, state, anchors, runs } = this.#parts;
    const { tuning, settings, diagnostics } = this.#parts;
    const { directory: path, savedRuns } = this.#parts;
    const parts = {
      log,
      index,
      names,
      state,
      anchors,
      runs,
      tuning,
      clock: settings.ports.clock,
      isBusy: () => this.#host.inCallback() || this.rebuild.isUnusable || settings.readOnly,
      wake: () => this.#host.wake(),
      saved: (checkpoint: object) => {
        diagnostics.publish("checkpoint", { path, ...checkpoint });
        this.#tellSaved();
      },
    };
    return new IndexStages(parts, savedRuns);
  }

  #tellSaved(): void {
    const told = this.#waiters.filter(({ lsn }) => this.stages.isSaved(lsn));
    this.#waiters = this.#waiters.filter((waiter) => !told.includes(waiter));
    for (const waiter of told) waiter.resolve();
    this.#host.proceed();
  }

  async #merge(): Promise<boolean> {
    const { runs, log, diagnostics, directory: path, settings } = this.#parts;
    const isOff = !this.#host.isOpen() || this.rebuild.isUnusable || settings.readOnly;
    if (isOff || log.poison !== undefined) return false;
    const { clock } = settings.ports;
    const beganMs = clock.monotonicMs();
    let bytes: number | undefined;
    try {
      bytes = await runs.merge();
    } catch (error) {
      // What was to be merged is damaged: it is being made anew.
      if (this.rebuild.isUnusable) return false;
      throw error;
    }
    if (bytes === undefined) return false;
    const elapsedMs = clock.monotonicMs() - beganMs;
    diagnostics.publish("merge", { path, runs: runs.runs.length, bytes, elapsedMs });
    this.stages.measure();
    this.#host.proceed();
    this.#host.wake();
    return true;
  }

  async #rebuildIndex(): Promise<void> {
    const { log, runs, index, refill } = this.#parts;
    await this.stages.settled();
    await log.settled();
    await runs.forget();
    index.clear();
    await refill(log);
    this.stages.noteRebuilt();
  }
}
