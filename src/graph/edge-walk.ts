// The iterable of the edges of one node, out of the trees.

import { EdgePages } from "../index/edge-pages.ts";
import { type Direction, sidesOf } from "../index/graph-trees.ts";
import type { ReadSource } from "./read-source.ts";
import { edgeVersionLsn, keyOf, nameOf, type PlainEdge, readLoggedProps } from "./records.ts";

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

function inOrder<T>(list: readonly T[], isReverse: boolean): readonly T[] {
  return isReverse ? [...list].reverse() : list;
}
