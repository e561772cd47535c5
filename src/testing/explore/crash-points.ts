// Every place of a life at which a crash can strike, with a copy of the disk there and what was known at that moment.
import { SimulatedDisk } from "../simulated-disk.ts";
import { dropAll, keepAll } from "../survival.ts";
import { survivalFamily } from "../survival-family.ts";
import { CrashLife, type LifeOptions } from "./crash-life.ts";
import type { CrashSite, Loss } from "./crash-plan.ts";
import type { CrashState } from "./crash-state.ts";
import type { CrashSubject } from "./crash-subject.ts";
import { OperationHistory } from "./operation-history.ts";

export interface CrashPoint<Command, State, World> {
  readonly site: CrashSite;
  readonly disk: SimulatedDisk;
  readonly history: OperationHistory<Command, State>;
  readonly world: World;
}

/** A machine that nothing has happened to. */
export function freshState<Store, Command, State, World>(
  subject: CrashSubject<Store, Command, State, World>,
  seed: number,
): CrashState<Command, State, World> {
  return {
    disk: subject.disk?.(seed) ?? new SimulatedDisk({ seed, trace: "none" }),
    death: "kill",
    history: new OperationHistory<Command, State>(subject),
    world: subject.world?.() as World,
  };
}

export function copyOfWorld<Store, Command, State, World>(
  subject: CrashSubject<Store, Command, State, World>,
  world: World,
): World {
  if (subject.copyWorld !== undefined) return subject.copyWorld(world);
  return world === undefined ? world : structuredClone(world);
}

/** A life without a crash, and each place of it that `wanted` asks for, in order. */
export interface Recording<Command, State, World> {
  readonly points: CrashPoint<Command, State, World>[];
  readonly traits: readonly string[];
  /** What the life broke without any crash. */
  readonly error: unknown;
}

export async function recordLife<Store, Command, State, World>(
  subject: CrashSubject<Store, Command, State, World>,
  start: CrashState<Command, State, World>,
  options: Omit<LifeOptions<Command, State, World>, "onSite">,
  wanted: (site: CrashSite) => boolean = () => true,
): Promise<Recording<Command, State, World>> {
  const points: CrashPoint<Command, State, World>[] = [];
  const { disk } = start;
  const life = new CrashLife(subject, start, {
    ...options,
    onSite: (site, { history, world }) => {
      if (!wanted(site)) return;
      const copy = copyOfWorld(subject, world);
      points.push({ site, disk: disk.clone(), history: history.snapshot(), world: copy });
    },
  });
  let error: unknown;
  try {
    await life.run(start.death);
  } catch (thrown) {
    error = thrown;
  }
  life.stop();
  return { points, traits: life.traits, error };
}

/** The point of a site, where the life comes there. */
export function pointOf<Command, State, World>(
  points: readonly CrashPoint<Command, State, World>[],
  { phase, operation, path, occurrence }: CrashSite,
): CrashPoint<Command, State, World> | undefined {
  const alike = points.filter(({ site }) => site.phase === phase && site.operation === operation);
  if (path === "*") return alike[occurrence - 1];
  return alike.find(({ site }) => site.path === path && site.occurrence === occurrence);
}

/** The point of a site, or the last one where the life never comes there. */
export function pointAt<Command, State, World>(
  points: readonly CrashPoint<Command, State, World>[],
  site: CrashSite,
): CrashPoint<Command, State, World> | undefined {
  return pointOf(points, site) ?? points.at(-1);
}

/** What the next process finds. The point stays as it is. */
export function stateAfter<Store, Command, State, World>(
  subject: CrashSubject<Store, Command, State, World>,
  point: CrashPoint<Command, State, World>,
  loss: Loss,
): CrashState<Command, State, World> {
  const world = copyOfWorld(subject, point.world);
  const { history } = point;
  if (loss === "kill") return { disk: point.disk.clone(), death: "kill", history, world };
  return { disk: point.disk.powerCut(loss), death: "power", history, world };
}

/** The kill, and the fixed family of what may survive a power cut here. */
export function lossesAt(disk: SimulatedDisk): Loss[] {
  return ["kill", ...survivalFamily(disk)];
}

/** The kill, both extremes, and `count` others of the family that change with `turn`. */
export function someLossesAt(disk: SimulatedDisk, count: number, turn: number): Loss[] {
  const family = survivalFamily(disk).slice(2);
  const some: Loss[] = ["kill", dropAll, keepAll];
  const step = Math.ceil(family.length / Math.max(1, count));
  for (let i = 0; i < Math.min(count, family.length); i++) {
    some.push(family[(turn * count + i * step + turn) % family.length] as Loss);
  }
  return [...new Set(some)];
}

/** One of the kill, both extremes and another of the family, in turn. */
export function oneLossAt(disk: SimulatedDisk, turn: number): Loss[] {
  const some = someLossesAt(disk, 1, turn);
  return some.slice(turn % some.length, (turn % some.length) + 1);
}
