// What is asked of the worker that reads segments and says what stays of them; it writes nothing.
import type { RunRecord } from "../index/run-record.ts";
import type { FrameFields } from "../log/frame-codec.ts";
import type { SegmentView } from "../log/segment-view.ts";

/** Neighbours that become one segment, or one alone, and all that their events are judged by. */
export interface RewriteOrder {
  /** Names the job: one at a time in each. */
  readonly directory: string;
  readonly databaseId: Uint8Array;
  readonly views: readonly SegmentView[];
  /** Of the whole log, and the ids of all that are rewritten together: see `Coverage`. */
  readonly segments: readonly SegmentView[];
  readonly chosen: readonly number[];
  readonly horizon: number;
  /** Newest first; they hold every version up to the horizon. */
  readonly runs: readonly RunRecord[];
  /** Graphs and maps that are dropped, by number: at which LSN; and whether there are any at all. */
  readonly dropped: ReadonlyMap<number, number>;
  /** The system state as of what is durable. */
  readonly states: ReadonlyMap<string, unknown>;
}

export type RewriteRequest =
  | { readonly ask: "begin"; readonly order: RewriteOrder }
  /** Reads on, about as much as it takes in one go: a `RewriteStep`. */
  | { readonly ask: "step"; readonly directory: string }
  /** Closes what is open; there may be nothing. */
  | { readonly ask: "close"; readonly directory: string };

/** A frame as `SegmentDraft.append` takes it. */
export interface RewrittenFrame {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly fields: FrameFields;
}

export interface RewriteStep {
  readonly frames: readonly RewrittenFrame[];
  /** Of the segment. */
  readonly readBytes: number;
  /** What it comes to; undefined while there is more. */
  readonly done: PassResult | undefined;
}

export interface PassResult {
  /** Events that stay no more; records that change in whatever way; events that stay. */
  readonly dropped: number;
  readonly changed: number;
  readonly keptEvents: number;
}
