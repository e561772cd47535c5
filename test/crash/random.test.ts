// Breaks random lives at random, with losses down to the byte: for as long as it is told to.
import { expect, it } from "vitest";
import { randomSurvival, SimulatedDisk, SimulatedRandom } from "../../src/testing/testing.ts";
import type { Durability } from "../../src/varve.ts";
import { Explorer, record, report } from "../support/crash-explorer.ts";
import { History, type Plan } from "../support/crash-oracle.ts";
import { large, linked, marked, openOn, prepared, small } from "../support/crash-script.ts";

/** `npm run test:crash` sets the seconds; without them a few fixed workloads run. */
const seconds = Number(process.env["VARVE_CRASH_SECONDS"] ?? 0);
const firstSeed = Number(
  process.env["VARVE_CRASH_SEED"] ?? (seconds > 0 ? Date.now() % 2 ** 31 : 1),
);

function randomPlan(random: SimulatedRandom, at: number, previous: string): Plan {
  const levels: Durability[] = ["group", "group", "group", "os", { intervalMs: 5 }];
  const durability = levels[random.below(levels.length)]!;
  const kind = random.below(10);
  if (kind < 4) return { ...small(`n${at}`), durability };
  if (kind < 7) return { ...linked(`n${at}`, previous), durability };
  if (kind === 7) return { ...marked(`m${at}`), durability };
  return { ...large(`n${at}`, 4000 * (1 + random.below(14))), durability };
}

/** Lives of random transactions, alone or together, with time passing, flushes and closes in between. */
async function randomLives(
  history: History,
  disk: SimulatedDisk,
  random: SimulatedRandom,
): Promise<void> {
  let opened = await openOn(disk);
  await history.submit(opened.db, small("root"));
  const steps = 6 + random.below(14);
  for (let at = 0; at < steps; at++) {
    const together: Promise<unknown>[] = [];
    for (let i = 0; i <= random.below(4); i++) {
      const plan = randomPlan(random, at * 8 + i, "root");
      together.push(history.submit(opened.db, plan));
    }
    if (random.below(4) > 0) await Promise.all(together);
    const what = random.below(12);
    const count = history.length;
    if (what === 0) await opened.ports.scheduler.advance(1 + random.below(2000));
    else if (what === 1) {
      await opened.db.flush();
      history.noteDurable(count);
    } else if (what === 2) {
      await opened.db.close();
      history.noteDurable(count);
      opened = await openOn(disk);
    }
    await Promise.all(together);
  }
  const all = history.length;
  await opened.db.close();
  history.noteDurable(all);
}

async function explore(explorer: Explorer, seed: number): Promise<void> {
  const random = new SimulatedRandom(seed);
  const disk = prepared(new SimulatedDisk({ seed, trace: "none" }));
  const history = new History();
  const points = await record(
    disk,
    () => history,
    () => randomLives(history, disk, random.fork("workload")),
  );
  const choice = random.fork("crashes");
  for (let i = 0; i < 40; i++) {
    const point = points[choice.below(points.length)]!;
    const survival = randomSurvival(point.disk, choice, { piecesPercent: 40 });
    await explorer.check(point, survival, `seed ${seed}`);
    if (i % 20 !== 0) continue;
    const first = choice.below(3) === 0 ? undefined : survival;
    await explorer.checkRecovery(
      point,
      first,
      (second) =>
        choice.below(4) === 0 ? [randomSurvival(second, choice, { piecesPercent: 40 })] : [],
      `seed ${seed}; `,
    );
  }
}

it(`random lives, crashed at random, survive random losses down to the byte (seed ${firstSeed})`, {
  timeout: Math.max(120, seconds * 2) * 1000,
}, async () => {
  const startedMs = performance.now();
  let total = new Explorer();
  let seed = firstSeed;
  const isOver = (): boolean =>
    seconds > 0 ? performance.now() - startedMs > seconds * 1000 : seed >= firstSeed + 5;
  let states = 0;
  while (!isOver()) {
    await explore(total, seed++);
    // What it remembers so as not to check anything twice is of no use to another workload.
    if (total.tally.distinct < 20_000) continue;
    report(`seeds up to ${seed - 1}`, total, startedMs);
    states += total.tally.states;
    total = new Explorer();
  }
  report(`random lives, seeds ${firstSeed} to ${seed - 1}`, total, startedMs);
  expect(states + total.tally.states).toBeGreaterThan(100);
});
