// Opening beside a writer, or beside none: without a lock, without a write, up to the watermark.
import { VarveError } from "../codec/errors.ts";
import { nodeDiagnostics } from "../disk/node-diagnostics.ts";
import type { DiskLock, Ports } from "../disk/ports.ts";
import type { Schema } from "../graph/types.ts";
import { GraphIndex } from "../index/graph-index.ts";
import { FollowedLog } from "../log/followed-log.ts";
import { NameTable } from "../log/name-table.ts";
import { classifyDirectory, type DirectoryKind } from "../recovery/database-directory.ts";
import type { RecoveryReport } from "../recovery/recovery-report.ts";
import { CountAnchors } from "./count-anchors.ts";
import { Database } from "./database.ts";
import { DatabaseCore } from "./database-core.ts";
import type { Settings } from "./options.ts";
import { replaySink } from "./replay-sink.ts";
import { RunKeeper } from "./run-keeper.ts";
import { SystemState } from "./system-values.ts";
import type { Tuning } from "./tuning.ts";

const noLock: DiskLock = { release: () => Promise.resolve() };

/** What looks damaged so many times in a row is so; before that a writer may have been at it. */
const attemptsMax = 5;

export async function openReadOnly<S = Schema>(
  directory: string,
  settings: Settings,
  tuning: Tuning,
): Promise<Database<S>> {
  const { ports } = settings;
  const startedMs = ports.clock.monotonicMs();
  if ((await classifyFollowed(ports, directory)) !== "database") {
    throw new VarveError("NOT_FOUND", `there is no database at ${directory}`, {
      details: { path: directory },
    });
  }
  const names = new NameTable();
  const index = new GraphIndex(names, tuning.index);
  const state = new SystemState();
  const anchors = new CountAnchors(tuning.countAnchorEvents);
  // The whole log is replayed: this is the place to begin behind a checkpoint instead.
  const log = await index.replaying(() =>
    FollowedLog.open(ports, directory, replaySink(index, state, anchors), tuning),
  );
  const report = reportOf(log, ports.clock.monotonicMs() - startedMs);
  const core = new DatabaseCore({
    log,
    index,
    names,
    state,
    anchors,
    runs: new RunKeeper(ports, directory, index, tuning),
    settings,
    tuning,
    directory,
    diagnostics: nodeDiagnostics,
    savedRuns: -1,
    refill: () => Promise.resolve(),
  });
  log.isAwaited = () => core.tail.size > 0;
  return new Database<S>(core, noLock, report);
}

async function classifyFollowed({ disk, scheduler }: Ports, path: string): Promise<DirectoryKind> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await classifyDirectory(disk, path, true);
    } catch (error) {
      const isDamage = error instanceof VarveError && error.code === "CORRUPT";
      if (!isDamage || attempt === attemptsMax) throw error;
      await new Promise<void>((resolve) => scheduler.task(resolve));
    }
  }
}

/** Nothing was recovered: that is the next writer's to do. */
function reportOf(log: FollowedLog, elapsedMs: number): RecoveryReport {
  return {
    clean: log.isClean,
    checkpointLsn: 0,
    lastLsn: log.durableLsn,
    replayedEvents: log.replayedEvents,
    truncatedBytes: 0,
    quarantined: [],
    rebuilt: [],
    elapsedMs,
    warnings: [],
  };
}
