// The iterables of nodes: in the order of their keys' bytes, all of them or those with a label, and the neighbours of one.

import { compareBytes } from "../codec/text.ts";
import { KeyPages } from "../index/key-pages.ts";
import type { ReadSource } from "./read-source.ts";
import { keyOf, type PlainNode, readNode } from "./records.ts";

// Up to this many nodes with a label, or this part of all nodes, are sorted rather than found by a walk over all keys.
const sortedIdsMin = 1024;
const sortedIdsMax = 65_536;
const sortedPart = 16;

export interface NodeWalk {
  /** The number of the graph. */
  readonly graph: number;
  /** 0 for any; a label that is unknown never gets here. */
  readonly label: number;
  readonly prefix: Uint8Array;
  /** Only keys above these bytes; empty for all. */
  readonly after: Uint8Array;
  readonly lsn: number;
  readonly limit: number;
}

/** Nodes in the order of their keys. */
export function* walkNodes(source: ReadSource, walk: NodeWalk): Generator<PlainNode, void> {
  const { lsn } = walk;
  const { epoch } = source;
  let left = walk.limit;
  if (left <= 0) return;
  for (const id of nodeIds(source, walk, epoch)) {
    const node = readNode(source, id, undefined, lsn);
    if (node === undefined) continue;
    yield node;
    left--;
    if (left === 0) return;
    source.check(lsn, epoch);
  }
}

function* nodeIds(source: ReadSource, walk: NodeWalk, epoch: number): Generator<number, void> {
  const { label, lsn } = walk;
  source.check(lsn, epoch);
  if (label !== 0) {
    const part = Math.floor(source.index.nodeCount / sortedPart);
    const idsMax = Math.max(sortedIdsMin, Math.min(sortedIdsMax, part));
    const ids = source.index.labels.nodesWith(label, lsn, idsMax);
    if (ids !== undefined) {
      yield* sortedByKey(source, ids, walk);
      return;
    }
  }
  const pages = new KeyPages(walk);
  while (pages.fill(source.index.keyCursor)) {
    for (let i = 0; i < pages.count; i++) {
      const id = pages.ids[i]!;
      if (label === 0 || source.index.labels.has(label, id, lsn)) yield id;
    }
    source.check(lsn, epoch);
  }
}

function sortedByKey(source: ReadSource, ids: Uint32Array, walk: NodeWalk): number[] {
  const { prefix, after } = walk;
  const found: { id: number; key: Uint8Array }[] = [];
  for (const id of ids) {
    const reader = source.index.openKey(id);
    if (reader === undefined) continue;
    const { bytes, position, end } = reader;
    const prefixEnd = Math.min(position + prefix.length, end);
    if (compareBytes(bytes, position, prefixEnd, prefix, 0, prefix.length) !== 0) continue;
    if (after.length > 0 && compareBytes(bytes, position, end, after, 0, after.length) <= 0)
      continue;
    found.push({ id, key: bytes.slice(position, end) });
  }
  found.sort((a, b) => compareBytes(a.key, 0, a.key.length, b.key, 0, b.key.length));
  return found.map(({ id }) => id);
}

/** The keys of nodes whose ids are known. */
export function* keysOf(
  source: ReadSource,
  ids: Uint32Array,
  lsn: number,
): Generator<string, void> {
  const { epoch } = source;
  for (const id of ids) {
    source.check(lsn, epoch);
    yield keyOf(source, id);
  }
}
