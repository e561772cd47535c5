// The versions of every node's record: key and labels always, props where they are small enough; the rest stays in the log.

import { ByteReader } from "../codec/bytes.ts";
import { ByteArena } from "./byte-arena.ts";
import type { DiskTree } from "./disk-tree.ts";
import type { EntrySource } from "./disk-tree-merge.ts";
import { familyKeyTag, familyOfKey, familyPrefixBytes } from "./family-key.ts";
import { noBytes } from "./page-decoded.ts";
import { twoTo32 } from "./tree-floor.ts";
import { WordLayers } from "./word-layers.ts";
import type { WordCursor, WordTreeOptions } from "./word-tree.ts";

/** The version is a removal: of the record only the key counts. */
export const versionRemoves = 2;
/** The item ends with the labels; the props are those that the log has at the version's LSN. */
export const versionPropsInLog = 4;
/** Above these bits: how many patches were logged since the last full state. */
export const versionDepthShift = 8;

const keyWords = 3;
const flagsWord = 3;
const offsetWord = 4;
const width = 5;
/** On disk there is no offset: the item is the entry's blob. */
const diskWidth = 4;

export interface NodeVersionsOptions {
  readonly tree: Omit<WordTreeOptions, "width" | "payloadWords">;
  readonly chunkBytes: number | undefined;
}

/**
 * Entries are (node id, LSN | flags, offset) in memory and (node id, LSN | flags) with a blob on disk. The item at the offset, or
 * the blob, is `key length, key, labels* 0 [props* 0]?` in the encoding of events.
 */
export class NodeVersions {
  /** What the last successful `find` found; the item is `foundBytes[foundFrom … foundTo)`. */
  foundLsn = 0;
  foundFlags = 0;
  foundBytes: Uint8Array = noBytes;
  foundFrom = 0;
  foundTo = 0;

  readonly layers: WordLayers;
  #arena: ByteArena;
  #frozenArena: ByteArena | undefined = undefined;
  #spareArena: ByteArena | undefined = undefined;
  readonly #chunkBytes: number | undefined;
  readonly #probe = new Uint32Array(keyWords);
  readonly #reader = new ByteReader();

  constructor(options: NodeVersionsOptions) {
    this.layers = new WordLayers({ ...options.tree, width, payloadWords: 2 });
    this.#chunkBytes = options.chunkBytes;
    this.#arena = new ByteArena(options.chunkBytes);
  }

  get activeBytes(): number {
    return this.layers.active.bytes + this.#arena.bytes;
  }

