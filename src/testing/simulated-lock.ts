// The lock of a simulated directory, as its owner holds it.
import type { DiskLock } from "../disk/ports.ts";

export class SimulatedLock implements DiskLock {
  readonly #free: () => Promise<void>;
  #releasing: Promise<void> | undefined;

  constructor(free: () => Promise<void>) {
    this.#free = free;
  }

  release(): Promise<void> {
    this.#releasing ??= this.#free();
    return this.#releasing;
  }
}
