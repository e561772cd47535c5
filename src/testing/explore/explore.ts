// Explores what crashes can do to a store: plans from the corpus, given scripts, all short sequences, then random lives until the
// budget is spent. What it finds it makes small.
import { NodeClock } from "../../disk/node-clock.ts";
import { NodeDisk } from "../../disk/node-disk.ts";
import type { Clock, Disk } from "../../disk/ports.ts";
import { randomPlan } from "../fault-plan.ts";
import { SimulatedRandom } from "../simulated-random.ts";
import { randomSurvival } from "../survival-family.ts";
import type { CrashPlan, CrashSite, Loss } from "./crash-plan.ts";
import { type CrashSubject, reopen, type Step } from "./crash-subject.ts";
import { type Budget, BudgetSpent, type Counts, Exploration, type Found } from "./exploration.ts";
import type { KnownNames } from "./known-names.ts";
import { type CorpusPlan, readCorpus } from "./plan-corpus.ts";
import { writePage } from "./plan-page.ts";
import { formatCrashPlan, parseCrashPlan } from "./plan-text.ts";
import { replayPlan } from "./replay-plan.ts";
import { shrinkPlan } from "./shrink-plan.ts";
import {
  type FaultKind,
  faultsOf,
  randomDelays,
  randomSteps,
  sequencesUpTo,
} from "./step-sequences.ts";
import { Violation } from "./violation.ts";

export interface ExploreOptions<Command> {
  /** Fixes everything that is drawn at random; default 1. */
  readonly seed?: number;
  /** Ends the exploration; default: once all sequences and scripts are done. With `ms`, time is spent on random lives to the end. */
  readonly budget?: Budget;
  /** Lives to be crashed at every call. They may be without end where there is a budget. */
  readonly scripts?: Iterable<readonly Step<Command>[]>;
  /** Scripts are broken from the end of this step on, so that what only prepares a life is not; default from the opening on. */
  readonly scriptsFrom?: number;
  /** Whether the calls of the very first opening are crashed as well; default true. */
  readonly boots?: boolean;
  /** All sequences of at most so many commands and reopenings are crashed at every call; default 2. */
  readonly sequenceLength?: number;
  /** Of the sequences of two steps and more, and of the random lives, one in so many is taken; default 1. */
  readonly sequenceStride?: number;
  /** Which one: from 0, below the stride; default 0. The shorter sequences are with the first. */
  readonly sequenceOffset?: number;
  /** Random lives have at most so many steps; default 12, 0 for none. */
  readonly randomLength?: number;
  /** A random life is broken so many times, at places and with losses drawn at random; default 40, at most twice for each place. */
  readonly randomCrashes?: number;
  /** Of the places of a script, a sequence or a recovery one in so many is broken; default 1, every place. */
  readonly placeStride?: number;
  /** Which places of scripts, sequences and recoveries can be broken, and are counted by the stride; default all. */
  readonly isCrashed?: (site: CrashSite) => boolean;
  /** How many crashes may follow each other: the second and third strike in the recovery; 1 to 3, default 2; 0: calls fail, no crash before the end. */
  readonly crashes?: number;
  /** Of so many different states one has its recovery crashed at every call; default 11. */
  readonly recoveryStride?: number;
  /**
   * `all` (default): the whole family of losses at each place; a number: the kill, both extremes and so many others; `one`: one
   * of the kill, both extremes and another, in turn.
   */
  readonly survivals?: "all" | "one" | number;
  /** The same at the places of a recovery, default 1. */
  readonly recoverySurvivals?: "one" | number;
  /** At each place of a script or a sequence at most so many losses more, drawn at random down to the byte; default 0. */
  readonly drawnSurvivals?: number;
  /**
   * Of so many different states one is lived on from: `afterwards`, another power cut and boot. Of the others only the boot is
   * judged (O1 to O7, O9, O13), which takes a third of the time. Default 1, every state.
   */
  readonly afterwardsStride?: number;
  /** Whether calls fail as well, each call of each script and sequence in each way, and others at random; default false. */
  readonly faults?: boolean;
  /** Which calls fail in scripts and sequences; default all. */
  readonly isFaulty?: (site: CrashSite) => boolean;
  /** The ways in which these fail, each tried at each; default: with EIO and ENOSPC, once and for ever, with nothing, a part or all done. */
  readonly faultKinds?: readonly FaultKind[];
  /** Of the ways in which these can fail one in so many is tried; default 1. */
  readonly faultStride?: number;
  /** Whether what is found is made small, which takes a while; default true. */
  readonly shrinks?: boolean;
  /** A directory that gets a page of HTML for each failure, `violation-1.html` and so on. */
  readonly pages?: string;
  /** A directory with `*.plan` files, whose lines are replayed first. */
  readonly corpus?: string;
  /** Stops at so many failures; default 1. */
  readonly failuresMax?: number;
  /** For the corpus, the pages and the time; default those of the machine. */
  readonly disk?: Disk;
  readonly clock?: Clock;
  /** Hears the counts so far after each crash state, some thousand times a second. */
  readonly onProgress?: (counts: Readonly<Counts>) => void;
  /** Hears the name of each different state: equal for equal states, also of other runs of the same store, for a total of several. */
  readonly onDistinct?: (name: string) => void;
}

