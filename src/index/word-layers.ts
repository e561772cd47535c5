// The layers of one logical tree of words, newest first: the active one, which takes what comes, a frozen one while it is written to
// disk, and the trees of the runs. Of entries with the same key the newest layer's counts.

import type { DiskTree } from "./disk-tree.ts";
import type { DiskWordCursor } from "./disk-tree-cursor.ts";
import { type EntrySource, MergedCursor, MergedWordCursor } from "./disk-tree-merge.ts";
import { compareWords, noWords } from "./page-decoded.ts";
import { TreeFloor } from "./tree-floor.ts";
import { WordTree, type WordTreeOptions } from "./word-tree.ts";
import { copyWords } from "./word-tree-node.ts";

/** The face that cursors over trees in memory and on disk have in common. */
export interface LayerCursor extends EntrySource {
  readonly tree: { readonly width: number };
  seek(probe: Uint32Array, words: number): boolean;
  seekLast(probe: Uint32Array, words: number): boolean;
  prev(): boolean;
}

/** Merges cursors that stand where the merge is to begin. */
export class LayerMerge extends MergedCursor {
  begin(cursors: readonly LayerCursor[]): boolean {
    return this.start(cursors);
  }
}

export class WordLayers {
  active: WordTree;
  frozen: WordTree | undefined = undefined;
  disks: readonly DiskTree[] = [];
  /** Those of every layer, newest first. Each is good until anything else is called. */
  cursors: readonly LayerCursor[] = [];
  /** Whether there is only the active layer. */
  isSingle = true;

  /** What the last successful `find` found: the entry is `words[base] …`. */
  words: Uint32Array = noWords;
  base = 0;
  isFrozen = false;
  /** The cursor that stands on the entry found, where it is on disk. */
  disk: DiskWordCursor | undefined = undefined;

  /** Empty, with the memory of a layer that was dropped: the next active one. */
  #spare: WordTree | undefined = undefined;
  readonly #options: WordTreeOptions;
  #stagingCapacity: number | undefined;
  readonly #floor = new TreeFloor();
  readonly #found: LayerCursor[] = [];
  #diskCursors: readonly DiskWordCursor[] = [];
  #merged: MergedWordCursor | undefined = undefined;

  constructor(options: WordTreeOptions) {
    this.#options = options;
    this.#stagingCapacity = options.stagingCapacity;
    this.active = new WordTree(options);
    this.#renew();
  }

  /** Entries of all layers, those included that a newer layer hides. */
  get count(): number {
    let count = this.active.count + (this.frozen?.count ?? 0);
    for (const disk of this.disks) count += disk.count;
    return count;
  }

  /** Memory that waits for entries to come, in bytes. */
  get spareBytes(): number {
    const spare = this.#spare;
    return this.active.spareBytes + (spare?.bytes ?? 0) + (spare?.spareBytes ?? 0);
  }

  /** A cursor over all layers that moves forward. */
  get merged(): MergedWordCursor {
    if (this.#merged === undefined) {
      const { width, keyWords } = this.active;
      this.#merged = new MergedWordCursor(this.cursors, width, keyWords);
    }
    return this.#merged;
  }

  /** See `WordTree.setStagingCapacity`; goes for all active layers to come. Returns the capacity before. */
  setStagingCapacity(entries: number): number {
    const before = this.active.stagingCapacity;
    this.active.setStagingCapacity(entries);
    this.#stagingCapacity = entries;
    this.#spare = undefined;
    return before;
  }

  /** Takes out the entry with this key from the layer in memory that has it. */
  remove(probe: Uint32Array): boolean {
    return (
      removeFrom(this.active, probe) ||
      (this.frozen !== undefined && removeFrom(this.frozen, probe))
    );
  }

  /** Finds the last entry at or below the probe among those with its first `prefixWords` words: in the newest layer with one. */
  find(probe: Uint32Array, prefixWords: number): boolean {
    if (this.#findIn(this.active, probe, prefixWords)) {
      this.isFrozen = false;
      return true;
    }
    if (this.frozen !== undefined && this.#findIn(this.frozen, probe, prefixWords)) {
      this.isFrozen = true;
      return true;
    }
    return this.disks.length > 0 && this.#findOnDisk(probe, prefixWords);
  }

