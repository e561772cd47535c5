// The background stage that compacts the log: decides how far, rewrites one segment at a time, and does it all at once when asked.

import { VarveError } from "../codec/errors.ts";
import type {
  CompactionWork,
  Compactor,
  Rewritten,
  SegmentChoice,
} from "../compaction/compactor.ts";
import { type HorizonDecision, type Moment, stillRead } from "../compaction/horizon.ts";
import type { ErasedNodes } from "../compaction/record-rewriter.ts";
import {
  noSealing,
  type Sealing,
  type SealingView,
  sealForEverything,
  sealInBackground,
} from "../compaction/sealing.ts";
import type { Cancel, Ports } from "../disk/ports.ts";
import { CompactionEffort, liveBytesOf } from "./compaction-effort.ts";
import { pendingErasures } from "./erasures.ts";
import type { HistoryStats } from "./history-stats.ts";
import { type HistorySource, horizonOf, momentOf } from "./history-view.ts";

export interface CompactionHost extends HistorySource {
  /** Undefined where nothing is ever written. */
  readonly compactor: Compactor | undefined;
  readonly bytesPerSecond: number;
  readonly sealBytesMin: number;
  /** Whether the index can be asked and nothing is ending. */
  isUsable(): boolean;
  /** Nodes and edges now: what a fresh log would have to hold. */
  liveCount(): number;
  /** Has the stages look whether there is something to do. */
  wake(): void;
  /** Lets the writers go on that may. */
  proceed(): void;
  /** Resolves once a checkpoint passes over all that is sealed. @param rolls seals the active segment first. */
  pass(rolls: boolean): Promise<void>;
}

/** A round begins once the horizon has moved by so large a share of what is live: then as much may be dead. */
const liveSharePerRound = 0.25;
/** So often the horizon is looked at while nothing else happens. */
const lookMsMax = 60_000;
const lookMsMin = 1000;

export class CompactionStage {
  readonly #host: CompactionHost;
  readonly #ports: Ports;
  readonly #opened: Moment;
  readonly #effort: CompactionEffort;
  #segmentsRewritten = 0;
  #eventsDropped = 0;
  #bytesFreed = 0;
  /** Accepted since the stage was woken for it. */
  #unseenBytes = 0;
  /** What the round under way, or the last one, compacts to. */
  #roundHorizon: number;
  #isInRound = false;
  #isPaused = false;
  #isClosing = false;
  /** Those that want everything compacted at once: the background waits for them. */
  #asked = 0;
  #abort: AbortController | undefined;
  #running: Promise<unknown> = Promise.resolve();
  #timer: Cancel | undefined;

  constructor(host: CompactionHost) {
    const { ports } = host.settings;
    this.#host = host;
    this.#ports = ports;
    this.#opened = momentOf(ports.clock);
    this.#effort = new CompactionEffort(ports, host.bytesPerSecond);
    this.#roundHorizon = host.log.horizon;
  }

  /** Takes note of an accepted transaction of so many bytes: there may be something to do behind enough of them. */
  noteAccepted(bytes: number): void {
    this.#effort.noteWritten(bytes);
    this.#unseenBytes += bytes;
    if (this.#unseenBytes < this.#host.sealBytesMin || this.#host.settings.history === "all")
      return;
    this.#unseenBytes = 0;
    this.#host.wake();
  }

  /** Rewrites one segment, if one is due; whether there may be another. */
  async advance(): Promise<boolean> {
    const { compactor, log, settings } = this.#host;
    if (compactor === undefined || settings.history === "all" || !this.#mayRun) return false;
    this.#armTimer();
    if (!this.#isInRound) {
      await this.#sealIfDue();
      const horizon = this.#reachable(compactor);
      if (!this.#mayRun || !this.#isRoundDue(horizon)) {
        this.#endRound();
        return false;
      }
      this.#roundHorizon = horizon;
      this.#isInRound = true;
      this.#beginRound();
    }
    const horizon = Math.max(this.#roundHorizon, log.horizon);
    const choice = compactor.next(horizon) ?? compactor.joinable(horizon, "worthwhile");
    if (choice === undefined) {
      this.#endRound();
      return false;
    }
    const effort = this.#effort;
    try {
      await this.#alone((signal) =>
        this.#rewrite(compactor, choice, {
          signal,
          pace: (bytes) => effort.pass(bytes),
          rest: (ms) => effort.rest(ms),
        }),
      );
    } catch (error) {
      // What cannot be compacted keeps no writer waiting.
      this.#endRound();
      throw error;
    }
    return true;
  }

