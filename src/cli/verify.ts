// Owns `varve verify`: checks every byte of a database and says what is wrong; its exit codes are its own.

import type { Command } from "commander";
import { VarveError } from "../codec/errors.ts";
import type { VerifyReport } from "../varve.ts";
import { describeFailure, verifyExitCodes } from "./exit.ts";
import { toJson } from "./json-values.ts";
import type { Output } from "./output.ts";
import { type CommandContext, printable, printJson, withDatabase } from "./reading.ts";

export function addVerify(program: Command, context: CommandContext): void {
  program
    .command("verify")
    .description(
      "check every header, frame and footer, and every index; exit code 0 sound, 1 damaged, 2 could not run",
    )
    .argument("<db>", "directory of the database")
    .option("--json", "print one JSON object")
    .action((path: string, options: { readonly json?: true }) => verify(context, path, options));
}

async function verify(
  context: CommandContext,
  path: string,
  options: { readonly json?: true },
): Promise<void> {
  const { output } = context;
  try {
    const report = await withDatabase(path, (db) => db.verify());
    context.exitCode = report.sound ? verifyExitCodes.sound : verifyExitCodes.damaged;
    if (options.json) await printJson(output, toJson(report));
    else await printReport(output, report);
  } catch (error) {
    const { line } = describeFailure(error);
    // A database that does not even open for damage has been checked well enough.
    const isDamaged = error instanceof VarveError && error.code === "CORRUPT";
    context.exitCode = isDamaged ? verifyExitCodes.damaged : verifyExitCodes.couldNotRun;
    output.warn(line);
    if (!options.json) return;
    const { code, details = {} } = error instanceof VarveError ? error : { code: "INTERNAL" };
    const message = error instanceof Error ? error.message : String(error);
    const problem = { code, message, details: toJson(details) };
    await printJson(output, isDamaged ? { sound: false, problems: [problem] } : { error: problem });
  }
}

async function printReport(output: Output, report: VerifyReport): Promise<void> {
  const { sound, problems, segments, events } = report;
  const read = `${events.toLocaleString("en")} events in ${segments} ${segments === 1 ? "segment" : "segments"} read`;
  await output.print(sound ? `sound: ${read}` : `damaged: ${problems.length} found, ${read}`);
  for (const { where, message } of problems) {
    await output.print(`  ${printable(where)}: ${printable(message)}`);
  }
}
