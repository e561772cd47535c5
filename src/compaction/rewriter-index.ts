// What rewriting asks of an index: the versions up to the horizon, and which graphs and maps are dropped.
import type { EdgeVersions } from "../index/edge-versions.ts";
import type { KeyLayers } from "../index/key-layers.ts";
import type { NodeVersions } from "../index/node-versions.ts";

export interface RewriterIndex {
  readonly nodes: NodeVersions;
  readonly edges: EdgeVersions;
  readonly keys: KeyLayers;
  readonly families: DroppedFamilies;
}

export interface DroppedFamilies {
  /** Whether there is nothing beside the default graph. */
  readonly isEmpty: boolean;
  get(number: number): { readonly droppedLsn: number } | undefined;
}
