// Owns the commands of `varve`: which there are, and how one of them is run. What they need is loaded when one is.

import { Command, CommanderError } from "commander";
import { describeFailure, exitCodes, UsageError } from "./exit.ts";
import { packageVersion } from "./node-terminal.ts";
import type { Output } from "./output.ts";
import type { CommandContext } from "./reading.ts";

type AddCommand = (program: Command, context: CommandContext) => void;

/** By name, in the order of the help; each is loaded where it is wanted, and the engine only once one runs. */
const commands: ReadonlyMap<string, () => Promise<AddCommand>> = new Map([
  ["ingest", async () => (await import("./ingest.ts")).addIngest],
  ["get", async () => (await import("./get.ts")).addGet],
  ["neighbors", async () => (await import("./neighbors.ts")).addNeighbors],
  ["path", async () => (await import("./path.ts")).addPath],
  ["changes", async () => (await import("./changes.ts")).addChanges],
  ["stats", async () => (await import("./stats.ts")).addStats],
  ["verify", async () => (await import("./verify.ts")).addVerify],
  ["checkpoint", async () => (await import("./checkpoint.ts")).addCheckpoint],
  ["backup", async () => (await import("./backup.ts")).addBackup],
  ["compact", async () => (await import("./compact.ts")).addCompact],
  ["repair", async () => (await import("./repair.ts")).addRepair],
  ["export", async () => (await import("./export.ts")).addExport],
]);

const exitCodesHelp = `
Exit codes: 0 found or done, 1 absent, 2 wrong usage, 3 database error; verify has its own.
Errors are one line on standard error: varve: CODE: message.

Values that JSON does not have are tagged in --json output: {"$bigint":"1"}, {"$bytes":"base64"},
{"$date":"2026-01-01T00:00:00.000Z"}, {"$number":"NaN"} (or Infinity, -Infinity, -0); an object that looks like one of
these is wrapped as {"$object":{...}}.`;

async function createProgram(context: CommandContext, word: string | undefined): Promise<Command> {
  const program = new Command("varve")
    .description("Keeps a graph in a directory: every change is an event in a log.")
    .version(packageVersion())
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .addHelpText("after", exitCodesHelp);
  const named = word === undefined ? undefined : commands.get(word);
  const wanted = named === undefined ? [...commands.values()] : [named];
  for (const add of await Promise.all(wanted.map((load) => load()))) add(program, context);
  return program;
}

/** Runs the command that the words of a command line ask for; resolves to its exit code. */
export async function runCommand(words: readonly string[], output: Output): Promise<number> {
  const context: CommandContext = { output, exitCode: exitCodes.done };
  try {
    const program = await createProgram(context, words[0]);
    await program.parseAsync(words, { from: "user" });
    await output.flush();
    if (output.failure) throw output.failure;
    return context.exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.done;
    const { line, exitCode } = describeFailure(
      error instanceof CommanderError ? new UsageError(usageMessage(error)) : error,
    );
    output.warn(line);
    return exitCode;
  }
}

function usageMessage(error: CommanderError): string {
  if (error.code === "commander.help") return "no command given; varve --help lists them";
  return error.message.replace(/^error: /, "");
}
