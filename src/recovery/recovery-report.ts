// What every open tells about how it found the database.

import type { LostRange } from "./salvage-report.ts";

/** How the database was found and what had to be done to open it; `db.recovery`. */
export interface RecoveryReport {
  /** Whether the last close had left everything in order (also true for a new database). */
  readonly clean: boolean;
  /** LSN of the checkpoint that replay began behind; 0 where the whole log was replayed. */
  readonly checkpointLsn: number;
  /** Last LSN of the database as recovered. */
  readonly lastLsn: number;
  /** Events read from the log to build the indexes: those behind the checkpoint. */
  readonly replayedEvents: number;
  /** Bytes of a torn, never durably acknowledged tail that were cut off. */
  readonly truncatedBytes: number;
  /** Files, relative to the database, that keep what was cut off or set aside. */
  readonly quarantined: readonly string[];
  /** Derived files that were missing or damaged and have been made again. */
  readonly rebuilt: readonly string[];
  /** Milliseconds that opening took. */
  readonly elapsedMs: number;
  /** Only after `recovery: "salvage"` had something to do: the LSNs that are lost. */
  readonly lost?: readonly LostRange[];
  /** Anything else worth a look, in words. */
  readonly warnings: readonly string[];
}
