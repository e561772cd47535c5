// The clock of the machine.
import type { Clock } from "./ports.ts";

export class NodeClock implements Clock {
  wallMs(): number {
    return Date.now();
  }

  monotonicMs(): number {
    return performance.now();
  }
}
