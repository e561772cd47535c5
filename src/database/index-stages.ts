// The background stages of an open database's index: freeze, flush, save a checkpoint; each is decided by next-stage.ts.
import type { Clock } from "../disk/ports.ts";
import { encodeCheckpoint } from "../index/checkpoint-codec.ts";
import type { GraphIndex } from "../index/graph-index.ts";
import { frameHeaderBytes } from "../log/frame-format.ts";
import type { Log } from "../log/log.ts";
import type { LogPosition } from "../log/log-position.ts";
import type { NameTable } from "../log/name-table.ts";
import type { CountAnchors } from "./count-anchors.ts";
import { encodedStates, type FreezePoint, freezePoint } from "./freeze-point.ts";
import { indexPressure, nextStage, type PressureReason, type StageView } from "./next-stage.ts";
import type { RunKeeper } from "./run-keeper.ts";
import type { SystemState } from "./system-values.ts";
import { pageCacheBytesFor, type Tuning } from "./tuning.ts";

export interface StageParts {
  readonly log: Log;
  readonly index: GraphIndex;
  readonly names: NameTable;
  readonly state: SystemState;
  readonly anchors: CountAnchors;
  readonly runs: RunKeeper;
  readonly tuning: Tuning;
  readonly clock: Clock;
  /** Whether the trees show part of a transaction that is not accepted yet, or are being rebuilt. */
  isBusy(): boolean;
  /** The stages have something to do. */
  wake(): void;
  /** Told of each checkpoint installed. */
  saved(checkpoint: SavedCheckpoint): void;
}

export interface SavedCheckpoint {
  readonly number: number;
  readonly lsn: number;
  readonly bytes: number;
  readonly runs: number;
  readonly elapsedMs: number;
}

export class IndexStages {
  /** The LSN that the newest checkpoint stands for; 0 where there is none. */
  checkpointLsn: number;
  /** Checkpoints installed since the database was opened. */
  checkpoints = 0;
  /** When the newest of these was, on the monotonic clock. */
  savedAtMs: number | undefined;
  /** Why writers have to wait, if they have. */
  pressure: PressureReason | undefined;

  readonly #parts: StageParts;
  #number: number;
  /** The version of the runs that the newest checkpoint names. */
  #savedVersion: number;
  /** The last LSN below the active layer, and bytes of log accepted since it began. */
  #activeFromLsn: number;
  #activeLogBytes = 0;
  #frozenIsDurable = false;
  /** A checkpoint of everything up to here is waited for. */
  #wantedLsn = 0;
  /** A checkpoint is waited for whose replay passes over this segment. */
  #wantedPast: number | undefined;
  #isClosing = false;
  #running: Promise<unknown> = Promise.resolve();
  /** Checkpoints are saved one after another; those for merged runs, while a layer is being flushed. */
  #saving: Promise<unknown> = Promise.resolve();

  constructor(parts: StageParts, savedVersion: number) {
    const { log, runs } = parts;
    const newest = log.checkpoints[0];
    this.#parts = parts;
    this.#number = newest?.number ?? 0;
    this.checkpointLsn = newest?.lsn ?? 0;
    this.#savedVersion = savedVersion;
    this.#activeFromLsn = runs.flushedPoint?.lsn ?? this.checkpointLsn;
    this.#activeLogBytes = bytesBehind(log, runs.flushedPoint?.position);
    this.measure();
  }

