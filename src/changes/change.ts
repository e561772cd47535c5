// What subscribers see: one change per event, and batches of them.
import type { Props } from "../log/props-codec.ts";

interface ChangeBase {
  readonly lsn: number;
  /** LSN of the last event of the same transaction, whether a filter let that through or not. */
  readonly txLastLsn: number;
  /** Commit time, ms since 1970, never decreasing. */
  readonly at: number;
  /** Name of the graph, "" for the default one and for what is in no graph: changes of maps. */
  readonly graph: string;
}

/** A node as it was before a change. */
export interface NodeState {
  readonly key: string;
  readonly id: number;
  readonly labels: string[];
  readonly props: Props;
  /** LSN of the event that had made it so. */
  readonly lsn: number;
}

/** An edge as it was before a change. */
export interface EdgeState {
  readonly id: number;
  readonly from: string;
  readonly type: string;
  readonly to: string;
  readonly props: Props;
  /** LSN of the event that had made it so. */
  readonly lsn: number;
}

/** An entry of a map as it was before a change. */
export interface EntryState {
  readonly key: string;
  readonly value: unknown;
  /** LSN of the event that had put it. */
  readonly lsn: number;
}

interface NodeBase extends ChangeBase {
  readonly key: string;
  /** With `before: true`: the node as it was just before, undefined where there was none. */
  readonly before?: NodeState | undefined;
}

export interface NodePut extends NodeBase {
  readonly kind: "node.put";
  readonly labels: string[];
  readonly props: Props;
}

export interface NodePatch extends NodeBase {
  readonly kind: "node.patch";
  readonly addLabels: string[];
  readonly removeLabels: string[];
  /** The patch as written: null removes a property. */
  readonly props: Props;
}

export interface NodeRemove extends NodeBase {
  readonly kind: "node.remove";
  readonly labels: string[];
}

interface EdgeBase extends ChangeBase {
  readonly id: number;
  readonly from: string;
  readonly type: string;
  readonly to: string;
  /** With `before: true`: the edge as it was just before, undefined where there was none. */
  readonly before?: EdgeState | undefined;
}

export interface EdgeAdd extends EdgeBase {
  readonly kind: "edge.add";
  readonly props: Props;
}

export interface EdgePatch extends EdgeBase {
  readonly kind: "edge.patch";
  /** The patch as written: null removes a property. */
  readonly props: Props;
}

export interface EdgeRemove extends EdgeBase {
  readonly kind: "edge.remove";
}

/** An event of the user's own, from `tx.emit`. */
export interface UserEvent extends ChangeBase {
  readonly kind: "event";
  readonly name: string;
  readonly value: unknown;
}

interface MapBase extends ChangeBase {
  readonly map: string;
  readonly key: string;
  /** With `before: true`: the entry as it was just before, undefined where there was none. */
  readonly before?: EntryState | undefined;
}

export interface MapPut extends MapBase {
  readonly kind: "map.put";
  readonly value: unknown;
}

export interface MapDelete extends MapBase {
  readonly kind: "map.delete";
}

/** Everything in a graph is gone: of its nodes and edges there are no changes. */
export interface GraphDrop extends ChangeBase {
  readonly kind: "graph.drop";
}

/** Everything in a map is gone: of its entries there are no changes. */
export interface MapDrop extends ChangeBase {
  readonly kind: "map.drop";
  readonly map: string;
}

/** An event of something that `erase` has taken from the history: nothing is left of it but that there was one. */
export interface Erased extends ChangeBase {
  readonly kind: "erased";
}

export type Change =
  | NodePut
  | NodePatch
  | NodeRemove
  | EdgeAdd
  | EdgePatch
  | EdgeRemove
  | MapPut
  | MapDelete
  | UserEvent
  | GraphDrop
  | MapDrop
  | Erased;

/** Every kind that a filter may name. */
export type ChangeKind = Change["kind"];

/** Where in its life a feed is: in the snapshot it began with, behind the end of the log, or at it. */
export type FeedPhase = "snapshot" | "catch-up" | "live";

/**
 * Changes in order, whole transactions where none is larger than 4 MiB. Live batches are shared
 * between subscribers: never change what they hold.
 */
export interface ChangeBatch {
  readonly changes: readonly Change[];
  /** The first position that the batch stands for. */
  readonly firstLsn: number;
  /** The position passed, changes that a filter kept back included. */
  readonly lastLsn: number;
  /** Where to go on: the `from` of a resumption. */
  readonly nextLsn: number;
  readonly phase: FeedPhase;
  /**
   * Only in batches without changes. `"caught-up"`, once in a live feed: everything that was durable has
   * been delivered. `"progress"`: everything up to `lastLsn` was kept back by the filter.
   */
  readonly mark?: "caught-up" | "progress";
}
