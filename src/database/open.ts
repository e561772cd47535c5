// Opening: from a path and options to a database that serves.
import { VarveError } from "../codec/errors.ts";
import { nodeDiagnostics } from "../disk/node-diagnostics.ts";
import type { DiskLock } from "../disk/ports.ts";
import type { Schema } from "../graph/types.ts";
import { GraphIndex } from "../index/graph-index.ts";
import { NameTable } from "../log/name-table.ts";
import { SegmentLog } from "../log/segment-log.ts";
import {
  classifyDirectory,
  createDirectory,
  createManifest,
  type DirectoryKind,
} from "../recovery/database-directory.ts";
import { recover } from "../recovery/recover.ts";
import type { RecoveryReport } from "../recovery/recovery-report.ts";
import { replayOpenLog } from "../recovery/replay-open-log.ts";
import { salvage } from "../recovery/salvage.ts";
import type { SalvageReport } from "../recovery/salvage-report.ts";
import { CountAnchors } from "./count-anchors.ts";
import { Database } from "./database.ts";
import { DatabaseCore } from "./database-core.ts";
import { IndexBase } from "./index-base.ts";
import { openReadOnly } from "./open-read-only.ts";
import { type OpenOptions, type Settings, settingsFrom } from "./options.ts";
import { RunKeeper } from "./run-keeper.ts";
import { SystemState } from "./system-values.ts";
import { type Tuning, tuningFor } from "./tuning.ts";

/**
 * Opens the database at `path`, a directory; creates it where there is none (unless `create` is
 * false). Recovers by itself from any crash; `db.recovery` tells what it found. With `readOnly` it does neither.
 *
 * @param path the database's directory; its parent must exist.
 * @returns the database; close it with `close()` or `await using`.
 * @throws `TypeError` and `RangeError` for bad options; `VarveError` NOT_FOUND, EXISTS,
 *   NOT_A_DATABASE, LOCKED (another process or this one has it open), CORRUPT (acknowledged data is
 *   damaged; nothing was changed), FORMAT_UNSUPPORTED, DISK_FULL, IO, ABORTED.
 * @remarks What is recovered is durable before this resolves. Cost: replays what the log has behind the newest
 *   checkpoint, some half a million events at most after a crash; all of it where the index files are damaged.
 */
export function open<S = Schema>(path: string, options: OpenOptions = {}): Promise<Database<S>> {
  return openTuned<S>(path, options, {});
}

/** `open`, with sizes that the tests make so small that everything happens on tiny inputs. */
export async function openTuned<S = Schema>(
  path: string,
  options: OpenOptions,
  tuned: Partial<Tuning>,
): Promise<Database<S>> {
  if (typeof path !== "string" || path === "" || path.includes("\0")) {
    throw new TypeError("open: path must be a non-empty string without NUL");
  }
  const settings = settingsFrom(options);
  const { disk } = settings.ports;
  const directory = disk.resolve(path);
  abortIfAsked(settings);
  const tuning = { ...tuningFor(settings.memoryBudget), ...tuned };
  if (settings.readOnly) return await openReadOnly<S>(directory, settings, tuning);
  const kind = await classify(directory, settings);
  if (kind !== "database" && !settings.create) {
    throw new VarveError("NOT_FOUND", `there is no database at ${directory}`, {
      details: { path },
    });
  }
  if (kind === "database" && settings.exclusive) {
    throw new VarveError("EXISTS", `there is a database at ${directory} already`, {
      details: { path },
    });
  }
  if (kind !== "database") await createDirectory(disk, directory, kind);
  const lock = await disk.lock(directory, "varve");
  try {
    return await openLocked<S>(directory, kind, settings, tuning, lock);
  } catch (error) {
    await lock.release().catch(() => {});
    throw error;
  }
}

async function openLocked<S>(
  directory: string,
  kindBefore: DirectoryKind,
  settings: Settings,
  tuning: Tuning,
  lock: DiskLock,
): Promise<Database<S>> {
  const { ports } = settings;
  // Another process may have created it, or finished with it, before the lock was ours.
  if (kindBefore !== "database" && (await classify(directory, settings)) !== "database") {
    const created = await createManifest(ports, directory);
    await created.close();
  }
  abortIfAsked(settings);
  const salvaged = settings.salvages ? await salvaging(directory, settings) : undefined;
  const names = new NameTable();
  const index = new GraphIndex(names, tuning.index);
  const state = new SystemState();
  const runs = new RunKeeper(ports, directory, index, tuning);
  const anchors = new CountAnchors(tuning.countAnchorEvents);
  const base = new IndexBase(index, names, state, runs, tuning, anchors);
  try {
    const { segmentBytes, syncIntervalMs, allocationFlushMs } = settings;
    const { parts, report: found } = await index.replaying(() =>
      recover(ports, directory, { segmentBytes }, base, base),
    );
    const report = salvaged === undefined ? found : withSalvage(found, salvaged);
    const log = new SegmentLog(parts, {
      segmentBytes,
      syncIntervalMs,
      allocationFlushMs,
      frameCacheBytes: tuning.frameCacheBytes,
    });
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
      savedRuns: base.savedVersion,
      refill: async (from) => {
        await index.replaying(() => replayOpenLog(ports.disk, directory, from, base.refilling()));
      },
    });
    nodeDiagnostics.publish("recover", { path: directory, ...report });
    return new Database<S>(core, lock, report);
  } catch (error) {
    await runs.close();
    throw error;
  }
}

/** What a salvage is for may look like no database at all. */
async function classify(directory: string, settings: Settings): Promise<DirectoryKind> {
  try {
    return await classifyDirectory(settings.ports.disk, directory);
  } catch (error) {
    const isDamaged = error instanceof VarveError && error.code === "CORRUPT";
    if (settings.salvages && isDamaged) return "database";
    throw error;
  }
}

/** What a salvage did, where there was something to do. */
async function salvaging(
  directory: string,
  { ports, segmentBytes }: Settings,
): Promise<SalvageReport | undefined> {
  const report = await salvage(ports, directory, { segmentBytes, dryRun: false });
  return report.sound ? undefined : report;
}

function withSalvage(report: RecoveryReport, { lost, warnings }: SalvageReport): RecoveryReport {
  return { ...report, lost, warnings: [...warnings, ...report.warnings] };
}

function abortIfAsked({ signal }: Settings): void {
  if (!signal?.aborted) return;
  throw new VarveError("ABORTED", "open: aborted", { cause: signal.reason });
}
