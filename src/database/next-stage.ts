// Decides what the index needs next: to be frozen, flushed, or stood for by a checkpoint. Acts on nothing.

/** What the decision is made from. */
export interface StageView {
  /** Applied to the active layer since it began. */
  readonly activeEvents: number;
  readonly activeBytes: number;
  /** Bytes of the log behind the last freeze. */
  readonly activeLogBytes: number;
  readonly hasFrozen: boolean;
  /** Whether all that was accepted before the freeze is durable. */
  readonly frozenIsDurable: boolean;
  /** Whether the runs differ from those that the newest checkpoint names. */
  readonly isUnsaved: boolean;
  /** Whether someone waits for a checkpoint of what the active layer holds. */
  readonly isWanted: boolean;
  /** Whether someone waits for a checkpoint whose replay begins behind a segment that was sealed. */
  readonly isPassWanted: boolean;
  /** Nothing more can be written. */
  readonly isPoisoned: boolean;
}

export interface StageLimits {
  readonly activeBytesMax: number;
  readonly activeEventsMax: number;
  readonly activeLogBytesMax: number;
}

/**
 * - `freeze`: the active layer becomes the frozen one, in the same turn.
 * - `flush`: the frozen layer becomes a run on disk.
 * - `save`: a checkpoint that names the runs as they are is installed.
 * - `wait`: nothing, until what is frozen is durable.
 * - `none`: nothing at all.
 */
export type Stage = "freeze" | "flush" | "save" | "wait" | "none";

export function nextStage(view: StageView, limits: StageLimits): Stage {
  if (view.isPoisoned) return "none";
  if (view.hasFrozen) return view.frozenIsDurable ? "flush" : "wait";
  if (view.isUnsaved) return "save";
  if (view.isPassWanted) return "freeze";
  // Commits of state alone have no events: a replay reads them all the same.
  if (view.activeEvents === 0) {
    return view.activeLogBytes >= limits.activeLogBytesMax ? "freeze" : "none";
  }
  return view.isWanted || isFull(view, limits) ? "freeze" : "none";
}

/** Whether the active layer is as large as it may get. */
export function isFull(view: StageView, limits: StageLimits): boolean {
  return (
    view.activeBytes >= limits.activeBytesMax ||
    view.activeEvents >= limits.activeEventsMax ||
    view.activeLogBytes >= limits.activeLogBytesMax
  );
}

export type PressureReason = "sync" | "flush" | "merge" | "compact";

/** Why writers have to wait for the index, if they have: it would grow without bound. */
export function indexPressure(
  view: StageView,
  limits: StageLimits,
  runs: number,
  runsMax: number,
): PressureReason | undefined {
  if ((view.hasFrozen || view.isUnsaved) && isFull(view, limits)) return "flush";
  return runs > runsMax ? "merge" : undefined;
}
