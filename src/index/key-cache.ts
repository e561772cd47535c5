// Bounded caches in front of the key tree: from a key's hash to the id it last had, and from an id to its key as a string.
// Both only remember; whoever asks checks what they say.

const wordsPerSet = 4;
const cachedKeyUnitsMax = 128;

/** Two places for each set of hashes; the one used longer ago makes room. */
export class KeyCache {
  /** For each set: hash and id, twice. */
  readonly #words: Uint32Array;
  readonly #setMask: number;

  /** @param slots a power of two from 2 up. */
  constructor(slots: number) {
    this.#words = new Uint32Array(slots * 2);
    this.#setMask = slots / 2 - 1;
  }

  get bytes(): number {
    return this.#words.byteLength;
  }

  /** The id last put under a hash, or 0. */
  newest(hash: number): number {
    const at = (hash & this.#setMask) * wordsPerSet;
    return this.#words[at] === hash ? this.#words[at + 1]! : 0;
  }

  /** The id put under a hash of the same set before that one, or 0. */
  older(hash: number): number {
    const at = (hash & this.#setMask) * wordsPerSet + 2;
    return this.#words[at] === hash ? this.#words[at + 1]! : 0;
  }

  put(hash: number, id: number): void {
    const words = this.#words;
    const at = (hash & this.#setMask) * wordsPerSet;
    words[at + 2] = words[at]!;
    words[at + 3] = words[at + 1]!;
    words[at] = hash;
    words[at + 1] = id;
  }

  clear(): void {
    this.#words.fill(0);
  }
}

/** Keys as strings by node id, in as many places as it was made with. */
export class KeyStrings {
  readonly #ids: Uint32Array;
  readonly #keys: (string | undefined)[];
  readonly #mask: number;

  /** @param slots a power of two. */
  constructor(slots: number) {
    this.#ids = new Uint32Array(slots);
    this.#keys = new Array<string | undefined>(slots).fill(undefined);
    this.#mask = slots - 1;
  }

  get(id: number): string | undefined {
    const slot = id & this.#mask;
    return this.#ids[slot] === id ? this.#keys[slot] : undefined;
  }

  put(id: number, key: string): void {
    // Long keys are rare, and a cache of them could not be called bounded.
    if (key.length > cachedKeyUnitsMax) return;
    const slot = id & this.#mask;
    this.#ids[slot] = id;
    this.#keys[slot] = key;
  }

  forget(id: number): void {
    const slot = id & this.#mask;
    if (this.#ids[slot] !== id) return;
    this.#ids[slot] = 0;
    this.#keys[slot] = undefined;
  }

  clear(): void {
    this.#ids.fill(0);
    this.#keys.fill(undefined);
  }
}
