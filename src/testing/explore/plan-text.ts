// Plans as one line of text: short enough for a commit message, stable enough for a corpus that is kept for ever.
import { formatPlan, parsePlan } from "../fault-plan.ts";
import type { FaultRule } from "../faults.ts";
import { oneLineJson } from "../one-line-json.ts";
import type { Outcome, Survival } from "../survival.ts";
import type { CrashPlan, CrashSite, Loss, PlannedCrash } from "./crash-plan.ts";
import type { Step } from "./crash-subject.ts";

/**
 * A plan on one line, for `parseCrashPlan` and `replayPlan`:
 *
 *     seed 7; do ["append a"]; crash after write /log#1: power lost/kept 0=kept
 *
 * `power FILES/NAMES` is what becomes of effects that no exception is about; `0=kept` and `2-4=lost` are exceptions, by
 * the numbers of `SimulatedDisk.dirtyEffects`.
 */
export function formatCrashPlan<Command>(plan: CrashPlan<Command>): string {
  const parts = [`seed ${plan.seed}`, `do ${oneLineJson(plan.steps)}`];
  for (const fault of plan.faults) parts.push(`fault ${formatPlan({ rules: [fault] })}`);
  if (plan.delays.length > 0) parts.push(`delay ${plan.delays.join(" ")}`);
  for (const { site, loss } of plan.crashes) {
    parts.push(`crash ${formatSite(site)}: ${formatLoss(loss)}`);
  }
  return parts.join("; ");
}

/** The plan of a line. Throws a `TypeError` that says what is wrong with it. */
export function parseCrashPlan<Command>(line: string): CrashPlan<Command> {
  let seed: number | undefined;
  let steps: readonly Step<Command>[] | undefined;
  let delays: readonly number[] = [];
  const faults: FaultRule[] = [];
  const crashes: PlannedCrash[] = [];
  for (const part of partsOf(line.trim())) {
    const [, word = "", rest = ""] = part.match(/^(\w+) (.*)$/) ?? [];
    if (word === "seed") seed = wholeNumber(rest);
    else if (word === "do") steps = parseJson(rest) as readonly Step<Command>[];
    else if (word === "fault") faults.push(...parsePlan(rest).rules);
    else if (word === "delay") delays = rest.split(" ").map(wholeNumber);
    else if (word === "crash") crashes.push(parseCrash(rest));
    else throw new TypeError(`parseCrashPlan: no part of a plan: ${part}`);
  }
  if (seed === undefined) throw new TypeError(`parseCrashPlan: no seed in: ${line}`);
  if (!Array.isArray(steps)) throw new TypeError(`parseCrashPlan: no list of steps in: ${line}`);
  return { seed, steps, faults, delays, crashes };
}

/** A place in a life, as in a plan. */
export function formatSite({ phase, operation, path, occurrence }: CrashSite): string {
  return `${phase} ${operation} ${encodePath(path)}#${occurrence}`;
}

/** What a crash takes and leaves, as in a plan. */
export function formatLoss(loss: Loss): string {
  if (loss === "kill") return "kill";
  const { label: _label, files, directories, exceptions, ...more } = loss;
  const words = exceptions.map(({ from, to, outcome }) => {
    const range = to === from + 1 ? `${from}` : `${from}-${to - 1}`;
    return `${range}=${typeof outcome === "string" ? outcome : oneLineJson(outcome)}`;
  });
  if (Object.keys(more).length > 0) words.push(`with=${oneLineJson(more)}`);
  return [`power ${files}/${directories}`, ...words].join(" ");
}

function parseCrash(text: string): PlannedCrash {
  const match = text.match(/^(before|after) (\w+) (\S*)#(\d+): (.*)$/);
  if (match === null) throw new TypeError(`parseCrashPlan: no crash: ${text}`);
  const [, phase, operation = "", path = "", occurrence = "", loss = ""] = match;
  const site: CrashSite = {
    phase: phase as "before" | "after",
    operation,
    path: decodeURIComponent(path),
    occurrence: wholeNumber(occurrence),
  };
  return { site, loss: parseLoss(loss) };
}

function parseLoss(text: string): Loss {
  if (text === "kill") return "kill";
  const [word, defaults = "", ...words] = text.split(" ");
  const [files, directories] = defaults.split("/");
  if (word !== "power" || !isKeptOrLost(files) || !isKeptOrLost(directories)) {
    throw new TypeError(`parseCrashPlan: neither kill nor power: ${text}`);
  }
  const survival: Survival = { label: text, files, directories, exceptions: [] };
  let more: object = {};
  const exceptions: Survival["exceptions"][number][] = [];
  for (const item of words) {
    const at = item.indexOf("=");
    const [range, value] = [item.slice(0, at), item.slice(at + 1)];
    if (range === "with") more = parseJson(value) as object;
    else exceptions.push({ ...parseRange(range), outcome: parseOutcome(value) });
  }
  return { ...survival, exceptions, ...more };
}

function parseRange(text: string): { readonly from: number; readonly to: number } {
  const [from = "", last = from] = text.split("-");
  return { from: wholeNumber(from), to: wholeNumber(last) + 1 };
}

function parseOutcome(text: string): Outcome {
  return isKeptOrLost(text) ? text : (parseJson(text) as Outcome);
}

function isKeptOrLost(text: string | undefined): text is "kept" | "lost" {
  return text === "kept" || text === "lost";
}

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new TypeError(`parseCrashPlan: no whole number: ${text}`);
  return Number(text);
}

/** Parts are divided by "; ", but not within a text in quotes. */
function partsOf(line: string): string[] {
  const parts: string[] = [];
  let part = "";
  for (const [piece] of line.matchAll(/"(?:[^"\\]|\\.)*"|; |[\s\S]/g)) {
    if (piece === "; ") {
      parts.push(part);
      part = "";
    } else part += piece;
  }
  return [...parts, part];
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TypeError(`parseCrashPlan: no JSON: ${text}`, { cause });
  }
}

function encodePath(path: string): string {
  return encodeURIComponent(path).replaceAll("%2F", "/");
}
