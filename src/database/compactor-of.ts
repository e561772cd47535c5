// Makes the compactor of an open database out of its parts.
import { Compactor } from "../compaction/compactor.ts";
import { Database } from "./database.ts";
import type { DatabaseCore } from "./database-core.ts";

export function compactorFor(core: DatabaseCore): Compactor {
  const { log, index, directory, settings } = core;
  return new Compactor({
    ports: settings.ports,
    directory,
    log,
    segmentBytes: settings.segmentBytes,
    index,
    durableState: (name) => core.durableState(name),
    requireIndex: () => core.background.rebuild.require(),
  });
}

/** For tests that drive compaction step by step. */
export function compactorOf(database: Database): Compactor {
  return compactorFor(Database.coreOf(database));
}
