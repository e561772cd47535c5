// Owns `varve path`: a shortest path between two nodes, counted in edges.

import type { Command } from "commander";
import { addDirectionOptions, type DirectionOptions, edgeFilter } from "./neighbors.ts";
import {
  type CommandContext,
  graphOf,
  markFound,
  nameArgument,
  onceRebuilt,
  printable,
  printJson,
  withDatabase,
} from "./reading.ts";

export function addPath(program: Command, context: CommandContext): void {
  const command = program
    .command("path")
    .description("show a shortest path, one key a line; exit code 1 where there is none")
    .argument("<db>", "directory of the database")
    .argument("<from>", "key of the first node")
    .argument("<to>", "key of the last node");
  addDirectionOptions(command).action(
    (path: string, from: string, to: string, options: DirectionOptions) =>
      shortestPath(context, path, { from, to }, options),
  );
}

async function shortestPath(
  context: CommandContext,
  path: string,
  { from, to }: { readonly from: string; readonly to: string },
  options: DirectionOptions,
): Promise<void> {
  nameArgument(from, "FROM");
  nameArgument(to, "TO");
  const keys = await withDatabase(path, (db) =>
    onceRebuilt(() => graphOf(db, options.graph).shortestPath(from, to, edgeFilter(options))),
  );
  markFound(context, keys !== undefined);
  const { output } = context;
  if (options.json) {
    await printJson(
      output,
      keys
        ? { found: true, from, to, hops: keys.length - 1, path: [...keys] }
        : { found: false, from, to },
    );
    return;
  }
  if (keys === undefined) {
    output.warn(`varve: no path from ${printable(from)} to ${printable(to)}`);
    return;
  }
  for (const key of keys) await output.print(printable(key));
}
