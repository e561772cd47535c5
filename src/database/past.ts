// The calls that list changes of the past: their arguments checked, and a range fixed, before anything is read.

import { lastLsnAt } from "../changes/commit-times.ts";
import type { FeedSource } from "../changes/feed-source.ts";
import { PastIterator } from "../changes/past-iterator.ts";
import { DiffReader, HistoryReader, type PastSubject } from "../changes/past-reader.ts";
import type { PastRange, PastSource } from "../changes/past-source.ts";
import { checkId, checkName, checkOptions } from "../graph/arguments.ts";
import type { DatabaseCore } from "./database-core.ts";
import { type HistoryPoint, isDate, lsnOf, requireWhole, timeOf } from "./history-point.ts";
import { checkSignal } from "./options.ts";

export interface HistoryOptions {
  /** The first LSN, or the first time, of changes to list; default the first there is. */
  readonly from?: HistoryPoint | undefined;
  /** The last LSN, or time, of changes to list; default the last one accepted at the call. */
  readonly to?: HistoryPoint | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface DiffOptions {
  readonly signal?: AbortSignal | undefined;
}

/** A point of the history, or a view of it. */
export type DiffPoint = HistoryPoint | { readonly lsn: number };

const historyOptions: readonly string[] = ["from", "to", "signal"];
const diffOptions: readonly string[] = ["signal"];

export function historyOf(
  core: DatabaseCore,
  feeds: FeedSource,
  keyOrEdge: string | number,
  options: HistoryOptions | undefined,
): PastIterator {
  const method = "history";
  const subject = checkSubject(method, keyOrEdge);
  const { from, to, signal } = checkOptions(method, options, historyOptions);
  const fromLsn = from === undefined ? 1 : firstLsn(core, method, from);
  const toLsn = to === undefined ? core.log.acceptedLsn : lsnOf(core.log, method, "to", to);
  const range = fix(core, method, fromLsn, toLsn, signal);
  const source = pastSourceOf(core, feeds);
  return new PastIterator(source, range, new HistoryReader(source, range, subject));
}

export function diffOf(
  core: DatabaseCore,
  feeds: FeedSource,
  a: DiffPoint,
  b: DiffPoint | undefined,
  options: DiffOptions | undefined,
): PastIterator {
  const method = "diff";
  const { signal } = checkOptions(method, options, diffOptions);
  const { log } = core;
  const after = lsnOf(log, method, "a", pointOf(a));
  const toLsn = b === undefined ? log.acceptedLsn : lsnOf(log, method, "b", pointOf(b));
  if (toLsn < after) {
    throw new RangeError(`diff: a must not lie behind b, got LSN ${after} and LSN ${toLsn}`);
  }
  const range = fix(core, method, after + 1, toLsn, signal);
  const source = pastSourceOf(core, feeds);
  return new PastIterator(source, range, new DiffReader(source, range));
}

function fix(
  core: DatabaseCore,
  method: string,
  fromLsn: number,
  toLsn: number,
  signal: unknown,
): PastRange {
  const { source, log } = core;
  source.lsn(method);
  requireWhole(log, method, fromLsn - 1);
  return { method, fromLsn, toLsn, epoch: source.epoch, signal: checkSignal(method, signal) };
}

/** The first LSN to list: of a time, that of the first event committed at it or later. */
function firstLsn({ log }: DatabaseCore, method: string, from: unknown): number {
  if (isDate(from)) return lastLsnAt(log, timeOf(method, "from", from) - 1) + 1;
  // What comes next is a place to begin as well.
  if (from === log.acceptedLsn + 1) return from;
  const lsn = lsnOf(log, method, "from", from);
  if (lsn === 0) throw new RangeError(`${method}: from must be a whole number from 1, not 0`);
  return lsn;
}

function checkSubject(method: string, subject: unknown): PastSubject {
  if (typeof subject !== "number") {
    return { key: checkName(method, "the key", subject) };
  }
  return { edge: checkId(method, "the edge id", subject) };
}

/** A view stands for its LSN. */
function pointOf(point: unknown): unknown {
  const isView = typeof point === "object" && point !== null && "lsn" in point;
  return isView ? point.lsn : point;
}

function pastSourceOf(core: DatabaseCore, feeds: FeedSource): PastSource {
  const { source, log } = core;
  return {
    ...feeds,
    get epoch() {
      return source.epoch;
    },
    check: (lsn, epoch) => source.check(lsn, epoch),
    requireWhole: (method, lsn) => requireWhole(log, method, lsn),
  };
}
