// The log over segment files: puts writing, rolling, reading and closing together.
import type { VarveError } from "../codec/errors.ts";
import type { Cancel, Ports } from "../disk/ports.ts";
import { ActiveSegment } from "./active-segment.ts";
import type { AllocationEntry, AllocationFile } from "./allocation-table.ts";
import { CheckpointFiles, type CheckpointPlaces } from "./checkpoint-files.ts";
import type { CommitHost } from "./commit-host.ts";
import { CommitQueue } from "./commit-queue.ts";
import type { EventBatch } from "./event-batch.ts";
import { EventFinder } from "./event-finder.ts";
import type { EventLookup } from "./event-lookup.ts";
import type { Hash64 } from "./fields.ts";
import { FrameSource, type LoadedFrame } from "./frame-source.ts";
import type { CommitLevel, CommitTicket, FrameMark, PendingTransaction } from "./group.ts";
import { HistoryPins } from "./history-pins.ts";
import type { Log, LogListener, LogStats } from "./log.ts";
import type { LogPosition } from "./log-position.ts";
import type { CheckpointRef, ManifestSegment } from "./manifest-codec.ts";
import type { ManifestStore } from "./manifest-store.ts";
import { positionAfter, positionAt } from "./position-finder.ts";
import type { ReserveFile } from "./reserve.ts";
import { Segment } from "./segment.ts";
import { SegmentFiles } from "./segment-files.ts";
import { footerBytesMaxFor } from "./segment-format.ts";
import { SegmentRewriting } from "./segment-rewriting.ts";
import { type SegmentView, viewOf } from "./segment-view.ts";
import { orSyncFailure, SyncFailure } from "./sync-failure.ts";
import type { WatermarkFile } from "./watermark.ts";

export interface LogOptions {
  readonly segmentBytes: number;
  readonly syncIntervalMs: number;
  readonly allocationFlushMs: number;
  readonly frameCacheBytes: number;
}

/** Everything that recovery or creation hands over; the log owns it from then on. */
export interface LogParts {
  readonly ports: Ports;
  readonly directory: string;
  readonly manifest: ManifestStore;
  readonly segments: Segment[];
  readonly active: ActiveSegment;
  readonly watermark: WatermarkFile;
  readonly allocation: AllocationFile;
  readonly reserve: ReserveFile;
  readonly lastLsn: number;
  readonly nextLsn: number;
  readonly lastTimeMs: number;
  /** Where the replay behind each checkpoint begins that the manifest names. */
  readonly checkpoints: CheckpointPlaces;
}

export class SegmentLog implements Log {
  readonly events: EventLookup;
  readonly pins: HistoryPins = new HistoryPins();
  readonly rewriting: SegmentRewriting;
  readonly #parts: LogParts;
  readonly #options: LogOptions;
  readonly #files: SegmentFiles;
  readonly #frames: FrameSource;
  readonly #commits: CommitQueue;
  readonly #checkpoints: CheckpointFiles;
  #active: ActiveSegment;
  /** Created by a roll that failed before it could install it. */
  #created: ActiveSegment | undefined;
  #listener: LogListener = { rolledBack: () => {}, durableAdvanced: () => {} };
  #allocationTimer: Cancel | undefined;
  #allocationDirty = false;
  /** The end of what is known to be durable, as the watermark has it. */
  #mark: { readonly lsn: number; readonly hash: Hash64 };
  /** Syncs of the directory that failed. */
  #namesLost = 0;

