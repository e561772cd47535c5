// How far compaction may go: a pure decision, from what the policy lets go and what still needs the history. Acts on nothing.
import { VarveError } from "../codec/errors.ts";
import type { Pin, PinHolder } from "../log/history-pins.ts";

/**
 * What compaction has to keep of the past. The current state is always kept, and so is what a durable consumer or projection has
 * yet to read, what an open view shows, and what lies behind the oldest checkpoint.
 *
 * - `"all"`: everything.
 * - `"latest"`: nothing more.
 * - `{ keepMs }`: every state and change of the last so many ms.
 * - `{ keepEvents }`: the last so many changes.
 */
export type HistoryPolicy =
  | "all"
  | "latest"
  | { readonly keepMs: number }
  | { readonly keepEvents: number };

/** What keeps the horizon from where it could be otherwise. */
export type HorizonHolder = "policy" | "checkpoint" | "consumer" | "projection" | PinHolder;

/** A reader whose position is stored: everything up to `lsn` is behind it. */
export interface DurableReader {
  readonly kind: "consumer" | "projection";
  readonly name: string;
  readonly lsn: number;
}

/** What the decision is made from. */
export interface HorizonView {
  /** Where the horizon is; it never moves back. */
  readonly current: number;
  readonly durableLsn: number;
  /** What the policy lets go; see `policyLsn`. */
  readonly policyLsn: number;
  /** Of the oldest checkpoint in the manifest; 0 where there is none. */
  readonly checkpointLsn: number;
  readonly pin: Pin | undefined;
  readonly readers: readonly DurableReader[];
  /** Readers that are further behind the durable LSN hold nothing. */
  readonly maxConsumerLag: number;
  /** The last LSN up to this one with which a transaction ends; asked only above `current`. */
  transactionEndAt(lsn: number): number;
}

export interface HeldBack {
  readonly by: HorizonHolder;
  /** How far it lets the horizon go. */
  readonly lsn: number;
  /** Of the consumer or projection. */
  readonly name: string | undefined;
}

export interface HorizonDecision {
  /** States at this LSN and above, and changes above it, have to stay whole. */
  readonly horizon: number;
  /** Where it would be if nothing but the policy counted. */
  readonly target: number;
  /** What lets it go least far; undefined where it may go to the durable LSN. */
  readonly heldBackBy: HeldBack | undefined;
  /** Readers that are too far behind to count. */
  readonly expired: readonly DurableReader[];
}

export function decideHorizon(view: HorizonView): HorizonDecision {
  const { current, durableLsn, policyLsn, checkpointLsn, pin, readers, maxConsumerLag } = view;
  const isExpired = ({ lsn }: DurableReader): boolean => durableLsn - lsn > maxConsumerLag;
  const holders: HeldBack[] = [{ by: "policy", lsn: policyLsn, name: undefined }];
  for (const reader of readers) {
    if (!isExpired(reader)) holders.push({ by: reader.kind, lsn: reader.lsn, name: reader.name });
  }
  if (pin !== undefined) holders.push({ by: pin.holder, lsn: pin.lsn, name: undefined });
  holders.push({ by: "checkpoint", lsn: checkpointLsn, name: undefined });
  let lsn = durableLsn;
  let heldBackBy: HeldBack | undefined;
  for (const holder of holders) {
    if (holder.lsn >= lsn) continue;
    lsn = holder.lsn;
    heldBackBy = holder;
  }
  const end = lsn > current ? view.transactionEndAt(lsn) : current;
  return {
    horizon: Math.max(current, end),
    target: Math.max(current, Math.min(policyLsn, durableLsn)),
    heldBackBy,
    expired: readers.filter(isExpired),
  };
}

/**
 * The last LSN that a policy lets the horizon reach.
 *
 * @param lastLsnAt the last LSN that was committed at or before a time; asked only where the policy names a time.
 */
export function policyLsn(
  policy: HistoryPolicy,
  durableLsn: number,
  nowMs: number,
  lastLsnAt: (timeMs: number) => number,
): number {
  if (policy === "all") return 0;
  if (policy === "latest") return durableLsn;
  if ("keepEvents" in policy) return Math.max(0, durableLsn - policy.keepEvents);
  return Math.min(durableLsn, lastLsnAt(nowMs - policy.keepMs));
}

/** A moment on both clocks. */
export interface Moment {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

/** What time it is for a policy: time passes no faster than on the monotonic clock, so that a jump ahead drops nothing. */
export function historyNowMs(opened: Moment, now: Moment): number {
  const elapsed = now.monotonicMs - opened.monotonicMs;
  return Math.min(now.wallMs, opened.wallMs + elapsed);
}

/**
 * The last LSN from `above` to `to` with a commit time at or below `timeMs`; `above` where there is none.
 *
 * @param timeOf the commit time of an LSN above `above`, or of the next event behind it; never decreasing. Cost: so many calls as
 *   the range has binary digits.
 */
export function lastLsnAt(
  timeMs: number,
  above: number,
  to: number,
  timeOf: (lsn: number) => number,
): number {
  let low = above;
  let high = to;
  while (low < high) {
    const middle = low + Math.ceil((high - low) / 2);
    if (timeOf(middle) <= timeMs) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Somebody began to read what was about to go. */
export function stillRead(horizon: number): VarveError {
  return new VarveError("CONFLICT", `history below LSN ${horizon} is read again`, {
    details: { horizon },
  });
}