export interface CrashFailure {
  /** The property that is broken, such as `O1 durability`. */
  readonly property: string;
  readonly message: string;
  /** As it was found, and as small as it could be made: lines for `replayPlan`. */
  readonly plan: string;
  readonly minimalPlan: string;
  /** The story of the minimal plan. */
  readonly timeline: string;
  /** Where the same stands as a page, where one was asked for. */
  readonly page?: string;
}

export interface ExploreReport {
  /** Crash states looked at, those that turned out equal to an earlier one included. */
  readonly states: number;
  /** Different crash states: each was booted and judged. */
  readonly distinct: number;
  readonly recoveries: number;
  readonly lives: number;
  /** Places of lives and of recoveries at which crashes were tried. */
  readonly places: number;
  readonly seconds: number;
  readonly statesPerSecond: number;
  /** How often each trait of a recovery was met; see `CrashSubject.traits`. */
  readonly traits: Readonly<Record<string, number>>;
  readonly failures: readonly CrashFailure[];
  /** Whether all plans of the corpus, scripts and sequences were explored before the budget was spent. */
  readonly isComplete: boolean;
}

/** See docs/TESTING-KIT.md. The same seed and the same store give the same report, but for the time. */
export async function explore<Store, Command, State, World = undefined>(
  subject: CrashSubject<Store, Command, State, World>,
  options: ExploreOptions<Command> = {},
): Promise<ExploreReport> {
  return await new Explorer(subject, options).run();
}

/** As `explore`, one of several that share what they have judged: each state is judged by one of them. */
export async function exploreBeside<Store, Command, State, World>(
  subject: CrashSubject<Store, Command, State, World>,
  options: ExploreOptions<Command>,
  judged: KnownNames,
): Promise<ExploreReport> {
  return await new Explorer(subject, options, judged).run();
}

class Explorer<Store, Command, State, World> {
  readonly #subject: CrashSubject<Store, Command, State, World>;
  readonly #options: ExploreOptions<Command>;
  readonly #seed: number;
  readonly #exploration: Exploration<Store, Command, State, World>;
  readonly #failures: CrashFailure[] = [];
  /** Ways to fail met so far. */
  #fault = 0;

  constructor(
    subject: CrashSubject<Store, Command, State, World>,
    options: ExploreOptions<Command>,
    judged?: KnownNames,
  ) {
    this.#subject = subject;
    this.#options = options;
    this.#seed = options.seed ?? 1;
    this.#exploration = this.#started(options.budget ?? {}, judged);
  }

