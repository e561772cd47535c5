// Where replayed frames go: the trees and the system state.
import { MalformedBytes } from "../codec/bytes.ts";
import { readValue } from "../codec/values.ts";
import type { GraphIndex } from "../index/graph-index.ts";
import { RECORD } from "../log/event-format.ts";
import { EventReader } from "../log/event-reader.ts";
import type { FollowSink } from "../log/log-tail.ts";
import type { ReplaySink } from "../recovery/replay.ts";
import type { SystemState } from "./system-values.ts";

/** Replays frames into the trees, and into the system state where there is one to replay. */
export function replaySink(
  index: GraphIndex,
  state: SystemState | undefined,
): ReplaySink & Required<FollowSink> {
  const reader = new EventReader();
  return {
    noteCompacted(lsn) {
      index.compactedTo = lsn;
    },
    restart() {
      index.clear();
      index.names.truncate(1);
      state?.clear();
    },
    apply(bytes, from, to, firstLsn) {
      index.apply(bytes, from, to, firstLsn);
      return applyStates(reader.open(bytes, from, to, firstLsn), state);
    },
  };
}

function applyStates(reader: EventReader, state: SystemState | undefined): number {
  while (reader.skip()) {
    if (state === undefined || reader.tag !== RECORD.state) continue;
    const name = reader.body.text();
    state.set(name, readValue(reader.body));
    if (!reader.body.atEnd) throw new MalformedBytes("state record with bytes left over");
  }
  return reader.nextLsn;
}
