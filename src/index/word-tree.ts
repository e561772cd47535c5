// An in-memory B+Tree of fixed-width tuples of unsigned 32-bit words, with an insert buffer: inserts are staged unsorted, sorted
// when the buffer is full, and merged into the leaves bit by bit while it fills again, or at once when something is read.

import { requireRange, TreeCore } from "./word-tree-core.ts";
import { TreeCursor } from "./word-tree-cursor.ts";
import {
  copyWords,
  isBelow,
  isSame,
  linkAfter,
  moveWords,
  sumOfLines,
  type TreeNode,
} from "./word-tree-node.ts";
import { TupleSorter } from "./word-tree-sort.ts";

export interface WordTreeOptions {
  /** Words of an entry, 1 to 8. */
  readonly width: number;
  /** Trailing words of an entry that do not take part in its order; default 0. */
  readonly payloadWords?: number;
  /** Entries of a leaf. */
  readonly leafCapacity?: number;
  /** Children of an inner node. */
  readonly innerCapacity?: number;
  /** Entries staged before they are sorted into a batch, which is merged into the leaves while the next is staged. */
  readonly stagingCapacity?: number;
  /** Where fewer: entries staged before the first merge, so that trees that fill in step merge at different times. */
  readonly firstStagingCapacity?: number;
}

const stagingCountMin = 64;
// With fewer entries still to merge, reading a whole leaf ahead costs more than it hides.
const overlapCountMin = 32;
// Batches are merged in so many parts (a power of two); larger ones come at once, from loads that nobody waits for.
const batchPartBits = 6;
const batchCountMax = 65_536;

// Scratch of one merge. Nothing is kept between merges and merges do not nest, so all trees share it.
const sorter = new TupleSorter();
let places = new Uint32Array(0);

/** Keys are unique: an entry with the key of another replaces it. */
export class WordTree extends TreeCore {
  stagingCapacity: number;
  /** The entry that `insert` and `remove` speak of; filled by the caller. */
  readonly probe: Uint32Array;
  /** Means nothing; kept where it can be seen, so that the reads behind it are not optimised away. */
  linesSum = 0;

  #staging: Uint32Array;
  /** Entries staged before they become the batch that is merged next: at first, and now. */
  #firstStagingLimit: number;
  #stagingLimit: number;
  /** A sorted batch, older than what is staged; a part of it is merged with each part of the staging that fills. */
  #batch: Uint32Array = new Uint32Array(0);
  #batchAt = 0;
  #batchEnd = 0;
  #partEnd = 0;
  /** Results of `#findPlaces` and `#findFence` besides what they return. */
  #addedEnd = 0;
  #fenceBase = 0;

  constructor(options: WordTreeOptions) {
    super({
      width: options.width,
      payloadWords: options.payloadWords ?? 0,
      leafCapacity: options.leafCapacity ?? 512,
      innerCapacity: options.innerCapacity ?? 64,
    });
    this.stagingCapacity = options.stagingCapacity ?? 32_768;
    requireRange("stagingCapacity", this.stagingCapacity, 1, 2 ** 24);
    const first = options.firstStagingCapacity ?? this.stagingCapacity;
    this.#firstStagingLimit = Math.min(this.stagingCapacity, first);
    this.#stagingLimit = this.#firstStagingLimit;
    this.probe = new Uint32Array(this.width);
    this.#staging = new Uint32Array(Math.min(this.#stagingLimit, stagingCountMin) * this.width);
  }

  override get bytes(): number {
    return super.bytes + this.#staging.byteLength + this.#batch.byteLength;
  }

  override get count(): number {
    return super.count + this.#batchEnd - this.#batchAt;
  }

