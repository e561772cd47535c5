// Makes the compactor of an open database out of its parts.
import { Compactor } from "../compaction/compactor.ts";
import { Database } from "./database.ts";

/** For tests that drive compaction step by step. */
export function compactorOf(database: Database): Compactor {
  const core = Database.coreOf(database);
  const { log, index, directory, settings } = core;
  return new Compactor({
    ports: settings.ports,
    directory,
    log,
    segmentBytes: settings.segmentBytes,
    index,
    liveCount: () => index.nodeCount + index.edgeCount,
    durableState: (name) => core.durableState(name),
    requireIndex: () => core.background.rebuild.require(),
  });
}
