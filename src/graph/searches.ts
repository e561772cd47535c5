// Breadth-first searches by node id: traversals, and shortest paths from both ends at once.

import { VarveError } from "../codec/errors.ts";
import { EdgeColumns } from "../index/edge-columns.ts";
import { type Direction, sidesOf } from "../index/graph-trees.ts";
import { IdMap } from "./id-map.ts";
import type { ReadSource } from "./read-source.ts";
import { keyOf } from "./records.ts";
import type { Visit } from "./types.ts";

export interface Search {
  readonly method: string;
  readonly direction: Direction;
  readonly types: readonly number[] | undefined;
  readonly lsn: number;
  readonly maxVisited: number;
}

// What one node's expansion gathers; nothing is kept in it while an iterator waits.
const gathered = new EdgeColumns(256);

/** The nodes that can be reached, nearest first, each once; the start is the first of them. */
export function* traverseFrom(
  source: ReadSource,
  start: number,
  search: Search,
  depthMax: number,
): Generator<Visit, void> {
  const { lsn, maxVisited, method } = search;
  const { epoch } = source;
  const seen = new IdMap();
  const queue = new EdgeColumns(64);
  const push = (id: number, via: number): void => {
    if (!seen.add(id, 0)) return;
    if (seen.count > maxVisited) throw tooManyVisited(method, maxVisited);
    queue.reserve(queue.count + 1);
    queue.others[queue.count] = id;
    queue.edges[queue.count] = via;
    queue.count++;
  };
  push(start, 0);
  let levelEnd = 1;
  let depth = 0;
  for (let at = 0; at < queue.count; at++) {
    if (at === levelEnd) {
      levelEnd = queue.count;
      depth++;
    }
    const id = queue.others[at]!;
    const via = queue.edges[at]!;
    source.check(lsn, epoch);
    yield { key: keyOf(source, id), depth, via: via === 0 ? undefined : via };
    if (depth === depthMax) continue;
    source.check(lsn, epoch);
    gather(source, id, search);
    for (let i = 0; i < gathered.count; i++) push(gathered.others[i]!, gathered.edges[i]!);
  }
}

/** The ids on a shortest path, both ends included, or undefined where there is none. */
export function shortestPathIds(
  source: ReadSource,
  from: number,
  to: number,
  search: Search,
): number[] | undefined {
  if (from === to) return [from];
  const { direction } = search;
  const forward = new Side(from, direction);
  const backward = new Side(to, direction === "both" ? "both" : direction === "out" ? "in" : "out");
  if (search.maxVisited < 2) throw tooManyVisited(search.method, search.maxVisited);
  while (forward.frontier.length > 0 && backward.frontier.length > 0) {
    // Expanding the smaller side keeps the two balls small; a whole level at a time keeps the path shortest.
    const isForward = forward.frontier.length <= backward.frontier.length;
    const side = isForward ? forward : backward;
    const other = isForward ? backward : forward;
    const meeting = side.expand(source, search, other);
    if (meeting !== 0) {
      const path = forward.pathTo(meeting).reverse();
      return path.concat(backward.pathTo(meeting).slice(1));
    }
  }
  return undefined;
}

/** What is known from one end: for every node seen, the node before it on the way from that end. */
class Side {
  readonly before: IdMap = new IdMap();
  frontier: Uint32Array;
  readonly #direction: Direction;

  constructor(start: number, direction: Direction) {
    this.#direction = direction;
    this.frontier = Uint32Array.of(start);
    this.before.add(start, 0);
  }

  /** Goes one level on; returns a node that the other side has seen too, or 0. */
  expand(source: ReadSource, search: Search, other: Side): number {
    const { types, lsn, maxVisited, method } = search;
    let next = new Uint32Array(64);
    let count = 0;
    for (const id of this.frontier) {
      const ids = source.index.neighborIds(id, this.#direction, types, lsn);
      for (const neighbor of ids) {
        if (!this.before.add(neighbor, id)) continue;
        if (other.before.has(neighbor)) return neighbor;
        if (this.before.count + other.before.count > maxVisited) {
          throw tooManyVisited(method, maxVisited);
        }
        if (count === next.length) {
          const grown = new Uint32Array(count * 2);
          grown.set(next);
          next = grown;
        }
        next[count++] = neighbor;
      }
    }
    this.frontier = next.subarray(0, count);
    return 0;
  }

  /** The nodes from one seen by this side back to the side's end. */
  pathTo(id: number): number[] {
    const path: number[] = [];
    for (let at = id; at !== 0; at = this.before.get(at)) path.push(at);
    return path;
  }
}

function gather(source: ReadSource, id: number, search: Search): void {
  const { index } = source;
  const { lsn } = search;
  gathered.count = 0;
  for (const side of sidesOf(search.direction)) {
    for (const type of search.types ?? [0]) {
      index.adjacency(side).gather(id, type, 0, lsn, index.isCurrent(lsn), gathered);
    }
  }
}

function tooManyVisited(method: string, maxVisited: number): VarveError {
  return new VarveError("LIMIT_EXCEEDED", `${method}: more than ${maxVisited} nodes visited`, {
    details: { limit: "maxVisited", max: maxVisited },
  });
}