  /** Whether writers have to wait for the round that goes on. */
  get isOverdue(): boolean {
    const goesOn = !this.#isPaused && this.#asked === 0;
    return (
      goesOn && this.#isUsable && this.#host.log.poison === undefined && this.#effort.isOverdue
    );
  }

  #beginRound(): void {
    const { log, liveCount } = this.#host;
    this.#effort.beginRound(liveBytesOf(log.segments(), liveCount()));
  }

  #endRound(): void {
    this.#isInRound = false;
    this.#effort.endRound();
    this.#host.proceed();
  }

  /** Rewrites all that may be, at once and without a pace; resolves to how many segments were. */
  async rewriteAll(signal: AbortSignal | undefined): Promise<number> {
    const { compactor, settings } = this.#host;
    if (compactor === undefined || settings.history === "all") return 0;
    return await this.#exclusively(async () => {
      const horizon = this.#reachable(compactor);
      if (horizon === 0) return 0;
      const before = this.#segmentsRewritten;
      await this.#alone((own) => this.#rewriteEach(compactor, horizon, own), signal);
      this.#roundHorizon = horizon;
      this.#endRound();
      return this.#segmentsRewritten - before;
    });
  }

  /**
   * Rewrites, together, all segments that hold something of what is erased; resolves to how many, or to undefined where it was
   * called off. @param begins called right before they take the place of the old ones.
   */
  async erase(
    erased: ErasedNodes,
    signal: AbortSignal | undefined,
    begins: () => void,
  ): Promise<number | undefined> {
    const { compactor } = this.#host;
    const choice = compactor?.everything(0, erased);
    if (compactor === undefined || choice === undefined) return 0;
    return await this.#exclusively(async () => {
      const work = (own: AbortSignal): Promise<Rewritten> =>
        compactor.rewrite(choice, { signal: own, beforeInstall: begins });
      const done = await this.#alone(work, signal);
      if (done !== undefined) this.#note(done);
      return done?.segments;
    });
  }

  /** Ends what goes on in the background, and keeps it away meanwhile. */
  async #exclusively<T>(work: () => Promise<T>): Promise<T> {
    this.#asked++;
    try {
      this.#abort?.abort();
      this.#effort.release();
      await this.#running;
      if (this.#isClosing) throw new VarveError("CLOSED", "compact: the database is closed");
      return await work();
    } finally {
      this.#asked--;
    }
  }

  /** How far compaction may go now. */
  decide(): HorizonDecision {
    return horizonOf(this.#host, this.#opened);
  }

  /** What there is to do before all that the policy lets go may be rewritten, or as much of it as is worth it. */
  sealingFor(what: "everything" | "background"): Sealing {
    const { compactor, log, settings } = this.#host;
    if (compactor === undefined || settings.history === "all") return noSealing;
    const segments = log.segments();
    const passed = compactor.passed;
    const view: SealingView = {
      freeHorizon: horizonOf(this.#host, this.#opened, Number.POSITIVE_INFINITY).horizon,
      reachable: passed === 0 ? 0 : segments[passed - 1]!.lastLsn,
      sealedLsn: segments.at(-2)?.lastLsn ?? 0,
      lastLsn: segments.at(-1)?.lastLsn ?? 0,
      bytesBehind: segments.slice(passed).reduce((sum, { dataEnd }) => sum + dataEnd, 0),
      bytesMin: this.#host.sealBytesMin,
      liveCount: this.#host.liveCount(),
    };
    return what === "everything" ? sealForEverything(view) : sealInBackground(view);
  }

  /** Nothing is begun until `resume`; what is being rewritten is given up. */
  pause(): void {
    this.#isPaused = true;
    this.#abort?.abort();
    this.#effort.release();
    this.#host.proceed();
  }

  resume(): void {
    this.#isPaused = false;
    this.#host.wake();
  }

  stats(): HistoryStats {
    const { horizon } = this.#host.log;
    const { target, heldBackBy, expired } = this.decide();
    return {
      horizon,
      target,
      heldBackBy,
      expired: expired.map(({ name }) => name),
      segmentsRewritten: this.#segmentsRewritten,
      eventsDropped: this.#eventsDropped,
      bytesFreed: this.#bytesFreed,
      isCompacting: this.#abort !== undefined,
      pendingErasures: pendingErasures(this.#host.state),
    };
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.#timer?.();
    this.#abort?.abort();
    this.#effort.release();
    await this.#host.compactor?.close();
    await this.#running;
  }

  /** Whether nothing else is at work on the segments, nor keeps it from them. */
  get isFree(): boolean {
    return this.#mayRun;
  }

  get #mayRun(): boolean {
    const { log } = this.#host;
    const isFree = this.#asked === 0 && this.#abort === undefined;
    return isFree && !this.#isPaused && this.#isUsable && log.poison === undefined;
  }

  get #isUsable(): boolean {
    return !this.#isClosing && this.#host.isUsable();
  }

  /** Order: a round counts from the sealing on. Callers look again behind it: others may have begun meanwhile. */
  async #sealIfDue(): Promise<void> {
    const { rolls, passes } = this.sealingFor("background");
    if (!passes) return;
    this.#beginRound();
    try {
      await this.#alone(() => this.#host.pass(rolls));
    } catch (error) {
      this.#endRound();
      throw error;
    }
  }

  #isRoundDue(horizon: number): boolean {
    const moved = horizon - this.#roundHorizon;
    return moved > 0 && moved >= this.#host.liveCount() * liveSharePerRound;
  }

  /** One after the other, so that little more space is taken than there is: first what is superseded goes, then removals. */
  async #rewriteEach(compactor: Compactor, horizon: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      const choice = compactor.newest(horizon);
      if (choice === undefined) break;
      await this.#rewrite(compactor, choice, { signal });
    }
    const joined = new Set<number>();
    for (;;) {
      const choice = compactor.joinable(horizon, "all");
      if (choice === undefined) break;
      await this.#rewrite(compactor, choice, { signal });
      joined.add(choice.segments.at(-1)!.id);
    }
    const all = compactor.everything(horizon);
    for (const { id } of all?.segments ?? []) {
      const view = compactor.eligible(horizon).find((each) => each.id === id && !joined.has(id));
      if (view !== undefined)
        await this.#rewrite(compactor, { ...all!, segments: [view] }, { signal });
    }
  }

  /**
   * How far rewriting gets now: to the end of the last segment that may be rewritten. What is superseded by later events stays
   * for as long as these do not say everything by themselves, and only a rewrite makes them.
   */
  #reachable(compactor: Compactor): number {
    const { horizon } = this.decide();
    const last = compactor.eligible(horizon).at(-1);
    return Math.max(this.#host.log.horizon, last?.lastLsn ?? 0);
  }

  async #rewrite(compactor: Compactor, choice: SegmentChoice, work: CompactionWork): Promise<void> {
    const beforeInstall = (): void => {
      // Somebody may have begun to read what was still there when this began.
      if (this.decide().horizon < choice.horizon) throw stillRead(choice.horizon);
    };
    const { log, wake } = this.#host;
    const before = log.horizon;
    const done = await compactor.rewrite(choice, { ...work, beforeInstall });
    this.#note(done);
    // Runs may have become worth merging.
    if (log.horizon > before) wake();
  }

  #note({ segments, droppedEvents, freedBytes }: Rewritten): void {
    this.#segmentsRewritten += segments;
    this.#eventsDropped += droppedEvents;
    this.#bytesFreed += freedBytes;
  }

  /** Runs a piece of work that `pause`, `close` and the caller's signal end; undefined where one of the first two did. */
  async #alone<T>(
    work: (signal: AbortSignal) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T | undefined> {
    const abort = new AbortController();
    const forward = (): void => abort.abort(signal?.reason);
    if (signal?.aborted === true) forward();
    signal?.addEventListener("abort", forward, { once: true });
    this.#abort = abort;
    const running = work(abort.signal);
    this.#running = running.catch(() => {});
    try {
      return await running;
    } catch (error) {
      const isOwn = abort.signal.aborted && signal?.aborted !== true;
      if (isOwn && isCode(error, "ABORTED")) return undefined;
      // What waits for a checkpoint is told first that the end has come.
      if (!this.#isUsable && isCode(error, "CLOSED")) return undefined;
      if (signal === undefined && isCode(error, "CONFLICT")) {
        this.#endRound();
        return undefined;
      }
      throw error;
    } finally {
      signal?.removeEventListener("abort", forward);
      this.#abort = undefined;
    }
  }

  /** Time passes, readers catch up and views are closed without anything being written. */
  #armTimer(): void {
    const { history } = this.#host.settings;
    const wanted =
      typeof history === "object" && "keepMs" in history ? history.keepMs / 4 : lookMsMax;
    const ms = Math.min(lookMsMax, Math.max(lookMsMin, wanted));
    this.#timer ??= this.#ports.scheduler.after(ms, () => {
      this.#timer = undefined;
      this.#host.wake();
    });
  }
}

function isCode(error: unknown, code: VarveError["code"]): boolean {
  return error instanceof VarveError && error.code === code;
}
