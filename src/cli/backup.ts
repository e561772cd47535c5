// Owns `varve backup`: a copy that opens as a database, made or brought up to date beside any writer.

import type { Command } from "commander";
import { exitCodes } from "./exit.ts";
import { toJson } from "./json-values.ts";
import { type CommandContext, printJson, withDatabase } from "./reading.ts";

interface BackupCommandOptions {
  readonly json?: true;
}

export function addBackup(program: Command, context: CommandContext): void {
  program
    .command("backup")
    .description(
      "copy everything durable into a directory, or bring an older backup there up to date",
    )
    .argument("<db>", "directory of the database")
    .argument("<dest>", "directory of the backup; its parent must exist")
    .option("--json", "print one JSON object")
    .action((path: string, destination: string, options: BackupCommandOptions) =>
      backup(context, path, destination, options),
    );
}

async function backup(
  context: CommandContext,
  path: string,
  destination: string,
  options: BackupCommandOptions,
): Promise<void> {
  const report = await withDatabase(path, (db) => db.backup(destination));
  context.exitCode = exitCodes.done;
  const { output } = context;
  if (options.json) {
    await printJson(output, toJson(report));
    return;
  }
  const { lsn, copiedBytes, reusedBytes } = report;
  const bytes = (count: number): string => `${count.toLocaleString("en")} bytes`;
  await output.print(
    `backup at LSN ${lsn}: ${bytes(copiedBytes)} copied, ${bytes(reusedBytes)} there already`,
  );
}
