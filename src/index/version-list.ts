// Lists the LSNs at which a node, a key or an edge changed, a page at a time: what was between two pages may have moved.

import { wtf8Bytes } from "../codec/text.ts";
import { storedKey } from "./family-key.ts";
import type { GraphTrees } from "./graph-trees.ts";
import { keyRemoved } from "./key-layers.ts";
import { twoTo32 } from "./tree-floor.ts";
import { hasPrefix, type WordLayers } from "./word-layers.ts";

/** Versions listed at once. */
const pageVersions = 256;

/** The lives of a key from `fromLsn` on: the ids of the nodes that have had it, in order, the one that had it then included. */
export function nodesOfKey(trees: GraphTrees, key: string, fromLsn: number, graph = 0): number[] {
  const bytes = storedKey(graph, wtf8Bytes(key));
  const ids: number[] = [];
  const cursor = trees.keyCursor;
  for (let more = cursor.seek(bytes, 0, bytes.length); more; more = cursor.next()) {
    if (!isKey(cursor.keyChunk!, cursor.keyFrom!, cursor.keyTo!, bytes)) break;
    const { words, base } = cursor;
    if (words[base + 3] !== keyRemoved) ids.push(words[base + 2]!);
    else if (words[base]! * twoTo32 + words[base + 1]! < fromLsn) ids.length = 0;
  }
  return ids;
}

/** The next LSNs from `fromLsn` on at which a node was put, patched or removed, ascending; none at the end. */
export function versionsOfNode(trees: GraphTrees, id: number, fromLsn: number): number[] {
  const { layers } = trees.nodes;
  return versions(layers, Uint32Array.of(id, fromLsn / twoTo32, fromLsn >>> 0), 1);
}

/** The next LSNs from `fromLsn` on at which an edge was patched or removed, ascending; none at the end. */
export function versionsOfEdge(trees: GraphTrees, edge: number, fromLsn: number): number[] {
  const words = [edge / twoTo32, edge >>> 0, fromLsn / twoTo32, fromLsn >>> 0];
  return versions(trees.edges.layers, Uint32Array.from(words), 2);
}

/** @param probe the entity in the first words, an LSN in the two behind them. */
function versions(layers: WordLayers, probe: Uint32Array, prefixWords: number): number[] {
  const lsns: number[] = [];
  const { cursors } = layers;
  // The LSNs of layers do not overlap, the oldest layer is the last; entries are not equally wide in all of them.
  for (let i = cursors.length - 1; i >= 0 && lsns.length < pageVersions; i--) {
    if (!layers.mayContain(i, probe[0]!)) continue;
    const cursor = cursors[i]!;
    for (let more = cursor.seek(probe, prefixWords + 2); more; more = cursor.next()) {
      const { words, base } = cursor;
      if (lsns.length === pageVersions || !hasPrefix(words, base, probe, prefixWords)) break;
      lsns.push(words[base + prefixWords]! * twoTo32 + words[base + prefixWords + 1]!);
    }
  }
  return lsns;
}

function isKey(chunk: Uint8Array, from: number, to: number, key: Uint8Array): boolean {
  if (to - from !== key.length) return false;
  for (let i = 0; i < key.length; i++) if (chunk[from + i] !== key[i]) return false;
  return true;
}
