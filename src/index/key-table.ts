// A table of fixed size from short keys to the ids of their live nodes: sets of two slots, in which what came longest ago makes room.

import { type KeyBytes, shortKeyBytesMax, shortKeyWords } from "./key-bytes.ts";

const slotWords: number = shortKeyWords + 1;
const setWords: number = slotWords * 2;

export const keySlotBytes: number = slotWords * 4;

/** A slot is an id and the key as `KeyBytes.words` has it; the two slots of a set lie in one line of memory. */
export class KeyTable {
  readonly slots: number;
  readonly #words: Uint32Array;
  readonly #bytes: Uint8Array;
  readonly #setMask: number;

  /** @param slots a power of two from 2 up. */
  constructor(slots: number) {
    this.slots = slots;
    this.#words = new Uint32Array(slots * slotWords);
    this.#bytes = new Uint8Array(this.#words.buffer);
    this.#setMask = slots / 2 - 1;
  }

  get byteLength(): number {
    return this.#words.byteLength;
  }

  /** The id of a key of up to `shortKeyBytesMax` bytes, or 0. */
  get(key: KeyBytes): number {
    const words = this.#words;
    const at = (key.hash & this.#setMask) * setWords;
    if (isAt(words, at, key.words)) return words[at]!;
    return isAt(words, at + slotWords, key.words) ? words[at + slotWords]! : 0;
  }

  put(bytes: Uint8Array, from: number, to: number, hash: number, id: number): void {
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
