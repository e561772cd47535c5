// The options of `changes`: checked, and made into a plan that never changes, positions included.
import { VarveError } from "../codec/errors.ts";
import type { Log } from "../log/log.ts";
import type { ChangeKind } from "./change.ts";
import { type ChangeFilter, type FilterPlan, filterPlan } from "./filter-plan.ts";

export interface ChangesOptions {
  /**
   * `"start"` (default): the first change, where no history was compacted; `"now"`: behind what is durable at the
   * call; the LSN of the first change to deliver, above what was compacted and up to `durableLsn + 1`; or `"snapshot"`: the
   * durable graph of the call as node.put and edge.add with its LSN, then what follows.
   */
  readonly from?: "start" | "now" | "snapshot" | number | undefined;
  /** Default true: the feed goes on as commits become durable. False: it ends at the durable LSN of the call. */
  readonly live?: boolean | undefined;
  /** Which changes to deliver; those that match every field given. */
  readonly filter?: ChangeFilter | undefined;
  /** Default false. True: changes of nodes and edges carry the state they replaced as `before`. */
  readonly before?: boolean | undefined;
  /** Ends the feed with ABORTED. */
  readonly signal?: AbortSignal | undefined;
}

/** A feed before anyone reads it. */
export interface FeedPlan {
  readonly fromLsn: number;
  /** The LSN of the graph to begin with, or undefined. */
  readonly snapshotLsn: number | undefined;
  /** Where the feed ends; undefined for a live one. */
  readonly toLsn: number | undefined;
  readonly filter: FilterPlan | undefined;
  readonly before: boolean;
  readonly signal: AbortSignal | undefined;
  /** Two live feeds with the same key get the same changes at the same position. */
  readonly key: string;
}

/** What bounds the positions of a feed. */
export type FeedBounds = Pick<Log, "durableLsn" | "horizon">;

const known: readonly string[] = ["from", "live", "filter", "before", "signal"];

export const changeKinds: readonly ChangeKind[] = [
  "node.put",
  "node.patch",
  "node.remove",
  "edge.add",
  "edge.patch",
  "edge.remove",
  "map.put",
  "map.delete",
  "event",
  "graph.drop",
  "map.drop",
  "erased",
];

/**
 * @throws `TypeError` and `RangeError` for options that are not known or out of range; `VarveError`
 *   POSITION_AHEAD for a position that the log has not reached, POSITION_COMPACTED for one that it does not reach back to.
 */
export function feedPlan(options: ChangesOptions, log: FeedBounds): FeedPlan {
  const { durableLsn } = log;
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`changes: options must be an object, not ${describe(options)}`);
  }
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) {
      throw new TypeError(`changes: unknown option ${name}; there are ${known.join(", ")}`);
    }
  }
  const live = flag("live", options.live, true);
  const before = flag("before", options.before, false);
  const filter = filterPlan(options.filter, changeKinds);
  const from = options.from ?? "start";
  return {
    fromLsn: firstLsn(from, log),
    snapshotLsn: from === "snapshot" ? durableLsn : undefined,
    toLsn: live ? undefined : durableLsn,
    filter,
    before,
    signal: checkSignal(options.signal),
    key: `${before} ${filter?.key ?? ""}`,
  };
}

function firstLsn(from: unknown, { durableLsn, horizon }: FeedBounds): number {
  if (from === "start") {
    if (horizon > 0) throw positionCompacted(1, horizon);
    return 1;
  }
  if (from === "now" || from === "snapshot") return durableLsn + 1;
  if (typeof from !== "number") {
    throw new TypeError(
      `changes: from must be "start", "now", "snapshot" or an LSN, not ${describe(from)}`,
    );
  }
  if (!Number.isSafeInteger(from) || from < 1) {
    throw new RangeError(`changes: from must be a whole number from 1, not ${from}`);
  }
  if (from <= horizon) throw positionCompacted(from, horizon);
  if (from <= durableLsn + 1) return from;
  throw new VarveError(
    "POSITION_AHEAD",
    `changes: LSN ${from} is above the end of the log, ${durableLsn}; the nearest position is ${durableLsn + 1}`,
    { details: { from, durableLsn, nearest: durableLsn + 1 } },
  );
}

/** The changes from `from` on are not all there any more. */
export function positionCompacted(from: number, horizon: number): VarveError {
  const oldest = horizon + 1;
  return new VarveError(
    "POSITION_COMPACTED",
    `changes: the history at LSN ${from} was compacted; the oldest position is ${oldest}`,
    { details: { from, oldest, nearest: oldest } },
  );
}

function flag(name: string, value: unknown, otherwise: boolean): boolean {
  if (value === undefined) return otherwise;
  if (typeof value === "boolean") return value;
  throw new TypeError(`changes: ${name} must be a boolean, not ${describe(value)}`);
}

function checkSignal(signal: unknown): AbortSignal | undefined {
  if (signal === undefined) return undefined;
  if (typeof signal === "object" && signal !== null && "aborted" in signal) {
    return signal as AbortSignal;
  }
  throw new TypeError(`changes: signal must be an AbortSignal, not ${describe(signal)}`);
}

/** What was passed, for messages. */
export function describe(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 80));
  if (typeof value === "object" && value !== null)
    return Array.isArray(value) ? "an array" : "an object";
  return typeof value === "symbol" || typeof value === "function"
    ? `a ${typeof value}`
    : String(value);
}
