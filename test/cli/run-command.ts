// Runs the built command as a process of its own, as a user would, and kills it where a test asks for that; or, where a process
// would prove nothing more, the same command in this one.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runCommand } from "../../src/cli/command.ts";
import type { Output } from "../../src/cli/output.ts";
import { open } from "../../src/varve.ts";
import { commandInOneFile } from "../support/one-file.ts";

export const commandPath: string = fileURLToPath(
  new URL("../../dist/cli/main.js", import.meta.url),
);
const exampleDirectory = fileURLToPath(new URL("../../examples/air-routes/", import.meta.url));

/** Arguments that ingest the air routes of the example. */
export const airRoutes: readonly string[] = [
  "--nodes",
  join(exampleDirectory, "air-routes-latest-nodes.csv.gz"),
  "--edges",
  join(exampleDirectory, "air-routes-latest-edges.csv.gz"),
];

export interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The last line of standard output as JSON. */
  json(): Record<string, unknown>;
}

export interface RunOptions {
  readonly input?: string | Uint8Array;
  /** Sends `signal` (SIGKILL where not said) once so many rows are read. */
  readonly stopAtRows?: number;
  readonly signal?: "SIGKILL" | "SIGINT";
}

export async function runVarve(words: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const { input, stopAtRows, signal = "SIGKILL" } = options;
  const child = spawn(process.execPath, [await commandInOneFile(), ...words], {
    stdio: ["pipe", "pipe", "pipe", ...(stopAtRows === undefined ? [] : (["ipc"] as const))],
  });
  let stdout = "";
  let stderr = "";
  let isStopped = false;
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  child.on("message", (message) => {
    const { progress } = message as { progress: { rows: number } };
    if (isStopped || stopAtRows === undefined || progress.rows < stopAtRows) return;
    isStopped = true;
    child.kill(signal);
  });
  // A command that does not read standard input may be gone before it is written.
  child.stdin?.on("error", () => {});
  child.stdin?.end(input ?? "");
  return await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(ended(code, signal, stdout, stderr)));
  });
}

/**
 * The command in this process: its arguments, what it prints and its exit code, some hundred times cheaper than a process
 * with those. Standard input, signals, pipes and the lock of another process need `runVarve`.
 */
export async function runHere(words: readonly string[]): Promise<Ended> {
  let stdout = "";
  let stderr = "";
  const output: Output = {
    isBroken: false,
    broken: new AbortController().signal,
    failure: undefined,
    async print(line) {
      stdout += `${line}\n`;
    },
    async flush() {},
    warn(line) {
      stderr += `${line}\n`;
    },
  };
  const code = await runCommand(words, output);
  return ended(code, null, stdout, stderr);
}

function ended(code: number | null, signal: string | null, stdout: string, stderr: string): Ended {
  const json = () => JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");
  return { code, signal, stdout, stderr, json };
}

/** A directory for one test file, and a way to put files into it. */
export function makeWorkplace(name: string): {
  path(file: string): string;
  write(file: string, content: string | Uint8Array): string;
  remove(): void;
} {
  const directory = mkdtempSync(join(tmpdir(), `varve-${name}-`));
  const path = (file: string) => join(directory, file);
  return {
    path,
    write(file, content) {
      writeFileSync(path(file), content);
      return path(file);
    },
    remove: () => rmSync(directory, { recursive: true }),
  };
}

/** All nodes and edges of a database as sorted lines, without ids and positions, which depend on the way there. */
export async function dump(path: string): Promise<string[]> {
  const db = await open(path, { create: false });
  try {
    const nodes = [...db.nodes()].map(({ key, labels, props }) =>
      JSON.stringify(["node", key, labels, sorted(props)]),
    );
    const edges = [...db.allEdges()].map(({ from, type, to, props }) =>
      JSON.stringify(["edge", from, type, to, sorted(props)]),
    );
    return [...nodes, ...edges].sort();
  } finally {
    await db.close();
  }
}

function sorted(props: object): [string, unknown][] {
  return Object.entries(props).sort(([a], [b]) => (a < b ? -1 : 1));
}
