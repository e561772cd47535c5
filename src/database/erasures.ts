// What is still to be erased: nodes by their ids, kept as system state until nothing of them is left in the files.

import type { ErasedNodes } from "../compaction/record-rewriter.ts";
import { groupEnd, type SystemState } from "./system-values.ts";

const group = "erase";

/** Its value is the LSN of the erasure: every event of the node, and of its edges, is at or below it. */
export function erasureStateName(id: number): string {
  return group + groupEnd + id;
}

/** Nodes that are erased together: all that were erased up to an LSN and are not yet gone. */
export interface ErasureOrder extends ErasedNodes {
  readonly ids: readonly number[];
}

/** How many nodes are not gone yet. */
export function pendingErasures(state: SystemState): number {
  return state.group(group).size;
}

/**
 * What is to be erased of all that was asked for up to an LSN; undefined where that is nothing.
 *
 * @param uptoLsn durable: nothing is erased that a crash could bring back into being.
 */
export function erasureOrder(state: SystemState, uptoLsn: number): ErasureOrder | undefined {
  const ids = new Set<number>();
  let lsn = 0;
  for (const [id, value] of state.group(group)) {
    const erasedLsn = Number(value);
    if (!(erasedLsn <= uptoLsn)) continue;
    ids.add(Number(id));
    lsn = Math.max(lsn, erasedLsn);
  }
  return ids.size === 0 ? undefined : { ids: [...ids], lsn, has: (id) => ids.has(id) };
}

/**
 * Up to where the past is in pieces: the log has lost what is being erased, the index has not. 0 where it is whole. What was asked
 * for after the log was rewritten last has a higher LSN than that.
 */
export function erasingLsn(state: SystemState, erasedLsn: number): number {
  if (erasedLsn === 0) return 0;
  return erasureOrder(state, erasedLsn)?.lsn ?? 0;
}
