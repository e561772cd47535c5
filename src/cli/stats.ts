// Owns `varve stats`: sizes and counters of a database.

import type { Command } from "commander";
import { exitCodes } from "./exit.ts";
import { type JsonValue, toJson } from "./json-values.ts";
import { type CommandContext, printable, printJson, withDatabase } from "./reading.ts";

export function addStats(program: Command, context: CommandContext): void {
  program
    .command("stats")
    .description("show counts, positions, sizes and counters")
    .argument("<db>", "directory of the database")
    .option("--json", "print one JSON object")
    .action((path: string, options: { readonly json?: true }) => stats(context, path, options));
}

async function stats(
  context: CommandContext,
  path: string,
  options: { readonly json?: true },
): Promise<void> {
  const json = await withDatabase(path, (db) => toJson(db.stats()));
  context.exitCode = exitCodes.done;
  if (options.json) await printJson(context.output, json);
  else for (const line of table(json, "")) await context.output.print(line);
}

/** `name: value` lines, what lies deeper indented below its name. */
function table(json: JsonValue, indent: string): string[] {
  if (json === null || typeof json !== "object") return [`${indent}${JSON.stringify(json)}`];
  return Object.entries(json).flatMap(([name, value]) => {
    const label = `${indent}${printable(name)}`;
    if (value !== null && typeof value === "object") {
      return [label, ...table(value as JsonValue, `${indent}  `)];
    }
    const shown = typeof value === "number" ? value.toLocaleString("en") : String(value);
    return [`${label.padEnd(24)} ${printable(shown)}`];
  });
}
