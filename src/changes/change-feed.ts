// The feed over the durable part of the log: reads at the subscriber's pace, whole transactions at a time.
import { VarveError } from "../codec/errors.ts";
import { RECORD } from "../log/event-format.ts";
import { EventReader } from "../log/event-reader.ts";
import type { Log } from "../log/log.ts";
import type { ChangeBatch } from "./change.ts";
import type { ChangeDecoder, OpenChange } from "./change-decoder.ts";

export interface ChangesOptions {
  /** `"start"`, `"now"`, or the LSN of the first change to deliver, up to `durableLsn + 1`. */
  readonly from?: "start" | "now" | number | undefined;
  /** Only false in this version: the feed ends at the durable LSN of the call. */
  readonly live: false;
  readonly signal?: AbortSignal | undefined;
}

/** Where a feed begins and ends, checked. */
export interface FeedRange {
  readonly fromLsn: number;
  readonly toLsn: number;
  readonly signal: AbortSignal | undefined;
}

const changesPerBatch = 1024;

/** @throws {VarveError} POSITION_AHEAD for a position that the log has not reached. */
export function feedRange(options: ChangesOptions, durableLsn: number): FeedRange {
  for (const name of Object.keys(options)) {
    if (name === "from" || name === "live" || name === "signal") continue;
    throw new TypeError(`changes: unknown option ${name}`);
  }
  if (options.live !== false) {
    throw new TypeError("changes: live must be false in this version");
  }
  const { from = "start", signal } = options;
  const range = { toLsn: durableLsn, signal };
  if (from === "start") return { ...range, fromLsn: 1 };
  if (from === "now") return { ...range, fromLsn: durableLsn + 1 };
  if (typeof from !== "number") {
    throw new TypeError(`changes: from must be "start", "now" or an LSN, not ${String(from)}`);
  }
  if (!Number.isSafeInteger(from) || from < 1) {
    throw new RangeError(`changes: from must be a whole number from 1, not ${from}`);
  }
  if (from > durableLsn + 1) {
    throw new VarveError(
      "POSITION_AHEAD",
      `LSN ${from} is above the end of the log, ${durableLsn}`,
      {
        details: { from, durableLsn, nearest: durableLsn + 1 },
      },
    );
  }
  return { ...range, fromLsn: from };
}

/** Yields batches of whole transactions from `fromLsn` to `toLsn`; `check` throws once closed. */
export async function* readFeed(
  log: Log,
  decoder: ChangeDecoder,
  range: FeedRange,
  check: () => void,
): AsyncGenerator<ChangeBatch, void, undefined> {
  const reader = new EventReader();
  let pending: OpenChange[] = [];
  // Changes of the transaction that is still open come last in `pending`, from here on.
  let openFrom = 0;
  let nextLsn = range.fromLsn;
  let position = range.fromLsn;
  while (nextLsn <= range.toLsn) {
    check();
    if (range.signal?.aborted) throw aborted(range.signal);
    const frame = log.frameAtOrAfter(nextLsn);
    if (frame === undefined) break;
    reader.open(frame.bytes, frame.from, frame.to, frame.firstLsn);
    while (reader.next()) {
      decoder.decode(reader, frame.timeMs, range.fromLsn, pending);
      if (reader.tag !== RECORD.commit) continue;
      closeTransaction(pending, openFrom);
      openFrom = pending.length;
    }
    nextLsn = frame.firstLsn + frame.eventCount;
    if (openFrom >= changesPerBatch) {
      const batch = batchOf(pending.slice(0, openFrom), position);
      pending = pending.slice(openFrom);
      openFrom = 0;
      position = batch.nextLsn;
      yield batch;
    }
  }
  if (openFrom > 0) yield batchOf(pending.slice(0, openFrom), position);
}

function closeTransaction(changes: OpenChange[], from: number): void {
  const last = changes[changes.length - 1];
  if (last === undefined) return;
  for (let i = from; i < changes.length; i++) changes[i]!.txLastLsn = last.lsn;
}

function batchOf(changes: OpenChange[], position: number): ChangeBatch {
  const lastLsn = changes[changes.length - 1]!.lsn;
  const firstLsn = Math.max(position, changes[0]!.lsn);
  return { changes, firstLsn, lastLsn, nextLsn: lastLsn + 1, phase: "catch-up" };
}

function aborted(signal: AbortSignal): VarveError {
  return new VarveError("ABORTED", "the feed was aborted", { cause: signal.reason });
}
