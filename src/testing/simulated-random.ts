// Random bytes from a seed: the same on every machine and Node version. Streams split by name, so that
// drawing more in one place does not change what another draws.
import type { Random } from "../disk/ports.ts";

export class SimulatedRandom implements Random {
  readonly #seed: number;
  #state: number;

  constructor(seed = 1) {
    this.#seed = seed >>> 0;
    this.#state = scramble(this.#seed);
  }

  /** The next number of 32 bits (mulberry32). */
  u32(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** A whole number from 0 up to, not including, `end` (at most 2^32). */
  below(end: number): number {
    return Math.floor((this.u32() / 2 ** 32) * end);
  }

  bytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    for (let at = 0; at < count; at++) bytes[at] = this.u32();
    return bytes;
  }

  /** Puts `items` in another order, in place. */
  shuffle<T>(items: T[]): T[] {
    for (let last = items.length - 1; last > 0; last--) {
      const other = this.below(last + 1);
      const item = items[last] as T;
      items[last] = items[other] as T;
      items[other] = item;
    }
    return items;
  }

  /** An independent stream, fixed by this one's seed and the name alone. */
  fork(name: string): SimulatedRandom {
    return new SimulatedRandom(hashText(name, this.#seed));
  }
}

/** A 32-bit hash of a text (FNV-1a). */
export function hashText(text: string, seed: number): number {
  let hash = scramble(seed) ^ 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  return scramble(hash >>> 0) >>> 0;
}

/** A 32-bit hash of bytes (FNV-1a). */
export function hashBytes(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < bytes.length; at++) {
    hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
  }
  return hash >>> 0;
}

function scramble(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x45d9f3b);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x45d9f3b);
  return mixed ^ (mixed >>> 16);
}
