// Makes the compactor of an open database out of its parts, for tests that drive compaction step by step.
import { Compactor } from "../../src/compaction/compactor.ts";
import { Database } from "../../src/database/database.ts";

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
