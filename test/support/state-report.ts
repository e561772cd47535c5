// The line that crash tests end with: how many states, how many of them different, and how fast; and the note for the total of a run.
import { appendFileSync } from "node:fs";
import path from "node:path";
import { expect } from "vitest";

export interface StateCount {
  readonly states: number;
  readonly distinct: number;
  readonly recoveries?: number;
  readonly seconds: number;
  readonly traits?: Readonly<Record<string, number>>;
}

/** Names of the different states. Those of equal names, in whatever test, count once in the total. */
export interface StateNames {
  /** What was asked of the states: the same state counts for each oracle that judged it. */
  readonly oracle: string;
  readonly names: Iterable<string>;
}

/** Says on the terminal how much was explored, and notes it for `scripts/states.js` where that asks. */
export function reportStates(what: string, count: StateCount, known?: StateNames): void {
  const { states, distinct, recoveries = 0, seconds, traits = {} } = count;
  const met = Object.entries(traits).map(([trait, times]) => `${trait} ${times}`);
  const rate = Math.round(states / Math.max(seconds, 0.001));
  process.stdout.write(
    `${what}: ${states} crash states (${distinct} of them distinct) and ${recoveries} crashed recoveries ` +
      `in ${seconds.toFixed(1)} s, ${rate} states a second\n${met.length > 0 ? `  met: ${met.join(", ")}\n` : ""}`,
  );
  const folder = process.env["VARVE_STATES"];
  if (folder === undefined || folder === "") return;
  const file = path.relative(process.cwd(), expect.getState().testPath ?? "");
  const names = known === undefined ? undefined : [...known.names];
  const note = { file, states, distinct, seconds, oracle: known?.oracle, names };
  // One process writes one file: lines this long would not stay whole beside those of others.
  appendFileSync(path.join(folder, `${process.pid}.ndjson`), `${JSON.stringify(note)}\n`);
}
