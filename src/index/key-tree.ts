// An in-memory B+Tree from byte-string keys to the versions of what they name. The first twelve key bytes lie in the entry, so
// that most comparisons never read the arena, where the whole keys are.

import { ByteArena } from "./byte-arena.ts";
import { storedKeyBytesMax } from "./family-key.ts";
import { TreeCore } from "./word-tree-core.ts";
import { TreeCursor } from "./word-tree-cursor.ts";
import { copyWords, moveWords, type TreeNode } from "./word-tree-node.ts";

export interface KeyTreeOptions {
  /** Longest key, in bytes; default that of any key with its prefix. */
  readonly keyBytesMax?: number;
  /** Entries of a leaf. */
  readonly leafCapacity?: number;
  /** Children of an inner node. */
  readonly innerCapacity?: number;
  /** Size of the chunks that hold the keys; default 1 MiB. */
  readonly chunkBytes?: number;
}

// The words of an entry; the last two are payload.
const prefixHigh = 0;
const prefixLow = 1;
const prefixLast = 2;
const keyOffset = 3;
const lsnHigh = 4;
const lsnLow = 5;
const idWord = 6;
const flagsWord = 7;
const entryWords = 8;

const twoTo32 = 2 ** 32;
/** The key searched for lies in the arena's first item, so that searching compares items with items. */
const probeOffset = 0;

/** Entries are ordered by key (unsigned bytes, the shorter first), then by LSN; the two together are unique. */
export class KeyTree extends TreeCore {
  /** What the last successful `find` found. */
  foundId = 0;
  foundFlags = 0;
  foundLsn = 0;

  readonly arena: ByteArena;
  readonly #keyBytesMax: number;
  readonly #probe = new Uint32Array(entryWords);

