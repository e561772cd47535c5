// What is asked of the worker that writes, merges and verifies tree files, one short request at a time.

import type { VarveErrorCode } from "../codec/errors.ts";
import type { EntryBatch } from "./entry-batch.ts";
import type { LeftOut } from "./merge-erasure.ts";
import type { Retention } from "./merge-retention.ts";
import type { TreeFileAddress } from "./tree-file.ts";
import type { TreeName } from "./tree-kind.ts";

/** The tree to be written. Its path names the job. */
export interface TreePlan {
  readonly path: string;
  readonly name: TreeName;
  readonly treeId: number;
  readonly databaseId: Uint8Array;
  readonly pageBytes: number | undefined;
  readonly firstLsn: number;
  readonly lastLsn: number;
}

export type TreeRequest =
  /** Begins a tree that `append` fills. */
  | { readonly ask: "write"; readonly plan: TreePlan }
  /** Answers with the batch, whose buffers may be used again. */
  | { readonly ask: "append"; readonly path: string; readonly batch: EntryBatch }
  /** Begins a tree that `step` fills from others, newest first. */
  | {
      readonly ask: "merge";
      readonly plan: TreePlan;
      readonly inputs: readonly TreeFileAddress[];
      readonly retention: Retention | undefined;
      readonly leftOut: LeftOut | undefined;
    }
  /** Begins to read a tree back; `step` goes on. */
  | { readonly ask: "verify"; readonly address: TreeFileAddress }
  /** What a tree that was read back has that is not as it was written: `FoundDamage[]`. */
  | { readonly ask: "damages"; readonly path: string }
  /** Does so many shares of the work, and answers whether all of it is done. */
  | { readonly ask: "step"; readonly path: string; readonly shares: number }
  /** Makes a tree whole and durable, and answers with a `FinishedTree`. */
  | { readonly ask: "finish"; readonly path: string }
  /** Closes what jobs have open; those that are not there are none. */
  | { readonly ask: "close"; readonly paths: readonly string[] };

/** What an error tells, for a message. */
export interface FoundDamage {
  readonly code: VarveErrorCode;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

export interface FinishedTree {
  readonly bytes: number;
  readonly entries: number;
  /** Entries of a merge that tell of a removal; 0 where that is not counted. */
  readonly removals: number;
  /** Ids of nodes that a merge of the tree of nodes has left out because of their graph, each once. */
  readonly nodesFound: Uint32Array | undefined;
}
