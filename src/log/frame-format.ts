// The layout of a frame, the unit in which the log is written and checked. Shown in docs/FORMAT.md.

/** Offsets in a frame's header; all fields are little-endian. Stored on disk, never move. */
export const FRAME = {
  hash: 0,
  frameBytes: 8,
  payloadBytes: 12,
  firstLsn: 16,
  timeMs: 24,
  eventCount: 32,
  previousHash: 36,
  flags: 40,
  version: 42,
  durableDistance: 44,
  payload: 48,
} as const;

export const frameHeaderBytes = 48;
export const frameAlignment = 8;
export const frameVersion = 1;

/** Flag bits. Stored on disk, never renumber. */
export const FRAME_FLAG = {
  /** The frame goes on with a transaction that an earlier frame began. */
  continues: 1,
  /** The frame's transaction is not over at its end. */
  unfinished: 2,
  /** The payload is compressed: reserved, refused until a version knows how. */
  compressed: 4,
} as const;

export const frameFlagsKnown: number = FRAME_FLAG.continues | FRAME_FLAG.unfinished;

/** What `durableDistance` says when the distance does not fit it. */
export const durableDistanceMax: number = 2 ** 32 - 1;

export function frameBytesFor(payloadBytes: number): number {
  return (frameHeaderBytes + payloadBytes + frameAlignment - 1) & -frameAlignment;
}
