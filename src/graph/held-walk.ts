// Keeps what an iterable reads from being compacted away: from its first step until it ends, is left, or is forgotten.

import type { ReadSource } from "./read-source.ts";

/** The same walk, which holds the state at `lsn` while it is under way. */
export function heldWalk<T>(
  source: ReadSource,
  lsn: number,
  walk: Generator<T, void>,
): IterableIterator<T> {
  return source.hold === undefined ? walk : holding(source.hold, lsn, walk);
}

function* holding<T>(
  hold: (owner: object, lsn: number) => () => void,
  lsn: number,
  walk: Generator<T, void>,
): Generator<T, void> {
  const release = hold(walk, lsn);
  try {
    yield* walk;
  } finally {
    release();
  }
}
