// Explores one life after the other, each with a store of its own, for as long as a run of the tests is told to.
import {
  type CrashSubject,
  type ExploreReport,
  explore,
  type Step,
  sumOfReports,
} from "../../src/testing/testing.ts";
import { shrinks } from "./expect-sound.ts";

/** Set by `npm run test:crash`: then each family goes on with other lives for so many seconds. */
const crashSeconds = Number(process.env["VARVE_CRASH_SECONDS"] ?? 0);
/** Set by `npm run test:history`: then each family goes on until it has so many states. */
const crashStates = Number(process.env["VARVE_CRASH_STATES"] ?? 0);

export const isDeep: boolean = crashSeconds > 0 || crashStates > 0;
export const exploringMs: number = isDeep ? 24 * 3_600_000 : 1_200_000;

/** Of the first life: every run of `npm test` is the same, a long one goes where none was before. */
export const firstSeed: number = Number(
  process.env["VARVE_CRASH_SEED"] ?? (isDeep ? Date.now() % 2 ** 31 : 0),
);

export interface Life<Command> {
  readonly steps: readonly Step<Command>[];
  /** Behind this step it is broken. */
  readonly from: number;
}

/** How dense a family is broken; a deep run breaks every place with all that can survive there. */
export interface Density {
  readonly placeStride?: number;
  readonly survivals: number;
  readonly afterwardsStride: number;
  readonly recoveryStride?: number;
}

/** Every crash of one life, and of some of the recoveries from them where there is a stride for these. */
export async function exploreLife<Store, Command, State, World>(
  subject: CrashSubject<Store, Command, State, World>,
  life: Life<Command>,
  { placeStride = 1, survivals, afterwardsStride, recoveryStride }: Density,
): Promise<ExploreReport> {
  return await explore(subject, {
    scripts: [life.steps],
    scriptsFrom: life.from,
    sequenceLength: 0,
    crashes: recoveryStride === undefined ? 1 : 2,
    recoveryStride: recoveryStride ?? 1,
    placeStride: isDeep ? 1 : placeStride,
    survivals: isDeep ? "all" : survivals,
    recoverySurvivals: isDeep ? survivals : 0,
    ...(crashSeconds > 0 ? { budget: { ms: crashSeconds * 1000 }, randomLength: 0 } : {}),
    afterwardsStride,
    seed: 3,
    shrinks,
  });
}

/**
 * So many lives, or in a deep run as many as there is time for; ends where one breaks a promise.
 *
 * @param share of the states and the seconds of a deep run.
 */
export async function exploreLives(
  lives: number,
  each: (seed: number) => Promise<ExploreReport>,
  share = 1,
): Promise<ExploreReport> {
  const reports: ExploreReport[] = [];
  for (let seed = firstSeed; ; seed++) {
    const report = await each(seed);
    reports.push(report);
    const sum = sumOfReports(reports);
    const isWhole = isDeep ? isOver(sum, share) : reports.length === lives;
    if (isWhole || report.failures.length > 0) return sum;
  }
}

/** Whether a deep run has as much as it was told to. */
export function isOver(
  { states, seconds }: Pick<ExploreReport, "states" | "seconds">,
  share = 1,
): boolean {
  if (crashStates > 0 && states >= crashStates * share) return true;
  return crashSeconds > 0 && seconds > crashSeconds * share;
}
