// Faults that need no crash: rules that make chosen calls of a simulated disk fail, as plain data.
import type { DiskOperation } from "../disk/disk-error.ts";

export interface FaultRule {
  readonly operation: DiskOperation;
  /** A part of the path, or a pattern; every path where it is absent. */
  readonly path?: string | RegExp;
  /** Which matching call is the first to fail, counted from when the rule is first met; default 1. */
  readonly occurrence?: number;
  /** How many matching calls fail in a row from there; default 1. */
  readonly times?: number | "forever";
  /** The errno of the failure, such as `EIO` or `ENOSPC`. */
  readonly errno?: string;
  /**
   * What of the call happens all the same; default `none`. A failed sync with `prefix` has made the first
   * effects durable, and the rest are lost to every later sync. Calls that cannot be halved take
   * `prefix` as `none`.
   */
  readonly applied?: "none" | "prefix" | "all";
  /** How much a `prefix` is: bytes of a write, effects of a sync; default half. */
  readonly appliedCount?: number;
  /**
   * In place of `errno`, for writes: nothing fails, but the kernel takes at most so many bytes at a
   * time, and each part is a call and an effect of its own.
   */
  readonly shortBytes?: number;
}

export interface Fault {
  readonly errno: string;
  readonly applied: "none" | "prefix" | "all";
  readonly appliedCount: number | undefined;
}

/** Counts the calls that each rule has met. Rules may be added and removed at any time. */
export class FaultCounter {
  readonly #met: Map<FaultRule, number> = new Map();

  /** The failure of this call, by the first rule that says so. */
  failure(rules: readonly FaultRule[], operation: DiskOperation, path: string): Fault | undefined {
    let found: Fault | undefined;
    for (const rule of rules) {
      if (rule.errno === undefined || !matches(rule, operation, path)) continue;
      const met = (this.#met.get(rule) ?? 0) + 1;
      this.#met.set(rule, met);
      const first = rule.occurrence ?? 1;
      const times = rule.times ?? 1;
      if (met < first || (times !== "forever" && met >= first + times)) continue;
      found ??= {
        errno: rule.errno,
        applied: rule.applied ?? "none",
        appliedCount: rule.appliedCount,
      };
    }
    return found;
  }

  /** The most that one write call takes. */
  static writeBytesMax(rules: readonly FaultRule[], path: string): number {
    let bytes = Number.POSITIVE_INFINITY;
    for (const rule of rules) {
      if (rule.shortBytes === undefined || !matches(rule, "write", path)) continue;
      bytes = Math.min(bytes, Math.max(1, rule.shortBytes));
    }
    return bytes;
  }
}

function matches(rule: FaultRule, operation: DiskOperation, path: string): boolean {
  if (rule.operation !== operation) return false;
  if (rule.path === undefined) return true;
  if (typeof rule.path === "string") return path.includes(rule.path);
  rule.path.lastIndex = 0;
  return rule.path.test(path);
}
