// Gives the feeds what they need of an open database.
import type { FeedSource } from "../changes/feed-source.ts";
import { allEdges, allEntries, allNodes } from "../graph/everything.ts";
import { loggedValue } from "../graph/map-reader.ts";
import { readEdge, readNode } from "../graph/records.ts";
import type { DatabaseCore } from "./database-core.ts";
import { Snapshot } from "./snapshot.ts";

export function feedSourceOf(core: DatabaseCore): FeedSource {
  const { log, index, names, source, tail, settings } = core;
  const { clock, scheduler } = settings.ports;
  return {
    log,
    index,
    names,
    clock,
    scheduler,
    tail,
    requireOpen: (method) => core.requireOpen(method),
    isRebuilding: () => core.background.rebuild.isRunning(),
    nodeAt: (id, lsn) => readNode(source, id, undefined, lsn),
    edgeAt: (id, lsn) => readEdge(source, id, lsn, undefined),
    entryAt: (map, key, lsn) => {
      const putLsn = index.entryLsn(map, key, lsn);
      if (putLsn === 0) return undefined;
      return { key, value: loggedValue(log.events, putLsn), lsn: putLsn };
    },
    graphAt: (lsn) => {
      const { durable: counts } = core.counts;
      const view = new Snapshot({ live: source, log, lsn, counts, holder: "reading" });
      return {
        nodes: () => allNodes(view),
        entries: () => allEntries(view),
        edges: () => allEdges(view),
        close: () => view.close(),
      };
    },
  };
}
