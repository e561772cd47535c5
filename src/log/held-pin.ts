// A pin with an owner: it ends when it is released, or when the owner is forgotten without that.

import type { HistoryPins, PinHolder } from "./history-pins.ts";

/** What a program lost hold of must neither fill the memory nor hold the history back until the database is closed. */
const forgotten = new FinalizationRegistry<() => void>((end) => end());

export class HeldPin {
  isReleased = false;
  readonly #end: () => void;

  /** @param owner whoever reads the history that is pinned. */
  constructor(owner: object, pins: HistoryPins, holder: PinHolder, lsn: number) {
    this.#end = pins.hold(holder, lsn);
    forgotten.register(owner, this.#end, this);
  }

  /** Doing it again does nothing. */
  release(): void {
    if (this.isReleased) return;
    this.isReleased = true;
    forgotten.unregister(this);
    this.#end();
  }
}
