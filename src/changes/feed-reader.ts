// One subscriber's way through the durable log: a cursor that is asked for one batch at a time and holds nothing in between
// but its position. It always reads from the log; at the end it waits for the durable LSN to move, so that there is no hand-over.
import { VarveError } from "../codec/errors.ts";
import { malformed } from "../log/event-finder.ts";
import { FRAME_FLAG } from "../log/frame-format.ts";
import type { LoadedFrame } from "../log/frame-source.ts";
import type { ChangeBatch, FeedPhase } from "./change.ts";
import { ChangeDecoder, type OpenChange } from "./change-decoder.ts";
import { type FeedPlan, positionCompacted } from "./feed-options.ts";
import type { FeedSource } from "./feed-source.ts";
import { freezeBatch } from "./freeze-batch.ts";
import { SnapshotReader } from "./snapshot-reader.ts";

/** "again": nothing yet, ask in a later turn; "wait": nothing before the log grows; "end": nothing any more. */
export type Reading = ChangeBatch | "again" | "wait" | "end";

/** A batch is full from here on, and ends with the transaction. */
const changesPerBatch = 256;
/** So much of the log is passed for one batch at the most, but for a transaction that is larger. */
const bytesPerBatch = 1024 * 1024;
/** A transaction up to this size is whole in one batch. */
export const wholeTransactionBytesMax: number = 4 * 1024 * 1024;
/** So much of the log is looked through in one turn for the end of a larger one. */
const bytesPerLook = 8 * 1024 * 1024;

export class FeedReader {
  readonly #source: FeedSource;
  readonly #plan: FeedPlan;
  readonly #decoder: ChangeDecoder;
  #snapshot: SnapshotReader | undefined;
  #phase: FeedPhase;
  /** The first position that the next batch stands for. */
  #position: number;
  /** The first LSN of the log that has not been read. */
  #nextLsn: number;
  /** Read and not delivered: only between two readings of one large transaction is there anything. */
  #changes: OpenChange[] = [];
  /** Where in `#changes` those begin whose transaction has not ended. */
  #openFrom = 0;
  #openBytes = 0;
  /** Passed in this reading. */
  #bytes = 0;
  /** Where a transaction ends that is delivered in pieces; 0 where none is. */
  #splitLastLsn = 0;
  /** How far the end of such a transaction has been looked for; 0 where it is not. */
  #lookedTo = 0;
  #isClosed = false;
  #wake: (() => void) | undefined;

  constructor(source: FeedSource, plan: FeedPlan) {
    this.#source = source;
    this.#plan = plan;
    this.#decoder = new ChangeDecoder(source, plan.filter, plan.before);
    this.#phase = plan.snapshotLsn === undefined ? "catch-up" : "snapshot";
    this.#position = plan.fromLsn;
    this.#nextLsn = plan.fromLsn;
  }

