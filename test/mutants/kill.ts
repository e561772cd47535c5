// Runs the part of the suite that must notice a seeded bug, on a source that has it, and tells how that ended.
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Mutant } from "./mutant.ts";

/** A bug that needs more crash states than these is as good as not found. */
const statesMax = 100_000;
const timeoutMs = 420_000;

export interface Death {
  readonly survived: boolean;
  /** All there is to say on one line. */
  readonly line: string;
}

interface Failure {
  readonly title: string;
  readonly message: string;
}

export async function killed(mutant: Mutant, root: string): Promise<Death> {
  const { name, killedBy } = mutant;
  const startedMs = performance.now();
  const failure = await firstFailure(mutant, root);
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  const told = (how: string): string => `${name.padEnd(48)} ${how} (${seconds} s)`;
  if (failure === undefined) return { survived: true, line: told(`SURVIVED ${killedBy.file}`) };
  const states = Number(/\bstate (\d+)\b/.exec(failure.message)?.[1] ?? 0);
  const says = failure.message.split("\n").slice(0, 2).join(" ").slice(0, 200);
  const isOther = killedBy.says?.test(failure.message) === false;
  if (isOther || /timed out in \d+ms/.test(failure.message)) {
    return { survived: true, line: told(`died of something else: ${says}`) };
  }
  const count = states === 0 ? "no crash state" : `${states} crash states`;
  const where = `${killedBy.file}, "${failure.title}"`;
  return { survived: states > statesMax, line: told(`killed by ${where} in ${count}: ${says}`) };
}

/** Undefined where everything passed, nothing was run, or it did not end in time. */
async function firstFailure(mutant: Mutant, root: string): Promise<Failure | undefined> {
  const folder = mkdtempSync(join(tmpdir(), "varve-mutant-"));
  const report = join(folder, "report.json");
  try {
    await vitest(mutant, root, report);
    return existsSync(report) ? failureIn(readFileSync(report, "utf8")) : undefined;
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
