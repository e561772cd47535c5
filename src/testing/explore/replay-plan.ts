// Runs one plan again, and tells its story call by call.
import { judgeCrash } from "./crash-judge.ts";
import type { CrashPlan, CrashSite, PlannedCrash } from "./crash-plan.ts";
import {
  type CrashPoint,
  freshState,
  pointOf,
  type Recording,
  recordLife,
  stateAfter,
} from "./crash-points.ts";
import type { CrashState } from "./crash-state.ts";
import type { CrashSubject, Step } from "./crash-subject.ts";
import { CrashTimeline } from "./crash-timeline.ts";
import { parseCrashPlan } from "./plan-text.ts";
import { Violation } from "./violation.ts";

export interface Replay {
  /** What was broken; undefined where everything held. */
  readonly violation: Violation | undefined;
  /** Every life: its steps, its disk calls, its crash and what became of each effect at risk. */
  readonly timeline: string;
}

/** Runs a plan, or the line that `formatCrashPlan` made of one. A site that does not come up stands for the end of its life. */
export async function replayPlan<Store, Command, State, World>(
  subject: CrashSubject<Store, Command, State, World>,
  plan: string | CrashPlan<Command>,
): Promise<Replay> {
  const parsed = typeof plan === "string" ? parseCrashPlan<Command>(plan) : plan;
  const timeline = new CrashTimeline();
  const violation = await violationOf(() => runPlan(subject, parsed, timeline));
  timeline.end(violation);
  return { violation, timeline: timeline.text };
}

/** What `work` breaks. Errors that are no violation are told as one: a store must not fail in ways of its own. */
export async function violationOf(work: () => Promise<unknown>): Promise<Violation | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof Violation) return error;
    const { name, message } = error as Error;
    const violation = new Violation("check", `${name}: ${message}`);
    violation.cause = error;
    return violation;
  }
}

/** The steps of the life that a crash with this number cuts short. */
export function stepsOfLife<Store, Command, State, World>(
  subject: CrashSubject<Store, Command, State, World>,
  plan: Pick<CrashPlan<Command>, "steps">,
  life: number,
): readonly Step<Command>[] {
  if (life === 0) return plan.steps;
  return subject.afterwards ?? subject.alphabet.slice(0, 1);
}

async function runPlan<Store, Command, State, World>(
  subject: CrashSubject<Store, Command, State, World>,
  plan: CrashPlan<Command>,
  timeline: CrashTimeline,
): Promise<void> {
  let state = freshState(subject, plan.seed);
  for (const [life, crash] of plan.crashes.entries()) {
    const recording = await recordPlannedLife(subject, plan, state, life);
    const point = reached(recording, crash);
    timeline.life(stepsOfLife(subject, plan, life), recording.points, point);
    if (point === undefined) return;
    timeline.crash(crash, point.disk);
    state = stateAfter(subject, point, crash.loss);
  }
  if (plan.crashes.length === 0) {
    const recording = await recordPlannedLife(subject, plan, state, 0);
    timeline.life(plan.steps, recording.points, recording.points.at(-1));
    if (recording.error !== undefined) throw recording.error;
    return;
  }
  const tell = (words: string): void => timeline.judged(words);
  await judgeCrash(subject, state, { seed: plan.seed, tell });
}

/** Where a life broke by itself before its crash, that is what the plan shows. */
function reached<Command, State, World>(
  { points, error }: Recording<Command, State, World>,
  { site }: PlannedCrash,
): CrashPoint<Command, State, World> | undefined {
  const met = pointOf(points, site);
  if (met === undefined && error !== undefined) throw error;
  return met ?? points.at(-1);
}

export async function recordPlannedLife<Store, Command, State, World>(
  subject: CrashSubject<Store, Command, State, World>,
  plan: CrashPlan<Command>,
  state: CrashState<Command, State, World>,
  life: number,
  wanted?: (site: CrashSite) => boolean,
): Promise<Recording<Command, State, World>> {
  const options = {
    seed: plan.seed,
    steps: stepsOfLife(subject, plan, life),
    closes: true,
    faults: life === 0 ? plan.faults : [],
    delays: life === 0 ? plan.delays : [],
  };
  return await recordLife(subject, state, options, wanted);
}
