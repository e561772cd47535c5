// Ends an exploration of the crash tests: says how much was looked at, and fails with the smallest plan that breaks something.
import type { ExploreReport } from "../../src/testing/testing.ts";
import { reportStates, type StateNames } from "./state-report.ts";

/** The time that seeded bugs leave for making plans small is none. */
export const shrinks: boolean = process.env["VARVE_MUTANT"] === undefined;

/** @throws an error that says which property is broken, after how many states, by which plan, and tells its story. */
export function expectSound(what: string, report: ExploreReport, known?: StateNames): void {
  reportStates(what, report, known);
  const [failure] = report.failures;
  if (failure === undefined) return;
  const { message, minimalPlan, timeline } = failure;
  const story = shrinks ? `\n${timeline}` : "";
  throw new Error(`state ${report.states}: ${message}\n${minimalPlan}${story}`);
}
