// The ledger of a simulated disk: what has become, or in a crash would become, of every byte range and every name that
// was ever changed on it.
import type { AtRisk } from "./crash-clone.ts";
import type { Settled } from "./disk-state.ts";
import type { DirtyEffect, Outcome } from "./survival.ts";
import type { TraceEntry } from "./trace.ts";

/**
 * - `durable`: a sync, or the test itself, has made it so.
 * - `pending`: visible, and at risk until a sync.
 * - `forgotten`: a failed sync covered it; it may be visible, and never becomes durable.
 * - `gone`: its file has no name any more, and no crash can bring one back.
 * - `kept`, `lost`, `torn`: what was pending, after a crash with a given survival.
 */
export type EffectFate = "durable" | "pending" | "forgotten" | "gone" | "kept" | "lost" | "torn";

/** One change of a file's bytes or length, or of a name. */
export interface LedgerEntry {
  /** Order of all effects, over all lives of the disk. */
  readonly sequence: number;
  /** Number of the call that had it, as in the trace; -1 for an effect of an earlier life. */
  readonly call: number;
  readonly kind: DirtyEffect["kind"];
  readonly path: string;
  /** The new path, of a rename. */
  readonly to?: string;
  /** Of a write: where it starts; of a truncate: the new size; else 0. */
  readonly offset: number;
  /** Bytes of a write that arrived; else 0. */
  readonly length: number;
  readonly fate: EffectFate;
  /** Number of the call that made it durable or forgotten. */
  readonly by?: number;
  /** What exactly a crash made of it, where it is neither kept nor lost. */
  readonly outcome?: Exclude<Outcome, "kept" | "lost">;
}

export interface LedgerSources {
  readonly trace: readonly TraceEntry[];
  readonly settled: ReadonlyMap<number, Settled>;
  readonly risk: AtRisk;
  /** One for each effect at risk, where a crash is told of. */
  readonly outcomes: readonly Outcome[] | undefined;
}

type Known = Omit<LedgerEntry, "fate" | "by" | "outcome">;

export function ledgerOf({ trace, settled, risk, outcomes }: LedgerSources): LedgerEntry[] {
  const atRisk = new Map<number, number>();
  risk.effects.forEach(({ effect }, index) => {
    atRisk.set(effect.sequence, index);
  });
  const own = trace.flatMap(effectsOf);
  const first = own[0]?.sequence ?? Number.POSITIVE_INFINITY;
  const inherited = risk.effects.flatMap(({ effect }, index): Known[] => {
    const view = risk.views[index] as DirtyEffect;
    return effect.sequence < first ? [knownOf(effect.sequence, view)] : [];
  });
  return [...inherited, ...own].map((known): LedgerEntry => {
    const index = atRisk.get(known.sequence);
    if (index !== undefined) {
      // The trace says what was asked for; a full disk or a fault may have taken less.
      const { offset, length } = risk.views[index] as DirtyEffect;
      const held = known.kind === "write" ? { ...known, offset, length } : known;
      return { ...held, ...fateOf(outcomes?.[index], outcomes !== undefined, known.kind) };
    }
    const end = settled.get(known.sequence);
    return end === undefined ? { ...known, fate: "gone" } : { ...known, ...end };
  });
}

function knownOf(sequence: number, { kind, path, offset, length }: DirtyEffect): Known {
  return { sequence, call: -1, kind, path, offset, length };
}

function effectsOf(entry: TraceEntry): Known[] {
  const { index: call, operation, path, to, offset, length } = entry;
  const [from, end] = entry.effects;
  const known = (sequence: number, kind: Known["kind"], target = path): Known => ({
    sequence,
    call,
    kind,
    path: target,
    ...(kind === "rename" && to !== undefined ? { to } : {}),
    offset: operation === "write" || operation === "truncate" ? offset : 0,
    length: operation === "write" ? length : 0,
  });
  if (from >= end) return [];
  if (operation !== "rename") return [known(from, kindOf(operation))];
  // A rename into another directory is two changes.
  if (end - from > 1) return [known(from, "create", to), known(from + 1, "unlink")];
  return [known(from, "rename")];
}

function kindOf(operation: TraceEntry["operation"]): Known["kind"] {
  return operation === "write" || operation === "truncate" || operation === "unlink"
    ? operation
    : "create";
}

function fateOf(
  outcome: Outcome | undefined,
  isCrash: boolean,
  kind: Known["kind"],
): Pick<LedgerEntry, "fate" | "outcome"> {
  if (!isCrash) return { fate: "pending" };
  if (outcome === "lost") return { fate: "lost" };
  const concerns = typeof outcome === "object" ? kind === "write" : kind === "rename";
  if (outcome === undefined || outcome === "kept" || !concerns) return { fate: "kept" };
  return { fate: "torn", outcome };
}

/** What a crash made of an effect, in words. */
export function describeOutcome(
  outcome: Exclude<Outcome, "kept" | "lost">,
  length: number,
): string {
  if (outcome === "both") return "both names are there";
  if (outcome === "neither") return "neither name is there";
  switch (outcome.kind) {
    case "torn": {
      const cut = Math.min(outcome.bytes, length);
      return outcome.keep === "prefix"
        ? `only the first ${cut} of ${length} bytes`
        : `all but the first ${cut} of ${length} bytes`;
    }
    case "length":
      return "the length, without the bytes";
    case "stale":
      return "the length, with old blocks";
    case "garbage":
      return "garbage";
    case "sector":
      return "garbage in the sectors at its ends";
    case "bytes":
      return `${outcome.keptPercent} % of its bytes, singly`;
    default:
      return `in pieces of ${outcome.unitBytes}: ${outcome.pieces || "all kept"}`;
  }
}
