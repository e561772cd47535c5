// How long crash tests that go from life to life go on, and the sum of what they found.
import type { ExploreReport } from "../../src/testing/testing.ts";

/** Set by `npm run test:crash`: for so many seconds each family goes on with random lives. */
const crashSeconds: number = Number(process.env["VARVE_CRASH_SECONDS"] ?? 0);
/** Set by `npm run test:deep`: each family goes on until it has so many states. */
const crashStates: number = Number(process.env["VARVE_CRASH_STATES"] ?? 0);

export const isDeep: boolean = crashSeconds > 0 || crashStates > 0;
/** Of the first life: every run of `npm test` is the same, a long one goes where none was before. */
export const firstSeed: number = Number(
  process.env["VARVE_CRASH_SEED"] ?? (isDeep ? Date.now() % 2 ** 31 : 0),
);
export const timeoutMs: number = isDeep ? 24 * 3_600_000 : 1_200_000;

/** Whether a family that has done its fixed part is to end. */
export function isSpent({ states, seconds }: Pick<ExploreReport, "states" | "seconds">): boolean {
  if (crashStates > 0 && states >= crashStates) return true;
  if (crashSeconds > 0) return seconds > crashSeconds;
  return crashStates === 0;
}

export function summed(reports: readonly ExploreReport[]): ExploreReport {
  const sum = (pick: (report: ExploreReport) => number): number =>
    reports.reduce((total, report) => total + pick(report), 0);
  const states = sum((report) => report.states);
  const seconds = sum((report) => report.seconds);
  const traits: Record<string, number> = {};
  for (const [trait, count] of reports.flatMap((report) => Object.entries(report.traits))) {
    traits[trait] = (traits[trait] ?? 0) + count;
  }
  return {
    states,
    distinct: sum((report) => report.distinct),
    recoveries: sum((report) => report.recoveries),
    lives: sum((report) => report.lives),
    places: sum((report) => report.places),
    seconds,
    statesPerSecond: states / Math.max(seconds, 0.001),
    traits,
    failures: reports.flatMap((report) => report.failures),
    isComplete: reports.every((report) => report.isComplete),
  };
}
