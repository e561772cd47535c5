// The options of `open`: checked, completed with defaults, nothing unknown let through.
import { limits } from "../codec/limits.ts";
import type { HistoryPolicy } from "../compaction/horizon.ts";
import { nodePorts } from "../disk/node-ports.ts";
import type { Clock, Disk, Ports, Random, Scheduler, Workers } from "../disk/ports.ts";

/**
 * When a commit resolves.
 *
 * - `"group"`: once its group is synced: survives process kill, OS crash and power loss.
 * - `"os"`: once it is handed to the operating system: survives a process kill, not a power cut.
 * - `{ intervalMs }`: at once; synced within that many ms. Until then a crash may take it back.
 */
export type Durability = "group" | "os" | { readonly intervalMs: number };

/** Options of `open`. Every one may be undefined; an unknown one is a `TypeError`. */
export interface OpenOptions {
  /** Create the database where there is none. Default true; with false, `NOT_FOUND`. */
  readonly create?: boolean | undefined;
  /** Refuse a database that exists already (`EXISTS`). Default false. */
  readonly exclusive?: boolean | undefined;
  /**
   * Default false. True: takes no lock and writes nothing; shows what is durable, and follows a writer in this or another
   * process, whatever becomes of it. Reads lag behind its commits by some 10 ms, 50 at the most; `flush()` catches up, `whenDurable(lsn)`
   * waits for what is still to come. Nothing is created (`NOT_FOUND`) or recovered: of a database that was killed it shows
   * what the watermark proves. What writes is refused with `READ_ONLY`.
   */
  readonly readOnly?: boolean | undefined;
  /** What a commit waits for where it does not say itself. Default `"group"`. */
  readonly durability?: Durability | undefined;
  /** Bytes for caches and in-memory trees together; from 16 MiB, default 256 MiB. With `readOnly` what came behind the newest checkpoint is in memory as well. */
  readonly memoryBudget?: number | undefined;
  /** Bytes at which a segment is sealed; 64 KiB to 1 GiB, default 64 MiB. */
  readonly segmentBytes?: number | undefined;
  /** At most so many ms between a change and the flush of the segment table; default 5000. */
  readonly allocationFlushMs?: number | undefined;
  /** At most so many ms until what is written is synced, in every durability; default 1000. */
  readonly syncIntervalMs?: number | undefined;
  /** What compaction has to keep; default `"all"`: everything. See `HistoryPolicy`. */
  readonly history?: HistoryPolicy | undefined;
  /**
   * So many LSNs a durable consumer or projection may be behind the durable LSN and still hold the history that it has yet to read;
   * from 0, default without bound. One that is further behind reads on for as long as that is there, then gets `POSITION_COMPACTED`.
   */
  readonly maxConsumerLag?: number | undefined;
  /**
   * What to do about damage to acknowledged data. `"strict"` (default): refuse to open, `CORRUPT`, and change nothing. `"salvage"`: keep
   * every whole transaction that can be read and makes sense without what is lost, tell in `db.recovery` which LSNs are lost, and set
   * aside in `quarantine/` what was replaced. Reads the whole log first. Not with `readOnly`.
   */
  readonly recovery?: "strict" | "salvage" | undefined;
  /** Whether adding an edge makes missing end nodes, each with a node.put of its own. Default false. */
  readonly implicitNodes?: boolean | undefined;
  /** Encoded bytes of one transaction, at most; default 64 MiB, up to 1 GiB. Beyond: `LIMIT_EXCEEDED`. */
  readonly maxTransactionBytes?: number | undefined;
  /** Bytes accepted and not yet durable, at most; default 256 MiB. Beyond: `OVERLOADED`. */
  readonly maxPendingBytes?: number | undefined;
  /** Aborts the opening: `ABORTED`. */
  readonly signal?: AbortSignal | undefined;
  /** Ports: how the database reaches disk, clock and the rest; simulated ones are in `varve/testing`. */
  readonly disk?: Disk | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
  readonly scheduler?: Scheduler | undefined;
  readonly workers?: Workers | undefined;
}

export interface Settings {
  readonly create: boolean;
  readonly exclusive: boolean;
  readonly readOnly: boolean;
  readonly salvages: boolean;
  readonly durability: Durability;
  readonly memoryBudget: number;
  readonly segmentBytes: number;
  readonly allocationFlushMs: number;
  readonly syncIntervalMs: number;
  readonly history: HistoryPolicy;
  /** Infinity: without bound. */
  readonly maxConsumerLag: number;
  readonly implicitNodes: boolean;
  readonly maxTransactionBytes: number;
  readonly maxPendingBytes: number;
  readonly signal: AbortSignal | undefined;
  readonly ports: Ports;
}

const knownOptions: ReadonlySet<string> = new Set([
  "create",
  "exclusive",
  "readOnly",
  "durability",
  "memoryBudget",
  "segmentBytes",
  "allocationFlushMs",
  "syncIntervalMs",
  "history",
  "maxConsumerLag",
  "recovery",
  "implicitNodes",
  "maxTransactionBytes",
  "maxPendingBytes",
  "signal",
  "disk",
  "clock",
  "random",
  "scheduler",
  "workers",
]);

