// How the rest of the engine reads single events and ranges of events back from the log.
import type { EventReader } from "./event-reader.ts";

/** Reads events by LSN, whether they are on disk, on their way there, or only accepted. */
export interface EventLookup {
  /**
   * A reader standing on the record that holds event `lsn`, or undefined where no event has that
   * LSN. In an edge run, the event is number `lsn - reader.lsn` of the record. The reader and its
   * bytes are good until the next call.
   */
  find(lsn: number): EventReader | undefined;
  /** The records with events in `[fromLsn, toLsn]`, ascending. */
  scan(fromLsn: number, toLsn: number): EventScan;
}

/** A forward scan; stable while the log grows. */
export interface EventScan {
  /**
   * The next record that has an event in the range, or undefined at its end. The reader is the
   * scan's own, good until its next call. An edge run may begin before or end behind the range.
   */
  next(): EventReader | undefined;
}
