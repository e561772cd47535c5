// Kills a real process in each of its calls to the kernel in turn, and lets each of them fail. `npm run test:kernel` sets
// VARVE_TRACED to the number of kills and of errors; `npm test` takes a few.
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SimulatedRandom } from "../../src/testing/testing.ts";
import { type Call, callsOf, checkLeft, injecting, makeChild, noTracer, runChild } from "./ring.ts";

const roundsDue = Number(process.env["VARVE_TRACED"] ?? 5);
/** Only for what hangs: a life under the tracer takes a second, or twenty on a busy machine. */
const timeoutMs = 300_000 + roundsDue * 60_000;
const missing: string | undefined = noTracer();
if (missing !== undefined)
  process.stdout.write(`skipped, kills and errors by tracer: ${missing}\n`);

let folder: string;
let script: string;
let calls: Call[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "varve-traced-"));
  if (missing !== undefined) return;
  script = await makeChild(join(folder, "script"));
  calls = await callsOf(script, join(folder, "counted"), join(folder, "trace"));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** The calls, each once before any comes twice, so many of them, in an order of their own. */
function* chosen(count: number, seed: number): Generator<Call> {
  const random = new SimulatedRandom(seed);
  let left: Call[] = [];
  for (let i = 0; i < count; i++) {
    if (left.length === 0) left = [...calls];
    yield left.splice(random.below(left.length), 1)[0]!;
  }
}

interface Tally {
  rounds: number;
  disturbed: number;
  tokens: number;
}

async function disturb(
  name: string,
  call: Call,
  what: readonly string[],
  tally: Tally,
): Promise<void> {
  const directory = join(folder, name);
  try {
    for (const one of what) {
      const { said, isOver } = await runChild(script, directory, injecting(call, one));
      const refused = said.some(({ word }) => word === "refused");
      if (!isOver || refused) tally.disturbed++;
      // Killed before it had made anything.
      if (!existsSync(directory)) continue;
      tally.tokens += await checkLeft(directory, said);
    }
    tally.rounds++;
  } catch (error) {
    throw new Error(`${what.join(" then ")} at ${call.name} ${call.when}`, { cause: error });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function tell(what: string, { rounds, disturbed, tokens }: Tally, startedMs: number): void {
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  process.stdout.write(
    `${what}: ${rounds} rounds over ${calls.length} calls, ${disturbed} lives met it, ` +
      `${tokens} transactions found again, in ${seconds} s\n`,
  );
}

it("is tried where it can be, and else says why it is not", () => {
  expect(missing ?? "tried").not.toBe("");
});

const describeHere: (name: string, tests: () => void) => void =
  missing === undefined ? describe : () => {};

describeHere("a real process and its calls to the kernel", () => {
  it("makes calls of every kind that matters", () => {
    const kinds = new Set(calls.map(({ name }) => name));
    for (const kind of [
      "pwrite64",
      "fdatasync",
      "fsync",
      "ftruncate",
      "openat",
      "mkdir",
      "unlink",
    ]) {
      expect(kinds).toContain(kind);
    }
    expect(calls.length).toBeGreaterThan(100);
  });

  it(`killed in any of them, it loses nothing acknowledged (${roundsDue} rounds)`, {
    timeout: timeoutMs,
  }, async () => {
    const startedMs = performance.now();
    const tally: Tally = { rounds: 0, disturbed: 0, tokens: 0 };
    for (const call of chosen(roundsDue, 1)) {
      // Every other time the next life is killed at the same count, too: within its recovery, where that is in reach.
      const kills =
        tally.rounds % 2 === 0 ? ["signal=SIGKILL"] : ["signal=SIGKILL", "signal=SIGKILL"];
      await disturb(`kill${tally.rounds}`, call, kills, tally);
    }
    tell("killed by tracer", tally, startedMs);
    expect(tally.disturbed).toBeGreaterThan(roundsDue / 2);
  });

  it(`whichever of them fails, it tells, and loses nothing acknowledged (${roundsDue} rounds)`, {
    timeout: timeoutMs,
  }, async () => {
    const startedMs = performance.now();
    const tally: Tally = { rounds: 0, disturbed: 0, tokens: 0 };
    for (const call of chosen(roundsDue, 2)) {
      const errno = tally.rounds % 2 === 0 ? "EIO" : "ENOSPC";
      await disturb(`fail${tally.rounds}`, call, [`error=${errno}`], tally);
    }
    tell("failed by tracer", tally, startedMs);
    expect(tally.disturbed).toBeGreaterThan(0);
  });
});
