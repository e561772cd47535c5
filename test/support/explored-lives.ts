// Explores one life after the other, each with a store of its own, for as long as a run of the tests is told to.
import {
  type CrashSubject,
  type ExploreReport,
  explore,
  type Step,
} from "../../src/testing/testing.ts";
import { shrinks } from "./expect-sound.ts";

/** Set by `npm run test:crash`: then each family goes on with other lives for so many seconds. */
const crashSeconds = Number(process.env["VARVE_CRASH_SECONDS"] ?? 0);
/** Set by `npm run test:deep`: then each family goes on until it has so many states. */
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
    recoverySurvivals: survivals,
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
  let sum: ExploreReport | undefined;
  for (let seed = firstSeed; (!isDeep && seed < lives) || !isOver(sum, share); seed++) {
    const report = await each(seed);
    sum = sum === undefined ? report : summed(sum, report);
    if (report.failures.length > 0) break;
  }
  return sum as ExploreReport;
}

function isOver({ states = 0, seconds = 0 }: Partial<ExploreReport> = {}, share: number): boolean {
  if (crashStates > 0 && states >= crashStates * share) return true;
  if (crashSeconds > 0) return seconds > crashSeconds * share;
  return crashStates === 0;
}

export function summed(one: ExploreReport, other: ExploreReport): ExploreReport {
  const traits: Record<string, number> = { ...one.traits };
  for (const [trait, count] of Object.entries(other.traits)) {
    traits[trait] = (traits[trait] ?? 0) + count;
  }
  const states = one.states + other.states;
  const seconds = one.seconds + other.seconds;
  return {
    states,
    seconds,
    statesPerSecond: states / Math.max(seconds, 0.001),
    distinct: one.distinct + other.distinct,
    recoveries: one.recoveries + other.recoveries,
    lives: one.lives + other.lives,
    places: one.places + other.places,
    traits,
    failures: [...one.failures, ...other.failures],
    isComplete: one.isComplete && other.isComplete,
  };
}
