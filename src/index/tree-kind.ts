// The trees of a graph as files know them: the number and the file-name ending of each, and the shape of its entries.

import { keyTreeShape } from "./disk-tree-sources.ts";
import type { EntryShape } from "./page-format.ts";

/** Stored on disk, never renumber. */
export const TREE_KIND = {
  /** (key bytes, LSN | id, flags) */
  keys: 1,
  /** (id, LSN | flags) and the record */
  nodes: 2,
  /** (source, type, target, edge | LSN of the removal or 0) */
  out: 3,
  /** (target, type, source, edge | LSN of the removal or 0) */
  in: 4,
  /** (edge, LSN | flags) */
  edges: 5,
  /** (label, node, LSN | flags) */
  labels: 6,
} as const;

export type TreeName = keyof typeof TREE_KIND;

/** In the order of their numbers. */
export const treeNames: readonly TreeName[] = ["keys", "nodes", "out", "in", "edges", "labels"];

const adjacencyShape: EntryShape = { keyBytes: false, width: 7, payloadWords: 2, blob: false };
const versionsShape: EntryShape = { keyBytes: false, width: 5, payloadWords: 1, blob: false };

export const treeShapes: Readonly<Record<TreeName, EntryShape>> = {
  keys: keyTreeShape,
  nodes: { keyBytes: false, width: 4, payloadWords: 1, blob: true },
  out: adjacencyShape,
  in: adjacencyShape,
  edges: versionsShape,
  labels: versionsShape,
};
