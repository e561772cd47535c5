// The types of graph-subject.mjs.
import type { CrashSubject } from "../../src/testing/testing.ts";
import type { Database, OpenOptions } from "../../src/varve.ts";

export type GraphCommand = "small" | "batch" | "large" | "delete" | "checkpoint" | "flush" | "ack";

export interface GraphState {
  readonly nodes: Readonly<Record<string, { readonly count: number; readonly pad?: string }>>;
  readonly edges: readonly string[];
  readonly events: readonly string[];
}

export declare const databasePath: string;

export declare function graphSubject(
  open: (path: string, options: OpenOptions) => Promise<Database>,
  options?: OpenOptions,
): CrashSubject<Database, GraphCommand, GraphState>;
