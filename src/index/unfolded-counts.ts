// Counts records that want a rewrite of their own: patches that build on something, without which nothing of that can go; and what goes
// without being superseded.
import { RECORD } from "../log/event-format.ts";
import type { EventReader } from "../log/event-reader.ts";
import { LsnCounts } from "./lsn-counts.ts";

/** What is taken back stays counted. */
export class UnfoldedCounts extends LsnCounts {
  noteRecord(reader: EventReader): void {
    const { tag } = reader;
    const isPatch = tag === RECORD.nodePatch || tag === RECORD.edgePatch;
    const isOther = tag === RECORD.userEvent || tag === RECORD.state;
    if (isOther || (isPatch && !reader.hasImage)) this.note(reader.lsn);
  }
}
