// Lives with subscribers, crashed at every call of the disk with every loss there, until so many different states were judged.
import { randomSurvival, SimulatedDisk, SimulatedRandom } from "../../src/testing/testing.ts";
import { afterLoss, contentOf, type Loss, lossesAt, recordCalls } from "./crash-explorer.ts";
import { openOn, prepared } from "./crash-script.ts";
import { FeedLife, type Known } from "./feed-life.ts";
import { judgeFeeds, judgeNext } from "./feed-oracle.ts";
import { reportStates } from "./state-report.ts";

/** `npm run test:crash` sets the seconds; without them so many different states are judged. */
const seconds = Number(process.env["VARVE_CRASH_SECONDS"] ?? 0);
const firstSeed = Number(
  process.env["VARVE_CRASH_SEED"] ?? (seconds > 0 ? Date.now() % 2 ** 31 : 1),
);

export const feedsTimeoutMs: number = Math.max(900, seconds * 2) * 1000;

interface Place {
  readonly disk: SimulatedDisk;
  readonly known: Known;
  readonly label: string;
}

class FeedStates {
  readonly #startedMs = performance.now();
  readonly #judged: Set<string> = new Set();
  #states = 0;

  get distinct(): number {
    return this.#judged.size;
  }

  get states(): number {
    return this.#states;
  }

  get seconds(): number {
    return (performance.now() - this.#startedMs) / 1000;
  }

  get names(): Iterable<string> {
    return this.#judged;
  }

  /** One life of several sessions, with a crash before and after every call, and each loss there that the disk allows. */
  async life(seed: number, isOver: () => boolean): Promise<void> {
    const random = new SimulatedRandom(seed);
    const padBytes = seed % 3 === 2 ? 40_000 : 10;
    const choice = random.fork("losses");
    const places = await lived(new FeedLife(random.fork("life"), padBytes), seed, choice);
    for (const place of places) {
      if (isOver()) return;
      const losses: Loss[] = lossesAt(place.disk);
      losses.push(randomSurvival(place.disk, choice, { piecesPercent: 40 }));
      for (const loss of losses) {
        this.#states++;
        try {
          await this.#judge(afterLoss(place.disk, loss).disk, place.known, padBytes);
        } catch (error) {
          const where = `state ${this.#states}: seed ${seed}; ${place.label}; ${loss?.label ?? "kill"}`;
          throw new Error(`${where}\n${(error as Error).message}`, { cause: error });
        }
      }
    }
  }

  async #judge(disk: SimulatedDisk, known: Known, padBytes: number): Promise<void> {
    const name = `${contentOf(disk)} ${known.fingerprint}`;
    if (this.#judged.has(name)) return;
    this.#judged.add(name);
    const { db } = await openOn(disk);
    await judgeFeeds(db, known, padBytes);
    if (this.#judged.size % 4 === 0) await judgeNext(db);
    disk.stop();
  }
}

/** Of the syncs every second takes a while, in which readers ask and are answered: what they hear too early, a crash takes back. */
function takeTime(disk: SimulatedDisk, random: SimulatedRandom): void {
  disk.delay = async (operation) => {
    const turns = operation === "sync" && random.below(2) === 0 ? random.below(200) : 0;
    for (let turn = 0; turn < turns; turn++) await undefined;
  };
}

async function lived(life: FeedLife, seed: number, choice: SimulatedRandom): Promise<Place[]> {
  let disk = prepared(new SimulatedDisk({ seed, trace: "none" }));
  const places: Place[] = [];
  for (let session = 0; session < 3; session++) {
    const closes = choice.below(2) === 0;
    takeTime(disk, choice.fork(`syncs of ${session}`));
    const calls = await recordCalls(
      disk,
      () => life.known(),
      async () => {
        await life.session(await openOn(disk), 10 + choice.below(16), closes);
      },
    );
    places.push(...calls);
    if (!closes) disk = disk.powerCut(randomSurvival(disk, choice));
  }
  return places;
}

/**
 * Judges every second seed from the first, or the second, on. Returns how many different states there were.
 *
 * @param due how many there are to be where no time is given.
 */
export async function judgeFeedStates(half: 0 | 1, due: number): Promise<number> {
  const found = new FeedStates();
  const isOver = (): boolean => (seconds > 0 ? found.seconds > seconds : found.distinct >= due);
  let seed = firstSeed + half;
  for (; !isOver(); seed += 2) await found.life(seed, isOver);
  reportStates(`feeds, every second seed from ${firstSeed + half} to ${seed - 2}`, found, {
    oracle: "feeds",
    names: found.names,
  });
  return found.distinct;
}
