// Positions in an on-disk tree, with the face of the cursors of the in-memory trees. A cursor keeps the pages on its way alive.

import {
  boundKeys,
  boundWords,
  compareWords,
  type DecodedPage,
  noBytes,
  noWords,
  PageProbe,
} from "./page-decoded.ts";

/** What a cursor wants of its tree. */
export interface PagedTree {
  readonly width: number;
  readonly keyWords: number;
  /** Levels of pages, 0 for a tree without entries. */
  readonly height: number;
  root(): DecodedPage;
  child(page: DecodedPage, ordinal: number): DecodedPage;
  strideOf(page: DecodedPage): number;
}

/**
 * While `isValid`, the current entry is `words[base] … words[base + width - 1]`, and the entries up to `leafEnd` follow it in
 * the same array. A cursor that ran off an end, or whose move threw, is not valid and stays there until it seeks again.
 */
export abstract class DiskCursor {
  readonly tree: PagedTree;
  words: Uint32Array = noWords;
  base = 0;
  leafEnd = 0;
  isValid = false;

  protected readonly probe: PageProbe;
  #leaf: DecodedPage | undefined = undefined;
  /** The inner pages from the root down, and the entry taken in each. */
  readonly #path: DecodedPage[] = [];
  readonly #slots: number[] = [];

  constructor(tree: PagedTree) {
    this.tree = tree;
    this.probe = new PageProbe(tree.keyWords);
  }

  protected abstract bound(page: DecodedPage, stride: number, tie: 0 | -1): number;

  /** Moves to the next entry; false at the end. */
  next(): boolean {
    if (!this.isValid) return false;
    const base = this.base + this.tree.width;
    if (base === this.leafEnd) return this.nextLeaf();
    this.base = base;
    return true;
  }

  /** Moves to the entry before; false at the start. */
  prev(): boolean {
    if (!this.isValid) return false;
    if (this.base > 0) {
      this.base -= this.tree.width;
      return true;
    }
    this.#leave();
    const above = this.tree.height - 2;
    if (above < 0 || !this.#retreat(above)) return false;
    const leaf = this.#childAt(above);
    return this.#land(leaf, leaf.count - 1);
  }

  /** Moves past all entries up to `leafEnd`, to the first one of the next leaf; false at the end. */
  nextLeaf(): boolean {
    if (!this.isValid) return false;
    this.#leave();
    const above = this.tree.height - 2;
    if (above < 0 || !this.#advance(above)) return false;
    return this.#land(this.#childAt(above), 0);
  }

  /** Makes another entry of the current leaf the current one, for a loop that stops in the middle of a leaf. */
  moveTo(base: number): void {
    this.base = base;
  }

  /** The current key is keyChunk[keyFrom … keyTo); empty in a tree of words alone. */
  get keyChunk(): Uint8Array {
    return this.#leaf?.keys ?? noBytes;
  }

  get keyFrom(): number {
    return this.#leaf?.keyOffsets[this.base / this.tree.width] ?? 0;
  }

  get keyTo(): number {
    return this.#leaf?.keyOffsets[this.base / this.tree.width + 1] ?? 0;
  }

  /** The current blob is blobChunk[blobFrom … blobTo); empty in a tree without blobs. */
  get blobChunk(): Uint8Array {
    return this.#leaf?.blobs ?? noBytes;
  }

  get blobFrom(): number {
    return this.#leaf?.blobOffsets[this.base / this.tree.width] ?? 0;
  }

  get blobTo(): number {
    return this.#leaf?.blobOffsets[this.base / this.tree.width + 1] ?? 0;
  }

  /** Whether the probe certainly lies between two entries of a leaf, or on one: then nothing has to be looked for from the root. */
  protected surrounds(_leaf: DecodedPage): boolean {
    return false;
  }

  /** Moves to the first entry at or above the probe. */
  protected seekFrom(): boolean {
    const leaf = this.#descend();
    if (leaf === undefined) return false;
    const ordinal = this.bound(leaf, this.tree.width, -1);
    if (ordinal < leaf.count) return this.#land(leaf, ordinal);
    const above = this.tree.height - 2;
    if (above < 0 || !this.#advance(above)) return false;
    return this.#land(this.#childAt(above), 0);
  }

  /** Moves to the last entry at or below the probe (`tie` 0), or below it (`tie` -1). */
  protected seekUpTo(tie: 0 | -1): boolean {
    const near = this.#leaf;
    if (near !== undefined && tie === 0 && this.surrounds(near)) {
      return this.#land(near, this.bound(near, this.tree.width, tie) - 1);
    }
    const leaf = this.#descend();
    if (leaf === undefined) return false;
    const ordinal = this.bound(leaf, this.tree.width, tie);
    if (ordinal > 0) return this.#land(leaf, ordinal - 1);
    const above = this.tree.height - 2;
    if (above < 0 || !this.#retreat(above)) return false;
    const before = this.#childAt(above);
    return this.#land(before, before.count - 1);
  }

  /** The leaf whose range holds the probe; the first one where the probe is below all. */
  #descend(): DecodedPage | undefined {
    this.#leave();
    const { tree } = this;
    if (tree.height === 0) return undefined;
    let page = tree.root();
    for (let depth = 0; page.level > 0; depth++) {
      const slot = Math.max(0, this.bound(page, tree.strideOf(page), 0) - 1);
      this.#path[depth] = page;
      this.#slots[depth] = slot;
      page = tree.child(page, slot);
    }
    return page;
  }

  /** Takes the next entry of the inner page at a depth; false at the end of the tree. */
  #advance(depth: number): boolean {
    const slot = this.#slots[depth]! + 1;
    if (slot < this.#path[depth]!.count) {
      this.#slots[depth] = slot;
      return true;
    }
    // Invariant: only the last page of a level has no fence, so what was taken last is child 0 of the next page.
    if (depth === 0 || !this.#advance(depth - 1)) return false;
    const page = this.#childAt(depth - 1);
    this.#path[depth] = page;
    this.#slots[depth] = 1;
    return page.count > 1;
  }

  /** Takes the entry before of the inner page at a depth; false at the start of the tree. */
  #retreat(depth: number): boolean {
    const slot = this.#slots[depth]! - 1;
    if (slot >= 0) {
      this.#slots[depth] = slot;
      return true;
    }
    if (depth === 0 || !this.#retreat(depth - 1)) return false;
    const page = this.#childAt(depth - 1);
    this.#path[depth] = page;
    // The fence names the child that this came from.
    this.#slots[depth] = page.count - (page.hasFence ? 2 : 1);
    return true;
  }

  #childAt(depth: number): DecodedPage {
    return this.tree.child(this.#path[depth]!, this.#slots[depth]!);
  }

  #leave(): void {
    this.isValid = false;
    this.words = noWords;
    this.base = 0;
    this.leafEnd = 0;
    this.#leaf = undefined;
  }

  #land(leaf: DecodedPage, ordinal: number): boolean {
    const { width } = this.tree;
    this.#leaf = leaf;
    this.words = leaf.words;
    this.base = ordinal * width;
    this.leafEnd = leaf.count * width;
    this.isValid = true;
    return true;
  }
}

/** A cursor over an on-disk tree of words; as `WordCursor`. */
export class DiskWordCursor extends DiskCursor {
  /** Moves to the first entry whose first `words` words are at or above the probe's; false when there is none. */
  seek(probe: Uint32Array, words: number): boolean {
    aim(this.probe.words, probe, words, 0);
    return this.seekFrom();
  }

