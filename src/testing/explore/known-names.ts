// Which crash states were judged, by their names: of one exploration, or of several threads that share what they have judged.
import { halvesOf } from "./disk-fingerprint.ts";

export interface KnownNames {
  /** Whether the name was not there yet. */
  add(name: string): boolean;
}

/** Some 100 MB. */
const rememberedMax = 1_000_000;

/** Beyond a million it begins anew. */
export class LocalNames implements KnownNames {
  readonly #names: Set<string> = new Set();

  add(name: string): boolean {
    if (this.#names.has(name)) return false;
    if (this.#names.size >= rememberedMax) this.#names.clear();
    this.#names.add(name);
    return true;
  }
}

/** A power of two, four times as many as the states of the longest run; 32 MB. */
const sharedSlots = 2 ** 22;
/** So long a row of other names means that the table is full. */
const probesMax = 1000;

/** A table of names in memory that threads share. Each is the number that it was made of; 0 is a free slot. */
export class SharedNames implements KnownNames {
  readonly #slots: BigUint64Array;

  static memory(): SharedArrayBuffer {
    return new SharedArrayBuffer(sharedSlots * 8);
  }

  constructor(memory: SharedArrayBuffer) {
    this.#slots = new BigUint64Array(memory);
  }

  add(name: string): boolean {
    const [low, high] = halvesOf(name);
    const value = (BigInt(high) << 32n) | BigInt(low);
    for (let probe = 0; probe < probesMax; probe++) {
      const at = (low + probe) % sharedSlots;
      const found = Atomics.compareExchange(this.#slots, at, 0n, value);
      if (found === value) return false;
      if (found === 0n) return true;
    }
    return true;
  }
}
