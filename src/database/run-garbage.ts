// How much of what an index's runs hold is superseded and may go: when all of them are worth merging, and when writers wait for that.
import type { GraphTrees } from "../index/graph-trees.ts";

/** For each thing that is live, superseded since all runs were merged: then that is done again. */
const enoughShare = 0.5;

export class RunGarbage {
  readonly #index: Pick<GraphTrees, "nodeCount" | "edgeCount" | "superseded">;
  /** When all runs were last merged, or began to be: what had been superseded, and how far compaction had gone. */
  #supersededBefore = 0;
  #horizonBefore = 0;
  #isGoing = false;

  constructor(index: Pick<GraphTrees, "nodeCount" | "edgeCount" | "superseded">) {
    this.#index = index;
  }

  /** Whether so much of it lies below the horizon that merging all runs is worth it. */
  isEnough(horizon: number): boolean {
    return this.#superseded >= this.#enough && horizon - this.#horizonBefore >= this.#enough;
  }

  /** Whether as much again has come since a merge for its sake began: no more should before that is done. */
  get isOverdue(): boolean {
    return this.#isGoing && this.#superseded >= this.#enough;
  }

  /** All runs are being merged from now on. */
  noteAll(horizon: number): void {
    this.#supersededBefore = this.#index.superseded.total;
    this.#horizonBefore = horizon;
  }

  /** There are no runs any more, nor counts of what was superseded. */
  clear(): void {
    this.#supersededBefore = 0;
    this.#horizonBefore = 0;
  }

  /** Does a merge for its sake. */
  async going<T>(merge: () => Promise<T>): Promise<T> {
    this.#isGoing = true;
    try {
      return await merge();
    } finally {
      this.#isGoing = false;
    }
  }

  get #superseded(): number {
    return this.#index.superseded.total - this.#supersededBefore;
  }

  get #enough(): number {
    const { nodeCount, edgeCount } = this.#index;
    return Math.max(1, (nodeCount + edgeCount) * enoughShare);
  }
}