  /** Moves to the last entry whose first `words` words are at or below the probe's; false when there is none. */
  seekLast(probe: Uint32Array, words: number): boolean {
    aim(this.probe.words, probe, words, 0xffff_ffff);
    return this.seekUpTo(0);
  }

  protected override surrounds({ words, count }: DecodedPage): boolean {
    const { keyWords, width } = this.tree;
    const probe = this.probe.words;
    return (
      compareWords(probe, 0, words, 0, keyWords) >= 0 &&
      compareWords(probe, 0, words, (count - 1) * width, keyWords) < 0
    );
  }

  protected override bound(page: DecodedPage, stride: number, tie: 0 | -1): number {
    return boundWords(page, stride, this.probe.words, this.tree.keyWords, tie);
  }
}

/** A cursor over an on-disk tree whose entries begin with a byte string; as `KeyCursor`. */
export class DiskKeyCursor extends DiskCursor {
  /** Moves to the first entry of the first key at or above bytes[from … to); false when there is none. */
  seek(bytes: Uint8Array, from: number, to: number): boolean {
    this.#aimAt(bytes, from, to);
    this.probe.words.fill(0);
    return this.seekFrom();
  }

  /** Moves to the last entry of the last key below bytes[from … to); false when there is none. */
  seekBelow(bytes: Uint8Array, from: number, to: number): boolean {
    this.#aimAt(bytes, from, to);
    this.probe.words.fill(0);
    return this.seekUpTo(-1);
  }

  /** Moves to the last entry at or below this key and, in it, the probe's first `words` words; false when there is none. */
  seekLast(
    bytes: Uint8Array,
    from: number,
    to: number,
    probe: Uint32Array,
    words: number,
  ): boolean {
    this.#aimAt(bytes, from, to);
    aim(this.probe.words, probe, words, 0xffff_ffff);
    return this.seekUpTo(0);
  }

  protected override bound(page: DecodedPage, stride: number, tie: 0 | -1): number {
    return boundKeys(page, stride, this.probe, this.tree.keyWords, tie);
  }

  #aimAt(bytes: Uint8Array, from: number, to: number): void {
    this.probe.bytes = bytes;
    this.probe.from = from;
    this.probe.to = to;
  }
}

function aim(target: Uint32Array, probe: Uint32Array, words: number, rest: number): void {
  for (let word = 0; word < target.length; word++) {
    target[word] = word < words ? probe[word]! : rest;
  }
}
