// What goes on behind an open database: the stages of its index, merges, rebuilds, and who waits for a checkpoint.
import { VarveError } from "../codec/errors.ts";
import { Compactor } from "../compaction/compactor.ts";
import type { DurableReader } from "../compaction/horizon.ts";
import { RemotePass } from "../compaction/remote-pass.ts";
import { CompactionStage } from "./compaction-stage.ts";
import type { CoreParts, OwnWrites } from "./core-parts.ts";
import { Erasing } from "./erasing.ts";
import { erasingLsn } from "./erasures.ts";
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
  /** A value of the system state as of what is known to be durable. */
  durableState(name: string): unknown;
  durableStates(): ReadonlyMap<string, unknown>;
  /** Projections at work of which nothing is stored yet. */
  unstoredReaders(): readonly DurableReader[];
  /** Commits what is the system's own; resolves once it is durable. */
  commit(write: (writes: OwnWrites) => void): Promise<void>;
  /** Told up to which LSN the past is in pieces, 0 where it is whole. */
  erasing(lsn: number): void;
}

/** What `compact` has done. */
export interface CompactReport {
  /** States at this LSN and above, and changes above it, are whole; 0 where nothing was ever compacted. */
  readonly horizon: number;
  /** Segments of the log that were rewritten. */
  readonly segments: number;
  /** Of the log and the index. */
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  /** Nodes erased that are not gone from the files yet: a backup has these open, or they were erased since the call. */
  readonly pendingErasures: number;
}

interface Waiter {
  isTold(): boolean;
  resolve(): void;
  reject(error: unknown): void;
}

