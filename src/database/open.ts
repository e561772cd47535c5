// Opening: from a path and options to a database that serves.
import { VarveError } from "../codec/errors.ts";
import type { DiskLock } from "../disk/ports.ts";
import type { Schema } from "../graph/types.ts";
import { GraphIndex } from "../index/graph-index.ts";
import type { GraphIndexOptions } from "../index/graph-trees.ts";
import { NameTable } from "../log/name-table.ts";
import { SegmentLog } from "../log/segment-log.ts";
import {
  classifyDirectory,
  createDirectory,
  createManifest,
} from "../recovery/database-directory.ts";
import { recover } from "../recovery/recover.ts";
import { Database } from "./database.ts";
import { DatabaseCore } from "./database-core.ts";
import { openReadOnly } from "./open-read-only.ts";
import { type OpenOptions, type Settings, settingsFrom } from "./options.ts";
import { replaySink } from "./replay-sink.ts";
import { SystemState } from "./system-values.ts";

/** The share of the memory budget that caches log frames. */
const frameCacheShare = 1 / 8;

/**
 * Opens the database at `path`, a directory; creates it where there is none (unless `create` is
 * false). Recovers by itself from any crash; `db.recovery` tells what it found. With `readOnly` it does neither.
 *
 * @param path the database's directory; its parent must exist.
 * @returns the database; close it with `close()` or `await using`.
 * @throws `TypeError` and `RangeError` for bad options; `VarveError` NOT_FOUND, EXISTS,
 *   NOT_A_DATABASE, LOCKED (another process or this one has it open), CORRUPT (acknowledged data is
 *   damaged; nothing was changed), FORMAT_UNSUPPORTED, DISK_FULL, IO, ABORTED.
 * @remarks What is recovered is durable before this resolves. Cost: replays the whole log, at
 *   millions of events per second.
 */
export async function open<S = Schema>(
  path: string,
  options: OpenOptions = {},
): Promise<Database<S>> {
  if (typeof path !== "string" || path === "" || path.includes("\0")) {
    throw new TypeError("open: path must be a non-empty string without NUL");
  }
  const settings = settingsFrom(options);
  const { disk } = settings.ports;
  const directory = disk.resolve(path);
  abortIfAsked(settings);
  if (settings.readOnly) {
    const frameCacheBytes = settings.memoryBudget * frameCacheShare;
    const index = indexSizes(settings.memoryBudget);
    return await openReadOnly<S>(directory, settings, { index, frameCacheBytes });
  }
  const kind = await classifyDirectory(disk, directory);
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
    return await openLocked<S>(directory, settings, lock);
  } catch (error) {
    await lock.release().catch(() => {});
    throw error;
  }
}

async function openLocked<S>(
  directory: string,
  settings: Settings,
  lock: DiskLock,
): Promise<Database<S>> {
  const { ports } = settings;
  // Another process may have created it, or finished with it, before the lock was ours.
  if ((await classifyDirectory(ports.disk, directory)) !== "database") {
    const created = await createManifest(ports, directory);
    await created.close();
  }
  abortIfAsked(settings);
  const names = new NameTable();
  const index = new GraphIndex(names, indexSizes(settings.memoryBudget));
  const state = new SystemState();
  const sink = replaySink(index, state);
  const { parts, report } = await index.replaying(() =>
    recover(ports, directory, { segmentBytes: settings.segmentBytes }, sink),
  );
  const log = new SegmentLog(parts, {
    segmentBytes: settings.segmentBytes,
    syncIntervalMs: settings.syncIntervalMs,
    allocationFlushMs: settings.allocationFlushMs,
    frameCacheBytes: settings.memoryBudget * frameCacheShare,
  });
  const core = new DatabaseCore(log, index, names, state, settings, directory);
  return new Database<S>(core, lock, report);
}

/** What the indexes take from the start, in proportion to the budget, up to the size beyond which it wins nothing. */
function indexSizes(memoryBudget: number): GraphIndexOptions {
  const keyCacheSlots = 2 ** Math.min(19, Math.floor(Math.log2(memoryBudget / 512)));
  return { keyCacheSlots, keyStringSlots: keyCacheSlots / 8, chunkBytes: keyCacheSlots * 2 };
}

function abortIfAsked({ signal }: Settings): void {
  if (!signal?.aborted) return;
  throw new VarveError("ABORTED", "open: aborted", { cause: signal.reason });
}
