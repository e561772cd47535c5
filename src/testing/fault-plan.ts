// A fault plan: everything that will go wrong on a simulated disk, as plain data that fits on one line and can be
// read back from it. It also owns the drawing of plans at random.
import type { DiskOperation } from "../disk/disk-error.ts";
import type { FaultEffect, FaultRule } from "./faults.ts";
import { oneLineJson } from "./one-line-json.ts";
import { PlanScanner } from "./plan-scanner.ts";
import type { SimulatedRandom } from "./simulated-random.ts";

/** Give it as `SimulatedDiskOptions.plan`, or to `SimulatedDisk.usePlan`. */
export interface FaultPlan {
  readonly rules: readonly FaultRule[];
  /** Space for file contents, as `SimulatedDisk.capacityBytes`; without bound where it is absent. */
  readonly capacityBytes?: number;
}

/**
 * The plan on one line: parts separated by `; `, each `capacity <bytes>` or
 *
 *     <operation> ["part of path" | ~"pattern"flags] [@<call>] [#<occurrence>] [x<times>|x*] > <effect>
 *
 * where the effect is one of `errno <name> [prefix|range|all] [+<appliedFrom>] [<appliedCount>]`, `short <bytes>`,
 * `rot [<bit>]`, `zero`, `stale`, `misdirect [<bytes>]`, `lie`, `hang`, `delay <turns>` and `capacity <bytes>`.
 * A plan without faults is the word `none`.
 */
export function formatPlan(plan: FaultPlan): string {
  const parts = plan.rules.map(formatRule);
  if (plan.capacityBytes !== undefined && plan.capacityBytes !== Number.POSITIVE_INFINITY) {
    parts.unshift(`capacity ${plan.capacityBytes}`);
  }
  return parts.length === 0 ? "none" : parts.join("; ");
}

function formatRule(rule: FaultRule): string {
  const site: string[] = [rule.operation];
  const { path, call, occurrence, times } = rule;
  if (typeof path === "string") site.push(oneLineJson(path));
  else if (path !== undefined) site.push(`~${oneLineJson(path.source)}${path.flags}`);
  if (call !== undefined) site.push(`@${call}`);
  if (occurrence !== undefined) site.push(`#${occurrence}`);
  if (times !== undefined) site.push(times === "forever" ? "x*" : `x${times}`);
  return `${site.join(" ")} > ${formatEffect(rule)}`;
}

/** What a rule does to the calls it strikes, as in `formatPlan`. */
export function formatEffect(effect: FaultEffect): string {
  if ("errno" in effect) {
    const { errno, applied, appliedFrom, appliedCount } = effect;
    const from = appliedFrom === undefined ? undefined : `+${appliedFrom}`;
    return words("errno", errno, applied, from, appliedCount);
  }
  if ("shortBytes" in effect) return words("short", effect.shortBytes);
  if ("damage" in effect) return words(effect.damage, effect.amount);
  if ("lie" in effect) return "lie";
  if ("hang" in effect) return "hang";
  if ("delayTurns" in effect) return words("delay", effect.delayTurns);
  return words("capacity", effect.capacityBytes);
}

function words(...parts: readonly (string | number | undefined)[]): string {
  return parts.filter((part) => part !== undefined).join(" ");
}

/** The plan that `formatPlan` printed. Throws `TypeError`, with the place, for anything else. */
export function parsePlan(text: string): FaultPlan {
  const scanner = new PlanScanner(text);
  const rules: FaultRule[] = [];
  let capacityBytes: number | undefined;
  if (scanner.take("none")) {
    scanner.end();
    return { rules };
  }
  do {
    if (scanner.take("capacity")) capacityBytes = scanner.number();
    else rules.push(parseRule(scanner));
  } while (scanner.take(";"));
  scanner.end();
  return capacityBytes === undefined ? { rules } : { rules, capacityBytes };
}

const OPERATIONS: readonly (DiskOperation | "change" | "any")[] = [
  "open",
  "create",
  "read",
  "write",
  "truncate",
  "sync",
  "size",
  "close",
  "stat",
  "list",
  "makeDirectory",
  "rename",
  "unlink",
  "syncDirectory",
  "lock",
  "release",
  "change",
  "any",
];

function parseRule(scanner: PlanScanner): FaultRule {
  const operation = scanner.oneOf(OPERATIONS, "an operation");
  const path = scanner.path();
  const call = scanner.marked("@");
  const occurrence = scanner.marked("#");
  const times = scanner.take("x*") ? "forever" : scanner.marked("x");
  scanner.expect(">");
  return {
    operation,
    ...(path === undefined ? {} : { path }),
    ...(call === undefined ? {} : { call }),
    ...(occurrence === undefined ? {} : { occurrence }),
    ...(times === undefined ? {} : { times }),
    ...parseEffect(scanner),
  };
}

const EFFECTS = [
  "errno",
  "short",
  "rot",
  "zero",
  "stale",
  "misdirect",
  "lie",
  "hang",
  "delay",
  "capacity",
] as const;

