// Faults that need no crash: rules that make chosen calls of a simulated disk fail, lie, wait or damage what they touch,
// as plain data.
import type { DiskOperation } from "../disk/disk-error.ts";

/** The calls that a rule is about. A call has to meet every condition that is given. */
export interface FaultSite {
  /** One kind of call, `change` for each that changes state, `any` for each. */
  readonly operation: DiskOperation | "change" | "any";
  /** A part of the path, or a pattern; every path where it is absent. */
  readonly path?: string | RegExp;
  /** Only calls from this number on, as in `SimulatedDisk.calls` and the trace; default 0. */
  readonly call?: number;
  /** Which matching call is the first to be struck, counted from when the rule is first met; default 1. */
  readonly occurrence?: number;
  /** How many matching calls are struck in a row from there; default 1, and for `shortBytes` `forever`. */
  readonly times?: number | "forever";
}

/** The call fails. */
export interface ErrnoEffect {
  /** The errno of the failure, such as `EIO` or `ENOSPC`. */
  readonly errno: string;
  /**
   * What of the call happens all the same; default `none`. A failed sync with `prefix` has made the first
   * effects durable, and the rest are lost to every later sync. `range` is for writes: some bytes in the
   * middle arrive. Calls that cannot be divided take both as `none`.
   */
  readonly applied?: "none" | "prefix" | "range" | "all";
  /** How much a `prefix` or `range` is: bytes of a write, effects of a sync; default half. */
  readonly appliedCount?: number;
  /** Where a `range` begins in the bytes of a write; default a quarter of them. */
  readonly appliedFrom?: number;
}

/**
 * For reads and writes: nothing fails, but the kernel takes or gives at most so many bytes at a time (a 64th of the call at
 * least), and each part is a call, and of a write an effect, of its own. An errno may strike a later part.
 */
export interface ShortEffect {
  readonly shortBytes: number;
}

/**
 * For reads and writes: the call succeeds, and something is wrong.
 *
 * - `rot`: one bit is flipped, `amount` bits from the start of the range (modulo its length). Of a read, on
 *   the medium before it is read.
 * - `zero`: the range becomes zeros, likewise.
 * - `stale`: a write never reaches the file; a read gives what was last durable.
 * - `misdirect`: the bytes go to, or come from, `amount` bytes further on; default 4096.
 */
export interface DamageEffect {
  readonly damage: "rot" | "zero" | "stale" | "misdirect";
  readonly amount?: number;
}

/** For `sync` and `syncDirectory`: it resolves, and has made nothing durable; a later honest one will. */
export interface LieEffect {
  readonly lie: true;
}

/** For asynchronous calls: it neither happens nor returns before the disk is killed. */
export interface HangEffect {
  readonly hang: true;
}

/** For asynchronous calls: it happens so many microtask turns later. */
export interface DelayEffect {
  readonly delayTurns: number;
}

/** The disk has this capacity from that call on. */
export interface SpaceEffect {
  readonly capacityBytes: number;
}

export type FaultEffect =
  | ErrnoEffect
  | ShortEffect
  | DamageEffect
  | LieEffect
  | HangEffect
  | DelayEffect
  | SpaceEffect;

/** A site and what happens there. Push rules to `SimulatedDisk.faults`, or give them in a `FaultPlan`. */
export type FaultRule = FaultSite & FaultEffect;

/** What struck a call that went on or failed at once. */
export type Fault = ErrnoEffect | DamageEffect | LieEffect;

export interface StruckCall {
  readonly operation: DiskOperation;
  readonly path: string;
  /** Its number, or for one that changes nothing the number of the next one that does. */
  readonly number: number;
}

const UNCHANGING: ReadonlySet<DiskOperation> = new Set([
  "open",
  "read",
  "size",
  "close",
  "stat",
  "list",
  "release",
]);

/** Counts the calls that each rule has met. Rules may be added and removed at any time. */
export class FaultCounter {
  readonly #met: Map<FaultRule, number> = new Map();

  /** What befalls this call, by the first rule that says so. Rules about space are told to `resize`. */
  strike(
    rules: readonly FaultRule[],
    call: StruckCall,
    resize: (capacityBytes: number) => void,
  ): Fault | undefined {
    let found: Fault | undefined;
    for (const rule of rules) {
      if ("capacityBytes" in rule) {
        if (this.#isStruck(rule, call)) resize(rule.capacityBytes);
      } else if (isImmediate(rule) && suits(rule, call.operation)) {
        if (this.#isStruck(rule, call)) found ??= rule;
      }
    }
    return found;
  }

  /** How an asynchronous call is held back. */
  wait(rules: readonly FaultRule[], call: StruckCall): HangEffect | DelayEffect | undefined {
    let found: HangEffect | DelayEffect | undefined;
    for (const rule of rules) {
      if (!("hang" in rule || "delayTurns" in rule)) continue;
      if (this.#isStruck(rule, call)) found ??= rule;
    }
    return found;
  }

  /** The most that one read or write takes. */
  bytesMax(rules: readonly FaultRule[], call: StruckCall): number {
    let bytes = Number.POSITIVE_INFINITY;
    for (const rule of rules) {
      if (!("shortBytes" in rule) || !suits(rule, call.operation)) continue;
      if (this.#isStruck(rule, call)) bytes = Math.min(bytes, Math.max(1, rule.shortBytes));
    }
    return bytes;
  }

  #isStruck(rule: FaultRule, call: StruckCall): boolean {
    if (!matches(rule, call)) return false;
    const met = (this.#met.get(rule) ?? 0) + 1;
    this.#met.set(rule, met);
    const first = rule.occurrence ?? 1;
    const times = rule.times ?? ("shortBytes" in rule ? "forever" : 1);
    return met >= first && (times === "forever" || met < first + times);
  }
}

function isImmediate(rule: FaultRule): rule is FaultSite & Fault {
  return "errno" in rule || "damage" in rule || "lie" in rule;
}

/** Whether the effect is one that can befall such a call at all. */
function suits(effect: FaultEffect, operation: DiskOperation): boolean {
  if ("damage" in effect || "shortBytes" in effect) {
    return operation === "read" || operation === "write";
  }
  if ("lie" in effect) return operation === "sync" || operation === "syncDirectory";
  return true;
}

function matches(rule: FaultSite, { operation, path, number }: StruckCall): boolean {
  if (rule.operation === "change" ? UNCHANGING.has(operation) : rule.operation !== "any") {
    if (rule.operation !== operation) return false;
  }
  if (number < (rule.call ?? 0)) return false;
  if (rule.path === undefined) return true;
  if (typeof rule.path === "string") return path.includes(rule.path);
  rule.path.lastIndex = 0;
  return rule.path.test(path);
}
