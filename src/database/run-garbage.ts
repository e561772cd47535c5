// How much of what an index's runs hold is superseded and may go: when all of them are worth merging, and when writers wait for that.
import type { GraphTrees } from "../index/graph-trees.ts";

/** For each thing that is live, superseded since all runs were merged: then that is done again. */
const enoughShare = 0.3;

/** How many events were superseded once those up to an LSN were applied. */
interface Mark {
  readonly lsn: number;
  readonly superseded: number;
}

export class RunGarbage {
  readonly #index: Pick<GraphTrees, "nodeCount" | "edgeCount" | "superseded">;
  /** Of the freezes, oldest first; only the last of those at or below the horizon is kept. */
  #marks: Mark[] = [];
  /** When all runs were last merged, or began to be: what a merge could leave out, and all that was superseded. */
  #leftOut = 0;
  #totalBefore = 0;
  #isGoing = false;

  constructor(index: Pick<GraphTrees, "nodeCount" | "edgeCount" | "superseded">) {
    this.#index = index;
  }

  /** A layer ends with an LSN. */
  noteFrozen(lsn: number): void {
    const marks = this.#marks;
    // What was taken back since may have had higher ones.
    while (marks.length > 0 && marks.at(-1)!.lsn >= lsn) marks.pop();
    marks.push({ lsn, superseded: this.#index.superseded.total });
  }

  /**
   * Whether so much was superseded up to the horizon that merging all runs is worth it. What was superseded above it stays: a merge
   * that did not wait for the horizon would write all of that anew.
   */
  isEnough(horizon: number): boolean {
    return this.#supersededAt(horizon) - this.#leftOut >= this.#enough;
  }

  /** Whether as much again has come since a merge for its sake began: no more should before that is done. */
  get isOverdue(): boolean {
    return this.#isGoing && this.#index.superseded.total - this.#totalBefore >= this.#enough;
  }

  /** All runs are being merged from now on. */
  noteAll(horizon: number): void {
    this.#leftOut = this.#supersededAt(horizon);
    this.#totalBefore = this.#index.superseded.total;
  }

  /** There are no runs any more, nor counts of what was superseded. */
  clear(): void {
    this.#marks = [];
    this.#leftOut = 0;
    this.#totalBefore = 0;
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

  /** By the marks on both sides: the horizon is the end of a segment, which is rarely that of a layer. */
  #supersededAt(horizon: number): number {
    const marks = this.#marks;
    while (marks.length > 1 && marks[1]!.lsn <= horizon) marks.shift();
    const [below, above] = marks;
    if (below === undefined || below.lsn > horizon) return 0;
    if (above === undefined) return below.superseded;
    const share = (horizon - below.lsn) / (above.lsn - below.lsn);
    return below.superseded + share * (above.superseded - below.superseded);
  }

  get #enough(): number {
    const { nodeCount, edgeCount } = this.#index;
    return Math.max(1, (nodeCount + edgeCount) * enoughShare);
  }
}