export function settingsFrom(options: OpenOptions): Settings {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`open: options must be an object, not ${describe(options)}`);
  }
  for (const name of Object.keys(options)) {
    if (!knownOptions.has(name)) throw new TypeError(`open: unknown option ${name}`);
  }
  const salvages = checkRecovery(options.recovery) === "salvage";
  const readOnly = flag("readOnly", options.readOnly, false);
  if (readOnly && options.exclusive === true) {
    throw new TypeError("open: readOnly creates nothing, so exclusive cannot go with it");
  }
  if (readOnly && salvages) {
    throw new TypeError("open: readOnly writes nothing, so salvage cannot go with it");
  }
  return {
    create: flag("create", options.create, true),
    exclusive: flag("exclusive", options.exclusive, false),
    readOnly,
    salvages,
    durability: checkDurability(
      "open",
      options.durability === undefined ? "group" : options.durability,
    ),
    memoryBudget: integer(
      "memoryBudget",
      options.memoryBudget,
      limits.memoryBudgetBytesMin,
      limits.lsnMax,
      limits.memoryBudgetBytesDefault,
    ),
    segmentBytes: integer(
      "segmentBytes",
      options.segmentBytes,
      limits.segmentBytesMin,
      limits.segmentBytesMax,
      limits.segmentBytesDefault,
    ),
    allocationFlushMs: interval(
      "allocationFlushMs",
      options.allocationFlushMs,
      limits.allocationFlushMsDefault,
    ),
    syncIntervalMs: interval(
      "syncIntervalMs",
      options.syncIntervalMs,
      limits.syncIntervalMsDefault,
    ),
    history: checkHistory("open", options.history),
    maxConsumerLag:
      options.maxConsumerLag === undefined
        ? Number.POSITIVE_INFINITY
        : integer("maxConsumerLag", options.maxConsumerLag, 0, limits.lsnMax, 0),
    implicitNodes: flag("implicitNodes", options.implicitNodes, false),
    maxTransactionBytes: integer(
      "maxTransactionBytes",
      options.maxTransactionBytes,
      1024,
      limits.transactionBytesMaxCeiling,
      limits.transactionBytesMaxDefault,
    ),
    maxPendingBytes: integer(
      "maxPendingBytes",
      options.maxPendingBytes,
      1024,
      limits.lsnMax,
      limits.pendingBytesMaxDefault,
    ),
    signal: checkSignal("open", options.signal),
    ports: portsFrom(options),
  };
}

function checkRecovery(value: unknown): "strict" | "salvage" {
  if (value === undefined || value === "strict") return "strict";
  if (value === "salvage") return value;
  throw new TypeError(`open: recovery must be "strict" or "salvage", not ${describe(value)}`);
}

/** Checks a durability, of `open` or of one commit. */
export function checkDurability(method: string, durability: Durability): Durability {
  if (durability === "group" || durability === "os") return durability;
  const ms = (durability as { intervalMs?: unknown } | null)?.intervalMs;
  if (
    typeof durability === "object" &&
    typeof ms === "number" &&
    Object.keys(durability).length === 1
  ) {
    if (ms >= 0 && ms <= limits.intervalMsMax) return { intervalMs: ms };
    throw new RangeError(`${method}: intervalMs must be 0 to ${limits.intervalMsMax}, not ${ms}`);
  }
  throw new TypeError(
    `${method}: durability must be "group", "os" or { intervalMs }, not ${describe(durability)}`,
  );
}

/** Checks a policy of history; undefined is the default, `"all"`. */
export function checkHistory(method: string, history: unknown): HistoryPolicy {
  if (history === undefined || history === "all" || history === "latest") return history ?? "all";
  const names = typeof history === "object" && history !== null ? Object.keys(history) : [];
  const [name] = names;
  const value = (history as Record<string, unknown> | null)?.[name ?? ""];
  const isKnown = names.length === 1 && (name === "keepMs" || name === "keepEvents");
  if (!isKnown || typeof value !== "number") {
    throw new TypeError(
      `${method}: history must be "all", "latest", { keepMs } or { keepEvents }, not ${describe(history)}`,
    );
  }
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`${method}: ${name} must be a whole number from 0, not ${value}`);
  }
  return name === "keepMs" ? { keepMs: value } : { keepEvents: value };
}

export function checkSignal(method: string, signal: unknown): AbortSignal | undefined {
  if (signal === undefined) return undefined;
  const isSignal = typeof signal === "object" && signal !== null && "aborted" in signal;
  if (!isSignal)
    throw new TypeError(`${method}: signal must be an AbortSignal, not ${describe(signal)}`);
  return signal as AbortSignal;
}

export function describe(value: unknown): string {
  if (value === null) return "null";
  if (typeof value === "string") return JSON.stringify(value.slice(0, 80));
  return typeof value === "object" || typeof value === "function" ? typeof value : String(value);
}

function portsFrom(options: OpenOptions): Ports {
  const { disk, clock, random, scheduler, workers } = options;
  const own = nodePorts();
  return {
    disk: disk ?? own.disk,
    clock: clock ?? own.clock,
    random: random ?? own.random,
    scheduler: scheduler ?? own.scheduler,
    workers: workers ?? own.workers,
  };
}

function flag(name: string, value: unknown, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  if (typeof value === "boolean") return value;
  throw new TypeError(`open: ${name} must be true or false, not ${describe(value)}`);
}

function interval(name: string, value: unknown, fallback: number): number {
  return integer(name, value, 0, limits.intervalMsMax, fallback);
}

function integer(name: string, value: unknown, min: number, max: number, fallback: number): number {
  if (value === undefined) return fallback;
  if (typeof value !== "number") {
    throw new TypeError(`open: ${name} must be a number, not ${describe(value)}`);
  }
  if (!Number.isSafeInteger(value) || value < min || value > max) {
    throw new RangeError(
      `open: ${name} must be a whole number from ${min} to ${max}, not ${value}`,
    );
  }
  return value;
}
