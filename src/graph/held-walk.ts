// Keeps what an iterable reads from being compacted away: from its first step until it ends, is left, or is forgotten.

import type { ReadSource } from "./read-source.ts";

type Hold = NonNullable<ReadSource["hold"]>;

/** What walks are: iterators that end when they are told to, with nothing to say. */
export interface Walk<T> extends IterableIterator<T, void> {
  return(): IteratorResult<T, void>;
}

/** The same walk, which holds the state at `lsn` while it is under way. */
export function heldWalk<T>(source: ReadSource, lsn: number, walk: Walk<T>): IterableIterator<T> {
  return source.hold === undefined ? walk : new HeldWalk(source.hold, lsn, walk);
}

class HeldWalk<T> implements Walk<T> {
  readonly #hold: Hold;
  readonly #lsn: number;
  readonly #walk: Walk<T>;
  #release: (() => void) | undefined;
  #isOver = false;

  constructor(hold: Hold, lsn: number, walk: Walk<T>) {
    this.#hold = hold;
    this.#lsn = lsn;
    this.#walk = walk;
  }

  next(): IteratorResult<T, void> {
    if (this.#isOver) return { done: true, value: undefined };
    let isOver = true;
    try {
      this.#release ??= this.#hold(this, this.#lsn);
      const step = this.#walk.next();
      isOver = step.done === true;
      return step;
    } finally {
      if (isOver) this.#end();
    }
  }

  return(): IteratorResult<T, void> {
    this.#end();
    return this.#walk.return();
  }

  [Symbol.iterator](): this {
    return this;
  }

  #end(): void {
    this.#isOver = true;
    this.#release?.();
    this.#release = undefined;
  }
}
