// The gate that every call on a simulated disk passes: it counts and traces the call, asks the faults,
// runs the crash hook before and after, and lets nothing through once the disk is dead.
import { type DiskOperation, diskError } from "../disk/disk-error.ts";
import { DeadDiskError } from "./dead-disk.ts";
import { type Fault, FaultCounter, type FaultRule } from "./faults.ts";
import type { DiskCall, TraceEntry, TraceLevel } from "./trace.ts";

export interface GatedCall {
  readonly operation: DiskOperation;
  readonly path: string;
  readonly offset?: number;
  readonly length?: number;
}

export type DelayHook = (operation: DiskOperation, path: string) => Promise<void>;

export class CallGate {
  readonly faults: FaultRule[] = [];
  readonly trace: TraceEntry[] = [];
  readonly traceLevel: TraceLevel;
  onCall: ((call: DiskCall) => void) | undefined;
  delay: DelayHook | undefined;
  calls = 0;
  reads = 0;
  dead = false;
  readonly #counter = new FaultCounter();

  constructor(traceLevel: TraceLevel, delay: DelayHook | undefined) {
    this.traceLevel = traceLevel;
    this.delay = delay;
  }

  assertAlive(operation: string): void {
    if (this.dead) throw new DeadDiskError(operation);
  }

  /** A call that changes state. `effect` applies it as far as the fault, if there is one, lets it. */
  change<T>(call: GatedCall, effect: (fault: Fault | undefined) => T): T {
    this.assertAlive(call.operation);
    const index = this.calls++;
    this.#hook(index, call, "before");
    let value: T;
    try {
      value = effect(this.#counter.failure(this.faults, call.operation, call.path));
    } catch (error) {
      this.#record(index, call, error);
      this.#hook(index, call, "after");
      throw error;
    }
    this.#record(index, call);
    this.#hook(index, call, "after");
    return value;
  }

  /** As `change`, in a later turn: the effect happens when the delay hook lets it. */
  async changeLater<T>(call: GatedCall, effect: (fault: Fault | undefined) => T): Promise<T> {
    this.assertAlive(call.operation);
    await this.delay?.(call.operation, call.path);
    return this.change(call, effect);
  }

  /** A call that changes nothing. */
  observe<T>(call: GatedCall, look: () => T): T {
    this.assertAlive(call.operation);
    if (call.operation === "read") this.reads += 1;
    try {
      if (this.faults.length > 0) {
        const fault = this.#counter.failure(this.faults, call.operation, call.path);
        if (fault !== undefined) throw failure(call, fault.errno);
      }
      const value = look();
      if (this.traceLevel === "all") this.#record(-1, call);
      return value;
    } catch (error) {
      if (this.traceLevel === "all") this.#record(-1, call, error);
      throw error;
    }
  }

  async observeLater<T>(call: GatedCall, look: () => T): Promise<T> {
    this.assertAlive(call.operation);
    await this.delay?.(call.operation, call.path);
    return this.observe(call, look);
  }

  #hook(index: number, call: GatedCall, phase: "before" | "after"): void {
    if (this.onCall === undefined) return;
    const { operation, path } = call;
    try {
      this.onCall({ index, operation, path, phase });
    } catch (crash) {
      this.dead = true;
      throw new DeadDiskError(operation, crash);
    }
    // The hook may have killed the disk by its own means.
    this.assertAlive(operation);
  }

  #record(index: number, call: GatedCall, error?: unknown): void {
    if (this.traceLevel === "none") return;
    const { operation, path, offset = 0, length = 0 } = call;
    this.trace.push({ index, operation, path, offset, length, result: resultOf(error) });
  }
}

/** The error of a call that the simulated kernel refuses. */
export function failure(call: GatedCall, errno: string, offset?: number): Error {
  const at = offset ?? call.offset;
  const { operation, path } = call;
  return diskError({ errno, operation, path, ...(at === undefined ? {} : { offset: at }) });
}

/** Runs a call that a fault leaves undone or, with `all`, done; it fails either way. */
export function underFault<T>(call: GatedCall, fault: Fault | undefined, act: () => T): T {
  if (fault === undefined) return act();
  if (fault.applied === "all") act();
  throw failure(call, fault.errno);
}

function resultOf(error: unknown): string {
  if (error === undefined) return "ok";
  const { details, code } = error as { details?: { errno?: unknown }; code?: unknown };
  return String(details?.errno ?? code ?? error);
}
