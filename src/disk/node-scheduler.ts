// Later turns of Node's event loop.
import type { Cancel, Scheduler } from "./ports.ts";

// Node runs a timer with a longer delay at once.
const timerMsMax = 2 ** 31 - 1;

export class NodeScheduler implements Scheduler {
  microtask(task: () => void): void {
    queueMicrotask(task);
  }

  task(task: () => void): void {
    setImmediate(task);
  }

  after(ms: number, task: () => void): Cancel {
    const timer = setTimeout(task, Math.min(ms, timerMsMax));
    timer.unref();
    return () => {
      clearTimeout(timer);
    };
  }
}

/** Keeps the process alive, which no timer of the scheduler does, until it is cancelled. */
export function keepAlive(): Cancel {
  const timer = setInterval(() => {}, timerMsMax);
  return () => {
    clearInterval(timer);
  };
}
