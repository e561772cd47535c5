// What a merge leaves out: versions that no read at or above the horizon can see, and removals of what is nowhere any more.

import { compareBytes } from "../codec/text.ts";
import type { EntrySink } from "./disk-tree-merge.ts";
import { edgeRemoved } from "./edge-versions.ts";
import { keyRemoved } from "./key-layers.ts";
import { labelDropped } from "./label-versions.ts";
import { versionRemoves } from "./node-versions.ts";
import { compareWords } from "./page-decoded.ts";
import type { EntryShape } from "./page-format.ts";
import { twoTo32 } from "./tree-floor.ts";
import { type TreeName, treeShapes } from "./tree-kind.ts";

/** What compaction allows a merge. */
export interface Retention {
  /** No read names a lower LSN, ever again. */
  readonly horizon: number;
  /** Whether nothing older lies below what is merged. */
  readonly isOldest: boolean;
  /**
   * Of each segment of the log, ascending, its first LSN and the horizon that it was compacted to: an edge that is removed is told
   * from one that is not by its removal alone, as long as the log has its `edge.add`.
   */
  readonly compacted: Float64Array;
}

/** A sink that holds entries back until it knows whether they are to be kept. */
export interface RetainingSink extends EntrySink {
  /** Writes what is held back; nothing comes after. */
  finish(): void;
}

/** Lets through what a merge keeps of a tree. @param firstLsn of the oldest run that is merged. */
export function retainingSink(
  name: TreeName,
  retention: Retention,
  firstLsn: number,
  writer: EntrySink,
): RetainingSink {
  const isAdjacency = name === "out" || name === "in";
  return isAdjacency
    ? new AdjacencyRetention(retention, firstLsn, writer)
    : new VersionRetention(name, retention, firstLsn, writer);
}

const removalFlags: Readonly<Record<Exclude<TreeName, "out" | "in">, number>> = {
  keys: keyRemoved,
  nodes: versionRemoves,
  edges: edgeRemoved,
  labels: labelDropped,
};

/** Of the versions of one thing at or below the horizon only the newest is kept, and that not where it is a removal at the bottom. */
class VersionRetention implements RetainingSink {
  /** Entries taken, kept or not. */
  entryCount = 0;

  readonly #writer: EntrySink;
  readonly #shape: EntryShape;
  readonly #retention: Retention;
  readonly #firstLsn: number;
  readonly #isEdges: boolean;
  readonly #removal: number;
  /** Words of what an entry is a version of; the LSN follows in two. */
  readonly #groupWords: number;
  readonly #held: Uint32Array;
  #holds = false;
  #heldKey: Uint8Array<ArrayBuffer> = new Uint8Array(64);
  #heldKeyLength = 0;
  #heldBlob: Uint8Array<ArrayBuffer> = new Uint8Array(256);
  #heldBlobLength = 0;
  #key: Uint8Array = this.#heldKey;
  #keyFrom = 0;
  #keyTo = 0;
  #blob: Uint8Array = this.#heldBlob;
  #blobFrom = 0;
  #blobTo = 0;

