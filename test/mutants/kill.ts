// Runs the part of the suite that must notice a seeded bug, on a source that has it, and tells how that ended.
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Mutant } from "./mutant.ts";

/** A bug that needs more crash states than these is as good as not found. */
export const statesMax = 100_000;
/** What hangs is ended by its own test; this is for what no timer of its process can end, on however busy a machine. */
const timeoutMs = 1_200_000;

export interface Death {
  readonly survived: boolean;
  /** Crash states looked at; 0 where the test that noticed makes none. */
  readonly states: number;
  /** What noticed it; undefined where nothing did. */
  readonly title: string | undefined;
  /** What that said first. */
  readonly says: string;
  readonly seconds: number;
}

interface Failure {
  readonly title: string;
  readonly message: string;
}

export async function killed(mutant: Mutant, root: string): Promise<Death> {
  const startedMs = performance.now();
  const failure = await firstFailure(mutant, root);
  const seconds = (performance.now() - startedMs) / 1000;
  if (failure === undefined) {
    return { survived: true, states: 0, title: undefined, says: "", seconds };
  }
  if (failure === "no report") {
    return { survived: true, states: 0, title: undefined, says: "it did not end", seconds };
  }
  const { title, message } = failure;
  const states = Number(/\bstate (\d+)\b/.exec(message)?.[1] ?? 0);
  const first = message.split("\n").slice(0, 2).join(" ").slice(0, 200);
  const isOther =
    mutant.killedBy.says?.test(message) === false || /timed out in \d+ms/.test(message);
  const noticedBy = isOther ? undefined : title;
  const says = isOther ? `died of something else: ${first}` : first;
  return { survived: isOther || states > statesMax, states, title: noticedBy, says, seconds };
}

/** All there is to say on one line. */
export function lineOf({ name, killedBy }: Mutant, death: Death): string {
  const { survived, states, title, says, seconds } = death;
  const count = states === 0 ? "no crash state" : `${states} crash states`;
  const where = `${killedBy.file}, "${title}"`;
  const how =
    title !== undefined
      ? `${survived ? "NOTICED TOO LATE" : "killed"} by ${where} in ${count}: ${says}`
      : says === ""
        ? `SURVIVED ${killedBy.file}`
        : `SURVIVED: ${says}`;
  return `${name.padEnd(48)} ${how} (${seconds.toFixed(1)} s)`;
}

/** Undefined where everything passed, or nothing was run. */
async function firstFailure(
  mutant: Mutant,
  root: string,
): Promise<Failure | "no report" | undefined> {
  const folder = mkdtempSync(join(tmpdir(), "varve-mutant-"));
  const report = join(folder, "report.json");
  try {
    await vitest(mutant, root, report);
    return existsSync(report) ? failureIn(readFileSync(report, "utf8")) : "no report";
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function vitest({ name, killedBy }: Mutant, root: string, report: string): Promise<void> {
  const { file, title } = killedBy;
  const args = ["node_modules/vitest/vitest.mjs", "run", file, "-t", title, "--bail", "1"];
  args.push("--reporter=json", `--outputFile.json=${report}`);
  const env = Object.entries(process.env).filter(([key]) => !/^(VITEST|VARVE_|NODE_OPT)/.test(key));
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      args,
      {
        cwd: root,
        env: { ...Object.fromEntries(env), VARVE_MUTANT: name, NODE_ENV: "test" },
        timeout: timeoutMs,
        killSignal: "SIGKILL",
        maxBuffer: 64 * 2 ** 20,
      },
      () => resolve(),
    );
  });
}

interface Report {
  readonly testResults: readonly {
    readonly message: string;
    readonly status: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly title: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

function failureIn(text: string): Failure | undefined {
  const { testResults } = JSON.parse(text) as Report;
  for (const { assertionResults } of testResults) {
    for (const { status, title, failureMessages } of assertionResults) {
      if (status === "failed") return { title, message: failureMessages.join("\n") };
    }
  }
  const unloaded = testResults.find(({ status }) => status === "failed");
  return unloaded === undefined ? undefined : { title: "(not loaded)", message: unloaded.message };
}
