// Crashes databases with subscribers at every call of the disk: live, lagging and restarting feeds, two consumers, a projection.
import { expect, it } from "vitest";
import { randomSurvival, SimulatedDisk, SimulatedRandom } from "../../src/testing/testing.ts";
import {
  afterLoss,
  contentOf,
  type Loss,
  lossesAt,
  recordCalls,
} from "../support/crash-explorer.ts";
import { openOn, prepared } from "../support/crash-script.ts";
import { FeedLife, type Known } from "../support/feed-life.ts";
import { judgeFeeds, judgeNext } from "../support/feed-oracle.ts";

/** `npm run test:crash` sets the seconds; without them a fixed number of states is looked at. */
const seconds = Number(process.env["VARVE_CRASH_SECONDS"] ?? 0);
const firstSeed = Number(
  process.env["VARVE_CRASH_SEED"] ?? (seconds > 0 ? Date.now() % 2 ** 31 : 1),
);
const statesDue = 20_000;

interface Tally {
  states: number;
  distinct: number;
}

const checked = new Set<string>();

async function check(disk: SimulatedDisk, known: Known, padBytes: number): Promise<boolean> {
  const key = `${contentOf(disk)} ${known.fingerprint}`;
  if (checked.has(key)) return false;
  checked.add(key);
  const { db } = await openOn(disk);
  await judgeFeeds(db, known, padBytes);
  if (checked.size % 4 === 0) await judgeNext(db);
  disk.stop();
  return true;
}

/** One life of several sessions, with a crash before and after every call, and each loss there that the disk allows. */
async function explore(seed: number, tally: Tally): Promise<void> {
  const random = new SimulatedRandom(seed);
  const padBytes = seed % 3 === 2 ? 40_000 : 10;
  const life = new FeedLife(random.fork("life"), padBytes);
  const choice = random.fork("losses");
  let disk = prepared(new SimulatedDisk({ seed, trace: "none" }));
  const points: { disk: SimulatedDisk; known: Known; label: string }[] = [];
  for (let session = 0; session < 3; session++) {
    const closes = choice.below(2) === 0;
    const calls = await recordCalls(
      disk,
      () => life.known(),
      async () => {
        await life.session(await openOn(disk), 10 + choice.below(16), closes);
      },
    );
    points.push(...calls);
    if (!closes) disk = disk.powerCut(randomSurvival(disk, choice));
  }
  for (const point of points) {
    const losses: Loss[] = lossesAt(point.disk);
    losses.push(randomSurvival(point.disk, choice, { piecesPercent: 40 }));
    for (const loss of losses) {
      tally.states++;
      try {
        const { disk: left } = afterLoss(point.disk, loss);
        if (await check(left, point.known, padBytes)) tally.distinct++;
      } catch (error) {
        const where = `state ${tally.states}: seed ${seed}; ${point.label}; ${loss?.label ?? "kill"}`;
        throw new Error(`${where}\n${(error as Error).message}`, { cause: error });
      }
    }
  }
}

it(`subscribers keep S1 to S11 in every crash state (seed ${firstSeed})`, {
  timeout: Math.max(300, seconds * 2) * 1000,
}, async () => {
  const startedMs = performance.now();
  const tally: Tally = { states: 0, distinct: 0 };
  let seed = firstSeed;
  const isOver = (): boolean =>
    seconds > 0 ? performance.now() - startedMs > seconds * 1000 : tally.states >= statesDue;
  while (!isOver()) {
    await explore(seed++, tally);
    checked.clear();
  }
  const took = ((performance.now() - startedMs) / 1000).toFixed(1);
  process.stdout.write(
    `feeds, seeds ${firstSeed} to ${seed - 1}: ${tally.states} crash states ` +
      `(${tally.distinct} of them distinct) in ${took} s\n`,
  );
  expect(tally.states).toBeGreaterThanOrEqual(seconds > 0 ? 1 : statesDue);
});
