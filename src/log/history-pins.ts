// What still reads the history of the log: compaction drops nothing that a pinned LSN can see.

export type PinHolder = "snapshot" | "asOf" | "backup" | "reading";

export interface Pin {
  readonly holder: PinHolder;
  /** The state as of this LSN, and every change behind it, has to stay readable. */
  readonly lsn: number;
}

export class HistoryPins {
  readonly #pins = new Set<Pin>();

  /** Holds the history from `lsn` on. Calling the result ends that; calling it again does nothing. */
  hold(holder: PinHolder, lsn: number): () => void {
    const pin: Pin = { holder, lsn };
    this.#pins.add(pin);
    return () => this.#pins.delete(pin);
  }

  /** Ends every pin: nobody reads any more. */
  clear(): void {
    this.#pins.clear();
  }

  get size(): number {
    return this.#pins.size;
  }

  /** The pin that holds back most. Cost: one look at each pin. */
  lowest(): Pin | undefined {
    let lowest: Pin | undefined;
    for (const pin of this.#pins) if (lowest === undefined || pin.lsn < lowest.lsn) lowest = pin;
    return lowest;
  }
}
