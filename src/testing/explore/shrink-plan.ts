// Makes a plan that breaks a promise as small as it can be: fewer crashes, steps, faults and delays, less lost, an earlier place.
import type { Outcome, Survival } from "../survival.ts";
import { dropAll, keepAll, outcomesOf } from "../survival.ts";
import { type CrashPlan, endOfStep, type Loss, type PlannedCrash } from "./crash-plan.ts";
import { type CrashPoint, freshState, pointAt, stateAfter } from "./crash-points.ts";
import type { CrashSubject, Step } from "./crash-subject.ts";
import { diskFingerprint } from "./disk-fingerprint.ts";
import type { Exploration, Found } from "./exploration.ts";
import { recordPlannedLife, replayPlan, stepsOfLife } from "./replay-plan.ts";

/** So many places in a row that break nothing end the walk to an earlier one. */
const missesMax = 6;

/** Plans this short are not worth the exploration of all that is shorter. */
const shortLength = 3;

/**
 * The smallest plan found that breaks the same property. It counts on nothing but replays, so its result breaks it when
 * replayed; a plan that does not even do so itself (the store is not deterministic) is returned as it is.
 */
export async function shrinkPlan<Store, Command, State, World>(
  subject: CrashSubject<Store, Command, State, World>,
  found: Found<Command>,
  explorer: () => Exploration<Store, Command, State, World>,
): Promise<Found<Command>> {
  const shrinking = new Shrinking(subject, found, explorer);
  return await shrinking.run();
}

class Shrinking<Store, Command, State, World> {
  readonly #subject: CrashSubject<Store, Command, State, World>;
  readonly #explorer: () => Exploration<Store, Command, State, World>;
  #best: Found<Command>;

  constructor(
    subject: CrashSubject<Store, Command, State, World>,
    found: Found<Command>,
    explorer: () => Exploration<Store, Command, State, World>,
  ) {
    this.#subject = subject;
    this.#best = found;
    this.#explorer = explorer;
  }

