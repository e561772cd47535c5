// Bounded caches in front of the trees: from a short key to the id of its live node, and from an id to its key as a string.

import { type KeyBytes, shortKeyBytesMax, shortKeyWords } from "./key-bytes.ts";

const slotWords: number = shortKeyWords + 1;
const setWords: number = slotWords * 2;
const cachedKeyUnitsMax = 128;
/** Caches begin with so many slots, and grow by so much. */
const slotsAtFirst = 256;
const growthFactor = 16;

/**
 * Exact: what it has is so as of the newest event, since whoever makes or ends a node tells it. A slot is an id and the key as
 * `KeyBytes.words` has it; the two slots of a set lie in one line of memory. Longer keys are not remembered.
 */
export class KeyCache {
  /** Told of the bytes it takes from now on. */
  grown: (bytes: number) => void = () => {};
  readonly #slotsMax: number;
  /** One set until the first key comes, and few while few come: a small database need not wait for megabytes of zeros. */
  #words = new Uint32Array(setWords);
  #bytes = new Uint8Array(this.#words.buffer);
  #setMask = 0;
  /** 0 once it has all its memory. */
  #putsUntilGrowth = 1;

  /** @param slots how many at the most: a power of two from 2 up. */
  constructor(slots: number) {
    this.#slotsMax = slots;
  }

  get bytes(): number {
    return this.#words.byteLength;
  }

  /** The id of the live node with a key, or 0 where that is not known. */
  get(key: KeyBytes): number {
    if (key.length > shortKeyBytesMax) return 0;
    const words = this.#words;
    const at = (key.hash & this.#setMask) * setWords;
    if (isAt(words, at, key.words)) return words[at]!;
    return isAt(words, at + slotWords, key.words) ? words[at + slotWords]! : 0;
  }

  /** Remembers the live node with the key bytes[from … to); what came longest ago in its set makes room. */
  put(bytes: Uint8Array, from: number, to: number, hash: number, id: number): void {
    if (to - from > shortKeyBytesMax) return;
    if (this.#putsUntilGrowth > 0 && --this.#putsUntilGrowth === 0) this.#grow();
    const words = this.#words;
    const at = (hash & this.#setMask) * setWords;
    if (!this.#isKeyAt(at, bytes, from, to)) {
      for (let word = at; word < at + slotWords; word++) words[word + slotWords] = words[word]!;
      this.#writeKey(at, bytes, from, to);
    }
    words[at] = id;
  }

  forget(bytes: Uint8Array, from: number, to: number, hash: number): void {
    const at = (hash & this.#setMask) * setWords;
    for (let slot = at; slot < at + setWords; slot += slotWords) {
      if (this.#isKeyAt(slot, bytes, from, to)) this.#words.fill(0, slot, slot + slotWords);
    }
  }

  clear(): void {
    this.#words.fill(0);
  }

  /** Takes more memory, and forgets what it had: with the hashes not kept, that is all there is to do. */
  #grow(): void {
    const slots = Math.min(this.#slotsMax, Math.max(slotsAtFirst, this.#slotsNow * growthFactor));
    this.#words = new Uint32Array(slots * slotWords);
    this.#bytes = new Uint8Array(this.#words.buffer);
    this.#setMask = slots / 2 - 1;
    this.#putsUntilGrowth = slots < this.#slotsMax ? slots / 2 : 0;
    this.grown(this.bytes);
  }

  get #slotsNow(): number {
    return this.#words.length / slotWords;
  }

  #writeKey(slot: number, bytes: Uint8Array, from: number, to: number): void {
    const cached = this.#bytes;
    const start = (slot + 1) * 4;
    for (let word = slot + 1; word < slot + slotWords; word++) this.#words[word] = 0;
    for (let at = from; at < to; at++) cached[start + at - from] = bytes[at]!;
    cached[start + shortKeyBytesMax] = to - from;
  }

  #isKeyAt(slot: number, bytes: Uint8Array, from: number, to: number): boolean {
    const cached = this.#bytes;
    const start = (slot + 1) * 4;
    if (this.#words[slot] === 0 || cached[start + shortKeyBytesMax] !== to - from) return false;
    for (let at = from; at < to; at++) if (cached[start + at - from] !== bytes[at]) return false;
    return true;
  }
}

/** Whether a slot has a key; an empty slot has none. */
function isAt(words: Uint32Array, slot: number, key: Uint32Array): boolean {
  return (
    words[slot + 4] === key[3] &&
    words[slot + 3] === key[2] &&
    words[slot + 2] === key[1] &&
    words[slot + 1] === key[0] &&
    words[slot + 7] === key[6] &&
    words[slot + 5] === key[4] &&
    words[slot + 6] === key[5]
  );
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
