// What subscribers see: one change per event, and batches of them.
import type { Props } from "../log/props-codec.ts";

interface ChangeBase {
  readonly lsn: number;
  /** LSN of the last change of the same transaction. */
  readonly txLastLsn: number;
  /** Commit time, ms since 1970, never decreasing. */
  readonly at: number;
  /** Name of the graph, "" for the default one. */
  readonly graph: string;
}

export interface NodePut extends ChangeBase {
  readonly kind: "node.put";
  readonly key: string;
  readonly labels: string[];
  readonly props: Props;
}

export interface NodePatch extends ChangeBase {
  readonly kind: "node.patch";
  readonly key: string;
  readonly addLabels: string[];
  readonly removeLabels: string[];
  /** The patch as written: null removes a property. */
  readonly props: Props;
}

export interface NodeRemove extends ChangeBase {
  readonly kind: "node.remove";
  readonly key: string;
  readonly labels: string[];
}

interface EdgeBase extends ChangeBase {
  readonly id: number;
  readonly from: string;
  readonly type: string;
  readonly to: string;
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

export type Change =
  | NodePut
  | NodePatch
  | NodeRemove
  | EdgeAdd
  | EdgePatch
  | EdgeRemove
  | UserEvent;

/** Whole transactions, in order. */
export interface ChangeBatch {
  readonly changes: readonly Change[];
  readonly firstLsn: number;
  /** The position passed. */
  readonly lastLsn: number;
  /** Where to go on: the `from` of a resumption. */
  readonly nextLsn: number;
  readonly phase: "catch-up";
}
