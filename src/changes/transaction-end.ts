// Finds where transactions end in the log, for positions that may only stand there.
import { RECORD } from "../log/event-format.ts";
import { EventReader } from "../log/event-reader.ts";
import { FRAME_FLAG } from "../log/frame-format.ts";
import type { LoadedFrame } from "../log/frame-source.ts";
import type { Log } from "../log/log.ts";

/** The highest LSN up to `lsn` with which no transaction is left in the middle. Cost: the decoding of one frame. */
export function transactionEndAt(log: Log, lsn: number): number {
  const frame = lsn === 0 ? undefined : log.frameAtOrAfter(lsn);
  // LSNs that were rejected, and those behind the last event, lie between transactions.
  if (frame === undefined || frame.firstLsn > lsn) return lsn;
  return lastCommit(frame, lsn) ?? beforeTransactionOf(log, frame);
}

/** The last LSN up to `lsn` with which a transaction of the frame ends; that before the frame where one begins with it. */
function lastCommit(frame: LoadedFrame, lsn: number): number | undefined {
  const reader = new EventReader().open(frame.bytes, frame.from, frame.to, frame.firstLsn);
  const isContinued = (frame.flags & FRAME_FLAG.continues) !== 0;
  let end = isContinued ? undefined : frame.firstLsn - 1;
  while (reader.skip() && reader.lsn <= lsn + 1) {
    if (reader.tag === RECORD.commit) end = reader.lsn - 1;
  }
  return end;
}

/** The LSN before the transaction that the frame goes on with. */
function beforeTransactionOf(log: Log, continued: LoadedFrame): number {
  let frame = continued;
  while ((frame.flags & FRAME_FLAG.continues) !== 0) {
    const before = frame.firstLsn === 1 ? undefined : log.frameAtOrAfter(frame.firstLsn - 1);
    // The transaction may begin with frames that have no events.
    if (before === undefined || (before.flags & FRAME_FLAG.unfinished) === 0) break;
    frame = before;
  }
  return frame.firstLsn - 1;
}