  /** Adds the entry in `probe`. */
  insert(): void {
    const { width, probe } = this;
    let base = this.stagedCount * width;
    if (base === this.#staging.length || this.stagedCount === this.#stagingLimit) {
      this.#makeRoom();
      base = this.stagedCount * width;
    }
    const staging = this.#staging;
    for (let word = 0; word < width; word++) staging[base + word] = probe[word]!;
    this.stagedCount++;
    if (this.stagedCount === this.#partEnd) this.#mergePart();
  }

  /** Takes out the entry with the key in `probe`; false when there is none. */
  remove(): boolean {
    this.settle();
    const { probe, width } = this;
    const leaf = this.leafOf(probe, 0);
    const ordinal = this.bound(leaf.words, width, 0, leaf.count, probe, 0, -1);
    if (ordinal === leaf.count || !isSame(leaf.words, ordinal * width, probe, 0, this.keyWords)) {
      return false;
    }
    this.removeEntry(leaf, ordinal);
    return true;
  }

  /** Changes how much is staged before a merge: a load that nobody reads from merges better in large portions. */
  setStagingCapacity(entries: number): void {
    requireRange("stagingCapacity", entries, 1, 2 ** 24);
    this.settle();
    this.stagingCapacity = entries;
    this.#firstStagingLimit = entries;
    this.#stagingLimit = entries;
    this.#staging = new Uint32Array(Math.min(entries, stagingCountMin) * this.width);
    this.#batch = new Uint32Array(0);
  }

  cursor(): WordCursor {
    return new WordCursor(this);
  }

  override clear(): void {
    super.clear();
    this.#batchAt = this.#batchEnd;
    this.#stagingLimit = this.#firstStagingLimit;
  }

  override settle(): void {
    this.#mergeBatch(this.#batchEnd);
    const count = this.stagedCount;
    if (count === 0) return;
    this.#merge(sorter.sort(this.#staging, this.width, this.keyWords, count), 0, count, count);
    this.stagedCount = 0;
  }

  override bound(
    words: Uint32Array,
    stride: number,
    low: number,
    high: number,
    probe: Uint32Array,
    probeBase: number,
    tie: 0 | -1,
  ): number {
    const { keyWords } = this;
    const first = probe[probeBase]!;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const base = middle * stride;
      const word = words[base]!;
      let isBelow = word < first;
      if (word === first) {
        isBelow = tie === 0;
        for (let at = 1; at < keyWords; at++) {
          const here = words[base + at]!;
          const there = probe[probeBase + at]!;
          if (here !== there) {
            isBelow = here < there;
            break;
          }
        }
      }
      if (isBelow) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #makeRoom(): void {
    const capacityWords = this.#stagingLimit * this.width;
    if (this.stagedCount === this.#stagingLimit) {
      if (this.stagedCount > batchCountMax) this.settle();
      else this.#startBatch();
      this.#stagingLimit = this.stagingCapacity;
    } else {
      const grown = new Uint32Array(Math.min(capacityWords, this.#staging.length * 4));
      grown.set(this.#staging);
      this.#staging = grown;
    }
  }

  /** Makes what is staged the batch. */
  #startBatch(): void {
    this.#mergeBatch(this.#batchEnd);
    const count = this.stagedCount;
    const sorted = sorter.sort(this.#staging, this.width, this.keyWords, count);
    if (this.#batch.length < count * this.width) {
      this.#batch = new Uint32Array(this.stagingCapacity * this.width);
    }
    this.#batch.set(sorted.subarray(0, count * this.width));
    this.#batchAt = 0;
    this.#batchEnd = count;
    this.#partEnd = 0;
    this.stagedCount = 0;
    // Cursors must not think that the leaves have everything.
    this.revision++;
    this.#mergePart();
  }

  /** Merges a part of the batch, in such steps that it is through before the staging is full again. */
  #mergePart(): void {
    const left = this.#batchEnd - this.#batchAt;
    const step = Math.max(1, this.stagingCapacity >>> batchPartBits);
    const steps = Math.max(1, Math.floor((this.stagingCapacity - this.stagedCount) / step) - 1);
    this.#partEnd = left === 0 ? 0 : this.stagedCount + step;
    this.#mergeBatch(this.#batchAt + Math.ceil(left / steps));
  }

  /** Merges the batch up to an entry, and on to the end of that one's leaf. */
  #mergeBatch(to: number): void {
    if (this.#batchAt === this.#batchEnd) return;
    this.#batchAt = this.#merge(this.#batch, this.#batchAt, to, this.#batchEnd);
  }

  /** Merges sorted entries from `at` up to `to`, and on to the end of the leaf; returns where that is. They end at `end`. */
  #merge(sorted: Uint32Array, from: number, to: number, end: number): number {
    if (places.length < end) places = new Uint32Array(end);
    let leaf: TreeNode | undefined;
    let at = from;
    while (at < to) {
      leaf = this.#leafAfter(leaf, sorted, at * this.width);
      const runEnd = this.#findPlaces(leaf, sorted, at, end);
      if (!this.#mergeRun(leaf, sorted, at)) leaf = undefined;
      at = runEnd;
    }
    this.revision++;
    return at;
  }

  /** The leaf of a key above those of the leaf before, looked for under the same parent first. */
  #leafAfter(before: TreeNode | undefined, sorted: Uint32Array, base: number): TreeNode {
    const level = this.innerLevels - 1;
    if (before === undefined || level < 0) return this.leafOf(sorted, base);
    const parent = this.path[level]!;
    const low = this.slots[level]! + 1;
    const slot = this.bound(parent.words, this.keyWords, low, parent.count, sorted, base, 0) - 1;
    // Under the last child there may be a fence further up.
    if (slot === parent.count - 1) return this.leafOf(sorted, base);
    this.slots[level] = slot;
    return parent.children![slot]!;
  }

  /**
   * Finds the run of staged entries from `at` on that belong into the leaf, and returns its end. Writes to `places`, for each of
   * them, how many entries of the leaf lie below it. Entries whose key is there already replace it at once; the others are moved
   * together, up to `#addedEnd`.
   */
  #findPlaces(leaf: TreeNode, sorted: Uint32Array, at: number, end: number): number {
    const { width, keyWords } = this;
    const { words, count } = leaf;
    const fences = this.#findFence();
    if (end - at >= overlapCountMin) this.linesSum = sumOfLines(words, count * width);
    let added = at;
    let place = 0;
    let i = at;
    for (; i < end; i++) {
      const base = i * width;
      if (place < count) place = this.bound(words, width, place, count, sorted, base, -1);
      if (place === count) {
        if (fences !== undefined && !isBelow(sorted, base, fences, this.#fenceBase, keyWords))
          break;
      } else if (isSame(words, place * width, sorted, base, keyWords)) {
        const payload = place * width + keyWords;
        copyWords(sorted, base + keyWords, words, payload, width - keyWords);
        continue;
      }
      if (added > at && places[added - 1] === place) {
        if (isSame(sorted, (added - 1) * width, sorted, base, keyWords)) added--;
      }
      if (added !== i) copyWords(sorted, base, sorted, added * width, width);
      places[added] = place;
      added++;
    }
    this.#addedEnd = added;
    return i;
  }

  /** The upper fence of the leaf of the last descent, in the returned words at `#fenceBase`; the last leaf has none. */
  #findFence(): Uint32Array | undefined {
    let level = this.innerLevels - 1;
    while (level >= 0 && this.slots[level]! + 1 === this.path[level]!.count) level--;
    if (level < 0) return undefined;
    this.#fenceBase = (this.slots[level]! + 1) * this.keyWords;
    return this.path[level]!.words;
  }

  /** Merges the run that `#findPlaces` found into its leaf; false when the leaf had to be split. */
  #mergeRun(leaf: TreeNode, sorted: Uint32Array, at: number): boolean {
    const addedEnd = this.#addedEnd;
    const total = leaf.count + addedEnd - at;
    this.entries += addedEnd - at;
    if (total > this.leafCapacity) {
      this.#mergeSplitting(leaf, total, sorted, at, addedEnd);
      return false;
    }
    if (addedEnd > at) this.#mergeInto(leaf, leaf, total, sorted, at, addedEnd);
    return true;
  }

  /** Spreads a leaf and its run over as many leaves as they need: evenly, or full ones when the tree grows at its end. */
  #mergeSplitting(
    leaf: TreeNode,
    total: number,
    sorted: Uint32Array,
    at: number,
    addedEnd: number,
  ): void {
    const capacity = this.leafCapacity;
    const leaves = Math.ceil(total / capacity);
    const isAppending = leaf.next === undefined && places[at] === leaf.count;
    let unmerged = addedEnd;
    let mergedEnd = total;
    for (let i = leaves - 1; i > 0; i--) {
      const start = isAppending ? i * capacity : Math.floor((total * i) / leaves);
      const right = this.newLeaf();
      linkAfter(leaf, right);
      unmerged = this.#mergeInto(leaf, right, mergedEnd - start, sorted, at, unmerged);
      leaf.count = start - (unmerged - at);
      mergedEnd = start;
    }
    this.#mergeInto(leaf, leaf, mergedEnd, sorted, at, unmerged);
    for (let i = 1, right = leaf.next; i < leaves && right !== undefined; i++, right = right.next) {
      this.adoptLeaf(right);
    }
    this.splits++;
  }

