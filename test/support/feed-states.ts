// Lives with subscribers, crashed at every call of the disk with every loss there, until so many different states were judged.
import { type ExploreReport, explore } from "../../src/testing/testing.ts";
import { expectSound, shrinks } from "./expect-sound.ts";
import { feedLives, feedSubject } from "./feed-subject.ts";

/** `npm run test:crash` sets the seconds; without them so many different states are judged. */
const seconds = Number(process.env["VARVE_CRASH_SECONDS"] ?? 0);
const firstSeed = Number(
  process.env["VARVE_CRASH_SEED"] ?? (seconds > 0 ? Date.now() % 2 ** 31 : 1),
);

export const feedsTimeoutMs: number = Math.max(900, seconds * 2) * 1000;

/**
 * Judges every second life from the first, or the second, on.
 *
 * @param due how many different states there are to be where no time is given.
 */
export async function judgeFeedStates(half: 0 | 1, due: number): Promise<ExploreReport> {
  const names: string[] = [];
  const report = await explore(feedSubject(), {
    scripts: feedLives(firstSeed + half, 2),
    budget: seconds > 0 ? { ms: seconds * 1000 } : { distinct: due },
    sequenceLength: 0,
    randomLength: 0,
    drawnSurvivals: 1,
    afterwardsStride: 24,
    recoveryStride: 397,
    seed: 7,
    shrinks,
    onDistinct: (name) => names.push(name),
  });
  expectSound(`feeds, every second life from ${firstSeed + half}`, report, {
    oracle: "feeds",
    names,
  });
  return report;
}
