// Gives the feeds what they need of an open database.
import type { FeedSource } from "../changes/feed-source.ts";
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
    edgeAt: (id, lsn) => readEdge(source, id, lsn),
    graphAt: (lsn) => {
      const { durable: counts } = core.counts;
      const view = new Snapshot({ live: source, log, lsn, counts, holder: "reading" });
      return {
        nodes: () => view.nodes(),
        edges: () => view.allEdges(),
        close: () => view.close(),
      };
    },
  };
}
