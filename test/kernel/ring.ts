// Runs the child of this folder, plain or under a tracer that kills it or fails a call of its, and checks what it left behind.
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { open } from "../../src/varve.ts";
import { inOneFile } from "../support/one-file.ts";

const source: string = fileURLToPath(new URL("./ring-child.mjs", import.meta.url));

/** The calls of the kernel that change a disk, as Node makes them. */
export const tracedCalls: readonly string[] = [
  "pwrite64",
  "fdatasync",
  "fsync",
  "ftruncate",
  "openat",
  "mkdir",
  "rename",
  "unlink",
];

export interface Said {
  readonly word: string;
  readonly what: string;
  readonly token: number;
  readonly code: string;
}

export interface ChildEnd {
  readonly said: readonly Said[];
  /** Whether it ran to its end. */
  readonly isOver: boolean;
  readonly stderr: string;
}

/** Undefined where strace works; else why not. */
export function noTracer(): string | undefined {
  const { error, status, stderr } = spawnSync("strace", ["-qq", "-e", "trace=none", "true"]);
  if (error !== undefined) return "strace is not installed";
  return status === 0 ? undefined : `strace cannot trace here: ${String(stderr).trim()}`;
}

/** Makes the child; returns what to run. */
export function makeChild(folder: string): Promise<string> {
  return inOneFile(source, folder);
}

/** One thread for Node's pool: the tracer counts the calls of each thread apart. */
export function runChild(
  script: string,
  directory: string,
  tracer: readonly string[] = [],
): Promise<ChildEnd> {
  const [program, ...args] = [...tracer, process.execPath, script, directory];
  const child = spawn(program!, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env["PATH"], UV_THREADPOOL_SIZE: "1" },
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", () => {
      const said = stdout.split("\n").slice(0, -1).map(saidIn);
      resolve({ said, isOver: said.some(({ word }) => word === "end"), stderr });
    });
  });
}

function saidIn(line: string): Said {
  const [word = "", what = "", token = "", code = ""] = line.split(" ");
  return { word, what, token: Number(token), code };
}

/** A call that changed the database's directory: its name, and the how-manieth of its kind in its thread it was. */
export interface Call {
  readonly name: string;
  readonly when: number;
}

/** Every call of an undisturbed life that names something in the directory, in order. */
export async function callsOf(script: string, directory: string, logFile: string): Promise<Call[]> {
  const trace = `trace=${tracedCalls.join()}`;
  await runChild(script, directory, ["strace", "-f", "-qq", "-y", "-e", trace, "-o", logFile]);
  const counts = new Map<string, number>();
  const calls: Call[] = [];
  for (const line of readFileSync(logFile, "utf8").split("\n")) {
    const [, thread, name] = /^(\d+)\s+(\w+)\(/.exec(line) ?? [];
    if (thread === undefined || name === undefined) continue;
    const when = (counts.get(`${thread} ${name}`) ?? 0) + 1;
    counts.set(`${thread} ${name}`, when);
    if (line.includes(directory)) calls.push({ name, when });
  }
  return calls;
}

/** A tracer that does something to one call: `signal=SIGKILL`, or `error=` and an errno. */
export function injecting({ name, when }: Call, what: string): string[] {
  const trace = `trace=${tracedCalls.join()}`;
  const inject = `inject=${name}:${what}:when=${when}`;
  return ["strace", "-f", "-qq", "-e", trace, "-e", inject, "-o", "/dev/null"];
}

/** Codes that say of a rejected commit that nothing of it can ever appear. */
const definite: ReadonlySet<string> = new Set(["DISK_FULL", "OVERLOADED"]);

/**
 * Opens what a child has left and holds it against what it said: everything acknowledged is there, whole transactions only,
 * in order, and nothing that was definitely rejected. Throws where it does not hold. Returns the count of tokens found.
 */
export async function checkLeft(directory: string, said: readonly Said[]): Promise<number> {
  const broken = said.find(({ word }) => word === "broke");
  if (broken !== undefined) throw new Error(`untyped error: ${JSON.stringify(broken)}`);
  const db = await open(directory);
  try {
    const tokens: number[] = [];
    for await (const { changes } of db.changes({ live: false, from: 1 })) {
      for (const change of changes) {
        if (change.kind === "event") tokens.push(change.value as number);
      }
    }
    if (tokens.join() !== [...new Set(tokens)].sort((a, b) => a - b).join()) {
      throw new Error(`tokens out of order: ${tokens.join()}`);
    }
    let nodes = 0;
    for (const token of tokens) {
      const parts = token % 4 === 0 ? 12 : 2;
      nodes += parts;
      const last = [...db.neighbors(`t${token}/0`)].join();
      if (last !== `t${token}/${parts - 1}`)
        throw new Error(`token ${token} is not whole: ${last}`);
    }
    if (db.nodeCount !== nodes || db.edgeCount !== tokens.length) {
      throw new Error(`${db.nodeCount} nodes and ${db.edgeCount} edges for ${tokens.join()}`);
    }
    for (const { word, what, token, code } of said) {
      if (what !== "commit") continue;
      const isThere = tokens.includes(token);
      if (word === "did" && !isThere)
        throw new Error(`token ${token} was acknowledged and is lost`);
      if (word === "refused" && definite.has(code) && isThere) {
        throw new Error(`token ${token} was rejected with ${code} and is there`);
      }
    }
    const { sound, problems } = await db.verify();
    if (!sound) throw new Error(`verify: ${JSON.stringify(problems)}`);
    return tokens.length;
  } finally {
    await db.close();
  }
}
