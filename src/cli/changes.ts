// Owns `varve changes`: the change feed as NDJSON, one change a line.

import { type Command, Option } from "commander";
import { VarveError } from "../codec/errors.ts";
import { limits } from "../codec/limits.ts";
import type { ChangeBatch } from "../varve.ts";
import { exitCodes } from "./exit.ts";
import { type JsonValue, toJson } from "./json-values.ts";
import { startFollowing } from "./node-terminal.ts";
import { besideWriters, type CommandContext, wholeNumber, withDatabase } from "./reading.ts";

interface ChangesOptions {
  readonly from: string;
  readonly limit?: string;
  readonly follow?: true;
}

// In the order in which they are printed. They are named because a change may decode its fields lazily.
const fields = [
  "lsn",
  "kind",
  "txLastLsn",
  "at",
  "graph",
  "key",
  "labels",
  "addLabels",
  "removeLabels",
  "id",
  "from",
  "type",
  "to",
  "map",
  "name",
  "props",
  "value",
] as const;
// Values of the user's own; everything else is a name or a number and has a JSON form already.
const valueFields: readonly string[] = ["props", "value"];

export function addChanges(program: Command, context: CommandContext): void {
  program
    .command("changes")
    .description("print the changes of the log in order, one JSON object a line")
    .argument("<db>", "directory of the database")
    .option("--from <position>", "first LSN to print, or start, or now", "start")
    .option("--limit <n>", "stop after so many changes")
    .option("--follow", "go on as changes become durable, beside any writer, until interrupted")
    .addOption(new Option("--json", "no difference: the output is JSON as it is").hideHelp())
    .action((path: string, options: ChangesOptions) => changes(context, path, options));
}

async function changes(
  context: CommandContext,
  path: string,
  options: ChangesOptions,
): Promise<void> {
  const from = position(options.from);
  const limit =
    options.limit === undefined
      ? Number.POSITIVE_INFINITY
      : wholeNumber(options.limit, "--limit", 0, limits.lsnMax);
  context.exitCode = exitCodes.done;
  if (options.follow) await follow(context, path, from, limit);
  else await withDatabase(path, (db) => print(context, db.changes({ from, live: false }), limit));
}

type From = number | "start" | "now";

async function follow(
  context: CommandContext,
  path: string,
  from: From,
  limit: number,
): Promise<void> {
  const following = startFollowing(context.output);
  try {
    await besideWriters(path, async (db) => {
      const { signal } = following;
      await print(context, db.changes({ from, signal }), limit);
    });
  } catch (error) {
    const isStopped = error instanceof VarveError && error.code === "ABORTED";
    if (!isStopped) throw error;
  } finally {
    following.end();
  }
}

/** Prints each change when it comes, up to `limit`, or until nobody reads any more. */
async function print(
  { output }: CommandContext,
  feed: AsyncIterable<ChangeBatch>,
  limit: number,
): Promise<void> {
  let printed = 0;
  if (printed >= limit) return;
  for await (const batch of feed) {
    for (const change of batch.changes) {
      await output.print(JSON.stringify(changeToJson(change)));
      printed++;
      if (printed >= limit || output.isBroken) return;
    }
  }
}

function position(text: string): From {
  if (text === "start" || text === "now") return text;
  return wholeNumber(text, "--from (start, now, or an LSN)", 1, limits.lsnMax);
}

/** A change as it is printed; what its kind does not have is left out. */
export function changeToJson(change: object): JsonValue {
  const json: Record<string, JsonValue> = {};
  for (const name of fields) {
    const value = (change as Record<string, unknown>)[name];
    if (value === undefined) continue;
    json[name] = valueFields.includes(name) ? toJson(value) : (value as JsonValue);
  }
  return json;
}
