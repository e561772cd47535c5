// What the readers of the past need of the database around them.

import type { FeedSource } from "./feed-source.ts";

export interface PastSource extends FeedSource {
  /** Changes with every event after which `check` has to look closer. */
  readonly epoch: number;
  /**
   * Throws where what was to be read up to `lsn`, since `epoch`, cannot be any more: closed, being made anew, or taken back.
   */
  check(lsn: number, epoch: number): void;
  /** Throws where the state as of an LSN, or a change behind it, was compacted. */
  requireWhole(method: string, lsn: number): void;
}

/** A part of the history, fixed when it was asked for. */
export interface PastRange {
  /** Who asked, for messages. */
  readonly method: string;
  readonly fromLsn: number;
  readonly toLsn: number;
  readonly epoch: number;
  readonly signal: AbortSignal | undefined;
}