  /** The cursors of the layers with entries that begin with the probe's first words, each on the first of them, newest first. */
  seekAll(probe: Uint32Array, prefixWords: number): readonly LayerCursor[] {
    const found = this.#found;
    const { cursors } = this;
    found.length = 0;
    for (let i = 0; i < cursors.length; i++) {
      if (!this.mayContain(i, probe[0]!)) continue;
      const cursor = cursors[i]!;
      if (!cursor.seek(probe, prefixWords)) continue;
      if (hasPrefix(cursor.words, cursor.base, probe, prefixWords)) found.push(cursor);
    }
    return found;
  }

  /** False only where the layer of a cursor has no entry with this first word. */
  mayContain(ordinal: number, firstWord: number): boolean {
    const disk = ordinal - (this.cursors.length - this.disks.length);
    return disk < 0 || this.disks[disk]!.mayContain(firstWord);
  }

  /** Makes the active layer the frozen one; there must be none. */
  freeze(): void {
    this.frozen = this.active;
    this.active = this.#spare ?? this.#newTree();
    this.#spare = undefined;
    this.#renew();
  }

  /** @param keepsMemory whether the next active layer takes the memory of the frozen one: nobody reads that any more. */
  dropFrozen(keepsMemory: boolean): void {
    if (keepsMemory) {
      this.frozen?.clear();
      this.#spare = this.frozen;
    }
    this.frozen = undefined;
    this.#renew();
  }

  /** Takes the trees of other runs, newest first. */
  setDisks(disks: readonly DiskTree[]): void {
    this.disks = disks;
    this.#diskCursors = disks.map((disk) => disk.cursor());
    this.#renew();
  }

  /** Takes over the layers of another one, which is worthless from then on. */
  adopt(other: WordLayers): void {
    this.active = other.active;
    this.frozen = other.frozen;
    this.setDisks(other.disks);
  }

  clear(): void {
    this.active = this.#newTree();
    this.frozen = undefined;
    this.#spare = undefined;
    this.setDisks([]);
  }

  /** Throws an Error naming the first broken invariant of a tree in memory. */
  check(): void {
    this.active.check();
    this.frozen?.check();
  }

  #newTree(): WordTree {
    const stagingCapacity = this.#stagingCapacity;
    return new WordTree({
      ...this.#options,
      ...(stagingCapacity === undefined ? {} : { stagingCapacity }),
    });
  }

  /** Makes the cursors anew: none outlives its layer. */
  #renew(): void {
    const cursors: LayerCursor[] = [this.active.cursor()];
    if (this.frozen !== undefined) cursors.push(this.frozen.cursor());
    this.cursors = [...cursors, ...this.#diskCursors];
    this.isSingle = this.cursors.length === 1;
    this.#merged = undefined;
    this.#found.length = 0;
    this.disk = undefined;
    this.words = noWords;
  }

  #findIn(tree: WordTree, probe: Uint32Array, prefixWords: number): boolean {
    const floor = this.#floor;
    if (tree.count === 0 || !floor.find(tree, probe)) return false;
    if (!hasPrefix(floor.words, floor.base, probe, prefixWords)) return false;
    this.words = floor.words;
    this.base = floor.base;
    this.disk = undefined;
    return true;
  }

  #findOnDisk(probe: Uint32Array, prefixWords: number): boolean {
    const { disks } = this;
    for (let i = 0; i < disks.length; i++) {
      const disk = disks[i]!;
      const { minWords, maxWords } = disk.footer;
      if (compareWords(probe, 0, minWords, 0, prefixWords) < 0) continue;
      if (compareWords(probe, 0, maxWords, 0, prefixWords) > 0) continue;
      if (!disk.mayContain(probe[0]!)) continue;
      const cursor = this.#diskCursors[i]!;
      if (!cursor.seekLast(probe, disk.keyWords)) continue;
      if (!hasPrefix(cursor.words, cursor.base, probe, prefixWords)) continue;
      this.words = cursor.words;
      this.base = cursor.base;
      this.disk = cursor;
      return true;
    }
    return false;
  }
}

function removeFrom(tree: WordTree, probe: Uint32Array): boolean {
  if (tree.count === 0) return false;
  copyWords(probe, 0, tree.probe, 0, tree.keyWords);
  return tree.remove();
}

export function hasPrefix(
  words: Uint32Array,
  base: number,
  probe: Uint32Array,
  prefixWords: number,
): boolean {
  for (let word = 0; word < prefixWords; word++) {
    if (words[base + word] !== probe[word]) return false;
  }
  return true;
}
