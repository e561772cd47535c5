// The record of the calls made on a simulated disk, and its printed form.
import type { DiskOperation } from "../disk/disk-error.ts";
import { Crash } from "./dead-disk.ts";

export interface TraceEntry {
  /** Number of the call among those that change state; -1 for one that does not. */
  readonly index: number;
  readonly operation: DiskOperation;
  readonly path: string;
  readonly offset: number;
  readonly length: number;
  /** `ok`, or the errno or code of the failure. */
  readonly result: string;
}

/** What of the calls is recorded. */
export type TraceLevel = "none" | "changes" | "all";

/** A call that changes state, told just before and just after its effect. */
export interface DiskCall {
  /** From 0, in the order of the effects. */
  readonly index: number;
  readonly operation: DiskOperation;
  readonly path: string;
  readonly phase: "before" | "after";
}

/** One line for each call. */
export function formatTrace(trace: readonly TraceEntry[]): string {
  return trace
    .map(({ index, operation, path, offset, length, result }) => {
      const range = length > 0 || offset > 0 ? ` [${offset}, +${length})` : "";
      const number = index < 0 ? "     " : String(index).padStart(5);
      return `${number} ${operation} ${path}${range}${result === "ok" ? "" : ` -> ${result}`}`;
    })
    .join("\n");
}

/** A hook for `SimulatedDisk.onCall` that stops the world at one call. */
export function crashAt(index: number, phase: "before" | "after"): (call: DiskCall) => void {
  return (call) => {
    if (call.index === index && call.phase === phase) throw new Crash(`${phase} call ${index}`);
  };
}
