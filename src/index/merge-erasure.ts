// What a merge leaves out whatever its LSN: every entry of nodes that were erased, and of graphs and maps that were dropped.

import { defaultFamily } from "../log/event-format.ts";
import type { EntrySink } from "./disk-tree-merge.ts";
import { familyOfKey } from "./family-key.ts";
import { type TreeName, treeShapes } from "./tree-kind.ts";

/** What of a run is not kept. */
export interface LeftOut {
  /** Ids of nodes. */
  readonly nodes: Uint32Array;
  /** Numbers of graphs and maps; those of a graph's nodes are found while the tree of nodes is merged. */
  readonly families: Uint32Array;
  /** Numbers of all maps: what stands behind their keys is no node's id. */
  readonly maps: Uint32Array;
}

/** In which words of an entry ids of nodes stand; versions of edges name none. */
const nodeWords: Readonly<Record<TreeName, readonly number[]>> = {
  keys: [2],
  nodes: [0],
  out: [0, 2],
  in: [0, 2],
  edges: [],
  labels: [1],
};

/** Lets through what names none of these nodes, graphs and maps. */
export class ErasingSink implements EntrySink {
  /** Entries taken, kept or not. */
  entryCount = 0;
  /** Ids of nodes that belong to one of the graphs, and were found by that. */
  readonly nodesFound: number[] = [];
  readonly #writer: EntrySink;
  readonly #nodes: ReadonlySet<number>;
  readonly #families: ReadonlySet<number>;
  readonly #maps: ReadonlySet<number>;
  readonly #words: readonly number[];
  readonly #width: number;
  #key: Uint8Array | undefined = undefined;
  #keyFrom = 0;
  #keyTo = 0;
  #blob: Uint8Array | undefined = undefined;
  #blobFrom = 0;
  #blobTo = 0;

  constructor(name: TreeName, { nodes, families, maps }: LeftOut, writer: EntrySink) {
    this.#writer = writer;
    this.#nodes = new Set(nodes);
    this.#families = new Set(families);
    this.#maps = new Set(maps);
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
    if (this.#isLeftOut(words, base)) return;
    // Order: a writer takes a key or a record for that of its next entry.
    if (this.#key !== undefined) this.#writer.setKey(this.#key, this.#keyFrom, this.#keyTo);
    if (this.#blob !== undefined) this.#writer.setBlob(this.#blob, this.#blobFrom, this.#blobTo);
    this.#writer.add(words, base);
  }

  #isLeftOut(words: Uint32Array, base: number): boolean {
    const family = this.#family();
    if (family === defaultFamily) return this.#isErased(words, base);
    if (this.#families.has(family)) {
      if (this.#blob !== undefined) this.#noteNode(words[base]!);
      return true;
    }
    return !this.#maps.has(family) && this.#isErased(words, base);
  }

  /** That of the entry's key, which begins the record of a node. */
  #family(): number {
    if (this.#key !== undefined) return familyOfKey(this.#key, this.#keyFrom);
    const blob = this.#blob;
    if (blob === undefined) return defaultFamily;
    const lengthBytes = blob[this.#blobFrom]! < 0x80 ? 1 : 2;
    return familyOfKey(blob, this.#blobFrom + lengthBytes);
  }

  /** The versions of a node follow one another. */
  #noteNode(id: number): void {
    const found = this.nodesFound;
    if (found[found.length - 1] !== id) found.push(id);
  }

  #isErased(words: Uint32Array, base: number): boolean {
    for (const word of this.#words) if (this.#nodes.has(words[base + word]!)) return true;
    return false;
  }
}
