// The sum of several explorations, one after the other or beside each other.
import type { ExploreReport } from "./explore.ts";

/**
 * What several explorations have found together.
 *
 * @param together whether they ran beside each other, so that they took as long as the longest of them; default one after the other.
 */
export function sumOfReports(reports: readonly ExploreReport[], together = false): ExploreReport {
  const sum = (pick: (report: ExploreReport) => number): number =>
    reports.reduce((total, report) => total + pick(report), 0);
  const longest = Math.max(0, ...reports.map((report) => report.seconds));
  const seconds = together ? longest : sum((report) => report.seconds);
  const states = sum((report) => report.states);
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