  /**
   * Writes the last `left` merged entries of a leaf and its run into `to`, from the last to the first: into the leaf itself this
   * never writes over an entry it has yet to read. Returns the end of the run's entries still to merge.
   */
  #mergeInto(
    leaf: TreeNode,
    to: TreeNode,
    left: number,
    sorted: Uint32Array,
    at: number,
    unmerged: number,
  ): number {
    const { width } = this;
    let unread = leaf.count;
    to.count = left;
    while (left > 0 && unmerged > at) {
      const block = Math.min(unread - places[unmerged - 1]!, left);
      if (block > 0) {
        const from = (unread - block) * width;
        const target = (left - block) * width;
        if (to === leaf) moveWords(to.words, target, from, unread * width);
        else copyWords(leaf.words, from, to.words, target, block * width);
        unread -= block;
        left -= block;
      }
      if (left > 0) {
        left--;
        unmerged--;
        copyWords(sorted, unmerged * width, to.words, left * width, width);
      }
    }
    // The run is used up: what is left comes from the leaf, where the leaf's own first entries are in place already.
    if (to !== leaf) copyWords(leaf.words, (unread - left) * width, to.words, 0, left * width);
    return unmerged;
  }
}

/** A cursor over a WordTree. */
export class WordCursor extends TreeCursor<WordTree> {
  readonly #target: Uint32Array;

  constructor(tree: WordTree) {
    super(tree);
    this.#target = new Uint32Array(tree.keyWords);
  }

  /** Moves to the first entry whose first `words` words are at or above the probe's; false when there is none. */
  seek(probe: Uint32Array, words: number): boolean {
    this.#aim(probe, words, 0);
    return this.seekFrom(this.#target);
  }

  /** Moves to the last entry whose first `words` words are at or below the probe's; false when there is none. */
  seekLast(probe: Uint32Array, words: number): boolean {
    this.#aim(probe, words, 0xffff_ffff);
    return this.seekUpTo(this.#target);
  }

  #aim(probe: Uint32Array, words: number, rest: number): void {
    const target = this.#target;
    for (let word = 0; word < target.length; word++) {
      target[word] = word < words ? probe[word]! : rest;
    }
  }
}