function parseEffect(scanner: PlanScanner): FaultEffect {
  const kind = scanner.oneOf(EFFECTS, "an effect");
  switch (kind) {
    case "errno":
      return parseErrno(scanner);
    case "short":
      return { shortBytes: scanner.number() };
    case "lie":
      return { lie: true };
    case "hang":
      return { hang: true };
    case "delay":
      return { delayTurns: scanner.number() };
    case "capacity":
      return { capacityBytes: scanner.number() };
    default: {
      const amount = scanner.marked("");
      return amount === undefined ? { damage: kind } : { damage: kind, amount };
    }
  }
}

const APPLIED = ["none", "prefix", "range", "all"] as const;

function parseErrno(scanner: PlanScanner): FaultEffect {
  const errno = scanner.word("an errno");
  const applied = APPLIED.find((name) => scanner.take(name));
  const appliedFrom = scanner.marked("+");
  const appliedCount = scanner.marked("");
  return {
    errno,
    ...(applied === undefined ? {} : { applied }),
    ...(appliedFrom === undefined ? {} : { appliedFrom }),
    ...(appliedCount === undefined ? {} : { appliedCount }),
  };
}

export interface RandomPlanOptions {
  /** Parts of paths that rules may be confined to; default none: rules are about every path. */
  readonly paths?: readonly string[];
  /** Kinds of effect to choose from; default those a durable store must withstand: all but `lie` and damage. */
  readonly effects?: readonly PlanEffectKind[];
  /** Default 4. */
  readonly rulesMax?: number;
  /** About how many calls the life makes, so that faults fall into it; default 100. */
  readonly calls?: number;
}

export type PlanEffectKind = (typeof EFFECTS)[number];

const HONEST: readonly PlanEffectKind[] = ["errno", "short", "hang", "delay", "capacity"];
const ERRNOS: Readonly<Partial<Record<DiskOperation, readonly string[]>>> = {
  write: ["EIO", "ENOSPC", "EDQUOT", "EROFS"],
  read: ["EIO"],
  open: ["EMFILE", "EACCES", "EIO"],
  create: ["ENOSPC", "EMFILE", "EACCES", "EROFS"],
  truncate: ["EIO", "EROFS"],
  rename: ["EIO", "EBUSY", "EACCES"],
  unlink: ["EIO", "EBUSY", "EPERM"],
  list: ["EIO", "EMFILE"],
  sync: ["EIO", "ENOSPC"],
  syncDirectory: ["EIO"],
};

/**
 * A plan drawn at random: one in five is without faults; of the rest each allows only some kinds of effect, at a rate
 * of its own, so that some runs get long before anything happens. The same stream gives the same plan.
 */
export function randomPlan(random: SimulatedRandom, options: RandomPlanOptions = {}): FaultPlan {
  const { paths = [], effects = HONEST, rulesMax = 4, calls = 100 } = options;
  if (random.below(5) === 0 || effects.length === 0) return { rules: [] };
  const allowed = random.shuffle([...effects]).slice(0, 1 + random.below(effects.length));
  const late = [1, 4, 16][random.below(3)] as number;
  const rules: FaultRule[] = [];
  for (let count = 1 + random.below(rulesMax); count > 0; count--) {
    const kind = allowed[random.below(allowed.length)] as PlanEffectKind;
    const path = random.below(2) === 0 ? undefined : paths[random.below(paths.length)];
    const times = ([1, 1, 2 + random.below(4), "forever"] as const)[random.below(4)] ?? 1;
    const operation = operationFor(kind, random);
    const span = Math.max(1, Math.ceil((calls * late) / 16));
    rules.push({
      operation,
      ...(path === undefined ? {} : { path }),
      call: random.below(span),
      ...(kind === "hang" || kind === "capacity" ? {} : { times }),
      ...effectOf(kind, operation, random),
    });
  }
  return { rules };
}

function operationFor(kind: PlanEffectKind, random: SimulatedRandom): DiskOperation | "change" {
  const pick = <T>(list: readonly T[]): T => list[random.below(list.length)] as T;
  if (kind === "errno") return pick(Object.keys(ERRNOS) as DiskOperation[]);
  if (kind === "lie") return pick(["sync", "sync", "syncDirectory"]);
  if (kind === "hang" || kind === "delay") return pick(["sync", "read", "truncate", "rename"]);
  if (kind === "capacity") return "change";
  return pick(["read", "write"]);
}

function effectOf(
  kind: PlanEffectKind,
  operation: DiskOperation | "change",
  random: SimulatedRandom,
): FaultEffect {
  switch (kind) {
    case "errno": {
      const names = ERRNOS[operation as DiskOperation] ?? ["EIO"];
      const applied = APPLIED[random.below(APPLIED.length)] ?? "none";
      return { errno: names[random.below(names.length)] as string, applied };
    }
    case "short":
      return { shortBytes: 1 + random.below(600) };
    case "lie":
      return { lie: true };
    case "hang":
      return { hang: true };
    case "delay":
      return { delayTurns: 1 + random.below(50) };
    case "capacity":
      return { capacityBytes: 4096 * random.below(64) };
    default:
      return { damage: kind, amount: kind === "misdirect" ? 4096 : random.below(4096 * 8) };
  }
}
