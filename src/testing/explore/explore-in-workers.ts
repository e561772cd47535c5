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
import { SharedNames } from "./known-names.ts";
import { sumOfReports } from "./report-sum.ts";

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
  /** Crash states looked at so far by all threads, and how many of them were different. */
  readonly states: number;
  readonly distinct: number;
  readonly seconds: number;
}

const progressMs = 1000;

/**
 * As `explore`, over threads that each load `module`: an ES module that exports the store as `subject`. Sequences and random lives
 * are dealt out; of a budget each thread has its share of the states, and all of the time. A state that several threads come to is
 * judged by the first of them, and counts once.
 *
 * Where the sources of the kit run unbuilt there are no threads, and the shares run beside each other on this one.
 */
export async function exploreInWorkers<Command = unknown>(
  module: URL,
  options: ExploreInWorkersOptions<Command> = {},
): Promise<ExploreReport> {
  const { threads = 2, budget, onProgress, ...rest } = options;
  const share = (count: number | undefined, name: "states" | "distinct"): Budget =>
    count === undefined ? {} : { [name]: Math.ceil(count / threads) };
  const workers = new NodeWorkers();
  const disk = new NodeDisk();
  const progress = Array.from({ length: threads }, () => new SharedArrayBuffer(8));
  const judged = SharedNames.memory();
  const end = telling(progress, onProgress);
  const shares = Array.from({ length: threads }, async (_, thread) => {
    const actor = workers.start(siblingModule("explore-actor", import.meta.url), disk);
    const dealt: ExploreShare = {
      module: module.href,
      progress: progress[thread] as SharedArrayBuffer,
      judged,
      options: {
        ...rest,
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
    return sumOfReports(await Promise.all(shares), true);
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
