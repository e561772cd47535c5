// The log of a database that another handle writes: reads along, up to its watermark, and writes nothing.
import { VarveError } from "../codec/errors.ts";
import type { Cancel, Ports } from "../disk/ports.ts";
import type { AllocationEntry } from "./allocation-table.ts";
import { noCounters } from "./commit-host.ts";
import { EventFinder } from "./event-finder.ts";
import type { EventLookup } from "./event-lookup.ts";
import { sameBytes } from "./fields.ts";
import { FILE } from "./file-names.ts";
import { closed, gone, readOnly, unexpected } from "./follow-errors.ts";
import {
  attemptsMax,
  type FollowCompanion,
  type FollowOptions,
  type FollowWaiter,
  fullLookMs,
  pollMs,
} from "./follow-options.ts";
import { FrameSource, type LoadedFrame } from "./frame-source.ts";
import type { FrameMark, PendingTransaction } from "./group.ts";
import { HistoryPins } from "./history-pins.ts";
import type { Log, LogListener, LogStats } from "./log.ts";
import type { LogPosition } from "./log-position.ts";
import { type FollowSink, LogTail, type ProvenEnd } from "./log-tail.ts";
import { type CheckpointRef, horizonOf, type Manifest, SEGMENT_STATE } from "./manifest-codec.ts";
import { ManifestReader } from "./manifest-reader.ts";
import { readManifest } from "./manifest-store.ts";
import { SegmentFiles } from "./segment-files.ts";
import { type SegmentView, viewOf } from "./segment-view.ts";
import type { Watermark } from "./watermark.ts";
import { WatermarkReader } from "./watermark-reader.ts";

export class FollowedLog implements Log {
  readonly events: EventLookup;
  readonly pins: HistoryPins = new HistoryPins();
  readonly rewriting = undefined;
  /** Whether someone waits for the durable LSN to move, beside those of `whenDurable`. */
  isAwaited: () => boolean = () => false;
  companion: FollowCompanion = { refreshed: () => {}, ended: () => Promise.resolve() };
  readonly #ports: Ports;
  readonly #directory: string;
  readonly #files: SegmentFiles;
  readonly #tail: LogTail;
  readonly #frames: FrameSource;
  readonly #names: ManifestReader;
  #manifest: Manifest | undefined;
  #horizon = 0;
  #watermark: WatermarkReader | undefined;
  #mark: Watermark | undefined;
  #durableLsn = 0;
  #lookedMs = 0;
  #listener: LogListener = { rolledBack: () => {}, durableAdvanced: () => {} };
  #waiting: FollowWaiter[] = [];
  #timer: Cancel | undefined;
  #refreshing: Promise<void> = Promise.resolve();
  #failure: VarveError | undefined;
  #isClosed = false;

  private constructor(ports: Ports, directory: string, sink: FollowSink, options: FollowOptions) {
    this.#ports = ports;
    this.#directory = directory;
    this.#files = new SegmentFiles(ports.disk, directory);
    this.#names = new ManifestReader(ports.disk, directory);
    this.#tail = new LogTail(this.#files, sink);
    const { segments } = this.#tail;
    const lost = (): boolean => this.#takeReplaced();
    const { frameCacheBytes } = options;
    this.#frames = new FrameSource(segments, this.#files, () => undefined, frameCacheBytes, lost);
    this.events = new EventFinder(this.#frames, () => this.#durableLsn);
  }

  /**
   * Hands every durable transaction to `sink`, now and, once it is listened to, as they come.
   *
   * @throws {VarveError} CORRUPT, FORMAT_UNSUPPORTED, IO; NOT_FOUND where the database is gone meanwhile.
   */
  static async open(
    ports: Ports,
    directory: string,
    sink: FollowSink,
    options: FollowOptions,
  ): Promise<FollowedLog> {
    const log = new FollowedLog(ports, directory, sink, options);
    try {
      if (options.begin !== undefined) await log.#begin(options.begin);
      await log.refresh();
      return log;
    } catch (error) {
      await log.close();
      throw error;
    }
  }

  /** As it was read last. */
  get manifest(): Manifest {
    return this.#manifest!;
  }

  get databaseId(): Uint8Array {
    return this.#manifest!.databaseId;
  }

  get checkpoints(): readonly CheckpointRef[] {
    return this.#manifest!.checkpoints;
  }

  get horizon(): number {
    // What is read by now is whole, whatever a newer manifest says of what is yet to be read.
    return Math.min(this.#horizon, this.#durableLsn);
  }

  get erasedLsn(): number {
    return this.#manifest!.segments.reduce((lsn, each) => Math.max(lsn, each.erasedLsn), 0);
  }

  get acceptedLsn(): number {
    return this.#durableLsn;
  }

  get durableLsn(): number {
    return this.#durableLsn;
  }

  get nextLsn(): number {
    return this.#durableLsn + 1;
  }

  get pendingBytes(): number {
    return 0;
  }

  /** Why the log cannot be followed any further; what was read stays readable. */
  get poison(): VarveError | undefined {
    return this.#failure;
  }

  /** Whether the mark that was read last says that the writer had closed. */
  get isClean(): boolean {
    return this.#mark?.clean === true;
  }

  get replayedEvents(): number {
    return this.#tail.replayedEvents;
  }

  listen(listener: LogListener): void {
    this.#listener = listener;
    this.#tail.isServing = true;
    this.#poll(false);
  }

  /** Catches up with what is durable at the call. */
  refresh(): Promise<void> {
    const run = (): Promise<void> => this.#refresh();
    const own = this.#refreshing.then(run, run);
    this.#refreshing = own;
    own.catch((error: unknown) => this.#fail(error));
    return own;
  }

  /** That is for the writer to do. */
  syncWatermark(): Promise<void> {
    return Promise.resolve();
  }

  flush(): Promise<void> {
    return this.#failure === undefined ? this.refresh() : Promise.reject(this.#failure);
  }

  whenDurable(lsn: number): Promise<void> {
    if (lsn <= this.#durableLsn) return Promise.resolve();
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ lsn, resolve, reject });
    });
  }

