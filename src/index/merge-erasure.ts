// What a merge leaves out of nodes that were erased: every entry that names one of them, whatever its LSN.

import type { EntrySink } from "./disk-tree-merge.ts";
import { type TreeName, treeShapes } from "./tree-kind.ts";

/** In which words of an entry ids of nodes stand; versions of edges name none. */
const nodeWords: Readonly<Record<TreeName, readonly number[]>> = {
  keys: [2],
  nodes: [0],
  out: [0, 2],
  in: [0, 2],
  edges: [],
  labels: [1],
};

/** Lets through what names none of these nodes. */
export class ErasingSink implements EntrySink {
  /** Entries taken, kept or not. */
  entryCount = 0;
  readonly #writer: EntrySink;
  readonly #erased: ReadonlySet<number>;
  readonly #words: readonly number[];
  readonly #width: number;
  #key: Uint8Array | undefined = undefined;
  #keyFrom = 0;
  #keyTo = 0;
  #blob: Uint8Array | undefined = undefined;
  #blobFrom = 0;
  #blobTo = 0;

  constructor(name: TreeName, erased: Iterable<number>, writer: EntrySink) {
    this.#writer = writer;
    this.#erased = new Set(erased);
    this.#words = nodeWords[name];
    this.#width = treeShapes[name].width;
  }

  setKey(bytes: Uint8Array, from: number, to: number): void {
    this.#key = bytes;
    this.#keyFrom = from;
    this.#keyTo = to;
  }

  setBlob(bytes: Uint8Array, from: number, to: number): void {
    this.#blob = bytes;
    this.#blobFrom = from;
    this.#blobTo = to;
  }

  addRun(words: Uint32Array, base: number, end: number): void {
    const width = this.#width;
    this.entryCount += (end - base) / width;
    let from = base;
    for (let at = base; at < end; at += width) {
      if (!this.#isErased(words, at)) continue;
      if (at > from) this.#writer.addRun(words, from, at);
      from = at + width;
    }
    if (end > from) this.#writer.addRun(words, from, end);
  }

  add(words: Uint32Array, base: number): void {
    this.entryCount++;
    if (this.#isErased(words, base)) return;
    // Order: a writer takes a key or a record for that of its next entry.
    if (this.#key !== undefined) this.#writer.setKey(this.#key, this.#keyFrom, this.#keyTo);
    if (this.#blob !== undefined) this.#writer.setBlob(this.#blob, this.#blobFrom, this.#blobTo);
    this.#writer.add(words, base);
  }

  #isErased(words: Uint32Array, base: number): boolean {
    for (const word of this.#words) if (this.#erased.has(words[base + word]!)) return true;
    return false;
  }
}
