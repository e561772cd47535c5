// The layers of the keys' tree, newest first: (key, LSN) → node id, in memory and on disk.

import { compareBytes } from "../codec/text.ts";
import type { DiskTree } from "./disk-tree.ts";
import type { DiskKeyCursor } from "./disk-tree-cursor.ts";
import { type EntrySource, type KeySource, MergedKeyCursor } from "./disk-tree-merge.ts";
import { KeyTreeSource, keyTreeShape } from "./disk-tree-sources.ts";
import { hashOf } from "./key-bytes.ts";
import { type KeyCursor, KeyTree, type KeyTreeOptions } from "./key-tree.ts";
import { noBytes } from "./page-decoded.ts";
import { twoTo32 } from "./tree-floor.ts";

/** The flags of a version that removed the node. */
export const keyRemoved = 1;

const lsnWords = 2;
const idWord = 2;
const flagsWord = 3;

export class KeyLayers {
  active: KeyTree;
  frozen: KeyTree | undefined = undefined;
  /** What the last successful `find` found. */
  foundId = 0;
  foundFlags = 0;
  foundLsn = 0;

  /**
   * Moved by every walk over keys: good until anything else is called. Shows (LSN high, LSN low, id, flags) and the key, forward
   * and over all layers.
   */
  cursor: KeySource;

  /** Empty, with the memory of a layer that was dropped: the next active one. */
  #spare: KeyTree | undefined = undefined;
  readonly #options: KeyTreeOptions;
  #disks: readonly DiskTree[] = [];
  #diskCursors: readonly DiskKeyCursor[] = [];
  readonly #probe = new Uint32Array(lsnWords);

  constructor(options: KeyTreeOptions) {
    this.#options = options;
    this.active = new KeyTree(options);
    this.cursor = new KeyTreeSource(this.active.cursor());
  }

  get activeBytes(): number {
    return this.active.bytes;
  }

  get frozenBytes(): number {
    return this.frozen?.bytes ?? 0;
  }

  /** Memory that waits for keys to come, in bytes. */
  get spareBytes(): number {
    const spare = this.#spare;
    return this.active.spareBytes + (spare?.bytes ?? 0) + (spare?.spareBytes ?? 0);
  }

  get count(): number {
    let count = this.active.count + (this.frozen?.count ?? 0);
    for (const disk of this.#disks) count += disk.count;
    return count;
  }

  insert(
    bytes: Uint8Array,
    from: number,
    to: number,
    lsn: number,
    id: number,
    flags: number,
  ): void {
    this.active.insert(bytes, from, to, lsn, id, flags);
  }

  /** Takes out the version of a key with exactly this LSN, from the layer in memory that has it. */
  remove(bytes: Uint8Array, from: number, to: number, lsn: number): void {
    if (!this.active.remove(bytes, from, to, lsn)) this.frozen?.remove(bytes, from, to, lsn);
  }

  /**
   * Finds the newest version of the key bytes[from … to) at or below an LSN.
   * @param hash that of the key.
   */
  find(bytes: Uint8Array, from: number, to: number, lsn: number, hash: number): boolean {
    const { active, frozen } = this;
    if (active.find(bytes, from, to, lsn)) return this.#take(active);
    if (frozen?.find(bytes, from, to, lsn)) return this.#take(frozen);
    return this.#disks.length > 0 && this.#findOnDisk(bytes, from, to, lsn, hash);
  }

  /** The same for a key of its own. */
  findKey(key: Uint8Array, lsn: number): boolean {
    return this.find(key, 0, key.length, lsn, hashOf(key, 0, key.length));
  }

  /** The last key of any layer below another one, whatever its versions say. */
  lastKeyBelow(key: Uint8Array): Uint8Array | undefined {
    let last: Uint8Array | undefined;
    const take = (cursor: KeyCursor | DiskKeyCursor): void => {
      if (!cursor.seekBelow(key, 0, key.length)) return;
      const { keyChunk, keyFrom, keyTo } = cursor;
      const isHigher =
        last === undefined || compareBytes(keyChunk, keyFrom, keyTo, last, 0, last.length) > 0;
      if (isHigher) last = keyChunk.slice(keyFrom, keyTo);
    };
    take(this.active.cursor());
    if (this.frozen !== undefined) take(this.frozen.cursor());
    for (const cursor of this.#diskCursors) take(cursor);
    return last;
  }

  freeze(): void {
    this.frozen = this.active;
    this.active = this.#spare ?? new KeyTree(this.#options);
    this.#spare = undefined;
    this.#renew();
  }

  /** @param keepsMemory as in `WordLayers`. */
  dropFrozen(keepsMemory: boolean): void {
    if (keepsMemory) {
      this.frozen?.clear();
      this.#spare = this.frozen;
    }
    this.frozen = undefined;
    this.#renew();
  }

  setDisks(disks: readonly DiskTree[]): void {
    this.#disks = disks;
    this.#diskCursors = disks.map((disk) => disk.keyCursor());
    this.#renew();
  }

  /** The frozen layer's entries as on-disk trees hold them, from the first on; there is a frozen layer. */
  frozenSource(): EntrySource {
    const source = new KeyTreeSource(this.frozen!.cursor());
    source.seek(noBytes, 0, 0);
    return source;
  }

  /** Takes over the layers of another one, which is worthless from then on. */
  adopt(other: KeyLayers): void {
    this.active = other.active;
    this.frozen = other.frozen;
    this.setDisks(other.#disks);
  }

  clear(): void {
    this.active = new KeyTree(this.#options);
    this.frozen = undefined;
    this.#spare = undefined;
    this.setDisks([]);
  }

  /** Throws an Error naming the first broken invariant of a tree in memory. */
  check(): void {
    this.active.check();
    this.frozen?.check();
  }

  /** Makes the cursor anew: none outlives its layer. */
  #renew(): void {
    const sources: KeySource[] = [new KeyTreeSource(this.active.cursor())];
    if (this.frozen !== undefined) sources.push(new KeyTreeSource(this.frozen.cursor()));
    sources.push(...this.#disks.map((disk) => disk.keyCursor()));
    const { width, payloadWords } = keyTreeShape;
    this.cursor =
      sources.length === 1
        ? sources[0]!
        : new MergedKeyCursor(sources, width, width - payloadWords);
  }

  #take(tree: KeyTree): true {
    this.foundId = tree.foundId;
    this.foundFlags = tree.foundFlags;
    this.foundLsn = tree.foundLsn;
    return true;
  }

  #findOnDisk(bytes: Uint8Array, from: number, to: number, lsn: number, hash: number): boolean {
    const probe = this.#probe;
    probe[0] = lsn / twoTo32;
    probe[1] = lsn >>> 0;
    for (let i = 0; i < this.#disks.length; i++) {
      if (!this.#disks[i]!.mayContainKey(bytes, from, to, hash)) continue;
      const cursor = this.#diskCursors[i]!;
      if (!cursor.seekLast(bytes, from, to, probe, lsnWords)) continue;
      const { keyChunk, keyFrom, keyTo, words, base } = cursor;
      if (compareBytes(keyChunk, keyFrom, keyTo, bytes, from, to) !== 0) continue;
      this.foundLsn = words[base]! * twoTo32 + words[base + 1]!;
      this.foundId = words[base + idWord]!;
      this.foundFlags = words[base + flagsWord]!;
      return true;
    }
    return false;
  }
}
