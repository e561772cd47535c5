// The lines of a timeline: each call of a life with what became of its effects. How they look is the business of the
// text and of the page.
import { formatPlan } from "./fault-plan.ts";
import { describeOutcome, type EffectFate, type LedgerEntry } from "./ledger.ts";
import type { SimulatedDisk } from "./simulated-disk.ts";
import type { Survival } from "./survival.ts";
import type { TraceEntry } from "./trace.ts";

/** One life of a disk, and how it ended: by a kill, by a power cut with a survival, or not at all. */
export interface TimelineLife {
  readonly disk: SimulatedDisk;
  readonly end?: "kill" | Survival;
  readonly title?: string;
}

export interface TimelineMark {
  readonly fate: EffectFate | "settles" | "failed";
  readonly text: string;
}

export interface TimelineRow {
  /** Empty for a call that changes nothing. */
  readonly number: string;
  readonly operation: string;
  readonly target: string;
  readonly range: string;
  readonly result: string;
  readonly fault: string;
  readonly marks: readonly TimelineMark[];
}

/** A file before and after the end of a life; undefined where it is not there. */
export interface FileLine {
  readonly path: string;
  readonly before: number | undefined;
  readonly after: number | undefined;
}

export interface LifeReport {
  readonly title: string;
  readonly facts: readonly string[];
  readonly rows: readonly TimelineRow[];
  readonly counts: readonly { readonly fate: EffectFate; readonly count: number }[];
  readonly files: readonly FileLine[];
}

const FATES: readonly EffectFate[] = [
  "durable",
  "pending",
  "kept",
  "torn",
  "lost",
  "forgotten",
  "gone",
];

export function reportOf({ disk, end, title }: TimelineLife, at: number): LifeReport {
  const ledger = disk.ledger(typeof end === "object" ? end : undefined);
  const byCall = new Map<number, LedgerEntry[]>();
  const settledBy = new Map<number, LedgerEntry[]>();
  for (const entry of ledger) {
    push(byCall, entry.call, entry);
    if (entry.by !== undefined) push(settledBy, entry.by, entry);
  }
  const inherited = (byCall.get(-1) ?? []).map(inheritedRow);
  const rows = disk.trace.map((entry) => rowOf(entry, byCall, settledBy));
  const counted = FATES.map((fate) => ({
    fate,
    count: ledger.filter((entry) => entry.fate === fate).length,
  }));
  return {
    title: title ?? `Life ${at + 1}`,
    facts: factsOf(disk, end),
    rows: [...inherited, ...rows],
    counts: counted.filter(({ count }) => count > 0),
    files: filesOf(disk, end),
  };
}

function push(lists: Map<number, LedgerEntry[]>, key: number, entry: LedgerEntry): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [entry]);
  else list.push(entry);
}

function factsOf(disk: SimulatedDisk, end: TimelineLife["end"]): string[] {
  const { rules, capacityBytes } = { rules: disk.faults, capacityBytes: disk.capacityBytes };
  const ended =
    end === undefined ? "goes on" : end === "kill" ? "ends by a kill" : `power cut: ${end.label}`;
  return [
    `profile ${disk.profile.name}`,
    `seed ${disk.seed}`,
    `faults ${formatPlan({ rules, capacityBytes })}`,
    disk.calls === 1 ? "1 call" : `${disk.calls} calls`,
    ended,
  ];
}

function rowOf(
  entry: TraceEntry,
  byCall: ReadonlyMap<number, LedgerEntry[]>,
  settledBy: ReadonlyMap<number, LedgerEntry[]>,
): TimelineRow {
  const { index, operation, path, to, offset, length, result, fault = "" } = entry;
  const ranged = operation === "write" || operation === "read";
  const size = operation === "truncate" ? `to ${offset}` : "";
  const marks = index < 0 ? [] : (byCall.get(index) ?? []).map(markOf);
  if (index >= 0) marks.push(...settledMarks(settledBy.get(index) ?? []));
  if (result !== "ok") marks.push({ fate: "failed", text: `failed with ${result}` });
  return {
    number: index < 0 ? "" : String(index),
    operation,
    target: to === undefined ? path : `${path} -> ${to}`,
    range: ranged ? `[${offset}, +${length})` : size,
    result,
    fault,
    marks,
  };
}

function inheritedRow(entry: LedgerEntry): TimelineRow {
  const { kind, path, offset, length } = entry;
  const range = kind === "write" ? `[${offset}, +${length})` : "";
  const mark = markOf(entry);
  return {
    number: "",
    operation: kind,
    target: path,
    range,
    result: "before",
    fault: "",
    marks: [{ ...mark, text: `${mark.text}; from an earlier life` }],
  };
}

function markOf({ fate, by, kind, outcome, length }: LedgerEntry): TimelineMark {
  if (outcome !== undefined) return { fate, text: `torn: ${describeOutcome(outcome, length)}` };
  if (fate === "durable") return { fate, text: by === undefined ? fate : `durable by ${by}` };
  if (fate === "forgotten") return { fate, text: `never durable: sync ${by} failed` };
  if (fate === "lost" && kind === "unlink") return { fate, text: "lost: the name comes back" };
  return { fate, text: fate };
}

function settledMarks(entries: readonly LedgerEntry[]): TimelineMark[] {
  const durable = entries.filter(({ fate }) => fate === "durable").map(({ call }) => call);
  if (durable.length === 0) return [];
  return [{ fate: "settles", text: `makes durable: ${spans(durable)}` }];
}

/** Numbers in rising order, with runs drawn together. */
function spans(numbers: readonly number[]): string {
  const parts: string[] = [];
  let from = numbers[0] as number;
  let last = from;
  const close = (): void => {
    const name = from < 0 ? "earlier" : from === last ? `${from}` : `${from}-${last}`;
    if (parts.at(-1) !== name) parts.push(name);
  };
  for (const number of numbers.slice(1)) {
    if (number === last + 1 || number === last) {
      last = number;
      continue;
    }
    close();
    from = number;
    last = number;
  }
  close();
  return parts.join(", ");
}

function filesOf(disk: SimulatedDisk, end: TimelineLife["end"]): FileLine[] {
  const before = sizesOf(disk);
  const after = end === undefined || end === "kill" ? before : sizesOf(disk.powerCut(end));
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort();
  return paths.map((path) => ({ path, before: before.get(path), after: after.get(path) }));
}

function sizesOf(disk: SimulatedDisk): Map<string, number> {
  return new Map(disk.listAll().map((path) => [path, disk.fileBytes(path)]));
}