  constructor(parts: LogParts, options: LogOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#active = parts.active;
    this.#files = new SegmentFiles(parts.ports.disk, parts.directory);
    this.#files.setActive(parts.active);
    this.#mark = { lsn: parts.lastLsn, hash: parts.active.segment.lastHash };
    this.#checkpoints = new CheckpointFiles(this.#checkpointHost(), parts.checkpoints);
    this.rewriting = new SegmentRewriting(this.#rewritingHost());
    this.#frames = new FrameSource(
      parts.segments,
      this.#files,
      () => this.#commits,
      options.frameCacheBytes,
    );
    this.#commits = new CommitQueue(this.#host(), parts.lastLsn, parts.nextLsn, parts.lastTimeMs);
    this.events = new EventFinder(this.#frames, () => this.#commits.acceptedLsn);
  }

  get databaseId(): Uint8Array {
    return this.#parts.manifest.current.databaseId;
  }

  get acceptedLsn(): number {
    return this.#commits.acceptedLsn;
  }

  get durableLsn(): number {
    return this.#commits.durableLsn;
  }

  get nextLsn(): number {
    return this.#commits.nextLsn;
  }

  get horizon(): number {
    return this.rewriting.horizon;
  }

  get erasedLsn(): number {
    return this.rewriting.erasedLsn;
  }

  get pendingBytes(): number {
    return this.#commits.pendingBytes;
  }

  get poison(): VarveError | undefined {
    return this.#commits.poison;
  }

  listen(listener: LogListener): void {
    this.#listener = listener;
  }

  accept(batch: EventBatch, level: CommitLevel, ticket: CommitTicket): PendingTransaction {
    this.#allocationChanged();
    return this.#commits.accept(batch, level, ticket);
  }

  settleAccepted(transaction: PendingTransaction, withinMs: number): void {
    this.#commits.settleAccepted(transaction, withinMs);
  }

  requestSync(): void {
    this.#commits.requestSync();
  }

  flush(): Promise<void> {
    return this.#commits.flush();
  }

  settled(): Promise<void> {
    return this.#commits.settled();
  }

  whenDurable(lsn: number): Promise<void> {
    return this.#commits.whenDurable(lsn);
  }

  async flushAllocation(): Promise<boolean> {
    this.#allocationTimer?.();
    this.#allocationTimer = undefined;
    this.#allocationDirty = false;
    return await this.#parts.allocation.flush(this.#parts.segments);
  }

  endFrame(): FrameMark {
    const { segment } = this.#active;
    return this.#commits.endFrame() ?? { segment, frameCount: segment.frameCount };
  }

  positionAfter(lsn: number): LogPosition {
    const position = positionAfter(this.#parts.segments, this.#files, lsn);
    if (position.lastLsn > this.durableLsn) throw new RangeError(`LSN ${lsn} is not durable`);
    return position;
  }

  positionAt(mark: FrameMark, lsn: number): LogPosition {
    return positionAt(this.#parts.segments, this.#files, mark, this.positionAfter(lsn));
  }

  allocation(): readonly AllocationEntry[] {
    return this.#parts.segments.map((segment) => segment.toAllocation());
  }

  saveCheckpoint(bytes: Uint8Array, number: number, position: LogPosition): Promise<void> {
    return this.#checkpoints.save(bytes, number, position);
  }

  dropOldCheckpoints(): Promise<void> {
    return this.#checkpoints.dropOld();
  }

  get checkpoints(): readonly CheckpointRef[] {
    return this.#checkpoints.refs;
  }

  frameAtOrAfter(lsn: number): LoadedFrame | undefined {
    return this.#frames.atOrAfter(lsn, false);
  }

  segments(): readonly SegmentView[] {
    return this.#parts.segments.map(viewOf);
  }

  stats(): LogStats {
    return {
      segments: this.#parts.segments.length,
      events: this.#parts.segments.reduce((sum, segment) => sum + segment.eventCount, 0),
      bytes: this.#parts.segments.reduce((sum, segment) => sum + segment.dataEnd, 0),
      counters: this.#commits.counters,
      frameHits: this.#frames.hits,
      frameMisses: this.#frames.misses,
      opens: this.#files.opens,
      pendingBytes: this.pendingBytes,
    };
  }

  async syncWatermark(): Promise<void> {
    const { watermark } = this.#parts;
    watermark.write(this.#mark.lsn, this.#mark.hash, false);
    await watermark.sync();
  }

  async close(): Promise<void> {
    await this.#commits.drain();
    this.#allocationTimer?.();
    // Whoever waited was told; those who had not waited rely on this call.
    let failure = this.#commits.takeUntold();
    if (this.poison === undefined) {
      failure ??= await this.#leaveCleanMark();
      await this.flushAllocation();
    }
    const closing = await this.#closeFiles();
    failure ??= closing;
    if (failure !== undefined) throw failure;
  }

  async #leaveCleanMark(): Promise<unknown> {
    try {
      const { watermark } = this.#parts;
      watermark.write(this.durableLsn, this.#active.segment.lastHash, true);
      await watermark.sync();
      return undefined;
    } catch (error) {
      return error;
    }
  }

  async #closeFiles(): Promise<unknown> {
    const { manifest, watermark, allocation, reserve } = this.#parts;
    let failure: unknown;
    for (const file of [
      this.#files,
      this.#active.file,
      this.#created?.file,
      manifest,
      watermark,
      allocation,
      reserve,
    ]) {
      try {
        await file?.close();
      } catch (error) {
        failure ??= error;
      }
    }
    return failure;
  }

  #checkpointHost(): ConstructorParameters<typeof CheckpointFiles>[0] {
    const { ports, directory, manifest } = this.#parts;
    return {
      disk: ports.disk,
      directory,
      manifest,
      requireSound: () => {
        if (this.poison !== undefined) throw this.poison;
      },
      durableLsn: () => this.durableLsn,
      syncWatermark: () => this.syncWatermark(),
      flushAllocation: () => this.flushAllocation(),
      namesLost: () => {
        this.#namesLost++;
      },
      poisonWith: (cause) => this.#commits.poisonWith(cause),
    };
  }

  #rewritingHost(): ConstructorParameters<typeof SegmentRewriting>[0] {
    const { ports, manifest, segments } = this.#parts;
    const { directory, requireSound, namesLost, poisonWith, flushAllocation } =
      this.#checkpointHost();
    const common = { directory, requireSound, namesLost, poisonWith, flushAllocation };
    const roll = (): Promise<void> => this.#commits.roll();
    const passed = (): number => this.#checkpoints.passed(segments);
    const endSegment = (): void => {
      this.#commits.endsSegment = true;
    };
    return { ...common, ports, manifest, segments, files: this.#files, roll, passed, endSegment };
  }

  #host(): CommitHost {
    const { ports, watermark, manifest } = this.#parts;
    const { segmentBytes, syncIntervalMs } = this.#options;
    return {
      clock: ports.clock,
      scheduler: ports.scheduler,
      syncIntervalMs,
      segmentDataBytesMax: segmentBytes - footerBytesMaxFor(segmentBytes),
      segmentBytes,
      active: () => this.#active,
      roll: () => this.#roll(),
      witness: (durableLsn, lastHash) => {
        manifest.requireOwnEpoch();
        watermark.write(durableLsn, lastHash, false);
        this.#mark = { lsn: durableLsn, hash: lastHash };
      },
      rolledBack: (transactions) => {
        this.#frames.clear();
        this.#listener.rolledBack(transactions);
      },
      durableAdvanced: (durableLsn) => this.#listener.durableAdvanced(durableLsn),
    };
  }

  /**
   * Order: the old segment is sealed and synced, then the witness, then the new file and its name,
   * and only then does the manifest say so; nothing is appended to the new one before that.
   */
  async #roll(): Promise<void> {
    const { watermark, manifest, segments, reserve } = this.#parts;
    const old = this.#active;
    await orSyncFailure(Promise.resolve().then(() => manifest.requireOwnEpoch()));
    await this.#withReserve(() => old.seal());
    this.#mark = { lsn: this.#commits.writtenLsn, hash: old.segment.lastHash };
    watermark.write(this.#mark.lsn, this.#mark.hash, false);
    await orSyncFailure(watermark.sync());
    this.#commits.publishWritten();
    this.#created ??= await this.#withReserve(() => this.#createSegment(old.segment));
    const next = this.#created;
    await orSyncFailure(
      // Order: compaction may have replaced others just now, and not yet in memory.
      manifest.edit((current) => ({
        nextSegmentId: next.segment.id + 1,
        segments: [...current.segments.slice(0, -1), ...[old.segment, next.segment].map(entryOf)],
      })),
    );
    segments.push(next.segment);
    this.#created = undefined;
    this.#active = next;
    this.#files.setActive(next);
    // The old file is synced: nothing of what follows can lose data, so none of it fails the roll.
    await old.file.close().catch(() => {});
    await this.flushAllocation();
    await reserve.restore();
  }

  async #createSegment(previous: Segment): Promise<ActiveSegment> {
    const { ports, directory, manifest } = this.#parts;
    const { databaseId, nextSegmentId } = manifest.current;
    const segment = Segment.following(nextSegmentId, previous.lastLsn, previous);
    // A file of this name can only be what an earlier attempt at this very roll left behind.
    const path = ports.disk.join(directory, segment.name);
    if ((await ports.disk.stat(path)) !== undefined) await ports.disk.unlink(path);
    const lostBefore = this.#namesLost;
    const created = await ActiveSegment.create(
      ports,
      directory,
      segment,
      databaseId,
      previous.lastHash,
      this.#options.segmentBytes,
    );
    if (this.#namesLost === lostBefore) return created;
    // Its name may have been under way in a sync that failed beside ours: then ours proves nothing of it.
    await created.file.close().catch(() => {});
    throw new SyncFailure(new Error("a sync of the directory failed while a segment was made"));
  }

  /** Runs a step that needs space; on a full disk gives up the reserve and tries once more. */
  async #withReserve<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const full = (error as Partial<VarveError>).code === "DISK_FULL";
      if (!full || !(await this.#parts.reserve.release())) throw error;
      return await work();
    }
  }

  #allocationChanged(): void {
    if (this.#allocationDirty) return;
    this.#allocationDirty = true;
    this.#allocationTimer ??= this.#parts.ports.scheduler.after(
      this.#options.allocationFlushMs,
      () => {
        this.#allocationTimer = undefined;
        void this.flushAllocation();
      },
    );
  }
}

function entryOf(segment: Segment): ManifestSegment {
  return segment.toManifest();
}
