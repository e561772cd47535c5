// The running of an exploration: judges crash states, each different one once, within a budget, and keeps count.
import type { Clock } from "../../disk/ports.ts";
import { SimulatedRandom } from "../simulated-random.ts";
import { distinctSurvivals, randomSurvival } from "../survival-family.ts";
import { judgeCrash } from "./crash-judge.ts";
import type { CrashPlan, CrashSite, Loss, PlannedCrash } from "./crash-plan.ts";
import {
  type CrashPoint,
  freshState,
  lossesAt,
  oneLossAt,
  type Recording,
  recordLife,
  someLossesAt,
  stateAfter,
} from "./crash-points.ts";
import { nameOfState } from "./crash-state.ts";
import type { CrashSubject } from "./crash-subject.ts";
import { KnownLives } from "./known-lives.ts";
import { type KnownNames, LocalNames } from "./known-names.ts";
import { recordPlannedLife, violationOf } from "./replay-plan.ts";
import type { Violation } from "./violation.ts";

export interface Budget {
  /** Crash states to look at, those known from before included. */
  readonly states?: number;
  /** Different crash states to judge. */
  readonly distinct?: number;
  /** Real time. */
  readonly ms?: number;
}

/** How much was explored. */
export interface Counts {
  /** Crash states looked at, those that turned out equal to an earlier one included. */
  states: number;
  /** Different crash states: each was booted and judged. */
  distinct: number;
  /** Recoveries that were themselves crashed at every call. */
  recoveries: number;
  /** Lives that were run with a crash at each of their calls. */
  lives: number;
  /** Places of lives, recoveries included, at which crashes were tried. */
  places: number;
}

export interface ExplorationOptions {
  readonly clock: Clock;
  readonly budget: Budget;
  readonly seed: number;
  /** How many crashes follow each other at most, 1 to 3. */
  readonly crashes: number;
  /** Of so many different states one has its recovery crashed at every call. */
  readonly recoveryStride: number;
  /**
   * `all`: the whole family at each place; a number: the kill, both extremes and so many others; `one`: one of the kill, both
   * extremes and another, in turn.
   */
  readonly survivals: "all" | "one" | number;
  /** The same for the places of a recovery. */
  readonly recoverySurvivals: "one" | number;
  /** Of the places of a life one in so many is broken. */
  readonly placeStride: number;
  /** The places that are broken, and counted by the stride. */
  readonly isCrashed: (site: CrashSite) => boolean;
  /** Of so many different states one is lived on from. */
  readonly afterwardsStride: number;
  /** At most so many losses more at each place of a life, drawn at random down to the byte. */
  readonly drawnSurvivals: number;
  /** The states that were judged, where others judge some as well; default none yet. */
  readonly judged?: KnownNames | undefined;
  /** Hears the name of each different state. */
  readonly onDistinct?: ((name: string) => void) | undefined;
  /** Hears the counts after each crash state. */
  readonly onProgress?: ((counts: Readonly<Counts>) => void) | undefined;
}

/** Thrown to end an exploration, by nobody else's fault. */
export class BudgetSpent extends Error {}

/** A plan that breaks a promise. */
export interface Found<Command> {
  readonly plan: CrashPlan<Command>;
  readonly violation: Violation;
}

/** Of the states that are lived on from, at every which one an orderly end is judged as well; replays always do it. */
const thoroughStride = 4;

export class Exploration<Store, Command, State, World> {
  readonly subject: CrashSubject<Store, Command, State, World>;
  readonly counts: Counts = { states: 0, distinct: 0, recoveries: 0, lives: 0, places: 0 };
  readonly traits: Map<string, number> = new Map();
  readonly options: ExplorationOptions;
  readonly #startMs: number;
  readonly #random: SimulatedRandom;
  readonly #judged: KnownNames;
  readonly #recovered: Set<string> = new Set();
  readonly #known: KnownLives<Store, Command, State, World>;

  constructor(subject: CrashSubject<Store, Command, State, World>, options: ExplorationOptions) {
    this.subject = subject;
    this.#known = new KnownLives(subject);
    this.#judged = options.judged ?? new LocalNames();
    this.options = options;
    this.#random = new SimulatedRandom(options.seed);
    this.#startMs = options.clock.monotonicMs();
  }

  get elapsedMs(): number {
    return this.options.clock.monotonicMs() - this.#startMs;
  }

  get isOver(): boolean {
    const { states, distinct, ms } = this.options.budget;
    if (states !== undefined && this.counts.states >= states) return true;
    if (distinct !== undefined && this.counts.distinct >= distinct) return true;
    return ms !== undefined && this.elapsedMs >= ms;
  }

