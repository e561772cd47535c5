// Owns `varve neighbors`: the keys on the other end of a node's edges.

import { type Command, Option } from "commander";
import {
  type CommandContext,
  graphOf,
  graphOption,
  markFound,
  nameArgument,
  onceRebuilt,
  printable,
  printJson,
  withDatabase,
} from "./reading.ts";

export interface DirectionOptions {
  readonly direction: "out" | "in" | "both";
  readonly type?: readonly string[];
  readonly graph?: string;
  readonly json?: true;
}

export function addNeighbors(program: Command, context: CommandContext): void {
  const command = program
    .command("neighbors")
    .description(
      "list the keys of a node's neighbours, each once; exit code 1 where there is no such node",
    )
    .argument("<db>", "directory of the database")
    .argument("<key>", "key of the node");
  addDirectionOptions(command).action((path: string, key: string, options: DirectionOptions) =>
    neighbors(context, path, key, options),
  );
}

/** The options of commands that walk along edges. */
export function addDirectionOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--direction <direction>", "which edges to follow")
        .choices(["out", "in", "both"])
        .default("out"),
    )
    .option("--type <type>", "only edges of this type (may be given several times)", collectType)
    .addOption(graphOption())
    .option("--json", "print one JSON object");
}

function collectType(type: string, types: readonly string[] = []): readonly string[] {
  return [...types, nameArgument(type, "--type")];
}

/** `direction` and `type` as the engine takes them. */
export function edgeFilter(options: DirectionOptions): {
  direction: "out" | "in" | "both";
  type?: string[];
} {
  const { direction, type } = options;
  return type ? { direction, type: [...type] } : { direction };
}

async function neighbors(
  context: CommandContext,
  path: string,
  key: string,
  options: DirectionOptions,
): Promise<void> {
  nameArgument(key, "KEY");
  const { output } = context;
  const keys = await withDatabase(path, (db) =>
    onceRebuilt(() => {
      const graph = graphOf(db, options.graph);
      return graph.hasNode(key) ? [...graph.neighbors(key, edgeFilter(options))] : undefined;
    }),
  );
  markFound(context, keys !== undefined);
  if (keys === undefined) {
    if (options.json) await printJson(output, { found: false, key });
    else output.warn(`varve: no node ${printable(key)}`);
    return;
  }
  if (options.json) {
    await printJson(output, { found: true, key, count: keys.length, neighbors: keys });
    return;
  }
  for (const neighbor of keys) {
    await output.print(printable(neighbor));
    if (output.isBroken) return;
  }
}