  constructor(
    name: Exclude<TreeName, "out" | "in">,
    retention: Retention,
    firstLsn: number,
    writer: EntrySink,
  ) {
    const shape = treeShapes[name];
    this.#writer = writer;
    this.#shape = shape;
    this.#retention = retention;
    this.#firstLsn = firstLsn;
    this.#isEdges = name === "edges";
    this.#removal = removalFlags[name];
    this.#groupWords = shape.width - shape.payloadWords - 2;
    this.#held = new Uint32Array(shape.width);
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
    for (let at = base; at < end; at += this.#shape.width) this.add(words, at);
  }

  add(words: Uint32Array, base: number): void {
    this.entryCount++;
    const lsnAt = base + this.#groupWords;
    const isOld = words[lsnAt]! * twoTo32 + words[lsnAt + 1]! <= this.#retention.horizon;
    if (this.#holds && !(isOld && this.#isVersionOfHeld(words, base))) this.#release();
    if (isOld) this.#hold(words, base);
    else this.#write(words, base);
  }

  finish(): void {
    if (this.#holds) this.#release();
  }

  #isVersionOfHeld(words: Uint32Array, base: number): boolean {
    if (compareWords(words, base, this.#held, 0, this.#groupWords) !== 0) return false;
    if (!this.#shape.keyBytes) return true;
    const length = this.#heldKeyLength;
    return compareBytes(this.#key, this.#keyFrom, this.#keyTo, this.#heldKey, 0, length) === 0;
  }

  /** Takes the place of what is held. */
  #hold(words: Uint32Array, base: number): void {
    const { width, keyBytes, blob } = this.#shape;
    for (let i = 0; i < width; i++) this.#held[i] = words[base + i]!;
    this.#holds = true;
    if (keyBytes) {
      const length = this.#keyTo - this.#keyFrom;
      if (length > this.#heldKey.length) this.#heldKey = new Uint8Array(length * 2);
      this.#heldKey.set(this.#key.subarray(this.#keyFrom, this.#keyTo));
      this.#heldKeyLength = length;
    }
    if (blob) {
      const length = this.#blobTo - this.#blobFrom;
      if (length > this.#heldBlob.length) this.#heldBlob = new Uint8Array(length * 2);
      this.#heldBlob.set(this.#blob.subarray(this.#blobFrom, this.#blobTo));
      this.#heldBlobLength = length;
    }
  }

  #release(): void {
    this.#holds = false;
    if (this.#isNeedless()) return;
    const { keyBytes, blob } = this.#shape;
    if (keyBytes) this.#writer.setKey(this.#heldKey, 0, this.#heldKeyLength);
    if (blob) this.#writer.setBlob(this.#heldBlob, 0, this.#heldBlobLength);
    this.#writer.add(this.#held, 0);
  }

  #write(words: Uint32Array, base: number): void {
    const { keyBytes, blob } = this.#shape;
    if (keyBytes) this.#writer.setKey(this.#key, this.#keyFrom, this.#keyTo);
    if (blob) this.#writer.setBlob(this.#blob, this.#blobFrom, this.#blobTo);
    this.#writer.add(words, base);
  }

  /** Whether what is held tells of the removal of something that has no other version below. */
  #isNeedless(): boolean {
    const held = this.#held;
    if ((held[this.#shape.width - 1]! & this.#removal) === 0) return false;
    if (!this.#isEdges) return this.#retention.isOldest;
    const edge = held[0]! * twoTo32 + held[1]!;
    const removedAt = held[2]! * twoTo32 + held[3]!;
    const isAllHere = this.#retention.isOldest || edge >= this.#firstLsn;
    return isAllHere && compactedTo(this.#retention.compacted, edge) >= removedAt;
  }
}

/** Where the edge's id and the LSN of its removal are in an entry. */
const edgeWord = 3;
const removalWord = 5;

/** An edge that was removed at or below the horizon is left out with the merge that has its beginning: that knows no other version. */
class AdjacencyRetention implements RetainingSink {
  entryCount = 0;

  readonly #writer: EntrySink;
  readonly #horizon: number;
  /** Edges from this one on begin in what is merged. */
  readonly #ownFrom: number;

  constructor({ horizon, isOldest }: Retention, firstLsn: number, writer: EntrySink) {
    this.#writer = writer;
    this.#horizon = horizon;
    this.#ownFrom = isOldest ? 0 : firstLsn;
  }

  addRun(words: Uint32Array, base: number, end: number): void {
    const { width } = treeShapes.out;
    this.entryCount += (end - base) / width;
    let from = base;
    for (let at = base; at < end; at += width) {
      if (!this.#isNeedless(words, at)) continue;
      if (at > from) this.#writer.addRun(words, from, at);
      from = at + width;
    }
    if (end > from) this.#writer.addRun(words, from, end);
  }

  add(words: Uint32Array, base: number): void {
    this.addRun(words, base, base + treeShapes.out.width);
  }

  setKey(bytes: Uint8Array, from: number, to: number): void {
    this.#writer.setKey(bytes, from, to);
  }

  setBlob(bytes: Uint8Array, from: number, to: number): void {
    this.#writer.setBlob(bytes, from, to);
  }

  finish(): void {
    // Nothing is ever held back.
  }

  #isNeedless(words: Uint32Array, base: number): boolean {
    const removedAt = words[base + removalWord]! * twoTo32 + words[base + removalWord + 1]!;
    if (removedAt === 0 || removedAt > this.#horizon) return false;
    return words[base + edgeWord]! * twoTo32 + words[base + edgeWord + 1]! >= this.#ownFrom;
  }
}

/** The horizon that the segment with an LSN was compacted to. */
function compactedTo(compacted: Float64Array, lsn: number): number {
  let low = 0;
  let high = compacted.length / 2;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compacted[middle * 2]! <= lsn) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? 0 : compacted[low * 2 - 1]!;
}
