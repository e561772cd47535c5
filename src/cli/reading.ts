// Owns what all reading commands share: opening without creating, checking arguments, and printing for people.

import { Option } from "commander";
import { VarveError } from "../codec/errors.ts";
import { limits } from "../codec/limits.ts";
import { keepAlive, NodeScheduler } from "../disk/node-scheduler.ts";
import type { Database, GraphReader, OpenOptions, StoreReader } from "../varve.ts";
import { exitCodes, UsageError } from "./exit.ts";
import type { JsonValue } from "./json-values.ts";
import type { Output } from "./output.ts";

/** How a command talks back: where it prints, and the exit code it ends with. */
export interface CommandContext {
  readonly output: Output;
  exitCode: number;
}

/** `open`, with the engine loaded only now: help and wrong usage are told without it. */
export async function openDatabase(path: string, options: OpenOptions): Promise<Database> {
  const { open } = await import("../varve.ts");
  return await open(path, options);
}

/**
 * Opens an existing database, hands it to `read`, and closes it whatever happens. Recovers it where it was killed; where
 * another process has it open, reads beside it what is durable.
 */
export async function withDatabase<Result>(
  path: string,
  read: (db: Database) => Result | Promise<Result>,
): Promise<Result> {
  return await reading(await openForReading(path), read);
}

/** The same without ever taking the lock, so that writers come and go meanwhile. */
export async function besideWriters<Result>(
  path: string,
  read: (db: Database) => Result | Promise<Result>,
): Promise<Result> {
  return await reading(await openDatabase(path, { readOnly: true }), read);
}

async function openForReading(path: string): Promise<Database> {
  try {
    return await openDatabase(path, { create: false });
  } catch (error) {
    if (!(error instanceof VarveError) || error.code !== "LOCKED") throw error;
    return await openDatabase(path, { readOnly: true });
  }
}

async function reading<Result>(
  db: Database,
  read: (db: Database) => Result | Promise<Result>,
): Promise<Result> {
  try {
    return await read(db);
  } finally {
    await db.close();
  }
}

/** Between two questions whether an index that is being made again serves. */
const rebuildPollMs = 20;

/**
 * What `read` comes to. Where it meets a damaged index it is called again until that is made anew from the log: it must
 * not have printed anything by then.
 */
export async function onceRebuilt<Result>(read: () => Result | Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof VarveError) || error.code !== "INDEX_REBUILDING") throw error;
      await pause(rebuildPollMs);
    }
  }
}

async function pause(ms: number): Promise<void> {
  const stop = keepAlive();
  await new Promise<void>((resolve) => new NodeScheduler().after(ms, resolve));
  stop();
}

/** A key, type or other name as an argument: the engine would refuse the same. */
export function nameArgument(text: string, what: string): string {
  const bytes = Buffer.byteLength(text);
  if (bytes === 0) throw new UsageError(`${what} is empty`);
  if (bytes > limits.keyBytesMax) {
    throw new UsageError(`${what} is ${bytes} bytes long, ${limits.keyBytesMax} are allowed`);
  }
  return text;
}

/** A whole number as an argument, within a range. */
export function wholeNumber(text: string, what: string, min: number, max: number): number {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw new UsageError(`${what} takes a whole number from ${min} to ${max}, not ${text}`);
}

/** `--graph`, of commands that read one graph. */
export function graphOption(): Option {
  return new Option("--graph <name>", "a graph other than the default one").argParser((name) =>
    nameArgument(name, "--graph"),
  );
}

/** The graph that an option names, or the default one. */
export function graphOf(view: StoreReader, name: string | undefined): GraphReader {
  return name === undefined ? view : view.graph(name);
}

/** Prints the one object of `--json`. */
export async function printJson(output: Output, json: JsonValue): Promise<void> {
  await output.print(JSON.stringify(json));
}

/** A text for a terminal: control characters, which could do anything there, are shown escaped. */
export function printable(text: string): string {
  return /\p{Cc}/u.test(text) ? JSON.stringify(text) : text;
}

export function markFound(context: CommandContext, isFound: boolean): void {
  context.exitCode = isFound ? exitCodes.done : exitCodes.absent;
}
