// What `stats().history` tells of compaction.
import type { HeldBack } from "../compaction/horizon.ts";

/** What compaction has done since the database was opened, and what it may do next. */
export interface HistoryStats {
  /** States at this LSN and above, and changes above it, are whole; 0 where nothing was ever compacted. */
  readonly horizon: number;
  /** Where the horizon would be if nothing but the policy counted. */
  readonly target: number;
  /** What lets it go least far; undefined where nothing keeps it below the durable LSN. */
  readonly heldBackBy: HeldBack | undefined;
  /** Names of consumers and projections that are too far behind to hold it, see `maxConsumerLag`. */
  readonly expired: readonly string[];
  readonly segmentsRewritten: number;
  /** Events that became gaps. */
  readonly eventsDropped: number;
  readonly bytesFreed: number;
  /** Whether a segment is being rewritten. */
  readonly isCompacting: boolean;
  /** Nodes that `erase` was called for and that are not gone from the files yet. */
  readonly pendingErasures: number;
}
