// Explores on several threads at once, each with a seed and a share of the sequences of its own.
import { siblingModule } from "../../disk/actor-module.ts";
import { NodeClock } from "../../disk/node-clock.ts";
import { NodeDisk } from "../../disk/node-disk.ts";
import { NodeScheduler } from "../../disk/node-scheduler.ts";
import { NodeWorkers } from "../../disk/node-workers.ts";
import type { Step } from "./crash-subject.ts";
import type { Budget } from "./exploration.ts";
import type { ExploreOptions, ExploreReport } from "./explore.ts";
import type { ExploreShare } from "./explore-actor.ts";

export interface ExploreInWorkersOptions<Command>
  extends Omit<
    ExploreOptions<Command>,
    | "disk"
    | "clock"
    | "isFaulty"
    | "isCrashed"
    | "scripts"
    | "sequenceStride"
    | "sequenceOffset"
    | "onProgress"
    | "onDistinct"
  > {
  readonly scripts?: readonly (readonly Step<Command>[])[];
  /** How many threads; default 2. */
  readonly threads?: number;
  /** Hears every second how far the threads are, and once before they begin. */
  readonly onProgress?: (progress: ExploreProgress) => void;
}

export interface ExploreProgress {
  /** Crash states looked at so far by all threads, and how many of them each thread had not seen before. */
  readonly states: number;
  readonly distinct: number;
  readonly seconds: number;
}

const progressMs = 1000;

/**
 * As `explore`, over threads that each load `module`: an ES module that exports the store as `subject`. The sequences are dealt
 * out; of a budget each thread has its share of the states, and all of the time. Random lives begin from `seed`, `seed + 1` and so on.
 *
 * Where the sources of the kit run unbuilt there are no threads, and the shares run beside each other on this one.
 */
export async function exploreInWorkers<Command = unknown>(
  module: URL,
  options: ExploreInWorkersOptions<Command> = {},
): Promise<ExploreReport> {
  const { threads = 2, seed = 1, budget, onProgress, ...rest } = options;
  const share = (count: number | undefined, name: "states" | "distinct"): Budget =>
    count === undefined ? {} : { [name]: Math.ceil(count / threads) };
  const workers = new NodeWorkers();
  const disk = new NodeDisk();
  const progress = Array.from({ length: threads }, () => new SharedArrayBuffer(8));
  const end = telling(progress, onProgress);
  const shares = Array.from({ length: threads }, async (_, thread) => {
    const actor = workers.start(siblingModule("explore-actor", import.meta.url), disk);
    const dealt: ExploreShare = {
      module: module.href,
      progress: progress[thread] as SharedArrayBuffer,
      options: {
        ...rest,
        seed: seed + thread,
        sequenceStride: threads,
        sequenceOffset: thread,
        ...(thread === 0 ? {} : { scripts: [], corpus: "" }),
        ...(budget === undefined
          ? {}
          : {
              budget: {
                ...budget,
                ...share(budget.states, "states"),
                ...share(budget.distinct, "distinct"),
              },
            }),
      },
    };
    try {
      return (await actor.request(dealt)) as ExploreReport;
    } finally {
      await actor.stop();
    }
  });
  try {
    return joined(await Promise.all(shares));
  } finally {
    end();
  }
}

/** Tells every second until the function that it returns is called. */
function telling(
  shares: readonly SharedArrayBuffer[],
  onProgress: ExploreInWorkersOptions<unknown>["onProgress"],
): () => void {
  if (onProgress === undefined) return () => {};
  const clock = new NodeClock();
  const scheduler = new NodeScheduler();
  const startMs = clock.monotonicMs();
  const words = shares.map((share) => new Uint32Array(share));
  const sum = (word: number): number => words.reduce((total, two) => total + (two[word] ?? 0), 0);
  let cancel = (): void => {};
  const tell = (): void => {
    const seconds = (clock.monotonicMs() - startMs) / 1000;
    cancel = scheduler.after(progressMs, tell);
    onProgress({ states: sum(0), distinct: sum(1), seconds });
  };
  tell();
  return () => cancel();
}

function joined(reports: readonly ExploreReport[]): ExploreReport {
  const sum = (pick: (report: ExploreReport) => number): number =>
    reports.reduce((total, report) => total + pick(report), 0);
  const seconds = Math.max(...reports.map((report) => report.seconds));
  const states = sum((report) => report.states);
  const traits: Record<string, number> = {};
  for (const report of reports) {
    for (const [trait, count] of Object.entries(report.traits)) {
      traits[trait] = (traits[trait] ?? 0) + count;
    }
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