  async run(): Promise<ExploreReport> {
    let isComplete = false;
    try {
      await this.#corpus();
      await this.#sequences();
      isComplete = true;
      await this.#randomLives();
    } catch (error) {
      if (!(error instanceof BudgetSpent)) throw error;
    }
    const { counts, elapsedMs, traits } = this.#exploration;
    const seconds = elapsedMs / 1000;
    return {
      ...counts,
      seconds,
      statesPerSecond: counts.states / Math.max(seconds, 0.001),
      traits: Object.fromEntries([...traits].sort()),
      failures: this.#failures,
      isComplete,
    };
  }

  #started(budget: Budget, judged?: KnownNames): Exploration<Store, Command, State, World> {
    const { crashes = 2, recoveryStride = 11, survivals = "all" } = this.#options;
    const { recoverySurvivals = 1, placeStride = 1, afterwardsStride = 1 } = this.#options;
    const { clock = new NodeClock(), drawnSurvivals = 0, onProgress, onDistinct } = this.#options;
    const { isCrashed = () => true } = this.#options;
    const strides = { recoveryStride, recoverySurvivals, placeStride, afterwardsStride };
    const options = { clock, budget, seed: this.#seed, crashes, survivals, drawnSurvivals };
    const heard = { isCrashed, onProgress, onDistinct, judged };
    return new Exploration(this.#subject, { ...options, ...strides, ...heard });
  }

  async #corpus(): Promise<void> {
    const { corpus, disk = new NodeDisk() } = this.#options;
    if (corpus === undefined || corpus === "") return;
    for (const plan of await readCorpus(disk, corpus)) await this.#replay(plan);
  }

  async #replay({ place, line }: CorpusPlan): Promise<void> {
    const { violation } = await replayPlan(this.#subject, line);
    this.#exploration.counts.states += 1;
    if (violation === undefined) return;
    const told = new Violation(violation.property, `${violation.message} (corpus, ${place})`);
    await this.#note({ plan: parseCrashPlan<Command>(line), violation: told });
  }

  async #sequences(): Promise<void> {
    const boot = this.#options.boots === false ? 0 : -1;
    const { scripts = [], scriptsFrom = boot } = this.#options;
    for (const steps of scripts) await this.#everyCrash(steps, scriptsFrom);
    const length = this.#options.sequenceLength ?? 2;
    if (length === 0) return;
    const alphabet: Step<Command>[] = [...this.#subject.alphabet];
    if (this.#subject.close !== undefined) alphabet.push(reopen);
    const { sequenceStride = 1, sequenceOffset = 0 } = this.#options;
    let turn = sequenceStride - sequenceOffset;
    for (const steps of sequencesUpTo(alphabet, length)) {
      const isTaken = steps.length > 1 ? turn++ % sequenceStride === 0 : sequenceOffset === 0;
      if (!isTaken) continue;
      await this.#everyCrash(steps, steps.length === 0 ? boot : steps.length - 1);
    }
  }

  async #everyCrash(steps: readonly Step<Command>[], from: number): Promise<void> {
    const plan = this.#plan({ steps });
    if (this.#options.crashes !== 0) {
      await this.#note(await this.#exploration.everyCrash(plan, from));
    }
    if (this.#options.faults === true) await this.#everyFault(plan, from);
  }

  async #everyFault(plan: CrashPlan<Command>, from: number): Promise<void> {
    const { isFaulty = () => true, faultStride = 1 } = this.#options;
    const { points, error } = await this.#exploration.record(plan, from);
    if (error !== undefined) return await this.#noteError(plan, error);
    for (const { site } of points) {
      if (site.phase !== "before" || !isFaulty(site)) continue;
      for (const fault of faultsOf(site, this.#options.faultKinds)) {
        if (this.#fault++ % faultStride !== 0) continue;
        await this.#faultyLife({ ...plan, faults: [fault] });
      }
    }
  }

  /** A life with faults is crashed where something was turned down, and at its end: on the way it is like others. */
  async #faultyLife(plan: CrashPlan<Command>): Promise<void> {
    const { points, error } = await this.#exploration.record(plan, -1, mayEnd(plan.steps));
    if (error !== undefined) return await this.#noteError(plan, error);
    let known = 0;
    for (const [at, point] of points.entries()) {
      const failed = point.history.failed;
      const isNews = point.site.operation === "step" && failed > known;
      if (isNews) known = failed;
      if (!isNews && at < points.length - 1) continue;
      for (const loss of this.#exploration.lossesAt(point.disk, at)) {
        await this.#note(await this.#exploration.check(plan, point, loss));
      }
    }
  }

  async #randomLives(): Promise<void> {
    const { budget, randomLength = 12 } = this.#options;
    if (budget === undefined || randomLength === 0) return;
    const { sequenceStride = 1, sequenceOffset = 0 } = this.#options;
    const random = new SimulatedRandom(this.#seed);
    for (let life = sequenceOffset; ; life += sequenceStride) {
      if (this.#exploration.isOver) throw new BudgetSpent();
      await this.#randomLife(random.fork(`life ${life}`), randomLength);
    }
  }

  async #randomLife(random: SimulatedRandom, length: number): Promise<void> {
    const hasFaults = this.#options.faults === true && random.below(3) === 0;
    const plan = this.#plan({
      steps: randomSteps(this.#subject.alphabet, length, random.fork("steps")),
      faults: hasFaults
        ? randomPlan(random.fork("faults"), { effects: ["errno", "short", "delay"] }).rules
        : [],
      delays: random.below(4) === 0 ? randomDelays(random.fork("delays")) : [],
    });
    const { points, error } = await this.#exploration.record(plan);
    if (error !== undefined) return await this.#noteError(plan, error);
    const choice = random.fork("crashes");
    const { randomCrashes = 40 } = this.#options;
    for (let i = 0; i < Math.min(randomCrashes, points.length * 2); i++) {
      const point = points[choice.below(points.length)];
      if (point === undefined) return;
      const cut = randomSurvival(point.disk, choice, { piecesPercent: 40 });
      const loss: Loss = choice.below(6) === 0 ? "kill" : cut;
      await this.#note(await this.#exploration.check(plan, point, loss));
    }
  }

