// Owns what every format of an export is: lines for the nodes, lines for the edges, and what stands around them.

import type { ExportFields } from "./export-fields.ts";

/** A node as it is read; what a format needs of it. */
export interface ExportedNode {
  readonly key: string;
  readonly id: number;
  readonly labels: readonly string[];
  readonly props: Readonly<Record<string, unknown>>;
}

export interface ExportedEdge {
  readonly id: number;
  readonly from: string;
  readonly fromId: number;
  readonly type: string;
  readonly to: string;
  readonly toId: number;
  readonly props: Readonly<Record<string, unknown>>;
}

export interface ExportFormat {
  /** What stands before the nodes, between them and the edges, and behind all. */
  head(nodes: ExportFields, edges: ExportFields): readonly string[];
  middle(edges: ExportFields): readonly string[];
  tail(): readonly string[];
  /** The lines of a node; undefined where the format cannot say it. */
  node(node: ExportedNode, fields: ExportFields): string | undefined;
  edge(edge: ExportedEdge, fields: ExportFields): string | undefined;
}