  /** Takes note of an accepted transaction of so many bytes, once the trees show it. */
  noteAccepted(bytes: number): void {
    // At most: small transactions share a frame.
    this.#activeLogBytes += bytes + frameHeaderBytes;
    const view = this.#view();
    this.#measure(view);
    if (nextStage(view, this.#parts.tuning) === "freeze") this.#parts.wake();
  }

  /** Transactions were taken back, perhaps some that the frozen layer had. */
  noteRolledBack(): void {
    const { log, runs } = this.#parts;
    this.#wantedLsn = Math.min(this.#wantedLsn, log.acceptedLsn);
    const { frozenPoint } = runs;
    if (frozenPoint === undefined) return;
    const isCut = frozenPoint.mark !== undefined && frozenPoint.mark.segment === undefined;
    if (isCut || frozenPoint.lsn > log.acceptedLsn) runs.frozenPoint = this.#point();
  }

  /** Has everything accepted so far stood for by a checkpoint; returns the LSN to wait for. */
  want(): number {
    this.#wantedLsn = this.#parts.log.acceptedLsn;
    return this.#wantedLsn;
  }

  /** Has a checkpoint saved whose replay passes over every segment that is sealed now; returns the last of them. */
  wantPast(): number {
    this.#wantedPast = this.#parts.log.segments().at(-2)?.id ?? 0;
    return this.#wantedPast;
  }

  /** Whether a replay behind any checkpoint passes over a segment. */
  isPast(segmentId: number): boolean {
    const { log } = this.#parts;
    const last = log.segments()[(log.rewriting?.passed ?? 0) - 1];
    return segmentId === 0 || (last !== undefined && last.id >= segmentId);
  }

  /** Whether a checkpoint stands for everything up to an LSN, and names the runs as they are. */
  isSaved(lsn: number): boolean {
    return this.checkpointLsn >= Math.min(lsn, this.#parts.log.acceptedLsn) && !this.#isUnsaved;
  }

  /** Goes through one stage, if one is due; whether there may be another. */
  async advance(): Promise<boolean> {
    if (this.#isClosing || this.#parts.isBusy()) return false;
    const work = this.#run(nextStage(this.#view(), this.#parts.tuning));
    this.#running = work.catch(() => {});
    return await work;
  }

  /**
   * Saves a checkpoint of runs that were merged, whatever else goes on: until then the files of before are there as well, and what a
   * flush that is under way writes would come on top of them.
   */
  async saveMerged(): Promise<void> {
    const isOff = this.#isClosing || this.#parts.log.poison !== undefined || this.#parts.isBusy();
    if (!isOff && this.#isUnsaved) await this.#saved();
  }

  /** Ends the stages; leaves a checkpoint behind where the next open would have much to replay. */
  async close(): Promise<void> {
    this.#isClosing = true;
    const { runs, tuning, log } = this.#parts;
    await runs.stop();
    await this.settled();
    const view = this.#view();
    // What is wanted may be a checkpoint in place of one whose files are damaged.
    const isLeft = view.hasFrozen || view.isUnsaved || view.isWanted;
    const isWorth = isLeft || view.activeEvents > tuning.closeEventsMax;
    if (isWorth && log.poison === undefined && !this.#parts.isBusy()) {
      // The log has everything: a checkpoint that fails costs the next open time and nothing else.
      await this.#saveAll().catch(() => {});
    }
    await runs.close();
  }

  /** Everything in memory becomes part of runs and of a checkpoint. */
  async #saveAll(): Promise<void> {
    this.want();
    for (;;) {
      await this.#parts.log.settled();
      const stage = nextStage(this.#view(), this.#parts.tuning);
      if (stage === "none" || stage === "wait") return;
      await this.#run(stage);
      this.#frozenIsDurable = true;
    }
  }

  async #run(stage: ReturnType<typeof nextStage>): Promise<boolean> {
    switch (stage) {
      case "freeze":
        this.#freeze();
        return true;
      case "flush":
        await this.#parts.runs.flush();
        this.measure();
        // There may be runs to merge now.
        this.#parts.wake();
        return true;
      case "save":
        await this.#saved();
        return true;
      default:
        return false;
    }
  }

  #freeze(): void {
    const { log, runs, wake } = this.#parts;
    runs.freeze(this.#point());
    this.#activeFromLsn = log.acceptedLsn;
    this.#activeLogBytes = 0;
    this.#frozenIsDurable = false;
    this.measure();
    // Order: nothing goes into a run that a crash could take back from the log.
    void log.settled().then(() => {
      this.#frozenIsDurable = true;
      wake();
    });
  }

  #saved(): Promise<void> {
    const saving = this.#saving.then(() => (this.#isUnsaved ? this.#save() : undefined));
    this.#saving = saving.catch(() => {});
    return saving;
  }

  async #save(): Promise<void> {
    const { log, runs, clock } = this.#parts;
    const beganMs = clock.monotonicMs();
    const { version, records, flushedPoint: point } = runs;
    if (point === undefined) return;
    const number = this.#number + 1;
    const position = placeOf(log, point);
    const lsn = position.lastLsn;
    const bytes = encodeCheckpoint(log.databaseId, {
      number,
      lsn,
      position,
      nextNodeId: point.nextNodeId,
      nextTreeId: runs.nextTreeId,
      nodeCount: point.nodeCount,
      edgeCount: point.edgeCount,
      names: point.names,
      scopedNames: point.scopedNames,
      families: point.families,
      states: encodedStates(point),
      runs: records,
      segments: log.allocation(),
    });
    await log.saveCheckpoint(bytes, number, position);
    // Order: from here on compaction may replace the segment that it was found in.
    if (runs.flushedPoint === point) runs.flushedPoint = { ...point, position };
    this.#number = number;
    this.#savedVersion = version;
    this.checkpointLsn = lsn;
    this.checkpoints++;
    this.savedAtMs = clock.monotonicMs();
    await log.dropOldCheckpoints();
    if (this.isPast(this.#wantedPast ?? 0)) this.#wantedPast = undefined;
    await runs.removeRetired(records);
    const elapsedMs = clock.monotonicMs() - beganMs;
    this.#parts.saved({ number, lsn, bytes: bytes.length, runs: records.length, elapsedMs });
  }

  #point(): ReturnType<typeof freezePoint> {
    const { log, index, names, state, anchors } = this.#parts;
    // What is accepted next begins a new frame: a replay behind the checkpoint begins with a whole one.
    const mark = log.endFrame();
    return freezePoint(log.acceptedLsn, index, names, state, anchors, { mark });
  }

  get #isUnsaved(): boolean {
    const { version, flushedPoint } = this.#parts.runs;
    if (flushedPoint === undefined || version === this.#savedVersion) return false;
    // Runs that a rebuild has made so far stand for less than the checkpoint does.
    return flushedPoint.lsn >= this.checkpointLsn;
  }

  /** Looks again whether writers have to wait. */
  measure(): void {
    this.#measure(this.#view());
  }

  /** Resolves once no stage is under way. */
  async settled(): Promise<void> {
    await this.#running;
    await this.#saving;
  }

  /** The index was made anew from the whole log: what it holds in memory is not in any checkpoint. */
  noteRebuilt(): void {
    this.#activeFromLsn = this.#parts.runs.flushedPoint?.lsn ?? 0;
    this.#activeLogBytes = 0;
    this.want();
    this.measure();
  }

  #measure(view: StageView): void {
    const { index, runs, tuning } = this.#parts;
    this.pressure = indexPressure(view, tuning, runs.runs.length, tuning.runsMax);
    const layerBytes = view.activeBytes + index.frozenBytes + index.spareBytes;
    runs.cache.setBytesMax(pageCacheBytesFor(layerBytes, tuning));
  }

  #view(): StageView {
    const { log, index } = this.#parts;
    return {
      activeEvents: log.acceptedLsn - this.#activeFromLsn,
      activeBytes: index.activeBytes,
      activeLogBytes: this.#activeLogBytes,
      hasFrozen: index.frozen !== undefined,
      frozenIsDurable: this.#frozenIsDurable,
      isUnsaved: this.#isUnsaved,
      isWanted: this.#wantedLsn > this.#activeFromLsn,
      isPassWanted: this.#wantedPast !== undefined && !this.isPast(this.#wantedPast),
      isPoisoned: log.poison !== undefined,
    };
  }
}

function placeOf(log: Log, { lsn, mark, position }: FreezePoint): LogPosition {
  return position ?? (mark === undefined ? log.positionAfter(lsn) : log.positionAt(mark, lsn));
}

/** Bytes of the log that a replay from a position reads; without one it reads everything. */
function bytesBehind(log: Log, position: LogPosition | undefined): number {
  const segments = log.segments();
  const first = segments.findIndex(({ id }) => id === position?.segmentId);
  const bytes = segments.slice(Math.max(0, first)).reduce((sum, { dataEnd }) => sum + dataEnd, 0);
  return first < 0 ? bytes : Math.max(0, bytes - position!.offset);
}
