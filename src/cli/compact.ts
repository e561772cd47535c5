// Owns `varve compact`: drops the history that a policy lets go, and merges the index into one set of files.

import type { Command } from "commander";
import type { CompactReport, HeldBack, HistoryPolicy } from "../varve.ts";
import { exitCodes, UsageError } from "./exit.ts";
import { toJson } from "./json-values.ts";
import { type CommandContext, openDatabase, printable, printJson } from "./reading.ts";

interface CompactCommandOptions {
  readonly history?: HistoryPolicy;
  readonly json?: true;
}

export function addCompact(program: Command, context: CommandContext): void {
  program
    .command("compact")
    .description("drop the history that need not be kept, and merge the index")
    .argument("<db>", "directory of the database")
    .option(
      "--history <policy>",
      "what to keep: all, latest, keepMs=N or keepEvents=N (default: all)",
      historyFrom,
    )
    .option("--json", "print one JSON object")
    .action((path: string, options: CompactCommandOptions) => compact(context, path, options));
}

async function compact(
  context: CommandContext,
  path: string,
  { history = "all", json }: CompactCommandOptions,
): Promise<void> {
  const db = await openDatabase(path, { create: false, history });
  let report: CompactReport;
  let heldBackBy: HeldBack | undefined;
  try {
    report = await db.compact();
    heldBackBy = db.stats().history.heldBackBy;
  } finally {
    await db.close();
  }
  context.exitCode = exitCodes.done;
  if (json) {
    await printJson(context.output, toJson({ ...report, heldBackBy: heldBackBy ?? null }));
    return;
  }
  const { horizon, segments, bytesBefore, bytesAfter } = report;
  const { output } = context;
  await output.print(`history from LSN ${horizon} on, ${segments} segments rewritten`);
  await output.print(`${bytesBefore} bytes before, ${bytesAfter} after`);
  if (heldBackBy === undefined) return;
  const { by, name, lsn } = heldBackBy;
  const holder = name === undefined ? by : `${by} ${name}`;
  await output.print(printable(`held at LSN ${lsn} by: ${holder}`));
}

/** Reads `all`, `latest`, `keepMs=N` and `keepEvents=N`. */
function historyFrom(text: string): HistoryPolicy {
  if (text === "all" || text === "latest") return text;
  const match = /^(keepMs|keepEvents)=(\d{1,15})$/.exec(text);
  if (match === null) {
    throw new UsageError(`--history takes all, latest, keepMs=N or keepEvents=N, not ${text}`);
  }
  const count = Number(match[2]);
  return match[1] === "keepMs" ? { keepMs: count } : { keepEvents: count };
}
