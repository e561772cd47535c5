// Owns what the database remembers of an ingest, and the decision whether one begins, goes on, or is refused. Pure.

import { VarveError } from "../codec/errors.ts";
import { UsageError } from "./exit.ts";

/** Name of the value of system state that is written with every batch. */
export const ingestStateName = "ingest";

/** An input as it was when the ingest began. */
export interface InputPrint {
  readonly kind: "nodes" | "edges";
  readonly path: string;
  readonly hash: string;
}

export interface IngestCounters {
  /** Nodes put from rows, and those made because an edge named them. */
  readonly nodes: number;
  readonly edges: number;
  /** Of `nodes`, those made because an edge named them. */
  readonly implicitNodes: number;
  readonly rejected: number;
}

export interface IngestRun {
  readonly inputs: readonly InputPrint[];
  /** Hash of the options that decide what a row means. */
  readonly options: string;
  readonly isFinished: boolean;
  /** Ordinal of the input being read, and how many of its rows are done. */
  readonly input: number;
  readonly rows: number;
  readonly counters: IngestCounters;
  /** Where rejects go: `null` stands for the default place beside the database. */
  readonly rejectsPath: string | null;
  readonly rejectsBytes: number;
}

export interface IngestState {
  readonly version: 1;
  readonly runs: readonly IngestRun[];
}

/** What the database holds under that name, held against what an ingest stores; throws CORRUPT where it is something else. */
export function ingestStateIn(value: unknown): IngestState | undefined {
  if (value === undefined || isIngestState(value)) return value;
  throw new VarveError("CORRUPT", "what the database remembers of ingests makes no sense", {
    details: { state: ingestStateName },
  });
}

function isIngestState(value: unknown): value is IngestState {
  if (!isRecord(value) || value["version"] !== 1) return false;
  const { runs } = value;
  return Array.isArray(runs) && runs.every(isRun);
}

function isRun(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { inputs, options, isFinished, counters, rejectsPath } = value;
  const counts = [value["input"], value["rows"], value["rejectsBytes"]];
  return (
    Array.isArray(inputs) &&
    inputs.length > 0 &&
    inputs.every(isInput) &&
    typeof options === "string" &&
    typeof isFinished === "boolean" &&
    counts.every(isCount) &&
    isRecord(counters) &&
    Object.keys(noCounters).every((name) => isCount(counters[name])) &&
    (rejectsPath === null || typeof rejectsPath === "string")
  );
}

function isInput(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { kind, path, hash } = value;
  const isKind = kind === "nodes" || kind === "edges";
  return isKind && typeof path === "string" && typeof hash === "string";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

export const noCounters: IngestCounters = { nodes: 0, edges: 0, implicitNodes: 0, rejected: 0 };

/** How an ingest was asked for: plainly, with --resume, or with --restart. */
export type StartMode = "plain" | "resume" | "restart";

export type Start =
  | { readonly kind: "begin" }
  | { readonly kind: "continue"; readonly run: IngestRun }
  | { readonly kind: "already done"; readonly run: IngestRun };

/** Decides how to start, given what the database remembers; throws a `UsageError` where that would lose or repeat rows. */
export function decideStart(
  state: IngestState | undefined,
  wanted: Pick<IngestRun, "inputs" | "options">,
  mode: StartMode,
): Start {
  const runs = state?.runs ?? [];
  const unfinished = runs.find((run) => !run.isFinished && isSameIngest(run, wanted));
  if (mode === "restart") return { kind: "begin" };
  if (mode === "plain") {
    if (unfinished === undefined) return { kind: "begin" };
    throw new UsageError(
      `an ingest of these files stopped after ${describeProgress(unfinished)}: ` +
        "--resume goes on there, --restart begins anew (edges already stored would be there twice)",
    );
  }
  if (unfinished === undefined) {
    const done = runs.find((run) => run.isFinished && isUnchanged(run, wanted));
    if (done !== undefined) return { kind: "already done", run: done };
    refuseForeign(runs);
    return { kind: "begin" };
  }
  const changed = unfinished.inputs.find((input, at) => input.hash !== wanted.inputs[at]?.hash);
  if (changed !== undefined) {
    throw new UsageError(
      `${changed.path} has changed since the ingest began; --restart begins anew`,
    );
  }
  if (unfinished.inputs.length !== wanted.inputs.length || unfinished.options !== wanted.options) {
    throw new UsageError(
      "the ingest to resume was begun with other files or options; give the same, or --restart",
    );
  }
  return { kind: "continue", run: unfinished };
}

// With --resume, beginning from the first row could repeat rows of an ingest that only looks different.
function refuseForeign(runs: readonly IngestRun[]): void {
  const open = runs.find((run) => !run.isFinished);
  if (open === undefined) return;
  const paths = open.inputs.map((input) => input.path).join(", ");
  throw new UsageError(`the ingest to resume is of ${paths}; these files were not begun`);
}

/** The state with this run in it; of the others, the newest few are kept. */
export function withRun(state: IngestState | undefined, run: IngestRun): IngestState {
  const others = (state?.runs ?? []).filter((other) => !isSameIngest(other, run));
  return { version: 1, runs: [run, ...others.slice(0, runsMax - 1)] };
}

const runsMax = 8;

// The same names, or the same contents under other names: a directory may have been moved.
function isSameIngest(run: Pick<IngestRun, "inputs">, wanted: Pick<IngestRun, "inputs">): boolean {
  const names = (input: InputPrint): string => `${input.kind} ${input.path}`;
  const contents = (input: InputPrint): string => `${input.kind} ${input.hash}`;
  return (
    sameList(run.inputs, wanted.inputs, names) || sameList(run.inputs, wanted.inputs, contents)
  );
}

function isUnchanged(run: IngestRun, wanted: Pick<IngestRun, "inputs" | "options">): boolean {
  const contents = (input: InputPrint): string => `${input.kind} ${input.hash}`;
  return run.options === wanted.options && sameList(run.inputs, wanted.inputs, contents);
}

function sameList(
  a: readonly InputPrint[],
  b: readonly InputPrint[],
  name: (input: InputPrint) => string,
): boolean {
  return a.length === b.length && a.every((input, at) => name(input) === name(b[at] as InputPrint));
}

function describeProgress(run: IngestRun): string {
  return `${run.rows} rows of file ${run.input + 1} of ${run.inputs.length}`;
}