  /** Crashes a plan's life at every place from the end of step `from` on, the boot included where it is -1, and every loss there. */
  async everyCrash(plan: CrashPlan<Command>, from = -1): Promise<Found<Command> | undefined> {
    const { points, error } = await this.record(plan, from, this.#everySoMany(0));
    if (error !== undefined) return await this.#broken(plan, error);
    for (const [at, point] of points.entries()) {
      const turn = at * this.options.placeStride;
      this.counts.places += 1;
      for (const loss of this.#lossesWithDrawn(point.disk, turn)) {
        const found = await this.check(plan, point, loss);
        if (found !== undefined) return found;
      }
    }
    return undefined;
  }

  /** The places of a plan's life from the end of step `from` on, those of the boot included where it is -1. */
  async record(
    plan: CrashPlan<Command>,
    from = -1,
    isWanted: (site: CrashSite) => boolean = () => true,
  ): Promise<Recording<Command, State, World>> {
    this.counts.lives += 1;
    let step = -1;
    return await recordLife(
      this.subject,
      freshState(this.subject, plan.seed),
      {
        seed: plan.seed,
        steps: plan.steps,
        closes: true,
        faults: plan.faults,
        delays: plan.delays,
      },
      (site) => {
        if (site.operation === "step") step = Math.max(step, site.occurrence);
        return step >= from && isWanted(site);
      },
    );
  }

  /** Judges one crash state, unless an equal one was judged before, and crashes its recovery where its turn has come. */
  async check(
    plan: CrashPlan<Command>,
    point: CrashPoint<Command, State, World>,
    loss: Loss,
  ): Promise<Found<Command> | undefined> {
    if (this.isOver) throw new BudgetSpent();
    this.counts.states += 1;
    this.options.onProgress?.(this.counts);
    const state = stateAfter(this.subject, point, loss);
    const key = nameOfState(this.subject, state);
    if (!this.#judged.add(key)) return undefined;
    this.counts.distinct += 1;
    this.options.onDistinct?.(key);
    const crashed = { ...plan, crashes: [...plan.crashes, { site: point.site, loss }] };
    const turn = this.counts.distinct;
    const violation = await violationOf(async () => {
      const { afterwardsStride: stride } = this.options;
      const livesOn = turn % stride === 0;
      const isThorough = livesOn && (turn / stride) % thoroughStride === 0;
      const judging = { seed: plan.seed, livesOn, isThorough, known: this.#known };
      const traits = await judgeCrash(this.subject, state, judging);
      for (const trait of traits) this.traits.set(trait, (this.traits.get(trait) ?? 0) + 1);
    });
    if (violation !== undefined) return { plan: crashed, violation };
    const goesOn = crashed.crashes.length < this.options.crashes;
    if (!goesOn || turn % this.options.recoveryStride !== 0) return undefined;
    return await this.checkRecovery(crashed, point, key);
  }

  /** Crashes the recovery behind a plan's last crash at every place. */
  async checkRecovery(
    plan: CrashPlan<Command>,
    point: CrashPoint<Command, State, World>,
    key: string,
  ): Promise<Found<Command> | undefined> {
    if (this.#recovered.has(key)) return undefined;
    this.#recovered.add(key);
    this.counts.recoveries += 1;
    const { loss } = plan.crashes.at(-1) as PlannedCrash;
    const state = stateAfter(this.subject, point, loss);
    const life = plan.crashes.length;
    const { placeStride } = this.options;
    const first = (placeStride - (this.counts.recoveries % placeStride)) % placeStride;
    const wanted = this.#everySoMany(first);
    const { points, error } = await recordPlannedLife(this.subject, plan, state, life, wanted);
    if (error !== undefined) return await this.#broken(plan, error);
    for (const [at, second] of points.entries()) {
      const turn = first + at * placeStride;
      this.counts.places += 1;
      for (const next of this.#recoveryLossesAt(second.disk, turn)) {
        const found = await this.check(plan, second, next);
        if (found !== undefined) return found;
      }
    }
    return undefined;
  }

  /** Of the places that can be broken one in so many from the `first` on: a copy of the disk is made at these alone. */
  #everySoMany(first: number): (site: CrashSite) => boolean {
    const { placeStride, isCrashed } = this.options;
    let turn = 0;
    return (site) => isCrashed(site) && (turn++ - first) % placeStride === 0;
  }

  async #broken(plan: CrashPlan<Command>, error: unknown): Promise<Found<Command>> {
    const violation = (await violationOf(() => Promise.reject(error))) as Violation;
    return { plan, violation };
  }

  /** What the options let a crash at this place take. */
  lossesAt(disk: CrashPoint<Command, State, World>["disk"], turn: number): Loss[] {
    const { survivals } = this.options;
    if (survivals === "all") return lossesAt(disk);
    return survivals === "one" ? oneLossAt(disk, turn) : someLossesAt(disk, survivals, turn);
  }

  #lossesWithDrawn(disk: CrashPoint<Command, State, World>["disk"], turn: number): Loss[] {
    const losses = this.lossesAt(disk, turn);
    const { drawnSurvivals } = this.options;
    if (drawnSurvivals === 0) return losses;
    const cuts = losses.filter((loss) => loss !== "kill");
    for (let left = drawnSurvivals; left > 0; left--) {
      cuts.push(randomSurvival(disk, this.#random, { piecesPercent: 40 }));
    }
    const kill: Loss[] = losses.includes("kill") ? ["kill"] : [];
    return [...kill, ...distinctSurvivals(disk, cuts)];
  }

  #recoveryLossesAt(disk: CrashPoint<Command, State, World>["disk"], turn: number): Loss[] {
    const { recoverySurvivals } = this.options;
    if (recoverySurvivals === "one") return oneLossAt(disk, turn);
    return someLossesAt(disk, recoverySurvivals, turn);
  }
}