  async run(): Promise<Found<Command>> {
    if (!(await this.#takes(this.#best.plan))) return this.#best;
    await this.#plainly();
    for (let round = 0; round < 3; round++) {
      const before = this.#best.plan;
      await this.#fewerFaults();
      await this.#fewerCrashes();
      await this.#fewerSteps();
      await this.#lessLost();
      await this.#earlier();
      if (this.#best.plan === before) break;
    }
    return this.#best;
  }

  /** Takes a plan that breaks the same property. */
  async #takes(plan: CrashPlan<Command>): Promise<boolean> {
    const { violation } = await replayPlan(this.#subject, plan);
    if (violation?.property !== this.#best.violation.property) return false;
    this.#best = { plan, violation };
    return true;
  }

  async #fewerFaults(): Promise<void> {
    const { plan } = this.#best;
    if (plan.delays.length > 0 && !(await this.#takes({ ...plan, delays: [] }))) {
      await this.#fewerDelays();
    }
    for (let at = plan.faults.length - 1; at >= 0; at--) {
      const faults = this.#best.plan.faults.filter((_, other) => other !== at);
      await this.#takes({ ...this.#best.plan, faults });
    }
  }

  async #fewerDelays(): Promise<void> {
    for (let at = this.#best.plan.delays.length - 1; at >= 0; at--) {
      const { plan } = this.#best;
      if (at === plan.delays.length - 1)
        await this.#takes({ ...plan, delays: plan.delays.slice(0, at) });
      else if (plan.delays[at] !== 0) {
        const delays = plan.delays.map((delay, other) => (other === at ? 0 : delay));
        await this.#takes({ ...plan, delays });
      }
    }
  }

  /** What breaks only in what is done after the recovery may break without any crash before it. */
  async #plainly(): Promise<void> {
    const { plan } = this.#best;
    const more = stepsOfLife(this.#subject, plan, 1);
    const steps = [...plan.steps, ...more];
    if (plan.crashes.length === 0 || more.length === 0) return;
    const site = endOfStep(steps.length);
    const plain = { ...plan, steps, crashes: [{ site, loss: dropAll }] };
    const { violation } = await replayPlan(this.#subject, plain);
    if (violation !== undefined) this.#best = { plan: plain, violation };
  }

  async #fewerCrashes(): Promise<void> {
    for (let at = this.#best.plan.crashes.length - 1; at >= 0; at--) {
      const { plan } = this.#best;
      const crashes = plan.crashes.filter((_, other) => other !== at);
      await this.#takes({ ...plan, crashes });
    }
  }

  /** Halves first, then single steps; where the crash of the plan no longer fits, any other crash of the shorter life will do. */
  async #fewerSteps(): Promise<void> {
    let size = Math.max(1, this.#best.plan.steps.length >> 1);
    while (size >= 1) {
      for (let at = 0; at < this.#best.plan.steps.length; ) {
        const { steps } = this.#best.plan;
        const without = [...steps.slice(0, at), ...steps.slice(at + size)];
        if (!(await this.#takesSteps(without))) at += size;
      }
      size = size === 1 ? 0 : size >> 1;
    }
    for (const [at, step] of this.#best.plan.steps.entries()) {
      if (Array.isArray(step)) await this.#fewerTogether(at, step);
    }
  }

  async #fewerTogether(at: number, together: readonly Command[]): Promise<void> {
    for (const command of together) {
      const steps = this.#best.plan.steps.map((step, other) => (other === at ? command : step));
      if (await this.#takesSteps(steps)) return;
    }
  }

  async #takesSteps(steps: readonly Step<Command>[]): Promise<boolean> {
    const { plan, violation } = this.#best;
    if (await this.#takes({ ...plan, steps })) return true;
    if (plan.crashes.length > 1 || plan.steps.length <= shortLength) return false;
    const other = await this.#explorer()
      .everyCrash({ ...plan, steps, crashes: [] })
      .catch(() => undefined);
    return other?.violation.property === violation.property && (await this.#takes(other.plan));
  }

  async #lessLost(): Promise<void> {
    for (const at of this.#best.plan.crashes.keys()) {
      if (await this.#takesLoss(at, "kill")) continue;
      if (await this.#takesLoss(at, dropAll)) continue;
      await this.#fewerLost(at);
    }
  }

  /** Effect by effect: kept where that does not repair it, else lost as a whole, else as it was. */
  async #fewerLost(at: number): Promise<void> {
    const outcomes = await this.#outcomesOf(at);
    for (const [effect, outcome] of outcomes.entries()) {
      for (const tame of ["kept", "lost"] as const) {
        if (outcome === tame) break;
        const changed = outcomes.map((other, index) => (index === effect ? tame : other));
        if (!(await this.#takesLoss(at, survivalOf(changed)))) continue;
        outcomes[effect] = tame;
        break;
      }
    }
    await this.#takesLoss(at, survivalOf(outcomes));
  }

  async #outcomesOf(at: number): Promise<Outcome[]> {
    const { plan } = this.#best;
    let state = freshState(this.#subject, plan.seed);
    for (const [life, { site, loss }] of plan.crashes.entries()) {
      const { points } = await recordPlannedLife(this.#subject, plan, state, life);
      const point = pointAt(points, site);
      if (point === undefined) return [];
      if (life === at) {
        if (loss === "kill") return [];
        return outcomesOf(loss, point.disk.dirtyEffects(), point.disk.profile);
      }
      state = stateAfter(this.#subject, point, loss);
    }
    return [];
  }

  async #takesLoss(at: number, loss: Loss): Promise<boolean> {
    return await this.#takes(this.#withCrash(at, { loss }));
  }

  /** Walks back from the first crash, as long as one of the plainest losses there still does it now and then. */
  async #earlier(): Promise<void> {
    const { plan } = this.#best;
    const [crash] = plan.crashes;
    if (crash === undefined || plan.crashes.length > 1) return;
    const state = freshState(this.#subject, plan.seed);
    const { points } = await recordPlannedLife(this.#subject, plan, state, 0);
    const known = new Set<string>();
    let misses = 0;
    for (let at = points.indexOf(pointAt(points, crash.site) as never) - 1; at >= 0; at--) {
      const point = points[at] as CrashPoint<Command, State, World>;
      for (const loss of ["kill", dropAll] as const) {
        const { disk } = stateAfter(this.#subject, point, loss);
        const key = `${diskFingerprint(disk, this.#subject.isScratch)} ${point.history.text}`;
        if (known.has(key)) continue;
        known.add(key);
        if (await this.#takes(this.#withCrash(0, { site: point.site, loss }))) misses = 0;
        else if (++misses === missesMax) return;
      }
    }
  }

  #withCrash(at: number, change: Partial<PlannedCrash>): CrashPlan<Command> {
    const { plan } = this.#best;
    const crashes = plan.crashes.map((crash, other) =>
      other === at ? { ...crash, ...change } : crash,
    );
    return { ...plan, crashes };
  }
}

/** What is not named is kept. */
function survivalOf(outcomes: readonly Outcome[]): Survival {
  const exceptions = outcomes.flatMap((outcome, from) =>
    outcome === "kept" ? [] : [{ from, to: from + 1, outcome }],
  );
  return { ...keepAll, label: "shrunk", exceptions };
}
