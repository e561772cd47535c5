// The log as the rest of the engine sees it; another log (a replicated one, say) can stand behind this.
import type { VarveError } from "../codec/errors.ts";
import type { AllocationEntry } from "./allocation-table.ts";
import type { CommitCounters } from "./commit-host.ts";
import type { EventBatch } from "./event-batch.ts";
import type { EventLookup } from "./event-lookup.ts";
import type { LoadedFrame } from "./frame-source.ts";
import type { CommitLevel, CommitTicket, FrameMark, PendingTransaction } from "./group.ts";
import type { HistoryPins } from "./history-pins.ts";
import type { LogPosition } from "./log-position.ts";
import type { CheckpointRef } from "./manifest-codec.ts";
import type { SegmentRewriting } from "./segment-rewriting.ts";
import type { SegmentView } from "./segment-view.ts";

/** Told when accepted transactions will not become durable, and when the durable LSN moves. */
export interface LogListener {
  /** Newest first. Their effects must have vanished when this returns. */
  rolledBack(transactions: readonly PendingTransaction[]): void;
  durableAdvanced(durableLsn: number): void;
}

export interface Log {
  /** Sixteen bytes, the same in every file of the database. */
  readonly databaseId: Uint8Array;
  readonly events: EventLookup;
  /** Last LSN accepted and not rejected. */
  readonly acceptedLsn: number;
  /** Last LSN known to survive a power cut. */
  readonly durableLsn: number;
  /** The LSN that the next event gets. */
  readonly nextLsn: number;
  /** States at and above this LSN, and changes above it, are all there; what came before may be compacted. 0: nothing ever was. */
  readonly horizon: number;
  /** Events of what was erased up to this LSN are gone; 0 where nothing ever was. */
  readonly erasedLsn: number;
  /** What compaction has to leave alone. */
  readonly pins: HistoryPins;
  /** Bytes accepted and not yet durable. */
  readonly pendingBytes: number;
  /** Why nothing can be written any more, once a sync has failed. */
  readonly poison: VarveError | undefined;

  listen(listener: LogListener): void;
  /** Takes a finished batch over, copying it. Never waits; the ticket is told how it ends. */
  accept(batch: EventBatch, level: CommitLevel, ticket: CommitTicket): PendingTransaction;
  /** Acknowledges a transaction of level "accepted" and has it synced within so many ms. */
  settleAccepted(transaction: PendingTransaction, withinMs: number): void;
  requestSync(): void;
  /** Resolves once all that was accepted is durable. */
  flush(): Promise<void>;
  whenDurable(lsn: number): Promise<void>;
  /** Resolves once everything accepted so far is durable or gone, or the log is poisoned; never rejects. */
  settled(): Promise<void>;
  /** Flushes the segment table now. */
  flushAllocation(): Promise<boolean>;
  /** The next transaction accepted begins a new frame, so that a checkpoint's LSN ends one. */
  endFrame(): FrameMark;
  /** The end of the last frame with events that begins at or below `lsn`, which must be durable. */
  positionAfter(lsn: number): LogPosition;
  /** The end of the frame marked, which is written: that of `positionAfter(lsn)`, or of one without events behind it. */
  positionAt(mark: FrameMark, lsn: number): LogPosition;
  /** The segment table as it stands, for a checkpoint to hold. */
  allocation(): readonly AllocationEntry[];
  /** Makes an encoded checkpoint durable, whose replay begins at a position, and the files that it names by their names; their contents are synced before. */
  saveCheckpoint(bytes: Uint8Array, number: number, position: LogPosition): Promise<void>;
  /** Forgets every checkpoint but the newest, and removes their files; not the trees that they name. */
  dropOldCheckpoints(): Promise<void>;
  /** Newest first. */
  readonly checkpoints: readonly CheckpointRef[];
  /** The frame that holds `lsn`, or the next with events behind it. */
  frameAtOrAfter(lsn: number): LoadedFrame | undefined;
  /** The segments, in order: their names and how far each reaches now. */
  segments(): readonly SegmentView[];
  /** Makes durable how far the log is known to be durable: no recovery moves what lies below to another segment. */
  syncWatermark(): Promise<void>;
  /** How compaction replaces segments; undefined where nothing is ever written. */
  readonly rewriting: SegmentRewriting | undefined;
  stats(): LogStats;
  /** Makes everything durable, leaves a clean mark, and closes every file. */
  close(): Promise<void>;
}

export interface LogStats {
  readonly segments: number;
  readonly events: number;
  readonly bytes: number;
  readonly counters: Readonly<CommitCounters>;
  readonly frameHits: number;
  readonly frameMisses: number;
  readonly opens: number;
  readonly pendingBytes: number;
}
