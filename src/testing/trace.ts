// The record of the calls made on a simulated disk, and its printed form.
import type { DiskOperation } from "../disk/disk-error.ts";
import { Crash } from "./dead-disk.ts";
import { hashText } from "./simulated-random.ts";

export interface TraceEntry {
  /** Number of the call among those that change state; -1 for one that does not. */
  readonly index: number;
  readonly operation: DiskOperation;
  readonly path: string;
  /** The new path, of a rename. */
  readonly to?: string;
  readonly offset: number;
  readonly length: number;
  /** `ok`, or the errno or code of the failure. */
  readonly result: string;
  /** What struck it, as `formatEffect` prints it. */
  readonly fault?: string;
  /** A hash of what was to be written. */
  readonly content?: number;
  /** First and one past the last of the effects it had, as numbered by `SimulatedDisk.ledger`. */
  readonly effects: readonly [number, number];
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

/**
 * A hash of the calls and of what they wrote. Two runs that did the same have the same, in any process and on any
 * version of Node. With the trace level `changes` only calls that change state count.
 */
export function traceHash(trace: readonly TraceEntry[]): string {
  let low = hashText("low", 0);
  let high = hashText("high", 1);
  for (const entry of trace) {
    const { index, operation, path, to, offset, length, result, fault, content } = entry;
    const call = [index, operation, path, to, offset, length, result, fault, content];
    const line = JSON.stringify(call);
    low = hashText(line, low);
    high = hashText(line, high ^ low);
  }
  return hexOf(high) + hexOf(low);
}

function hexOf(word: number): string {
  return word.toString(16).padStart(8, "0");
}

/** A hook for `SimulatedDisk.onCall` that stops the world at one call. */
export function crashAt(index: number, phase: "before" | "after"): (call: DiskCall) => void {
  return (call) => {
    if (call.index === index && call.phase === phase) throw new Crash(`${phase} call ${index}`);
  };
}
