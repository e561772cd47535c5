// What reads stand on: the trees, the log behind them, and a point in the history that may stop being readable.

import type { GraphTrees } from "../index/graph-trees.ts";
import type { EventLookup } from "../log/event-lookup.ts";
import type { NameTable } from "../log/name-table.ts";

export interface Counts {
  readonly nodes: number;
  readonly edges: number;
}

/** Reads ask for its parts anew at every call and every step: none is kept beyond that. */
export interface ReadSource {
  readonly index: GraphTrees;
  readonly events: EventLookup;
  readonly names: NameTable;
  /** The LSN that a read made now is of. Throws where reads are no longer possible. */
  lsn(method: string): number;
  /**
   * Told before each further step of an iterable that was fixed at `lsn` when `epoch` was the epoch. Throws where what it
   * reads may be gone: closed, over, or above a place to which the history was cut back since.
   */
  check(lsn: number, epoch: number): void;
  /** Changes with every event after which `check` has to look closer. */
  readonly epoch: number;
  /**
   * Keeps the state at an LSN from being compacted away until the result is called, or the owner is forgotten; absent where
   * nothing would take it away.
   */
  readonly hold?: ((owner: object, lsn: number) => () => void) | undefined;
  /** The number of the graph that is read as of an LSN: 0 for the default one, below 0 where there is none of that name. */
  graph(lsn: number): number;
  /** Live nodes and edges of that graph as of `lsn()`. */
  counts(): Counts;
}
