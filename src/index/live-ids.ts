// Which node ids are live now, a bit for each, in pages that are read from the trees when ids are asked for and dropped when there
// are too many: for writes that name nodes by id, a hundred thousand at a time.

import { limits } from "../codec/limits.ts";
import type { NodeVersions } from "./node-versions.ts";

const pageBits = 12;
const pageIds = 1 << pageBits;
const pageMask = pageIds - 1;
const pageWords = pageIds / 32;
/** Ids of a page that are looked up one by one before it is read: what reading it costs. */
const missesBeforeRead = 128;

export class LiveIds {
  /** The highest id that ever was a node's. */
  highest = 0;

  readonly #nodes: NodeVersions;
  readonly #pagesMax: number;
  readonly #pages: (Uint32Array | undefined)[] = [];
  /** The ordinals of the pages held; the oldest at the hand once it is full. */
  readonly #ring: number[] = [];
  #hand = 0;
  #misses = new Uint8Array(64);

  constructor(nodes: NodeVersions, pagesMax: number) {
    this.#nodes = nodes;
    this.#pagesMax = pagesMax;
  }

  get bytes(): number {
    return this.#ring.length * pageWords * 4 + this.#misses.length;
  }

  /** Whether a 32-bit number is the id of a live node. */
  has(id: number): boolean {
    const page = this.#pages[id >>> pageBits];
    if (page === undefined) return id <= this.highest && this.#lookUp(id);
    return (page[(id & pageMask) >>> 5]! & (1 << (id & 31))) !== 0;
  }

  /** A new node. */
  create(id: number): void {
    const ordinal = id >>> pageBits;
    // No id of the page was ever used: there is nothing to read.
    if (this.highest === 0 || ordinal > this.highest >>> pageBits) {
      if (this.#pages[ordinal] === undefined) this.#admit(ordinal, new Uint32Array(pageWords));
    }
    if (id > this.highest) this.highest = id;
    this.set(id, true);
  }

  set(id: number, isLive: boolean): void {
    const page = this.#pages[id >>> pageBits];
    if (page === undefined) return;
    const word = (id & pageMask) >>> 5;
    if (isLive) page[word]! |= 1 << (id & 31);
    else page[word]! &= ~(1 << (id & 31));
  }

  clear(highest: number): void {
    this.highest = highest;
    this.#pages.length = 0;
    this.#ring.length = 0;
    this.#hand = 0;
    this.#misses.fill(0);
  }

  #lookUp(id: number): boolean {
    const ordinal = id >>> pageBits;
    if (ordinal >= this.#misses.length) {
      const grown = new Uint8Array(Math.max(ordinal + 1, this.#misses.length * 2));
      grown.set(this.#misses);
      this.#misses = grown;
    }
    if (this.#misses[ordinal]! < missesBeforeRead) {
      this.#misses[ordinal]!++;
      return this.#nodes.findLive(id, limits.lsnMax);
    }
    this.#misses[ordinal] = 0;
    const page = new Uint32Array(pageWords);
    this.#nodes.readLive((ordinal << pageBits) >>> 0, pageIds, page);
    this.#admit(ordinal, page);
    return this.has(id);
  }

  #admit(ordinal: number, page: Uint32Array): void {
    if (this.#ring.length < this.#pagesMax) {
      this.#ring.push(ordinal);
    } else {
      this.#pages[this.#ring[this.#hand]!] = undefined;
      this.#ring[this.#hand] = ordinal;
      this.#hand = (this.#hand + 1) % this.#pagesMax;
    }
    this.#pages[ordinal] = page;
  }
}
