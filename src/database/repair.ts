// `repair`: makes a damaged database one that opens again, or only says what that would cost.

import { VarveError } from "../codec/errors.ts";
import { salvage } from "../recovery/salvage.ts";
import type { LostRange, SalvageReport } from "../recovery/salvage-report.ts";
import { open } from "./open.ts";
import { type OpenOptions, settingsFrom } from "./options.ts";

export interface RepairOptions extends OpenOptions {
  /** Only say what is damaged and what would be lost; nothing is changed, and no lock is taken. Default false. */
  readonly dryRun?: boolean | undefined;
}

export interface RepairReport {
  /** Whether nothing was amiss, so that nothing had to be done. */
  readonly sound: boolean;
  /** LSNs that are lost, or would be, in order. */
  readonly lost: readonly LostRange[];
  /** Last LSN of the database, and that of a dry run. */
  readonly lastLsn: number;
  /** Files, relative to the database, that keep what was replaced. */
  readonly quarantined: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Opens the database at `path` with `recovery: "salvage"` and closes it again; with `dryRun` says what that would do.
 *
 * @throws as `open` does; CORRUPT where there is nothing to begin with.
 */
export async function repair(path: string, options: RepairOptions = {}): Promise<RepairReport> {
  const { dryRun = false, ...given } = options;
  if (typeof dryRun !== "boolean") throw new TypeError("repair: dryRun must be true or false");
  if (dryRun) return await tried(path, given);
  const db = await open(path, { ...given, create: false, recovery: "salvage" });
  const { recovery } = db;
  await db.close();
  const { lost, lastLsn, quarantined, warnings } = recovery;
  return { sound: lost === undefined, lost: lost ?? [], lastLsn, quarantined, warnings };
}

async function tried(path: string, options: OpenOptions): Promise<RepairReport> {
  const { ports, segmentBytes } = settingsFrom({ ...options, recovery: "salvage" });
  const directory = ports.disk.resolve(path);
  if ((await ports.disk.stat(directory))?.kind !== "directory") {
    throw new VarveError("NOT_FOUND", `there is no database at ${directory}`, {
      details: { path },
    });
  }
  const report: SalvageReport = await salvage(ports, directory, { segmentBytes, dryRun: true });
  const { sound, lost, lastLsn, warnings } = report;
  return { sound, lost, lastLsn, quarantined: [], warnings };
}
