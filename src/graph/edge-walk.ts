// The iterables of edges: those of one node, out of the trees, and all of a graph, out of the log.

import { EdgePages } from "../index/edge-pages.ts";
import { type Direction, sidesOf } from "../index/graph-trees.ts";
import type { ReadSource } from "./read-source.ts";
import {
  addedProps,
  addsEdges,
  edgeVersionLsn,
  keyOf,
  nameOf,
  type PlainEdge,
  readLoggedProps,
  sourceOf,
  targetOf,
} from "./records.ts";

export interface EdgeWalk {
  readonly node: number;
  readonly key: string;
  readonly direction: Direction;
  /** Ascending; undefined for all. */
  readonly types: readonly number[] | undefined;
  /** The node at the other end, or 0 for any. */
  readonly other: number;
  readonly lsn: number;
  readonly isReverse: boolean;
  readonly limit: number;
}

/** The edges of a node. With direction "both" those out come before those in, and a self-loop comes once, with those out. */
export function* walkEdges(source: ReadSource, walk: EdgeWalk): Generator<PlainEdge, void> {
  const { node, direction, lsn, isReverse, other } = walk;
  const { epoch } = source;
  let left = walk.limit;
  for (const side of inOrder(sidesOf(direction), isReverse)) {
    for (const type of inOrder(walk.types ?? [0], isReverse)) {
      const pages = new EdgePages({ node, type, other, lsn, isReverse });
      source.check(lsn, epoch);
      while (left > 0 && pages.fill(source.index.adjacency(side))) {
        for (let i = 0; i < pages.count && left > 0; i++) {
          const far = pages.others[i]!;
          if (direction === "both" && side === "in" && far === node) continue;
          source.check(lsn, epoch);
          left--;
          yield edgeOfPage(source, walk, side, pages, i);
        }
        source.check(lsn, epoch);
      }
    }
  }
}

function edgeOfPage(
  source: ReadSource,
  walk: EdgeWalk,
  side: "out" | "in",
  pages: EdgePages,
  ordinal: number,
): PlainEdge {
  const id = pages.edges[ordinal]!;
  const otherKey = keyOf(source, pages.others[ordinal]!);
  const version = edgeVersionLsn(source, id, walk.lsn);
  return {
    id,
    from: side === "out" ? walk.key : otherKey,
    type: nameOf(source.names, pages.types[ordinal]!),
    to: side === "out" ? otherKey : walk.key,
    props: readLoggedProps(source.events, source.names, version),
    lsn: version,
  };
}

export interface EdgeScan {
  /** The number of the graph, or a place for that of each edge, of whatever graph is there. */
  readonly graph: number | { of: number };
  readonly types: readonly number[] | undefined;
  /** Only ids above this one. */
  readonly after: number;
  readonly lsn: number;
  readonly limit: number;
}

/** All edges by id: a scan of the log, less what was removed since. */
export function* scanEdges(source: ReadSource, scan: EdgeScan): Generator<PlainEdge, void> {
  const { graph, types, after, lsn } = scan;
  const { epoch } = source;
  let left = scan.limit;
  if (left <= 0 || after >= lsn) return;
  source.check(lsn, epoch);
  const records = source.events.scan(after + 1, lsn);
  // The next edge that was ever patched or removed: the others need no look-up.
  let changed = source.index.edges.nextEdge(after + 1);
  for (let event = records.next(); event !== undefined; event = records.next()) {
    if (!addsEdges(event)) continue;
    if (typeof graph === "number") {
      if (event.family !== graph) continue;
    } else {
      if (!source.index.hasGraph(event.family, lsn)) continue;
      graph.of = event.family;
    }
    if (types !== undefined && !types.includes(event.type)) continue;
    const type = nameOf(source.names, event.type);
    const end = Math.min(event.lsn + event.eventCount, lsn + 1);
    for (let id = Math.max(event.lsn, after + 1); id < end; id++) {
      source.check(lsn, epoch);
      if (changed < id) changed = source.index.edges.nextEdge(id);
      const version = changed === id ? edgeVersionLsn(source, id, lsn) : id;
      if (version === 0) continue;
      yield {
        id,
        from: keyOf(source, sourceOf(event, id)),
        type,
        to: keyOf(source, targetOf(event, id)),
        props:
          version === id
            ? addedProps(event, source.names)
            : readLoggedProps(source.events, source.names, version),
        lsn: version,
      };
      left--;
      if (left === 0) return;
    }
    source.check(lsn, epoch);
  }
}

function inOrder<T>(list: readonly T[], isReverse: boolean): readonly T[] {
  return isReverse ? [...list].reverse() : list;
}