  frameAtOrAfter(lsn: number): LoadedFrame | undefined {
    return this.#frames.atOrAfter(lsn, false);
  }

  segments(): readonly SegmentView[] {
    return this.#tail.segments.map(viewOf);
  }

  stats(): LogStats {
    const { segments } = this.#tail;
    return {
      segments: segments.length,
      events: segments.reduce((sum, segment) => sum + segment.eventCount, 0),
      bytes: segments.reduce((sum, segment) => sum + segment.dataEnd, 0),
      counters: noCounters,
      frameHits: this.#frames.hits,
      frameMisses: this.#frames.misses,
      opens: this.#files.opens,
      pendingBytes: 0,
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.();
    await this.companion.ended();
    await this.#refreshing.catch(() => {});
    for (const { reject } of this.#waiting.splice(0)) reject(closed());
    await this.#watermark?.close();
    await this.#names.close();
    await this.#files.close();
  }

  accept(): PendingTransaction {
    throw readOnly("transact");
  }

  settleAccepted(): void {
    throw readOnly("transact");
  }

  requestSync(): void {}

  /** Nothing is ever on its way to the disk. */
  settled(): Promise<void> {
    return Promise.resolve();
  }

  endFrame(): FrameMark {
    throw readOnly("checkpoint");
  }

  allocation(): readonly AllocationEntry[] {
    return [];
  }

  positionAt(): LogPosition {
    throw readOnly("checkpoint");
  }

  positionAfter(): LogPosition {
    throw readOnly("checkpoint");
  }

  saveCheckpoint(): Promise<void> {
    return Promise.reject(readOnly("checkpoint"));
  }

  dropOldCheckpoints(): Promise<void> {
    return Promise.reject(readOnly("checkpoint"));
  }

  flushAllocation(): Promise<boolean> {
    return Promise.reject(readOnly("flushAllocation"));
  }

  /** A file that is gone belongs to a checkpoint that has a successor by now. */
  async #begin(begin: NonNullable<FollowOptions["begin"]>): Promise<void> {
    await this.#look();
    for (;;) {
      const { edit } = this.manifest;
      const segments = await begin(this.manifest);
      if (segments !== undefined) {
        this.#tail.startAt(segments);
        this.#durableLsn = this.#tail.lastLsn;
        return;
      }
      await this.#look();
      if (this.manifest.edit === edit) return;
    }
  }

  #poll(hadNews: boolean): void {
    if (this.#isClosed || this.#failure !== undefined) return;
    // Whoever waited has been told the news, and may be back before the next look.
    const isAwaited = hadNews || this.#waiting.length > 0 || this.isAwaited();
    this.#timer = this.#ports.scheduler.after(isAwaited ? pollMs.awaited : pollMs.idle, () => {
      if (!this.#hasNews()) {
        this.#poll(false);
        return;
      }
      const lsn = this.#durableLsn;
      const again = (): void => this.#poll(this.#durableLsn !== lsn);
      this.refresh().then(again, again);
    });
  }

  /** One small read, so that nothing happening costs nothing. */
  #hasNews(): boolean {
    if (this.#isLookDue()) return true;
    try {
      return this.#watermark?.read()?.sequence !== this.#mark?.sequence;
    } catch {
      return true;
    }
  }

  #isLookDue(): boolean {
    return this.#ports.clock.monotonicMs() - this.#lookedMs >= fullLookMs;
  }

  async #refresh(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      if (this.#isClosed) throw closed();
      if (this.#failure !== undefined) throw this.#failure;
      try {
        await this.#readOn(attempt > 1 || this.#isLookDue());
        this.companion.refreshed();
        return;
      } catch (error) {
        this.#tail.forget();
        if (attempt === attemptsMax || this.#tail.isBroken) throw error;
        await this.#turn();
      }
    }
  }

  async #readOn(fromNames: boolean): Promise<void> {
    if (fromNames || this.#manifest === undefined) await this.#look();
    const mark = this.#watermark!.read();
    // Order: what a mark proves was in a manifest before the mark said so, hence in one that is read after the mark. In
    // an older one it may seem to be too: a recovery that moved a segment's content leaves the old bytes to who has it open.
    if (!this.#names.isStill(this.#manifest!)) await this.#look();
    const proven = this.#provenBy(mark);
    for (;;) {
      const progress = this.#tail.advance(this.#manifest!, proven);
      this.#publish();
      if (progress === "reached") break;
      const edit = this.#manifest!.edit;
      if (progress === "more") await this.#turn();
      else await this.#look();
      if (this.#isClosed) return;
      if (progress === "behind" && this.#manifest!.edit === edit) throw this.#tail.missing(proven);
    }
    this.#mark = mark;
  }

  /** Whatever the mark says, a segment that is no longer active was durable before the manifest said so. */
  #provenBy(mark: Watermark | undefined): ProvenEnd {
    const segments = this.#manifest!.segments;
    const sealedLsn = segments.reduce(
      (lsn, { state, lastLsn }) => (state === SEGMENT_STATE.active ? lsn : Math.max(lsn, lastLsn)),
      0,
    );
    return { lsn: Math.max(mark?.durableLsn ?? 0, sealedLsn), hash: mark?.lastHash };
  }

  /** Reads the manifest again, and gives up handles whose names may stand for other files now. */
  async #look(): Promise<void> {
    const { disk, clock } = this.#ports;
    const { manifest, damaged, missing } = await readManifest(disk, this.#directory, true);
    if (manifest === undefined) {
      if (missing.length === 2) throw gone(this.#directory);
      const file = damaged[0] ?? FILE.manifestA;
      throw new VarveError("CORRUPT", `no copy of the manifest in ${this.#directory} is sound`, {
        details: { file, directory: this.#directory },
      });
    }
    const known = this.#manifest;
    if (known !== undefined && !sameBytes(known.databaseId, manifest.databaseId)) {
      throw gone(this.#directory);
    }
    // A torn copy leaves the older one: nothing is lost by what was known already.
    if (known === undefined || manifest.edit >= known.edit) this.#manifest = manifest;
    this.#horizon = horizonOf(this.#manifest!.segments);
    await this.#names.close();
    await this.#watermark?.close();
    this.#watermark ??= new WatermarkReader(disk, this.#directory, manifest.databaseId);
    this.#lookedMs = clock.monotonicMs();
  }

  /** Compaction removes files between two looks: whoever reads just then finds what is there instead. */
  #takeReplaced(): boolean {
    const manifest = this.#names.readNow();
    return manifest !== undefined && this.#tail.takeReplaced(manifest);
  }

  #publish(): void {
    const { lastLsn } = this.#tail;
    if (lastLsn === this.#durableLsn) return;
    this.#durableLsn = lastLsn;
    this.#listener.durableAdvanced(lastLsn);
    const told = this.#waiting.filter(({ lsn }) => lsn <= lastLsn);
    if (told.length === 0) return;
    this.#waiting = this.#waiting.filter(({ lsn }) => lsn > lastLsn);
    for (const { resolve } of told) resolve();
  }

  #fail(error: unknown): void {
    if (this.#isClosed || this.#failure !== undefined) return;
    const failure = error instanceof VarveError ? error : unexpected(error);
    if (failure.retryable && !this.#tail.isBroken) return;
    this.#failure = failure;
    for (const { reject } of this.#waiting.splice(0)) reject(failure);
    // Whoever waits for the log to grow learns that it will not.
    this.#listener.durableAdvanced(this.#durableLsn);
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => this.#ports.scheduler.task(resolve));
  }
}
