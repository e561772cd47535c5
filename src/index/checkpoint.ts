// What a checkpoint holds: everything that is needed to go on from an LSN without the log before it.

import type { AllocationEntry } from "../log/allocation-table.ts";
import type { LogPosition } from "../log/log-position.ts";
import type { ScopedName } from "../log/name-table.ts";
import type { Family } from "./families.ts";
import type { RunRecord } from "./run-record.ts";

export interface Checkpoint {
  /** Grows by one with each checkpoint of a database; names its file. */
  readonly number: number;
  /** Every event up to this LSN is in the runs, and no other. */
  readonly lsn: number;
  /** The end of the frame that holds `lsn`: where a replay begins. */
  readonly position: LogPosition;
  /** The ids that the next new node and the next new tree file get. */
  readonly nextNodeId: number;
  readonly nextTreeId: number;
  /** Live nodes and edges of the default graph as of `lsn`. */
  readonly nodeCount: number;
  readonly edgeCount: number;
  /** Names of labels, types, props, events, graphs and maps; the first has number 1. */
  readonly names: readonly string[];
  /** Which of them are no plain names, ascending. */
  readonly scopedNames: readonly ScopedName[];
  /** What there is beside the default graph, and what was dropped. */
  readonly families: readonly Family[];
  /** The values of the system's own, encoded. */
  readonly states: readonly (readonly [name: string, value: Uint8Array])[];
  /** Newest first; their LSN ranges do not overlap. */
  readonly runs: readonly RunRecord[];
  /** The segment table as the log had it. */
  readonly segments: readonly AllocationEntry[];
}
