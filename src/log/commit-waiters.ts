// Calls that wait until a place of the log is durable, and the error that they get where it never will be.
import { VarveError } from "../codec/errors.ts";
import type { CommitTicket } from "./group.ts";

/** What a call waits for: both the LSN and the group with this ordinal must be durable. */
export interface WaitedFor {
  readonly lsn: number;
  readonly ordinal: number;
  /** Whether it was called to learn about all that was accepted, whoever else may have waited for it. */
  readonly isFlush: boolean;
}

interface Waiter extends WaitedFor {
  readonly ticket: CommitTicket;
}

export class CommitWaiters {
  #waiting: Waiter[] = [];

  add(what: WaitedFor): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      this.#waiting.push({ ...what, ticket: { acknowledge: resolve, reject } });
    });
  }

  /** Tells those for whom enough is durable now. */
  tell(durableLsn: number, durableOrdinal: number): void {
    const isTold = ({ lsn, ordinal }: WaitedFor): boolean =>
      lsn <= durableLsn && ordinal <= durableOrdinal;
    for (const { ticket } of this.take(isTold)) ticket.acknowledge();
  }

  /** Hands over those that `chosen` picks; they are told by the caller. */
  take(chosen: (what: WaitedFor) => boolean): readonly Waiter[] {
    const taken = this.#waiting.filter(chosen);
    if (taken.length > 0) this.#waiting = this.#waiting.filter((waiter) => !taken.includes(waiter));
    return taken;
  }
}

/** What everyone gets once nobody knows what the disk holds. */
export function poisonError(cause: unknown, durableLsn: number): VarveError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new VarveError(
    "POISONED",
    `the log could not be made durable (${reason}); reopen the database to find out what survived`,
    { cause, details: { durableLsn, outcome: "unknown" } },
  );
}
