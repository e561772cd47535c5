// Virtual time: tasks and timers run when a test says so, in a fixed order; microtasks are real ones.
import type { Cancel, Scheduler } from "../disk/ports.ts";
import { SimulatedClock } from "./simulated-clock.ts";

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly task: () => void;
}

export interface SimulatedSchedulerOptions {
  readonly clock?: SimulatedClock;
  /**
   * `manual` (default): a task waits for `runAll`, `advance` or `until`. `automatic`: a task runs by itself
   * some microtask turns later. Timers wait in both.
   */
  readonly tasks?: "manual" | "automatic";
  /** Microtask turns that promises get between two tasks; default 32. */
  readonly settleTurns?: number;
}

export class SimulatedScheduler implements Scheduler {
  readonly clock: SimulatedClock;
  readonly #automatic: boolean;
  readonly #settleTurns: number;
  #tasks: (() => void)[] = [];
  #timers: Timer[] = [];
  #order = 0;
  #stopped = false;
  #running = false;
  #wake: () => void = () => {};

  constructor(options: SimulatedSchedulerOptions = {}) {
    this.clock = options.clock ?? new SimulatedClock();
    this.#automatic = options.tasks === "automatic";
    this.#settleTurns = options.settleTurns ?? 32;
  }

  /** Tasks and timers that wait. */
  get pending(): number {
    return this.#tasks.length + this.#timers.length;
  }

  microtask(task: () => void): void {
    if (this.#stopped) return;
    Promise.resolve().then(() => {
      if (!this.#stopped) task();
    });
  }

  task(task: () => void): void {
    if (this.#stopped) return;
    this.#tasks.push(task);
    this.#wake();
    if (this.#automatic && !this.#running) void this.runAll();
  }

  after(ms: number, task: () => void): Cancel {
    const timer: Timer = { dueMs: this.clock.monotonicMs() + ms, order: this.#order++, task };
    if (!this.#stopped) this.#timers.push(timer);
    this.#wake();
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Runs the tasks that wait, and those they add, until none is left. Timers stay. */
  async runAll(): Promise<void> {
    this.#running = true;
    try {
      await this.#settle();
      while (this.#tasks.length > 0) {
        this.#tasks.shift()?.();
        await this.#settle();
      }
    } finally {
      this.#running = false;
    }
  }

  /** Lets `ms` pass: every timer that falls due runs at its time, with all tasks before it. */
  async advance(ms: number): Promise<void> {
    const endMs = this.clock.monotonicMs() + ms;
    await this.runAll();
    while (this.#runTimer(endMs)) await this.runAll();
    this.clock.advance(Math.max(0, endMs - this.clock.monotonicMs()));
  }

  /**
   * Runs tasks, and where there are none lets time pass to the next timer, until `promise` settles.
   * Waits for the world outside where nothing is scheduled at all.
   */
  async until<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const mark = (): void => {
      settled = true;
    };
    const watched = promise.then(mark, mark);
    await this.runAll();
    while (!settled) {
      if (!this.#runTimer(Number.POSITIVE_INFINITY)) {
        const woken = new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        if (this.#tasks.length === 0) await Promise.race([watched, woken]);
      }
      await this.runAll();
    }
    return promise;
  }

  /** The process died: nothing that was scheduled runs any more, and nothing can be. */
  stop(): void {
    this.#stopped = true;
    this.#tasks = [];
    this.#timers = [];
  }

  #runTimer(endMs: number): boolean {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueMs > endMs) continue;
      const sooner = next === undefined || timer.dueMs < next.dueMs;
      if (sooner || (timer.dueMs === next?.dueMs && timer.order < next.order)) next = timer;
    }
    if (next === undefined) return false;
    this.#timers = this.#timers.filter((timer) => timer !== next);
    this.clock.advance(Math.max(0, next.dueMs - this.clock.monotonicMs()));
    next.task();
    return true;
  }

  // Promises have no end to wait for: so many turns are more than any chain here takes.
  async #settle(): Promise<void> {
    for (let turn = 0; turn < this.#settleTurns; turn++) await undefined;
  }
}