export class Background {
  readonly stages: IndexStages;
  readonly rebuild: IndexRebuild;
  readonly compaction: CompactionStage;
  readonly erasing: Erasing;
  /** Why the last step failed, until one works again. */
  stalled: unknown;
  readonly #parts: CoreParts;
  readonly #host: BackgroundHost;
  readonly #compactor: Compactor | undefined;
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
    this.#compactor = this.#makeCompactor();
    this.compaction = this.#compactionStage();
    this.erasing = this.#makeErasing();
    const { log } = parts;
    parts.runs.retention = () => {
      const { horizon } = log;
      if (horizon === 0) return undefined;
      const compacted = log.segments().flatMap((each) => [each.baseLsn, each.horizon]);
      return { horizon, compacted: Float64Array.from(compacted) };
    };
  }

  /** The stages that the pipeline runs. */
  get loops(): readonly BackgroundStage[] {
    const merge: BackgroundStage = () => this.#merge();
    // Two merges: while large runs are being merged, small ones go on coming.
    const compact: BackgroundStage = () => this.compaction.advance();
    return [() => this.stages.advance(), merge, merge, compact, () => this.#erase()];
  }

  /** Why writers have to wait for the index, if they have. */
  get pressure(): PressureReason | undefined {
    if (this.#parts.log.poison !== undefined) return undefined;
    const { runs } = this.#parts;
    return (
      this.stages.pressure ??
      (this.compaction.isOverdue ? "compact" : runs.garbage.isOverdue ? "merge" : undefined)
    );
  }

  /** Resolves once a checkpoint stands for everything accepted so far. */
  checkpoint(): Promise<void> {
    const lsn = this.stages.want();
    return this.#until(() => this.stages.isSaved(lsn));
  }

  /** Resolves once a checkpoint passes over all that is sealed: then it may be rewritten. @param rolls seals what the log is written to. */
  async #pass(rolls: boolean): Promise<void> {
    if (rolls) await this.#parts.log.rewriting?.roll();
    const segmentId = this.stages.wantPast();
    await this.#until(() => this.stages.isPast(segmentId));
  }

  async #until(isTold: () => boolean): Promise<void> {
    if (isTold()) return;
    this.#requireGoing(undefined);
    await new Promise<void>((resolve, reject) => {
      this.#waiters.push({ isTold, resolve, reject });
      // Inside a callback of transact the trees show what is not accepted: the stages begin behind it.
      this.#parts.settings.ports.scheduler.microtask(() => this.#host.wake());
    });
  }

  /** Compacts all that may be, and merges the index into one run. */
  async compact(signal: AbortSignal | undefined): Promise<CompactReport> {
    const bytesBefore = this.#bytes;
    this.#requireGoing(signal);
    await this.#parts.log.settled();
    this.#requireGoing(signal);
    const { rolls, passes } = this.compaction.sealingFor("everything");
    await (passes ? this.#pass(rolls) : this.checkpoint());
    this.#requireGoing(signal);
    let segments = await this.erasing.run(signal);
    this.#requireGoing(signal);
    segments += await this.compaction.rewriteAll(signal);
    this.#requireGoing(signal);
    await this.#mergeAll();
    this.#requireGoing(signal);
    await this.checkpoint();
    const { horizon } = this.#parts.log;
    const pendingErasures = this.erasing.pending;
    return { horizon, segments, bytesBefore, bytesAfter: this.#bytes, pendingErasures };
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
    await this.compaction.close();
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

  /** Things now: what a fresh log would have to hold. */
  get #liveCount(): number {
    const { nodeCount, edgeCount, families } = this.#parts.index;
    return nodeCount + edgeCount + families.size;
  }

  #makeCompactor(): Compactor | undefined {
    const { log, settings, index, directory } = this.#parts;
    if (log.rewriting === undefined) return undefined;
    const durableState = (name: string): unknown => this.#host.durableState(name);
    const requireIndex = (): void => this.rebuild.require();
    const { ports, segmentBytes } = settings;
    const place = { ports, directory, log, segmentBytes };
    const liveCount = (): number => this.#liveCount;
    const remote = new RemotePass({
      ports,
      directory,
      databaseId: log.databaseId,
      runs: () => this.#parts.runs.records,
      durableStates: () => this.#host.durableStates(),
      families: () => index.families.all(),
    });
    return new Compactor({ ...place, index, liveCount, durableState, requireIndex, remote });
  }

  #makeErasing(): Erasing {
    const { log, state, runs, index } = this.#parts;
    return new Erasing({
      log,
      state,
      runs,
      compactor: this.#compactor,
      commit: (write) => this.#host.commit(write),
      checkpoint: () => this.checkpoint(),
      seal: () => this.#pass(true),
      rewrite: (erased, signal) =>
        this.compaction.erase(erased, signal, () => this.#host.erasing(erased.lsn)),
      merge: (ids) => this.#mergeAll(ids),
      requireGoing: (signal) => this.#requireGoing(signal),
      ended: (ids) => {
        for (const id of ids) index.forgetNode(id);
      },
      settled: () => this.#host.erasing(erasingLsn(state, log.erasedLsn)),
    });
  }

  /** What was erased goes by itself once the segments that have it may be rewritten. */
  async #erase(): Promise<boolean> {
    const { log, settings } = this.#parts;
    if (settings.readOnly || log.poison !== undefined) return false;
    if (this.erasing.isDue && this.compaction.isFree) await this.erasing.runDue();
    return false;
  }

  #compactionStage(): CompactionStage {
    const { log, state, settings, tuning } = this.#parts;
    const compactor = this.#compactor;
    return new CompactionStage({
      log,
      state,
      settings,
      compactor,
      bytesPerSecond: tuning.compactBytesPerSecond,
      sealBytesMin: tuning.sealBytesMin,
      durableState: (name) => this.#host.durableState(name),
      unstoredReaders: () => this.#host.unstoredReaders(),
      isUsable: () => this.#host.isOpen() && !this.rebuild.isUnusable,
      liveCount: () => this.#liveCount,
      wake: () => this.#host.wake(),
      proceed: () => this.#host.proceed(),
      pass: (rolls) => this.#pass(rolls),
    });
  }

  #tellSaved(): void {
    const told = this.#waiters.filter(({ isTold }) => isTold());
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
    await this.stages.saveMerged();
    return true;
  }

  async #mergeAll(erased?: Uint32Array): Promise<void> {
    try {
      await this.#parts.runs.mergeAll(erased);
    } catch (error) {
      this.#requireGoing(undefined);
      throw error;
    }
    this.stages.measure();
    this.#host.wake();
  }

  get #bytes(): number {
    return this.#parts.log.stats().bytes + this.#parts.runs.bytes;
  }

  #requireGoing(signal: AbortSignal | undefined): void {
    if (signal?.aborted === true) {
      throw new VarveError("ABORTED", "compact: aborted", { cause: signal.reason });
    }
    if (!this.#host.isOpen()) throw new VarveError("CLOSED", "compact: the database is closed");
    const { poison } = this.#parts.log;
    if (poison !== undefined) throw poison;
    this.rebuild.require();
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
