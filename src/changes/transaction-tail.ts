// Finds where a transaction ends that goes on behind its frame, looking through some of the log at a time.

import { FRAME_FLAG } from "../log/frame-format.ts";
import type { LoadedFrame } from "../log/frame-source.ts";
import type { Log } from "../log/log.ts";

/** Looked through in one turn. */
const bytesPerLook = 8 * 1024 * 1024;

export class TransactionTail {
  readonly #log: Log;
  /** LSNs of the transaction that was found last, as far as it is known: from the frame that was asked for. */
  #fromLsn = 0;
  #lastLsn = 0;
  /** How far the search has come; 0 where there is none under way. */
  #lookedTo = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  /**
   * The LSN of the last event of the transaction with which a frame ends. Undefined where it has not been found yet: ask again,
   * for the same frame, in a later turn.
   */
  lastLsnOf(frame: LoadedFrame): number | undefined {
    const end = frame.firstLsn + frame.eventCount;
    if ((frame.flags & FRAME_FLAG.unfinished) === 0) return end - 1;
    if (this.#fromLsn <= frame.firstLsn && end - 1 <= this.#lastLsn) return this.#lastLsn;
    if (this.#lookedTo === 0) this.#lookedTo = end;
    for (let bytes = 0; bytes < bytesPerLook; ) {
      const next = this.#log.frameAtOrAfter(this.#lookedTo);
      const goesOn = next !== undefined && (next.flags & FRAME_FLAG.continues) !== 0;
      if (goesOn) {
        this.#lookedTo = next.firstLsn + next.eventCount;
        bytes += next.to - next.from;
        if ((next.flags & FRAME_FLAG.unfinished) !== 0) continue;
      }
      this.#fromLsn = frame.firstLsn;
      this.#lastLsn = this.#lookedTo - 1;
      this.#lookedTo = 0;
      return this.#lastLsn;
    }
    return undefined;
  }
}
