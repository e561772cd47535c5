// Owns `varve verify`: checks every byte of a database and says what is wrong; its exit codes are its own.

import type { Command } from "commander";
import { VarveError } from "../codec/errors.ts";
import { describeFailure, verifyExitCodes } from "./exit.ts";
import { type JsonValue, toJson } from "./json-values.ts";
import { type CommandContext, printJson, withDatabase } from "./reading.ts";

export function addVerify(program: Command, context: CommandContext): void {
  program
    .command("verify")
    .description("check every byte; exit code 0 sound, 1 damaged, 2 could not run")
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
    const json = toJson(report) as { readonly [name: string]: JsonValue };
    context.exitCode = report.ok ? verifyExitCodes.sound : verifyExitCodes.damaged;
    if (options.json) await printJson(output, json);
    else await output.print(report.ok ? "sound" : "damaged");
  } catch (error) {
    const { line } = describeFailure(error);
    // A database that does not even open for damage has been checked well enough.
    const isDamaged = error instanceof VarveError && error.code === "CORRUPT";
    context.exitCode = isDamaged ? verifyExitCodes.damaged : verifyExitCodes.couldNotRun;
    output.warn(line);
    if (options.json && error instanceof VarveError) {
      await printJson(output, {
        ok: false,
        ...(isDamaged ? {} : { ran: false }),
        error: { code: error.code, message: error.message },
      });
    }
  }
}
