// Node and edge counts as of some durable LSNs, some way apart: from the nearest one a count of events leads to any other.

import type { Counts } from "../graph/read-source.ts";

export interface CountsAt extends Counts {
  readonly lsn: number;
}

/** So many at the most: beyond, every second one is forgotten, and they lie twice as far apart. */
const anchorsMax = 4096;
const fields = 3;

/** The name under which a checkpoint holds them, beside the values of the system's own. */
export const countAnchorsName = "history\0counts";

export class CountAnchors {
  /** (LSN, nodes, edges), ascending. */
  #numbers: Float64Array = new Float64Array(16 * fields);
  #count = 0;
  #spacing: number;
  readonly #firstSpacing: number;

  /** @param spacing how many LSNs lie between two at first. */
  constructor(spacing: number) {
    this.#spacing = spacing;
    this.#firstSpacing = spacing;
  }

  get count(): number {
    return this.#count;
  }

  /** Takes note of what is durable and exact, unless it is too near to the last one. LSNs come in order. */
  note(lsn: number, nodes: number, edges: number): void {
    if (lsn - this.#lastLsn < this.#spacing) return;
    if (this.#count === anchorsMax) this.#thin();
    const at = this.#count * fields;
    if (at === this.#numbers.length) {
      const grown = new Float64Array(at * 2);
      grown.set(this.#numbers);
      this.#numbers = grown;
    }
    this.#numbers[at] = lsn;
    this.#numbers[at + 1] = nodes;
    this.#numbers[at + 2] = edges;
    this.#count++;
  }

  /** The last one at or below an LSN. */
  below(lsn: number): CountsAt | undefined {
    return this.#at(this.#endAt(lsn) - 1);
  }

  /** The first one above an LSN. */
  above(lsn: number): CountsAt | undefined {
    return this.#at(this.#endAt(lsn));
  }

  clear(): void {
    this.#count = 0;
    this.#spacing = this.#firstSpacing;
  }

  /** For a checkpoint to hold. */
  encode(): Uint8Array {
    const bytes = new Uint8Array(this.#count * fields * 8);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < this.#count * fields; i++) view.setFloat64(i * 8, this.#numbers[i]!, true);
    return bytes;
  }

  /** Takes over what a checkpoint at `lsn` holds; what makes no sense is left out, for all of it can be counted again. */
  load(value: unknown, lsn: number): void {
    this.clear();
    if (!(value instanceof Uint8Array) || value.length % (fields * 8) !== 0) return;
    const view = new DataView(value.buffer, value.byteOffset, value.length);
    for (let at = 0; at < value.length; at += fields * 8) {
      const anchor = view.getFloat64(at, true);
      if (!(Number.isSafeInteger(anchor) && anchor <= lsn)) return;
      this.note(anchor, view.getFloat64(at + 8, true), view.getFloat64(at + 16, true));
    }
  }

  get #lastLsn(): number {
    return this.#count === 0 ? 0 : this.#numbers[(this.#count - 1) * fields]!;
  }

  #thin(): void {
    this.#count >>>= 1;
    for (let i = 0; i < this.#count; i++) {
      const from = (i * 2 + 1) * fields;
      this.#numbers.copyWithin(i * fields, from, from + fields);
    }
    this.#spacing *= 2;
  }

  /** How many lie at or below an LSN. */
  #endAt(lsn: number): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#numbers[middle * fields]! <= lsn) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #at(ordinal: number): CountsAt | undefined {
    if (ordinal < 0 || ordinal >= this.#count) return undefined;
    const at = ordinal * fields;
    const numbers = this.#numbers;
    return { lsn: numbers[at]!, nodes: numbers[at + 1]!, edges: numbers[at + 2]! };
  }
}