  async #withPage(failure: CrashFailure): Promise<CrashFailure> {
    const { pages, disk = new NodeDisk() } = this.#options;
    if (pages === undefined) return failure;
    const name = `violation-${this.#failures.length + 1}.html`;
    return { ...failure, page: await writePage(disk, pages, name, failure) };
  }

  #plan(parts: Partial<CrashPlan<Command>>): CrashPlan<Command> {
    return { seed: this.#seed, steps: [], faults: [], delays: [], crashes: [], ...parts };
  }

  async #noteError(plan: CrashPlan<Command>, error: unknown): Promise<void> {
    const { name, message } = error as Error;
    const isKnown = error instanceof Violation;
    await this.#note({
      plan,
      violation: isKnown ? error : new Violation("check", `${name}: ${message}`),
    });
  }

  async #note(found: Found<Command> | undefined): Promise<void> {
    if (found === undefined) return;
    const explorer = (): Exploration<Store, Command, State, World> =>
      this.#started({ states: 1000 });
    const isToShrink = this.#options.shrinks !== false;
    const small = isToShrink ? await shrinkPlan(this.#subject, found, explorer) : found;
    const { timeline } = await replayPlan(this.#subject, small.plan);
    const failure: CrashFailure = {
      property: small.violation.property,
      message: small.violation.message,
      plan: formatCrashPlan(found.plan),
      minimalPlan: formatCrashPlan(small.plan),
      timeline,
    };
    this.#failures.push(await this.#withPage(failure));
    if (this.#failures.length >= (this.#options.failuresMax ?? 1)) throw new BudgetSpent();
  }
}

/** The ends of steps, and every place of a boot and a close: a life ends at one of these, where it breaks no promise. */
function mayEnd(steps: readonly Step<unknown>[]): (site: CrashSite) => boolean {
  let ended = -1;
  return ({ operation, occurrence }) => {
    if (operation === "step") ended = Math.max(ended, occurrence);
    return operation === "step" || ended < 0 || ended === steps.length || steps[ended] === reopen;
  };
}
