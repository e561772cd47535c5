// Owns what `varve ingest` does once its options are read: looks at the inputs, runs the ingest, and says what came of it.

import { exitCodes, UsageError } from "./exit.ts";
import { type InputRequest, planInputs } from "./ingest-plan.ts";
import { Ingest, type IngestOutcome, printInputs } from "./ingest-run.ts";
import type { JsonValue } from "./json-values.ts";
import { absolutePath } from "./node-input.ts";
import { startProgress } from "./node-progress.ts";
import { checkRejectsPath } from "./node-rejects.ts";
import { catchInterruption, nowMs } from "./node-terminal.ts";
import { type CommandContext, openDatabase, printJson } from "./reading.ts";

/** The options that count for the whole of an ingest. */
export interface IngestOptions {
  /** Rows in a transaction. */
  readonly batch: number;
  readonly strict?: true;
  readonly rejects?: string;
  readonly resume?: true;
  readonly restart?: true;
  readonly json?: true;
}

/** Reads `requests` into the database at `path`, made where there is none. */
export async function ingest(
  context: CommandContext,
  path: string,
  requests: readonly InputRequest[],
  options: IngestOptions,
): Promise<void> {
  const startMs = nowMs();
  const isStrict = options.strict === true;
  const mode = options.resume ? "resume" : options.restart ? "restart" : "plain";
  const rejectsPath = options.rejects === undefined ? undefined : absolutePath(options.rejects);
  const inputs = await planInputs(requests);
  const print = await printInputs(inputs, isStrict);
  if (mode === "resume" && print === undefined) {
    throw new UsageError(
      "--resume reads the files again, which standard input and pipes do not allow",
    );
  }
  if (rejectsPath !== undefined) checkRejectsPath(rejectsPath);
  if (inputs.some(({ file }) => file.absolutePath === rejectsPath)) {
    throw new UsageError(`--rejects ${options.rejects} is one of the inputs`);
  }
  const db = await openDatabase(path, { create: true, durability: "os", implicitNodes: !isStrict });
  const progress = startProgress();
  const interruption = catchInterruption();
  let outcome: IngestOutcome;
  try {
    const request = {
      inputs,
      batchRows: options.batch,
      isStrict,
      mode,
      rejectsPath,
      defaultRejectsPath: `${absolutePath(path)}.rejects.ndjson`,
    } as const;
    outcome = await new Ingest(db, request, print, { progress, interruption }).run();
    await db.flush();
  } finally {
    progress.stop();
    interruption.release();
    await db.close();
  }
  await report(context, outcome, (nowMs() - startMs) / 1000, options.json === true);
  if (!outcome.isComplete) {
    context.exitCode = interruption.signal === "SIGTERM" ? 143 : exitCodes.interrupted;
    const how = print ? "--resume goes on here" : "standard input cannot be resumed";
    context.output.warn(`varve: INTERRUPTED: what was read so far is stored; ${how}`);
  }
}

async function report(
  context: CommandContext,
  outcome: IngestOutcome,
  seconds: number,
  isJson: boolean,
): Promise<void> {
  const { counters, rows, isComplete, isResumed, wasDoneBefore } = outcome;
  const perSecond = Math.round(rows / Math.max(seconds, 0.001));
  const rejectsFile = counters.rejected > 0 ? outcome.rejectsPath : null;
  if (isJson) {
    const json: JsonValue = {
      ...counters,
      rows,
      seconds: Number(seconds.toFixed(3)),
      rowsPerSecond: perSecond,
      complete: isComplete,
      resumed: isResumed,
      rejectsFile,
    };
    await printJson(context.output, json);
    return;
  }
  const count = (number: number): string => number.toLocaleString("en");
  const what = `${count(counters.nodes)} nodes, ${count(counters.edges)} edges, ${count(counters.rejected)} rejected`;
  await context.output.print(
    wasDoneBefore
      ? `${what}: that ingest was finished already, nothing to do`
      : `${what} in ${seconds.toFixed(2)} s (${count(perSecond)} rows/s)`,
  );
  if (rejectsFile !== null) await context.output.print(`rejected rows and reasons: ${rejectsFile}`);
}
