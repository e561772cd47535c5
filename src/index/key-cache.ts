// Bounded caches in front of the trees: from a short key to the id of its live node, and from an id to its key as a string.

import { type KeyBytes, shortKeyBytesMax } from "./key-bytes.ts";
import { KeyTable } from "./key-table.ts";

const cachedKeyUnitsMax = 128;
/** Caches begin with so many slots, and grow by so much. */
const slotsAtFirst = 256;
const growthFactor = 16;

/**
 * Exact: what it has is so as of the newest event, since whoever makes or ends a node tells it. Longer keys than
 * `shortKeyBytesMax` are not remembered.
 */
export class KeyCache {
  /** Told of the bytes it takes from now on. */
  grown: (bytes: number) => void = () => {};
  readonly #slotsMax: number;
  /** One set until the first key comes, and few while few come: a small database need not wait for megabytes of zeros. */
  #table = new KeyTable(2);
  /** 0 once it has all its memory. */
  #putsUntilGrowth = 1;
  /** The table before this one: keys that are asked for move over, so that they need not be looked for in the trees again. */
  #outgrown: KeyTable | undefined = undefined;
  #putsUntilDropped = 0;

  /** @param slots how many at the most: a power of two from 2 up. */
  constructor(slots: number) {
    this.#slotsMax = slots;
  }

  get bytes(): number {
    return this.#table.byteLength + (this.#outgrown?.byteLength ?? 0);
  }

  /** The id of the live node with a key, or 0 where that is not known. */
  get(key: KeyBytes): number {
    if (key.length > shortKeyBytesMax) return 0;
    const id = this.#table.get(key);
    return id !== 0 || this.#outgrown === undefined ? id : this.#moved(this.#outgrown, key);
  }

  /** Remembers the live node with the key bytes[from … to); what came longest ago in its set makes room. */
  put(bytes: Uint8Array, from: number, to: number, hash: number, id: number): void {
    if (to - from > shortKeyBytesMax) return;
    if (this.#putsUntilDropped > 0 && --this.#putsUntilDropped === 0) this.#dropOutgrown();
    if (this.#putsUntilGrowth > 0 && --this.#putsUntilGrowth === 0) this.#grow();
    this.#table.put(bytes, from, to, hash, id);
  }

  forget(bytes: Uint8Array, from: number, to: number, hash: number): void {
    if (to - from > shortKeyBytesMax) return;
    this.#table.forget(bytes, from, to, hash);
    this.#outgrown?.forget(bytes, from, to, hash);
  }

  clear(): void {
    this.#table.clear();
    this.#outgrown?.clear();
  }

  /** Begins a larger table, an empty one: to move all there is at once would take a turn of its own. */
  #grow(): void {
    const { slots } = this.#table;
    this.#outgrown = this.#table;
    this.#putsUntilDropped = slots;
    this.#table = new KeyTable(
      Math.min(this.#slotsMax, Math.max(slotsAtFirst, slots * growthFactor)),
    );
    const grown = this.#table.slots;
    this.#putsUntilGrowth = grown < this.#slotsMax ? grown / 2 : 0;
    this.grown(this.bytes);
  }

  #moved(outgrown: KeyTable, key: KeyBytes): number {
    const id = outgrown.get(key);
    if (id !== 0) this.put(key.bytes, 0, key.length, key.hash, id);
    return id;
  }

  #dropOutgrown(): void {
    this.#outgrown = undefined;
    this.grown(this.bytes);
  }
}

/** Keys as strings by node id, in as many places as it was made with. */
export class KeyStrings {
  readonly #slots: number;
  /** One slot until the first key comes, then as many as ids ask for. */
  #ids = new Uint32Array(1);
  #keys: (string | undefined)[] = [undefined];
  #mask = 0;
  /** Whether ids may share a slot. Until they do nobody has to look whose a key is: one miss of the processor's caches less. */
  #isShared = true;

  get bytes(): number {
    return this.#ids.length * (cachedKeyUnitsMax / 2 + 8);
  }

  /** @param slots a power of two. */
  constructor(slots: number) {
    this.#slots = slots;
  }

  get(id: number): string | undefined {
    const slot = id & this.#mask;
    const isOwn = this.#isShared ? this.#ids[slot] === id : slot === id;
    return isOwn ? this.#keys[slot] : undefined;
  }

  put(id: number, key: string): void {
    // Long keys are rare, and a cache of them could not be called bounded.
    if (key.length > cachedKeyUnitsMax) return;
    if (id > this.#mask && this.#mask + 1 < this.#slots) this.#grow(id);
    const slot = id & this.#mask;
    if (slot !== id) this.#isShared = true;
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

  /** Makes room for an id. No two share a slot while there is less than the whole memory: every key stays in its place. */
  #grow(id: number): void {
    let slots = Math.max(slotsAtFirst, this.#ids.length);
    while (slots <= id && slots < this.#slots) slots *= growthFactor;
    slots = Math.min(slots, this.#slots);
    const ids = new Uint32Array(slots);
    ids.set(this.#ids);
    this.#ids = ids;
    const keys = new Array<string | undefined>(slots).fill(undefined);
    for (const [slot, key] of this.#keys.entries()) keys[slot] = key;
    this.#keys = keys;
    this.#mask = slots - 1;
    this.#isShared = false;
  }
}
