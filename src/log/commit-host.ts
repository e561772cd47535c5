// What group commit needs of the log around it, and what it counts.
import type { Clock, Scheduler } from "../disk/ports.ts";
import type { ActiveSegment } from "./active-segment.ts";
import type { Hash64 } from "./fields.ts";
import type { PendingTransaction } from "./group.ts";

/** What the queue needs of the log around it. */
export interface CommitHost {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly syncIntervalMs: number;
  /** Bytes of frames that a segment takes before the next group needs a new one. */
  readonly segmentDataBytesMax: number;
  readonly segmentBytes: number;
  active(): ActiveSegment;
  /** Seals the active segment and installs a new one; resumable after a failure. */
  roll(): Promise<void>;
  /** A sync has made everything up to here durable: leave a witness before anyone is told. */
  witness(durableLsn: number, lastHash: Hash64): void;
  /** Transactions that will not be durable, newest first; their effects must vanish now. */
  rolledBack(transactions: readonly PendingTransaction[]): void;
  /** The durable LSN has moved, or nothing is pending any more: everyone who waited was told. */
  durableAdvanced(durableLsn: number): void;
}

export interface CommitCounters {
  groups: number;
  frames: number;
  writes: number;
  syncs: number;
  bytesWritten: number;
  transactions: number;
  rolls: number;
}

/** Before anything is committed. */
export const noCounters: Readonly<CommitCounters> = {
  groups: 0,
  frames: 0,
  writes: 0,
  syncs: 0,
  bytesWritten: 0,
  transactions: 0,
  rolls: 0,
};
