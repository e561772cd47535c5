// The end of the durable log, shared by every feed of a database: who waits for it to move, and what was read there last.
import type { LoadedFrame } from "../log/frame-source.ts";
import type { Log } from "../log/log.ts";
import type { ChangeBatch } from "./change.ts";

/** Someone who waits; called once, and free to wait again. Must not run users' code. */
export type Wake = () => void;

interface SignalWatch {
  readonly waiting: Set<Wake>;
  readonly aborted: () => void;
}

interface SharedBatch {
  readonly position: number;
  readonly planKey: string;
  readonly batch: ChangeBatch;
}

// What is kept is read again at once or never: a handful serves any number of feeds that stand at the end.
const framesKept = 4;
const batchesKept = 4;
const frameBytesKeptMax = 256 * 1024;

export class FeedTail {
  #waiting: Set<Wake> = new Set();
  /** Who waits, by signal: each signal gets one listener, whatever the number. */
  readonly #bySignal: Map<AbortSignal, SignalWatch> = new Map();
  readonly #frames: LoadedFrame[] = [];
  readonly #batches: SharedBatch[] = [];
  /** How many were woken by the last wake. */
  #woken = 0;

  /** How many feeds wait; those that are not asked for anything do not. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Whether what a feed reads at the end is worth keeping for others. */
  get isShared(): boolean {
    return this.#woken > 1 || this.#waiting.size > 0;
  }

  /** Wakes it when the log grows or the signal aborts; it then removes itself. */
  add(wake: Wake, signal: AbortSignal | undefined): void {
    this.#waiting.add(wake);
    if (signal === undefined) return;
    let watch = this.#bySignal.get(signal);
    if (watch === undefined) {
      const waiting = new Set<Wake>();
      watch = {
        waiting,
        aborted: () => {
          for (const one of [...waiting]) one();
        },
      };
      this.#bySignal.set(signal, watch);
      signal.addEventListener("abort", watch.aborted);
    }
    watch.waiting.add(wake);
  }

  remove(wake: Wake, signal: AbortSignal | undefined): void {
    this.#waiting.delete(wake);
    const watch = signal === undefined ? undefined : this.#bySignal.get(signal);
    if (signal === undefined || watch === undefined) return;
    watch.waiting.delete(wake);
    if (watch.waiting.size > 0) return;
    this.#bySignal.delete(signal);
    signal.removeEventListener("abort", watch.aborted);
  }

  /** The durable LSN has moved, or will never move again. */
  wake(): void {
    if (this.#waiting.size === 0) return;
    const woken = this.#waiting;
    this.#waiting = new Set();
    this.#woken = woken.size;
    for (const wake of woken) wake();
  }

  /** As `log.frameAtOrAfter`, for durable LSNs only: their frames never change again. */
  frameAtOrAfter(log: Log, lsn: number, durableLsn: number): LoadedFrame | undefined {
    for (const frame of this.#frames) {
      if (frame.firstLsn <= lsn && lsn < frame.firstLsn + frame.eventCount) return frame;
    }
    const frame = log.frameAtOrAfter(lsn);
    if (frame === undefined || frame.firstLsn > durableLsn) return undefined;
    if (this.isShared && frame.bytes.length <= frameBytesKeptMax) {
      keep(this.#frames, frame, framesKept);
    }
    return frame;
  }

  /** The batch that another feed with the same plan made at this position. */
  batchAt(position: number, planKey: string): ChangeBatch | undefined {
    for (const shared of this.#batches) {
      if (shared.position === position && shared.planKey === planKey) return shared.batch;
    }
    return undefined;
  }

  share(position: number, planKey: string, batch: ChangeBatch): void {
    if (this.isShared) keep(this.#batches, { position, planKey, batch }, batchesKept);
  }

  /** Forgets what was read: some of it is not in the log any more. */
  forget(): void {
    this.#frames.length = 0;
    this.#batches.length = 0;
  }

  /** The database closes: wakes everyone and forgets what was read. */
  close(): void {
    this.forget();
    this.wake();
  }
}

function keep<T>(kept: T[], item: T, count: number): void {
  if (kept.length === count) kept.shift();
  kept.push(item);
}
