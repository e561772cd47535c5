// Views of the past: the LSN that a point of the history stands for, a pin on it, and how much there was.

import { VarveError } from "../codec/errors.ts";
import { EventCounter } from "../graph/event-counter.ts";
import type { Counts } from "../graph/read-source.ts";
import type { Schema } from "../graph/types.ts";
import type { CountsAt } from "./count-anchors.ts";
import type { DatabaseCore } from "./database-core.ts";
import { type HistoryPoint, requireWhole, transactionPoint } from "./history-point.ts";
import { checkSignal } from "./options.ts";
import { Snapshot } from "./snapshot.ts";

export interface AsOfOptions {
  /** Ends the wait with ABORTED. */
  readonly signal?: AbortSignal | undefined;
}

/** So much of the log is counted before others get a turn. */
const bytesPerTurn = 4 * 1024 * 1024;

export async function asOf<S = Schema>(
  core: DatabaseCore,
  point: HistoryPoint,
  options: AsOfOptions,
): Promise<Snapshot<S>> {
  const signal = checkOptions(options);
  const { source, log } = core;
  source.lsn("asOf");
  const lsn = transactionPoint(log, "asOf", point);
  requireWhole(log, "asOf", lsn);
  const { epoch } = source;
  const release = log.pins.hold("asOf", lsn);
  try {
    const counts = await countsAt(core, lsn, () => {
      if (signal?.aborted) throw aborted(signal);
      source.lsn("asOf");
      source.check(lsn, epoch);
    });
    return new Snapshot<S>({ live: source, log, lsn, counts, holder: "asOf", epoch });
  } finally {
    // The view has a pin of its own by now.
    release();
  }
}

/** Exact, from the nearest counts that are known. @param check throws where it is not to go on. */
async function countsAt(core: DatabaseCore, lsn: number, check: () => void): Promise<Counts> {
  check();
  const { log, settings } = core;
  const { known, isAbove } = nearest(core, lsn);
  const counter = isAbove
    ? new EventCounter(log, lsn, known.lsn)
    : new EventCounter(log, known.lsn, lsn);
  while (counter.advance(bytesPerTurn)) {
    await new Promise<void>((resolve) => settings.ports.scheduler.task(resolve));
    check();
  }
  const sign = isAbove ? -1 : 1;
  return { nodes: known.nodes + sign * counter.nodes, edges: known.edges + sign * counter.edges };
}

/** The counts that are known with the fewest events between. */
function nearest(
  { counts, log }: DatabaseCore,
  lsn: number,
): { known: CountsAt; isAbove: boolean } {
  // What was counted before something was erased counts that as well.
  const above = counts.above(Math.max(lsn, log.erasedLsn - 1));
  let below = counts.below(lsn);
  if (below !== undefined && below.lsn < log.erasedLsn) below = undefined;
  // Below the horizon events are missing: nothing can be counted from there on.
  if (below === undefined || below.lsn < log.horizon) {
    below = log.horizon === 0 ? nothing : undefined;
  }
  if (below === undefined || (above !== undefined && above.lsn - lsn < lsn - below.lsn)) {
    return { known: above as CountsAt, isAbove: true };
  }
  return { known: below, isAbove: false };
}

/** Before the first event. */
const nothing: CountsAt = { lsn: 0, nodes: 0, edges: 0 };

function checkOptions(options: AsOfOptions): AbortSignal | undefined {
  if (typeof options !== "object" || options === null) {
    throw new TypeError("asOf: options must be an object");
  }
  for (const name of Object.keys(options)) {
    if (name !== "signal") throw new TypeError(`asOf: unknown option ${name}`);
  }
  return checkSignal("asOf", options.signal);
}

function aborted(signal: AbortSignal): VarveError {
  return new VarveError("ABORTED", "asOf: aborted", { cause: signal.reason });
}