  get frozenBytes(): number {
    return (this.layers.frozen?.bytes ?? 0) + (this.#frozenArena?.bytes ?? 0);
  }

  /** Memory that waits for versions to come, in bytes. */
  get spareBytes(): number {
    const { spareBytes } = this.layers;
    return spareBytes + this.#arena.spareBytes + (this.#spareArena?.spareBytes ?? 0);
  }

  /** Versions held. */
  get count(): number {
    return this.layers.count;
  }

  /** Adds a version with the item bytes[from … to). */
  insert(
    id: number,
    lsn: number,
    flags: number,
    bytes: Uint8Array,
    from: number,
    to: number,
  ): void {
    const { active } = this.layers;
    this.#aim(active.probe, id, lsn);
    active.probe[flagsWord] = flags;
    active.probe[offsetWord] = this.#arena.append(bytes, from, to);
    active.insert();
  }

  remove(id: number, lsn: number): void {
    this.#aim(this.#probe, id, lsn);
    this.layers.remove(this.#probe);
  }

  /** Finds the newest version at or below an LSN, a removal included. */
  find(id: number, lsn: number): boolean {
    const { layers } = this;
    this.#aim(this.#probe, id, lsn);
    if (!layers.find(this.#probe, 1)) return false;
    const { words, base, disk } = layers;
    this.foundLsn = words[base + 1]! * twoTo32 + words[base + 2]!;
    this.foundFlags = words[base + flagsWord]!;
    if (disk === undefined) {
      const arena = layers.isFrozen ? (this.#frozenArena as ByteArena) : this.#arena;
      const offset = words[base + offsetWord]!;
      this.foundBytes = arena.chunkOf(offset);
      this.foundFrom = arena.positionOf(offset);
      this.foundTo = this.foundFrom + arena.lengthOf(offset);
    } else {
      this.foundBytes = disk.blobChunk;
      this.foundFrom = disk.blobFrom;
      this.foundTo = disk.blobTo;
    }
    return true;
  }

  /** Finds the newest version at or below an LSN; false where that is a removal. */
  findLive(id: number, lsn: number): boolean {
    return this.find(id, lsn) && (this.foundFlags & versionRemoves) === 0;
  }

  /** A reader on the labels of the version found, with what follows them behind it; good until the next call. */
  open(): ByteReader {
    const reader = this.#reader.open(this.foundBytes, this.foundFrom, this.foundTo);
    reader.skip(reader.varint());
    return reader;
  }

  /** A reader on the key of the version found, without the prefix of a family; its end is the key's end. */
  openKey(): ByteReader {
    const reader = this.openStoredKey();
    if (reader.bytes[reader.position] === familyKeyTag) reader.position += familyPrefixBytes;
    return reader;
  }

  /** The same with the prefix. */
  openStoredKey(): ByteReader {
    const reader = this.#reader.open(this.foundBytes, this.foundFrom, this.foundTo);
    const length = reader.varint();
    reader.end = reader.position + length;
    return reader;
  }

  /** The graph that the node of the version found is in. */
  get foundFamily(): number {
    const reader = this.openStoredKey();
    return familyOfKey(reader.bytes, reader.position);
  }

  /** Sets or clears the bit of each live one of `count` ids from `firstId` on, as of the newest versions. */
  readLive(firstId: number, count: number, bits: Uint32Array): void {
    const probe = this.#probe;
    this.#aim(probe, firstId, 0);
    const { cursors } = this.layers;
    // The oldest layer first, so that newer versions come later.
    for (let i = cursors.length - 1; i >= 0; i--) {
      const cursor = cursors[i]!;
      const stride = cursor.tree.width;
      for (let more = cursor.seek(probe, 1); more; more = cursor.nextLeaf()) {
        const { words, leafEnd } = cursor;
        let { base } = cursor;
        for (; base < leafEnd && words[base]! - firstId < count; base += stride) {
          const place = words[base]! - firstId;
          const bit = 1 << (place & 31);
          if ((words[base + flagsWord]! & versionRemoves) === 0) bits[place >>> 5]! |= bit;
          else bits[place >>> 5]! &= ~bit;
        }
        if (base < leafEnd) break;
      }
    }
  }

  freeze(): void {
    this.layers.freeze();
    this.#frozenArena = this.#arena;
    this.#arena = this.#spareArena ?? new ByteArena(this.#chunkBytes);
    this.#spareArena = undefined;
  }

  /** @param keepsMemory as in `WordLayers`. */
  dropFrozen(keepsMemory: boolean): void {
    this.layers.dropFrozen(keepsMemory);
    if (keepsMemory) {
      this.#frozenArena?.clear();
      this.#spareArena = this.#frozenArena;
    }
    this.#frozenArena = undefined;
    this.foundBytes = noBytes;
  }

  setDisks(disks: readonly DiskTree[]): void {
    this.layers.setDisks(disks);
  }

  /** The frozen layer's versions as on-disk trees hold them, from the first on; there is a frozen layer. */
  frozenSource(): EntrySource {
    const cursor = this.layers.frozen!.cursor();
    cursor.seek(this.#probe, 0);
    return new NodeSource(cursor, this.#frozenArena as ByteArena);
  }

  /** Takes over the layers of another one, which is worthless from then on. */
  adopt(other: NodeVersions): void {
    this.layers.adopt(other.layers);
    this.#arena = other.#arena;
    this.#frozenArena = other.#frozenArena;
    this.foundBytes = noBytes;
  }

  clear(): void {
    this.layers.clear();
    this.#arena = new ByteArena(this.#chunkBytes);
    this.#frozenArena = undefined;
    this.#spareArena = undefined;
    this.foundBytes = noBytes;
  }

  #aim(probe: Uint32Array, id: number, lsn: number): void {
    probe[0] = id;
    probe[1] = lsn / twoTo32;
    probe[2] = lsn >>> 0;
  }
}

/** Shows versions in memory one at a time, as on-disk trees hold them. */
class NodeSource implements EntrySource {
  readonly #cursor: WordCursor;
  readonly #arena: ByteArena;

  constructor(cursor: WordCursor, arena: ByteArena) {
    this.#cursor = cursor;
    this.#arena = arena;
  }

  get isValid(): boolean {
    return this.#cursor.isValid;
  }

  get words(): Uint32Array {
    return this.#cursor.words;
  }

  get base(): number {
    return this.#cursor.base;
  }

  get leafEnd(): number {
    return this.#cursor.base + diskWidth;
  }

  next(): boolean {
    return this.#cursor.next();
  }

  nextLeaf(): boolean {
    return this.#cursor.next();
  }

  moveTo(): void {
    // A leaf of one entry has nowhere else to go.
  }

  get blobChunk(): Uint8Array {
    return this.#arena.chunkOf(this.#offset);
  }

  get blobFrom(): number {
    return this.#arena.positionOf(this.#offset);
  }

  get blobTo(): number {
    return this.blobFrom + this.#arena.lengthOf(this.#offset);
  }

  get #offset(): number {
    return this.#cursor.words[this.#cursor.base + offsetWord]!;
  }
}
