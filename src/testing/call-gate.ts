// The gate that every call on a simulated disk passes: it counts and traces the call, asks the faults,
// runs the crash hook before and after, and lets nothing through once the disk is dead.
import { type DiskOperation, diskError } from "../disk/disk-error.ts";
import { DeadDiskError } from "./dead-disk.ts";
import { formatEffect } from "./fault-plan.ts";
import { type Fault, FaultCounter, type FaultRule, type StruckCall } from "./faults.ts";
import { hashBytes } from "./simulated-random.ts";
import type { DiskCall, TraceEntry, TraceLevel } from "./trace.ts";

export interface GatedCall {
  readonly operation: DiskOperation;
  readonly path: string;
  /** The new path, of a rename. */
  readonly to?: string;
  readonly offset?: number;
  readonly length?: number;
  /** What is written; the trace keeps a hash of it. */
  readonly bytes?: Uint8Array;
}

export type DelayHook = (operation: DiskOperation, path: string) => Promise<void>;

/** What the gate knows of the disk's state: it tells which call runs, and traces which effects it had. */
export interface GatedState {
  /** Number of the newest effect. */
  readonly sequence: number;
  call: number;
}

export interface GateOptions {
  readonly traceLevel: TraceLevel;
  readonly delay: DelayHook | undefined;
  readonly state: GatedState;
  resize(capacityBytes: number): void;
}

/** A call is cut into so many parts at most: each is a place to crash at, and a large one in single bytes would have a disk for each of them. */
const shortPartsMax = 64;

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
  readonly #options: GateOptions;
  /** Calls that were made and have not happened yet, each as what makes it happen. */
  readonly #inFlight: Set<() => unknown> = new Set();
  #endOfHanging: (() => void)[] = [];

  constructor(options: GateOptions) {
    this.#options = options;
    this.traceLevel = options.traceLevel;
    this.delay = options.delay;
  }

  assertAlive(operation: string): void {
    if (this.dead) throw new DeadDiskError(operation);
  }

  /** Ends everything; of the calls in flight those that `happens` chooses have their effect before. */
  die(happens: () => boolean = () => false): void {
    for (const act of [...this.#inFlight]) {
      if (this.dead || !happens()) continue;
      try {
        act();
      } catch {
        // Nobody is left to hear of it.
      }
    }
    this.dead = true;
    for (const end of this.#endOfHanging) end();
    this.#endOfHanging = [];
  }

  /** A call that changes state. `effect` applies it as far as the fault, if there is one, lets it. */
  change<T>(call: GatedCall, effect: (fault: Fault | undefined) => T): T {
    this.assertAlive(call.operation);
    const index = this.calls++;
    this.#hook(index, call, "before");
    const fault = this.#strike(call, index);
    const { state } = this.#options;
    const { sequence } = state;
    state.call = index;
    let value: T;
    try {
      value = effect(fault);
    } catch (error) {
      this.#record(index, call, { fault, sequence, error });
      this.#hook(index, call, "after");
      throw error;
    }
    this.#record(index, call, { fault, sequence });
    this.#hook(index, call, "after");
    return value;
  }

  /** As `change`, in a later turn: the effect happens when the delay hook and the faults let it. */
  async changeLater<T>(call: GatedCall, effect: (fault: Fault | undefined) => T): Promise<T> {
    this.assertAlive(call.operation);
    const act = (): T => this.change(call, effect);
    this.#inFlight.add(act);
    try {
      await this.delay?.(call.operation, call.path);
      if (this.faults.length > 0) await this.#heldBack(call);
    } finally {
      this.#inFlight.delete(act);
    }
    return act();
  }

  /** A call that changes nothing. */
  observe<T>(call: GatedCall, look: (fault: Fault | undefined) => T): T {
    this.assertAlive(call.operation);
    if (call.operation === "read") this.reads += 1;
    let fault: Fault | undefined;
    try {
      if (this.faults.length > 0) fault = this.#strike(call, this.calls);
      if (fault !== undefined && "errno" in fault) throw failure(call, fault.errno);
      const value = look(fault);
      if (this.traceLevel === "all") this.#record(-1, call, { fault });
      return value;
    } catch (error) {
      if (this.traceLevel === "all") this.#record(-1, call, { fault, error });
      throw error;
    }
  }

  async observeLater<T>(call: GatedCall, look: (fault: Fault | undefined) => T): Promise<T> {
    this.assertAlive(call.operation);
    await this.delay?.(call.operation, call.path);
    if (this.faults.length > 0) await this.#heldBack(call);
    return this.observe(call, look);
  }

  /** The most that one read or write takes. */
  bytesMax(call: GatedCall): number {
    if (this.faults.length === 0) return Number.POSITIVE_INFINITY;
    const bytes = this.#counter.bytesMax(this.faults, this.#struck(call, this.calls));
    return Math.max(bytes, Math.ceil((call.length ?? 0) / shortPartsMax));
  }

  async #heldBack(call: GatedCall): Promise<void> {
    const wait = this.#counter.wait(this.faults, this.#struck(call, this.calls));
    if (wait === undefined) return;
    if ("hang" in wait) await new Promise<void>((resolve) => this.#endOfHanging.push(resolve));
    else for (let turn = 0; turn < wait.delayTurns; turn++) await undefined;
  }

  #strike(call: GatedCall, number: number): Fault | undefined {
    if (this.faults.length === 0) return undefined;
    return this.#counter.strike(this.faults, this.#struck(call, number), (capacityBytes) =>
      this.#options.resize(capacityBytes),
    );
  }

  #struck({ operation, path }: GatedCall, number: number): StruckCall {
    return { operation, path, number };
  }

  #hook(index: number, call: GatedCall, phase: "before" | "after"): void {
    if (this.onCall === undefined) return;
    const { operation, path } = call;
    try {
      this.onCall({ index, operation, path, phase });
    } catch (crash) {
      this.die();
      throw new DeadDiskError(operation, crash);
    }
    // The hook may have killed the disk by its own means.
    this.assertAlive(operation);
  }

  #record(
    index: number,
    call: GatedCall,
    what: {
      readonly fault: Fault | undefined;
      readonly sequence?: number;
      readonly error?: unknown;
    },
  ): void {
    if (this.traceLevel === "none") return;
    const { operation, path, to, offset = 0, length = 0, bytes } = call;
    const last = this.#options.state.sequence;
    this.trace.push({
      index,
      operation,
      path,
      ...(to === undefined ? {} : { to }),
      offset,
      length,
      result: resultOf(what.error),
      ...(what.fault === undefined ? {} : { fault: formatEffect(what.fault) }),
      ...(bytes === undefined ? {} : { content: hashBytes(bytes) }),
      effects: [(what.sequence ?? last) + 1, last + 1],
    });
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
  if (fault === undefined || !("errno" in fault)) return act();
  if (fault.applied === "all") act();
  throw failure(call, fault.errno);
}

function resultOf(error: unknown): string {
  if (error === undefined) return "ok";
  const { details, code } = error as { details?: { errno?: unknown }; code?: unknown };
  return String(details?.errno ?? code ?? error);
}