  constructor(options: KeyTreeOptions = {}) {
    super({
      width: entryWords,
      payloadWords: 2,
      leafCapacity: options.leafCapacity ?? 128,
      innerCapacity: options.innerCapacity ?? 64,
    });
    this.#keyBytesMax = options.keyBytesMax ?? storedKeyBytesMax;
    this.arena = new ByteArena(options.chunkBytes);
    this.arena.reserve(this.#keyBytesMax);
  }

  override get bytes(): number {
    return super.bytes + this.arena.bytes;
  }

  override get spareBytes(): number {
    return super.spareBytes + this.arena.spareBytes;
  }

  /** Adds a version of the key bytes[from … to); one with the same key and LSN is replaced. */
  insert(
    bytes: Uint8Array,
    from: number,
    to: number,
    lsn: number,
    id: number,
    flags: number,
  ): void {
    this.#aim(bytes, from, to, lsn);
    const probe = this.#probe;
    const leaf = this.leafOf(probe, 0);
    const ordinal = this.bound(leaf.words, entryWords, 0, leaf.count, probe, 0, -1);
    this.revision++;
    const base = ordinal * entryWords;
    if (ordinal < leaf.count && this.#isSameVersion(leaf.words, base)) {
      leaf.words[base + idWord] = id;
      leaf.words[base + flagsWord] = flags;
      return;
    }
    probe[keyOffset] = this.#keyOffsetNear(leaf, ordinal) ?? this.arena.append(bytes, from, to);
    probe[idWord] = id;
    probe[flagsWord] = flags;
    this.entries++;
    if (leaf.count < this.leafCapacity) this.#place(leaf, ordinal);
    else this.#placeSplitting(leaf, ordinal);
  }

  /** Finds the newest version at or below an LSN, and leaves it in `foundId`, `foundFlags` and `foundLsn`. */
  find(bytes: Uint8Array, from: number, to: number, lsn: number): boolean {
    this.#aim(bytes, from, to, lsn);
    let leaf: TreeNode | undefined = this.leafOf(this.#probe, 0);
    let ordinal = this.bound(leaf.words, entryWords, 0, leaf.count, this.#probe, 0, 0);
    if (ordinal === 0) {
      leaf = leaf.prev;
      if (leaf === undefined) return false;
      ordinal = leaf.count;
    }
    const { words } = leaf;
    const base = (ordinal - 1) * entryWords;
    if (!this.#isSameKey(words, base)) return false;
    this.foundId = words[base + idWord]!;
    this.foundFlags = words[base + flagsWord]!;
    this.foundLsn = words[base + lsnHigh]! * twoTo32 + words[base + lsnLow]!;
    return true;
  }

  /** Takes out the version of a key with exactly this LSN; false when there is none. The key's bytes stay in the arena. */
  remove(bytes: Uint8Array, from: number, to: number, lsn: number): boolean {
    this.#aim(bytes, from, to, lsn);
    const leaf = this.leafOf(this.#probe, 0);
    const ordinal = this.bound(leaf.words, entryWords, 0, leaf.count, this.#probe, 0, -1);
    if (ordinal === leaf.count || !this.#isSameVersion(leaf.words, ordinal * entryWords)) {
      return false;
    }
    this.removeEntry(leaf, ordinal);
    return true;
  }

  cursor(): KeyCursor {
    return new KeyCursor(this);
  }

  override clear(): void {
    super.clear();
    this.arena.clear();
    this.arena.reserve(this.#keyBytesMax);
  }

  override settle(): void {
    // Nothing is ever staged: ingestion looks a key up right before it inserts it.
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
    const first = probe[probeBase]!;
    const second = probe[probeBase + prefixLow]!;
    const third = probe[probeBase + prefixLast]!;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const base = middle * stride;
      const here = words[base]!;
      let isBelow = here < first;
      if (here === first) {
        const below = words[base + prefixLow]!;
        isBelow = below < second;
        if (below === second) {
          const last = words[base + prefixLast]!;
          isBelow = last < third;
          if (last === third) isBelow = this.#compareRest(words, base, probe, probeBase) <= tie;
        }
      }
      if (isBelow) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The order of two entries whose first twelve key bytes are equal. */
  #compareRest(words: Uint32Array, base: number, probe: Uint32Array, probeBase: number): number {
    const offset = words[base + keyOffset]!;
    const other = probe[probeBase + keyOffset]!;
    if (offset !== other) {
      const order = this.arena.compare(offset, other);
      if (order !== 0) return order;
    }
    const highOrder = words[base + lsnHigh]! - probe[probeBase + lsnHigh]!;
    return highOrder !== 0 ? highOrder : words[base + lsnLow]! - probe[probeBase + lsnLow]!;
  }

  /** Makes a key and an LSN the probe. */
  #aim(bytes: Uint8Array, from: number, to: number, lsn: number): void {
    if (to - from > this.#keyBytesMax) {
      throw new RangeError(
        `KeyTree: a key has at most ${this.#keyBytesMax} bytes, got ${to - from}`,
      );
    }
    this.arena.write(probeOffset, bytes, from, to);
    const probe = this.#probe;
    probe[prefixHigh] = bigEndianWord(bytes, from, to);
    probe[prefixLow] = bigEndianWord(bytes, from + 4, to);
    probe[prefixLast] = bigEndianWord(bytes, from + 8, to);
    probe[keyOffset] = probeOffset;
    probe[lsnHigh] = lsn / twoTo32;
    probe[lsnLow] = lsn >>> 0;
  }

  /** For cursors: the probe of a key, below all of its versions. */
  aimBelow(bytes: Uint8Array, from: number, to: number): Uint32Array {
    this.#aim(bytes, from, to, 0);
    return this.#probe;
  }

  #isSameKey(words: Uint32Array, base: number): boolean {
    const probe = this.#probe;
    return (
      words[base + prefixLast] === probe[prefixLast] &&
      words[base + prefixLow] === probe[prefixLow] &&
      words[base + prefixHigh] === probe[prefixHigh] &&
      this.arena.compare(words[base + keyOffset]!, probeOffset) === 0
    );
  }

  #isSameVersion(words: Uint32Array, base: number): boolean {
    const probe = this.#probe;
    return (
      words[base + lsnLow] === probe[lsnLow] &&
      words[base + lsnHigh] === probe[lsnHigh] &&
      this.#isSameKey(words, base)
    );
  }

  /** The arena's copy of the probe's key, if a neighbouring entry is a version of the same key. */
  #keyOffsetNear(leaf: TreeNode, ordinal: number): number | undefined {
    const before = (ordinal - 1) * entryWords;
    if (ordinal > 0 && this.#isSameKey(leaf.words, before)) return leaf.words[before + keyOffset];
    const after = ordinal * entryWords;
    if (ordinal < leaf.count && this.#isSameKey(leaf.words, after)) {
      return leaf.words[after + keyOffset];
    }
    return undefined;
  }

  #place(leaf: TreeNode, ordinal: number): void {
    const base = ordinal * entryWords;
    moveWords(leaf.words, base + entryWords, base, leaf.count * entryWords);
    copyWords(this.#probe, 0, leaf.words, base, entryWords);
    leaf.count++;
  }

  #placeSplitting(leaf: TreeNode, ordinal: number): void {
    const isAppending = leaf.next === undefined && ordinal === leaf.count;
    const keep = isAppending ? leaf.count : leaf.count >>> 1;
    const right = this.splitLeaf(leaf, keep);
    if (ordinal <= keep && !isAppending) this.#place(leaf, ordinal);
    else this.#place(right, ordinal - keep);
    this.adoptLeaf(right);
  }
}

/** A cursor over a KeyTree; between moves it shows the key, LSN, id and flags of the current entry. */
export class KeyCursor extends TreeCursor<KeyTree> {
  /** Moves to the first version of the first key at or above bytes[from … to); false when there is none. */
  seek(bytes: Uint8Array, from: number, to: number): boolean {
    return this.seekFrom(this.tree.aimBelow(bytes, from, to));
  }

  /** Moves to the last version of the last key below bytes[from … to); false when there is none. */
  seekBelow(bytes: Uint8Array, from: number, to: number): boolean {
    return this.seekBefore(this.tree.aimBelow(bytes, from, to));
  }

  /** The current key is keyChunk[keyFrom … keyTo). */
  get keyChunk(): Uint8Array {
    return this.tree.arena.chunkOf(this.words[this.base + keyOffset]!);
  }

  get keyFrom(): number {
    return this.tree.arena.positionOf(this.words[this.base + keyOffset]!);
  }

  get keyTo(): number {
    const offset = this.words[this.base + keyOffset]!;
    return this.tree.arena.positionOf(offset) + this.tree.arena.lengthOf(offset);
  }

  get lsn(): number {
    return this.words[this.base + lsnHigh]! * twoTo32 + this.words[this.base + lsnLow]!;
  }

  get id(): number {
    return this.words[this.base + idWord]!;
  }

  get flags(): number {
    return this.words[this.base + flagsWord]!;
  }
}

function bigEndianWord(bytes: Uint8Array, from: number, to: number): number {
  let word = 0;
  for (let i = from; i < from + 4; i++) word = (word << 8) | (i < to ? bytes[i]! : 0);
  return word >>> 0;
}
