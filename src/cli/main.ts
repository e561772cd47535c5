#!/usr/bin/env node
// Owns the `varve` command: puts the commands together, runs one, and ends with its exit code.

import { Command, CommanderError } from "commander";
import { addBackup } from "./backup.ts";
import { addChanges } from "./changes.ts";
import { addCheckpoint } from "./checkpoint.ts";
import { addCompact } from "./compact.ts";
import { describeFailure, exitCodes, UsageError } from "./exit.ts";
import { addExport } from "./export.ts";
import { addGet } from "./get.ts";
import { addIngest } from "./ingest.ts";
import { addNeighbors } from "./neighbors.ts";
import { commandArguments, leave, Output, packageVersion } from "./node-terminal.ts";
import { addPath } from "./path.ts";
import type { CommandContext } from "./reading.ts";
import { addRepair } from "./repair.ts";
import { addStats } from "./stats.ts";
import { addVerify } from "./verify.ts";

const exitCodesHelp = `
Exit codes: 0 found or done, 1 absent, 2 wrong usage, 3 database error; verify has its own.
Errors are one line on standard error: varve: CODE: message.

Values that JSON does not have are tagged in --json output: {"$bigint":"1"}, {"$bytes":"base64"},
{"$date":"2026-01-01T00:00:00.000Z"}, {"$number":"NaN"} (or Infinity, -Infinity, -0); an object that looks like one of
these is wrapped as {"$object":{...}}.`;

function createProgram(context: CommandContext): Command {
  const program = new Command("varve")
    .description("Keeps a graph in a directory: every change is an event in a log.")
    .version(packageVersion())
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .addHelpText("after", exitCodesHelp);
  addIngest(program, context);
  addGet(program, context);
  addNeighbors(program, context);
  addPath(program, context);
  addChanges(program, context);
  addStats(program, context);
  addVerify(program, context);
  addCheckpoint(program, context);
  addBackup(program, context);
  addCompact(program, context);
  addRepair(program, context);
  addExport(program, context);
  return program;
}

async function main(): Promise<number> {
  const context: CommandContext = { output: new Output(), exitCode: exitCodes.done };
  const words = commandArguments();
  try {
    await createProgram(context).parseAsync(words, { from: "user" });
    await context.output.flush();
    if (context.output.failure) throw context.output.failure;
    return context.exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.done;
    const { line, exitCode } = describeFailure(
      error instanceof CommanderError ? new UsageError(usageMessage(error)) : error,
    );
    context.output.warn(line);
    return exitCode;
  }
}

function usageMessage(error: CommanderError): string {
  if (error.code === "commander.help") return "no command given; varve --help lists them";
  return error.message.replace(/^error: /, "");
}

leave(await main());
