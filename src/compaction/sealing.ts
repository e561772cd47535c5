// Whether to seal the segment that the log is written to, and to take a checkpoint, so that more of the log may be rewritten: pure.

export interface SealingView {
  /** How far the horizon could go if a checkpoint stood for everything. */
  readonly freeHorizon: number;
  /** The end of what may be rewritten as it is. */
  readonly reachable: number;
  /** The end of what is sealed, whether a checkpoint passes over it or not; 0 where nothing is. */
  readonly sealedLsn: number;
  /** The last LSN, and how many bytes the log has behind `reachable`. */
  readonly lastLsn: number;
  readonly bytesBehind: number;
  /** Fewer of these are not worth a segment and a checkpoint of their own, however little is live. */
  readonly bytesMin: number;
  /** Nodes and edges now: what a fresh log would have to hold. */
  readonly liveCount: number;
}

export interface Sealing {
  /** Whether the active segment is to be sealed. */
  readonly rolls: boolean;
  /** Whether a checkpoint is to pass over what is sealed. */
  readonly passes: boolean;
}

/** As many events behind what may be rewritten, for each thing that is live: then as much may be garbage. */
export const sealShare = 0.25;

export const noSealing: Sealing = { rolls: false, passes: false };

/**
 * What lets everything go that the policy does: a checkpoint where something may go behind the last one, and the active segment
 * where half of it may, so that the other half can go with the next one.
 */
export function sealForEverything(view: SealingView): Sealing {
  const { freeHorizon, reachable, sealedLsn, lastLsn } = view;
  const rolls = lastLsn > sealedLsn && freeHorizon >= sealedLsn + (lastLsn - sealedLsn) / 2;
  return { rolls, passes: rolls || Math.min(freeHorizon, sealedLsn) > reachable };
}

/** The same in the background, where enough has gathered behind what may be rewritten to be worth it. */
export function sealInBackground(view: SealingView): Sealing {
  const { freeHorizon, reachable, bytesBehind, bytesMin, liveCount } = view;
  const isWorth = freeHorizon - reachable >= liveCount * sealShare && bytesBehind >= bytesMin;
  return isWorth ? sealForEverything(view) : noSealing;
}
