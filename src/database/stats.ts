// Counters and sizes for users and for the command.
import { type ConsumerInfo, consumerInfos } from "./consumer.ts";
import type { DatabaseCore } from "./database-core.ts";
import type { ProjectionInfo } from "./projection.ts";

/** Sizes in bytes, counters since the database was opened. */
export interface DatabaseStats {
  readonly nodes: number;
  readonly edges: number;
  /** Events in the log. */
  readonly events: number;
  readonly lastLsn: number;
  readonly durableLsn: number;
  readonly checkpointLsn: number;
  readonly segments: number;
  readonly bytes: {
    /** Segment files, headers and frames. */
    readonly log: number;
    /** Index files on disk: none in this version. */
    readonly index: number;
    readonly total: number;
    /** In-memory trees. */
    readonly memory: number;
    /** Accepted and not yet durable. */
    readonly pending: number;
  };
  readonly counters: {
    readonly reads: number;
    readonly writes: number;
    readonly syncs: number;
    readonly opens: number;
    readonly bytes: number;
    readonly pageHits: number;
    readonly pageMisses: number;
    readonly splits: number;
    readonly frames: number;
    readonly groups: number;
    readonly transactions: number;
    readonly rolls: number;
  };
  /** Durable consumers, with how many LSNs each is behind the durable LSN. */
  readonly consumers: readonly ConsumerInfo[];
  readonly projections: readonly ProjectionInfo[];
  /** Calls of `transact` that wait because too much is not durable yet, and why. */
  readonly pressure: { readonly waiting: number; readonly reason: "sync" | undefined };
}

export function statsOf(core: DatabaseCore, projections: readonly ProjectionInfo[]): DatabaseStats {
  const { log, index, queue } = core;
  const { counters, frameHits, frameMisses, opens, bytes, segments, events, pendingBytes } =
    log.stats();
  return {
    nodes: index.nodeCount,
    edges: index.edgeCount,
    events,
    lastLsn: log.acceptedLsn,
    durableLsn: log.durableLsn,
    checkpointLsn: 0,
    segments,
    bytes: { log: bytes, index: 0, total: bytes, memory: index.bytes, pending: pendingBytes },
    counters: {
      reads: frameMisses,
      writes: counters.writes,
      syncs: counters.syncs,
      opens,
      bytes: counters.bytesWritten,
      pageHits: frameHits,
      pageMisses: frameMisses,
      splits: index.splits,
      frames: counters.frames,
      groups: counters.groups,
      transactions: counters.transactions,
      rolls: counters.rolls,
    },
    consumers: consumerInfos(core),
    projections,
    pressure: {
      waiting: queue.length,
      reason: queue.underPressure || queue.length > 0 ? "sync" : undefined,
    },
  };
}
