// Counters and sizes for users and for the command.
import type { TreeName } from "../index/tree-kind.ts";
import { NAME_KIND } from "../log/name-table.ts";
import { type ConsumerInfo, consumerInfos } from "./consumer.ts";
import type { DatabaseCore } from "./database-core.ts";
import type { HistoryStats } from "./history-stats.ts";
import type { PressureReason } from "./next-stage.ts";
import type { ProjectionInfo } from "./projection.ts";
import { type TreeStats, treeStats } from "./tree-stats.ts";

export interface GraphStats {
  readonly name: string;
  readonly nodes: number;
  readonly edges: number;
}

export interface MapStats {
  readonly name: string;
  readonly entries: number;
}

/** Sizes in bytes, counters since the database was opened. */
export interface DatabaseStats {
  /** Of the default graph. */
  readonly nodes: number;
  readonly edges: number;
  /** The other graphs, and the maps, by name. */
  readonly graphs: readonly GraphStats[];
  readonly maps: readonly MapStats[];
  /** Events in the log. */
  readonly events: number;
  readonly lastLsn: number;
  readonly durableLsn: number;
  readonly checkpointLsn: number;
  readonly segments: number;
  readonly bytes: {
    /** Segment files, headers and frames. */
    readonly log: number;
    /** Files of the trees that reads use. */
    readonly index: number;
    readonly total: number;
    /** In-memory trees, active and frozen, and the memory of those that were flushed, which the next ones take. */
    readonly memory: number;
    /** Pages and filters of the trees on disk that are held in memory. */
    readonly pageCache: number;
    /** Accepted and not yet durable. */
    readonly pending: number;
  };
  readonly counters: {
    readonly reads: number;
    readonly writes: number;
    readonly syncs: number;
    readonly opens: number;
    /** Bytes of log written. */
    readonly bytes: number;
    /** Bytes of index files written by flushes, and by merges again. */
    readonly flushedBytes: number;
    readonly mergedBytes: number;
    readonly flushes: number;
    readonly merges: number;
    readonly checkpoints: number;
    /** Pages of the trees on disk: found in the cache, and read. */
    readonly pageHits: number;
    readonly pageMisses: number;
    /** Frames of the log: found in the cache, and read. */
    readonly frameHits: number;
    readonly frameMisses: number;
    readonly splits: number;
    readonly frames: number;
    readonly groups: number;
    readonly transactions: number;
    readonly rolls: number;
  };
  readonly checkpoint: {
    /** As `checkpointLsn`. */
    readonly lsn: number;
    /** Milliseconds since it was installed; undefined where that was before this open. */
    readonly ageMs: number | undefined;
    /** Events accepted since, which an open after a kill would replay. */
    readonly lag: number;
  };
  readonly index: {
    /** Sets of trees on disk that reads may have to look into. */
    readonly runs: number;
    /** Whether a part of the in-memory trees is being written to disk, and whether runs are being merged. */
    readonly isFlushing: boolean;
    readonly isMerging: boolean;
    /** How often the index was made anew since the open, because a file of it was damaged. */
    readonly rebuilds: number;
    readonly trees: Readonly<Record<TreeName, TreeStats>>;
  };
  /** Durable consumers, with how many LSNs each is behind the durable LSN. */
  readonly consumers: readonly ConsumerInfo[];
  readonly projections: readonly ProjectionInfo[];
  /** How far the history goes back, and what keeps compaction from going further. */
  readonly history: HistoryStats;
  /** Calls of `transact` that wait, and for what: a sync, a flush of the index, or a merge. */
  readonly pressure: {
    readonly waiting: number;
    readonly reason: PressureReason | undefined;
    /** Why the last step of the background failed; it is tried again. */
    readonly failure: string | undefined;
  };
}

export function statsOf(core: DatabaseCore, projections: readonly ProjectionInfo[]): DatabaseStats {
  const { log, index, queue, runs, background, settings } = core;
  const { stages, rebuild, stalled } = background;
  const { counters, bytes, segments, events, pendingBytes, ...frames } = log.stats();
  const trees = treeStats(runs);
  const all = Object.values(trees);
  const pageMisses = all.reduce((sum, tree) => sum + tree.misses, 0);
  const { savedAtMs } = stages;
  // The stages stand still where another process saves the checkpoints.
  const checkpointLsn = settings.readOnly ? (log.checkpoints[0]?.lsn ?? 0) : stages.checkpointLsn;
  return {
    nodes: index.nodeCount,
    edges: index.edgeCount,
    ...familyStats(core),
    events,
    lastLsn: log.acceptedLsn,
    durableLsn: log.durableLsn,
    checkpointLsn,
    segments,
    bytes: {
      log: bytes,
      index: runs.bytes,
      total: bytes + runs.bytes,
      memory: index.activeBytes + index.frozenBytes + index.spareBytes,
      pageCache: runs.cache.bytes,
      pending: pendingBytes,
    },
    counters: {
      reads: frames.frameMisses + pageMisses,
      writes: counters.writes,
      syncs: counters.syncs,
      opens: frames.opens,
      bytes: counters.bytesWritten,
      flushedBytes: runs.counters.bytesFlushed,
      mergedBytes: runs.counters.bytesMerged,
      flushes: runs.counters.flushes,
      merges: runs.counters.merges,
      checkpoints: stages.checkpoints,
      pageHits: all.reduce((sum, tree) => sum + tree.hits, 0),
      pageMisses,
      frameHits: frames.frameHits,
      frameMisses: frames.frameMisses,
      splits: index.splits,
      frames: counters.frames,
      groups: counters.groups,
      transactions: counters.transactions,
      rolls: counters.rolls,
    },
    checkpoint: {
      lsn: checkpointLsn,
      ageMs: savedAtMs === undefined ? undefined : settings.ports.clock.monotonicMs() - savedAtMs,
      lag: log.acceptedLsn - checkpointLsn,
    },
    index: {
      runs: runs.runs.length,
      isFlushing: index.frozen !== undefined,
      isMerging: runs.isMerging,
      rebuilds: rebuild.count,
      trees,
    },
    consumers: consumerInfos(core),
    projections,
    history: background.compaction.stats(),
    pressure: {
      waiting: queue.length,
      reason: queue.pressure ?? (queue.length > 0 ? "sync" : undefined),
      failure: stalled === undefined ? undefined : String(stalled),
    },
  };
}

/** Graphs and maps, by name. */
function familyStats({ index, names }: DatabaseCore): Pick<DatabaseStats, "graphs" | "maps"> {
  const graphs: GraphStats[] = [];
  const maps: MapStats[] = [];
  for (const { number, kind, nodes, edges } of index.families.live()) {
    const name = names.nameOf(number) ?? "";
    if (kind === NAME_KIND.graph) graphs.push({ name, nodes, edges });
    else maps.push({ name, entries: nodes });
  }
  return { graphs: graphs.sort(byName), maps: maps.sort(byName) };
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1;
}
