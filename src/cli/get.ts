// Owns `varve get`: one node by its key.

import type { Command } from "commander";
import { toJson } from "./json-values.ts";
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

interface GetOptions {
  readonly graph?: string;
  readonly json?: true;
}

export function addGet(program: Command, context: CommandContext): void {
  program
    .command("get")
    .description("show one node: labels and properties; exit code 1 where there is none")
    .argument("<db>", "directory of the database")
    .argument("<key>", "key of the node")
    .addOption(graphOption())
    .option("--json", "print one JSON object")
    .action((path: string, key: string, options: GetOptions) => get(context, path, key, options));
}

async function get(
  context: CommandContext,
  path: string,
  key: string,
  options: GetOptions,
): Promise<void> {
  nameArgument(key, "KEY");
  const node = await withDatabase(path, (db) =>
    onceRebuilt(() => graphOf(db, options.graph).node(key)),
  );
  markFound(context, node !== undefined);
  const { output } = context;
  if (options.json) {
    const { id = 0, labels = [], props = {}, lsn = 0 } = node ?? {};
    await printJson(
      output,
      node
        ? { found: true, key, id, labels: [...labels], props: toJson(props), lsn }
        : { found: false, key },
    );
    return;
  }
  if (node === undefined) {
    output.warn(`varve: no node ${printable(key)}`);
    return;
  }
  await output.print(
    [printable(key), ...node.labels.map((label) => `:${printable(label)}`)].join(" "),
  );
  for (const [name, value] of Object.entries(node.props)) {
    await output.print(`  ${printable(name)}: ${JSON.stringify(toJson(value))}`);
  }
}
