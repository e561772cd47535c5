// What a feed needs of the database around it.
import type { Clock, Scheduler } from "../disk/ports.ts";
import type { GraphTrees } from "../index/graph-trees.ts";
import type { Log } from "../log/log.ts";
import type { NameTable } from "../log/name-table.ts";
import type { EdgeState, EntryState, NodeState } from "./change.ts";
import type { FeedTail } from "./feed-tail.ts";

/** Everything durable at one LSN, each iterable to be walked once; it stays readable until it is closed. */
export interface GraphAt {
  /** With the name of the graph; those of the default one first. */
  nodes(): Iterable<readonly [graph: string, node: NodeState]>;
  entries(): Iterable<readonly [map: string, entry: EntryState]>;
  edges(): Iterable<readonly [graph: string, edge: EdgeState]>;
  close(): void;
}

export interface FeedSource {
  readonly log: Log;
  readonly index: GraphTrees;
  readonly names: NameTable;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly tail: FeedTail;
  /** Throws CLOSED once the database is closing. */
  requireOpen(method: string): void;
  /** Whether the index is being made anew; `tail` is woken when it no longer is. Throws where it never will be there again. */
  isRebuilding(): boolean;
  nodeAt(id: number, lsn: number): NodeState | undefined;
  entryAt(map: number, key: string, lsn: number): EntryState | undefined;
  edgeAt(id: number, lsn: number): EdgeState | undefined;
  graphAt(lsn: number): GraphAt;
}