  /**
   * Reads on. Bounded work, no waiting; after an error or "end" the reader is closed.
   *
   * @throws {VarveError} CLOSED, ABORTED, CORRUPT, IO; POSITION_COMPACTED once history that was not read yet is gone; POISONED at the end of a log that can never grow.
   */
  read(): Reading {
    if (this.#isClosed) return "end";
    try {
      this.#source.requireOpen("changes");
      if (this.#plan.signal?.aborted) throw aborted(this.#plan.signal);
      if (this.#phase !== "snapshot" && this.#source.isRebuilding()) return "wait";
      const reading = this.#phase === "snapshot" ? this.#readSnapshot() : this.#readLog();
      if (reading === "end") this.close();
      return reading;
    } catch (error) {
      if (this.#phase !== "snapshot" && isRebuilding(error)) return "wait";
      this.close();
      throw malformed(error, { lsn: this.#nextLsn });
    }
  }

  /** Calls `wake` once when there may be more to read, or an error. Must not be called while waiting. */
  wait(wake: () => void): void {
    const { tail } = this.#source;
    const { signal } = this.#plan;
    const once = (): void => {
      if (this.#wake !== once) return;
      this.#wake = undefined;
      tail.remove(once, signal);
      wake();
    };
    this.#wake = once;
    tail.add(once, signal);
  }

  /** Ends the feed; who waits is woken. */
  close(): void {
    this.#isClosed = true;
    this.#endSnapshot();
    this.#changes = [];
    this.#wake?.();
  }

  #readSnapshot(): Reading {
    const { snapshotLsn = 0, filter, before } = this.#plan;
    this.#snapshot ??= new SnapshotReader(this.#source, snapshotLsn, filter, before);
    const reading = this.#snapshot.read();
    if (reading !== undefined) return reading;
    this.#endSnapshot();
    this.#phase = "catch-up";
    return this.#readLog();
  }

  #endSnapshot(): void {
    this.#snapshot?.close();
    this.#snapshot = undefined;
  }

  #readLog(): Reading {
    const { toLsn, key } = this.#plan;
    const { tail, log } = this.#source;
    const limit = toLsn ?? log.durableLsn;
    if (this.#nextLsn <= log.horizon) throw positionCompacted(this.#nextLsn, log.horizon);
    if (this.#lookedTo > 0) return this.#findEnd(limit);
    const isAtEnd = this.#phase === "live" && this.#splitLastLsn === 0;
    const shared = isAtEnd ? tail.batchAt(this.#position, key) : undefined;
    if (shared !== undefined && shared.lastLsn <= limit) {
      this.#position = shared.nextLsn;
      this.#nextLsn = shared.nextLsn;
      return shared;
    }
    this.#decoder.begin();
    this.#bytes = 0;
    while (this.#changes.length < changesPerBatch && this.#bytes < bytesPerBatch) {
      const frame = this.#frame(limit);
      if (frame === undefined) return this.#atEnd(isAtEnd);
      if (!this.#take(frame)) return this.#findEnd(limit);
    }
    return this.#batch(isAtEnd);
  }

  #frame(limit: number): LoadedFrame | undefined {
    if (this.#nextLsn > limit) return undefined;
    return this.#source.tail.frameAtOrAfter(this.#source.log, this.#nextLsn, limit);
  }

  /** Takes frames in until a transaction ends; false where that is too large for a batch. */
  #take(first: LoadedFrame): boolean {
    let frame = first;
    for (;;) {
      this.#openFrom = this.#decode(frame);
      this.#nextLsn = frame.firstLsn + frame.eventCount;
      this.#bytes += frame.to - frame.from;
      const isOver = (frame.flags & FRAME_FLAG.unfinished) === 0;
      if (isOver || this.#splitLastLsn !== 0) {
        this.#openBytes = 0;
        if (isOver) this.#splitLastLsn = 0;
        return true;
      }
      this.#openBytes += frame.to - frame.from;
      if (this.#openBytes > wholeTransactionBytesMax) {
        this.#lookedTo = this.#nextLsn;
        return false;
      }
      frame = this.#restOf(this.#nextLsn);
    }
  }

  /** Adds the changes of a frame, all of them or none. */
  #decode(frame: LoadedFrame): number {
    const count = this.#changes.length;
    try {
      const { fromLsn } = this.#plan;
      return this.#decoder.decode(
        frame,
        fromLsn,
        this.#changes,
        this.#openFrom,
        this.#splitLastLsn,
      );
    } catch (error) {
      this.#changes.length = count;
      throw error;
    }
  }

  /** The next frame of a transaction that is durable, hence there. */
  #restOf(lsn: number): LoadedFrame {
    const { tail, log } = this.#source;
    const frame = tail.frameAtOrAfter(log, lsn, log.durableLsn);
    if (frame !== undefined) return frame;
    throw new VarveError("CORRUPT", `the transaction that holds LSN ${lsn} has no end`, {
      details: { lsn },
    });
  }

  /** Looks for the last LSN of a transaction that is too large for one batch, then delivers its first part. */
  #findEnd(limit: number): Reading {
    for (let bytes = 0; bytes < bytesPerLook; ) {
      const frame = this.#restOf(this.#lookedTo);
      bytes += frame.to - frame.from;
      this.#lookedTo = frame.firstLsn + frame.eventCount;
      if ((frame.flags & FRAME_FLAG.unfinished) !== 0) continue;
      this.#splitLastLsn = this.#lookedTo - 1;
      this.#lookedTo = 0;
      for (let i = this.#openFrom; i < this.#changes.length; i++) {
        this.#changes[i]!.txLastLsn = this.#splitLastLsn;
      }
      return this.#changes.length > 0 ? this.#batch(false) : this.#readLog();
    }
    return limit >= this.#lookedTo ? "again" : "wait";
  }

  /** What there is to say where the log has no more. */
  #atEnd(isShareable: boolean): Reading {
    if (this.#changes.length > 0) return this.#batch(isShareable);
    const hasPassed = this.#nextLsn > this.#position;
    if (this.#plan.toLsn !== undefined) return hasPassed ? this.#batch(false) : "end";
    if (this.#phase !== "live") {
      this.#phase = "live";
      return this.#mark("caught-up");
    }
    if (hasPassed) return this.#batch(isShareable);
    const { poison } = this.#source.log;
    if (poison !== undefined) throw poison;
    return "wait";
  }

  /** What was read since the last batch; without changes, that it was passed. */
  #batch(isShareable: boolean): ChangeBatch {
    if (this.#changes.length === 0) return this.#mark("progress");
    const changes = this.#changes;
    this.#changes = [];
    this.#openFrom = 0;
    this.#openBytes = 0;
    const batch = {
      changes,
      firstLsn: this.#position,
      lastLsn: this.#nextLsn - 1,
      nextLsn: this.#nextLsn,
      phase: this.#phase,
    };
    if (this.#phase === "live") freezeBatch(batch);
    if (isShareable && this.#splitLastLsn === 0) {
      this.#source.tail.share(this.#position, this.#plan.key, batch);
    }
    this.#position = this.#nextLsn;
    return batch;
  }

  #mark(mark: "caught-up" | "progress"): ChangeBatch {
    const firstLsn = this.#position;
    this.#position = this.#nextLsn;
    const nextLsn = this.#nextLsn;
    return { changes: [], firstLsn, lastLsn: nextLsn - 1, nextLsn, phase: this.#phase, mark };
  }
}

/** The keys of nodes are read from the index: what has met its damage goes on where it stood. */
function isRebuilding(error: unknown): boolean {
  return error instanceof VarveError && error.code === "INDEX_REBUILDING";
}

function aborted(signal: AbortSignal): VarveError {
  return new VarveError("ABORTED", "changes: the feed was aborted", { cause: signal.reason });
}
