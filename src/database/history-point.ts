// What users name points of the history by, checked and made into LSNs.

import { lastLsnAt } from "../changes/commit-times.ts";
import { transactionEndAt } from "../changes/transaction-end.ts";
import { VarveError } from "../codec/errors.ts";
import { objectKind } from "../codec/value-kinds.ts";
import type { Log } from "../log/log.ts";
import { describe } from "./options.ts";

/** An LSN, or the time of a commit. */
export type HistoryPoint = number | Date;

/** The LSN that a point stands for: of a time, that of the last event committed at or before it. */
export function lsnOf(log: Log, method: string, name: string, point: unknown): number {
  if (isDate(point)) return lastLsnAt(log, timeOf(method, name, point));
  if (typeof point !== "number") {
    throw new TypeError(`${method}: ${name} must be an LSN or a Date, not ${describe(point)}`);
  }
  if (!Number.isSafeInteger(point) || point < 0) {
    throw new RangeError(`${method}: ${name} must be a whole number from 0, not ${point}`);
  }
  if (point <= log.acceptedLsn) return point;
  const { acceptedLsn: lastLsn } = log;
  throw new VarveError("POSITION_AHEAD", `${method}: LSN ${point} is above the last, ${lastLsn}`, {
    details: { lsn: point, lastLsn, nearest: lastLsn },
  });
}

/** The LSN of the last whole transaction at or before a point. */
export function transactionPoint(log: Log, method: string, point: unknown): number {
  return transactionEndAt(log, lsnOf(log, method, "the point", point));
}

/** Throws where the state as of an LSN, or a change behind it, may be gone. */
export function requireWhole(log: Log, method: string, lsn: number): void {
  if (lsn < log.horizon) throw compacted(method, lsn, log.horizon);
}

export function compacted(method: string, lsn: number, horizon: number): VarveError {
  const message = `${method}: the history below LSN ${horizon} was compacted`;
  return new VarveError("HISTORY_COMPACTED", message, { details: { lsn, oldest: horizon } });
}

export function isDate(value: unknown): value is Date {
  return typeof value === "object" && value !== null && objectKind(value) === "date";
}

/** The time of a date that is one, in ms. */
export function timeOf(method: string, name: string, date: Date): number {
  const timeMs = Date.prototype.getTime.call(date);
  if (Number.isNaN(timeMs)) throw new RangeError(`${method}: ${name} is an invalid Date`);
  return timeMs;
}
