// What the horizon is decided from, gathered from an open database.
import { transactionEndAt } from "../changes/transaction-end.ts";
import {
  type DurableReader,
  decideHorizon,
  type HorizonDecision,
  historyNowMs,
  lastLsnAt,
  type Moment,
  policyLsn,
} from "../compaction/horizon.ts";
import type { Clock } from "../disk/ports.ts";
import type { Log } from "../log/log.ts";
import { type ConsumerPosition, consumerGroup, consumerStateName } from "./consumer-leases.ts";
import type { Settings } from "./options.ts";
import {
  projectionStateName,
  type StoredProjection,
  storedProjections,
} from "./projection-store.ts";
import type { SystemState } from "./system-values.ts";

export interface HistorySource {
  readonly log: Log;
  readonly state: SystemState;
  readonly settings: Settings;
  /** A value of the system state as of what is durable. */
  durableState(name: string): unknown;
  /** Readers at work of which nothing is stored yet. */
  unstoredReaders(): readonly DurableReader[];
}

/** The time of both clocks, now. */
export function momentOf(clock: Clock): Moment {
  return { wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs() };
}

/**
 * How far compaction may go now.
 *
 * @param opened when the database was.
 * @param checkpointLsn of the oldest checkpoint; infinity where one could be taken if need be.
 */
export function horizonOf(
  source: HistorySource,
  opened: Moment,
  checkpointLsn: number = source.log.checkpoints.at(-1)?.lsn ?? 0,
): HorizonDecision {
  const { log, settings } = source;
  const { history, maxConsumerLag, ports } = settings;
  const { horizon: current, durableLsn } = log;
  const nowMs = historyNowMs(opened, momentOf(ports.clock));
  const timeOf = (lsn: number): number =>
    log.frameAtOrAfter(lsn)?.timeMs ?? Number.POSITIVE_INFINITY;
  const allowed = policyLsn(history, durableLsn, nowMs, (timeMs) =>
    lastLsnAt(timeMs, current, durableLsn, timeOf),
  );
  return decideHorizon({
    current,
    durableLsn,
    policyLsn: allowed,
    checkpointLsn,
    pin: log.pins.lowest(),
    readers: [...storedReaders(source), ...source.unstoredReaders()],
    maxConsumerLag,
    transactionEndAt: (lsn) => transactionEndAt(log, lsn),
  });
}

/** Consumers and projections by what is stored of them for certain, and by what is accepted where that is less. */
function* storedReaders({ state, durableState }: HistorySource): Generator<DurableReader> {
  for (const [name, value] of state.group(consumerGroup)) {
    const accepted = value as ConsumerPosition;
    const durable = durableState(consumerStateName(name)) as ConsumerPosition | undefined;
    const positions = [accepted, durable].filter((each) => each?.snapshot === false);
    // One that begins with a snapshot needs no history before it.
    if (positions.length === 0) continue;
    const lsn = Math.min(...positions.map((each) => each!.next - 1));
    yield { kind: "consumer", name, lsn };
  }
  for (const [name, { lsn }] of storedProjections(state)) {
    const durable = durableState(projectionStateName(name)) as StoredProjection | undefined;
    yield { kind: "projection", name, lsn: Math.min(lsn, durable?.lsn ?? lsn) };
  }
}
