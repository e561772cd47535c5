// Keeps decoded pages of all on-disk trees within one budget of bytes. What was not used since the clock's hand last passed goes first.

import type { DecodedPage, PageOwner } from "./page-decoded.ts";
import { PageReader } from "./page-reader.ts";

/** The share that one tree has of a cache, and its counters. */
export class CachedPages implements PageOwner {
  hits = 0;
  misses = 0;
  evictions = 0;
  /** Memory of the pages held, in bytes. */
  bytes = 0;

  readonly cache: PageCache;
  /** By offset in the file. */
  readonly #pages = new Map<number, DecodedPage>();

  constructor(cache: PageCache) {
    this.cache = cache;
  }

  get pageCount(): number {
    return this.#pages.size;
  }

  /** Counts a hit or a miss. */
  get(offset: number): DecodedPage | undefined {
    const page = this.#pages.get(offset);
    if (page === undefined) {
      this.misses++;
      return undefined;
    }
    this.hits++;
    page.wasUsed = true;
    return page;
  }

  put(page: DecodedPage): void {
    page.owner = this;
    this.#pages.set(page.offset, page);
    this.bytes += page.bytes;
    this.cache.admit(page);
  }

  forget(page: DecodedPage): void {
    this.#pages.delete(page.offset);
    this.bytes -= page.bytes;
    this.evictions++;
  }

  /** Gives all of its pages back, for a tree that is closed. */
  clear(): void {
    this.cache.drop(this);
    this.#pages.clear();
    this.bytes = 0;
  }
}

export class PageCache {
  /** Memory of the pages held, in bytes, and of what `charge` told. */
  bytes = 0;
  evictions = 0;
  /** What a tree throws instead of an error that it met when it read a page. */
  damaged: (error: unknown) => unknown = (error) => error;
  /** What reads pages for the trees of this cache, one at a time. */
  readonly reader: PageReader = new PageReader();

  #bytesMax: number;
  #reserved = 0;
  readonly #ring: DecodedPage[] = [];
  #hand = 0;

  /** @param bytesMax the budget; pages that a cursor stands on live on after they were dropped. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytesMax(): number {
    return this.#bytesMax;
  }

  get pageCount(): number {
    return this.#ring.length;
  }

  /** Changes the budget, and keeps to it at once. */
  setBytesMax(bytesMax: number): void {
    this.#bytesMax = bytesMax;
    this.#shrink();
  }

  /** Leaves so much of the budget to somebody else. */
  reserve(bytes: number): void {
    this.#reserved = bytes;
    this.#shrink();
  }

  /** A share for one more tree. */
  share(): CachedPages {
    return new CachedPages(this);
  }

  /** Takes memory that trees hold besides their pages off the budget, or gives it back. */
  charge(bytes: number): void {
    this.bytes += bytes;
    this.#shrink();
  }

  admit(page: DecodedPage): void {
    this.bytes += page.bytes;
    // A hand at the end goes on from the start, not to the page that comes just now.
    if (this.#hand >= this.#ring.length) this.#hand = 0;
    this.#ring.push(page);
    this.#shrink();
  }

  /** Forgets the pages of one owner. */
  drop(owner: PageOwner): void {
    let kept = 0;
    for (const page of this.#ring) {
      if (page.owner === owner) {
        this.bytes -= page.bytes;
        page.owner = undefined;
      } else {
        this.#ring[kept++] = page;
      }
    }
    this.#ring.length = kept;
    this.#hand = 0;
  }

  #shrink(): void {
    const ring = this.#ring;
    const bytesMax = this.#bytesMax - this.#reserved;
    while (this.bytes > bytesMax && ring.length > 0) {
      if (this.#hand >= ring.length) this.#hand = 0;
      const page = ring[this.#hand]!;
      if (page.wasUsed) {
        page.wasUsed = false;
        this.#hand++;
        continue;
      }
      const last = ring.pop()!;
      // The page that came last takes the place, and the hand passes it: it goes last.
      if (last !== page) ring[this.#hand++] = last;
      this.bytes -= page.bytes;
      this.evictions++;
      page.owner?.forget(page);
      page.owner = undefined;
    }
  }
}
