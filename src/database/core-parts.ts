// What an open database is put together from.
import type { Diagnostics } from "../disk/diagnostics.ts";
import type { GraphIndex } from "../index/graph-index.ts";
import type { Log } from "../log/log.ts";
import type { NameTable } from "../log/name-table.ts";
import type { CountAnchors } from "./count-anchors.ts";
import type { Settings } from "./options.ts";
import type { RunKeeper } from "./run-keeper.ts";
import type { SystemState } from "./system-values.ts";
import type { Tuning } from "./tuning.ts";

/** What a transaction of the system's own can write. */
export interface OwnWrites {
  /** Stores a value under a name; undefined takes the name away. */
  state(name: string, value: unknown): void;
  /** An event that does nothing and that nobody is told of. */
  pass(): void;
}

/** What opening hands over. */
export interface CoreParts {
  readonly log: Log;
  readonly index: GraphIndex;
  readonly names: NameTable;
  readonly state: SystemState;
  readonly anchors: CountAnchors;
  readonly runs: RunKeeper;
  readonly settings: Settings;
  readonly tuning: Tuning;
  readonly directory: string;
  readonly diagnostics: Diagnostics;
  /** The version of the runs that the newest checkpoint names. */
  readonly savedRuns: number;
  /** Fills an emptied index from the log. */
  refill(log: Log): Promise<void>;
  /** With `readOnly`: has the index read the newest checkpoint; resolves to whether it did not yet. */
  readonly renew?: (() => Promise<boolean>) | undefined;
}
