// Opening beside a writer, or beside none: without a lock, without a write, up to the watermark.
import { VarveError } from "../codec/errors.ts";
import { nodeDiagnostics } from "../disk/node-diagnostics.ts";
import type { DiskLock, Ports } from "../disk/ports.ts";
import type { Schema } from "../graph/types.ts";
import { GraphIndex } from "../index/graph-index.ts";
import { FollowedLog } from "../log/followed-log.ts";
import { NameTable } from "../log/name-table.ts";
import { classifyDirectory, type DirectoryKind } from "../recovery/database-directory.ts";
import { isTreeFault } from "../recovery/recovery-base.ts";
import type { RecoveryReport } from "../recovery/recovery-report.ts";
import { CountAnchors } from "./count-anchors.ts";
import { Database } from "./database.ts";
import { DatabaseCore } from "./database-core.ts";
import { Follower } from "./follower.ts";
import type { Settings } from "./options.ts";
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
  const runs = new RunKeeper(ports, directory, index, tuning);
  const follower = new Follower({
    ports,
    directory,
    index,
    names,
    state,
    anchors,
    runs,
    tuning,
  });
  const log = await index.replaying(() => follow(ports, directory, follower, tuning));
  const report = reportOf(log, follower, ports.clock.monotonicMs() - startedMs);
  const core = new DatabaseCore({
    log,
    index,
    names,
    state,
    anchors,
    runs,
    settings,
    tuning,
    directory,
    diagnostics: nodeDiagnostics,
    savedRuns: -1,
    refill: () => follower.refill(),
    renew: () => follower.renew(),
  });
  follower.isUnusable = () => core.background.rebuild.isUnusable;
  follower.attach(log);
  log.isAwaited = () => core.tail.size > 0;
  return new Database<S>(core, noLock, report);
}

/** From behind the newest checkpoint; from the beginning where there is none, or where its trees prove to be damaged. */
async function follow(
  ports: Ports,
  directory: string,
  follower: Follower,
  { frameCacheBytes }: Tuning,
): Promise<FollowedLog> {
  const begin = follower.begin.bind(follower);
  try {
    return await FollowedLog.open(ports, directory, follower.sink, { frameCacheBytes, begin });
  } catch (error) {
    await follower.clear();
    if (!isTreeFault(error)) throw error;
    return await FollowedLog.open(ports, directory, follower.sink, { frameCacheBytes });
  }
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
function reportOf(
  log: FollowedLog,
  { checkpointLsn }: Follower,
  elapsedMs: number,
): RecoveryReport {
  return {
    clean: log.isClean,
    checkpointLsn,
    lastLsn: log.durableLsn,
    replayedEvents: log.replayedEvents,
    truncatedBytes: 0,
    quarantined: [],
    rebuilt: [],
    elapsedMs,
    warnings: [],
  };
}
