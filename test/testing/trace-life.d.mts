// The types of trace-life.mjs, for the test that runs it in its own process.
import type { open } from "../../src/database/open.ts";
import type { handle } from "../../src/index/tree-worker.ts";
import type * as kit from "../../src/testing/testing.ts";

export interface TraceLifeParts {
  readonly open: typeof open;
  readonly handle: typeof handle;
  readonly kit: typeof kit;
  readonly treeWorker: URL;
}

/** The trace hash of each life, and the codes of those that ended by an error, on one line. */
export function traceLife(parts: TraceLifeParts, seed: number): Promise<string>;
