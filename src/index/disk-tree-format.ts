// The layout of an on-disk tree's footer, and its codec. Shown in docs/FORMAT.md.

import { getU32, putU32 } from "../codec/bytes.ts";
import { getHash, getU64, type Hash64, hashOf, putHash, putU64, sameHash } from "../log/fields.ts";
import { noBytes } from "./page-decoded.ts";
import { filterLineBytes } from "./page-filter.ts";
import { type EntryShape, pageHeaderBytes, treeKeyBytesMax } from "./page-format.ts";

/** Offsets in the footer, from its first byte, little-endian. Stored on disk, never move. */
export const TREE_FOOTER = {
  magic: 0,
  version: 8,
  keyBytes: 12,
  blob: 13,
  width: 14,
  payloadWords: 15,
  databaseId: 16,
  treeId: 32,
  kind: 40,
  pageBytesTarget: 44,
  height: 48,
  pageCount: 52,
  leafCount: 56,
  rootLength: 60,
  entryCount: 64,
  footerOffset: 72,
  rootOffset: 80,
  rootHash: 88,
  filterOffset: 96,
  filterHash: 104,
  keyCount: 112,
  filterLines: 120,
  filterBlockLines: 124,
  firstLsn: 128,
  lastLsn: 136,
  minKeyBytes: 144,
  maxKeyBytes: 146,
  zero: 148,
  keys: 152,
} as const;

/** Offsets in the trailer, the last bytes of the footer and of the file, from its first byte. */
export const TREE_TRAILER = { footerBytes: 0, magic: 4, hash: 8 } as const;
export const treeTrailerBytes = 16;

export const treeMagic = "VARVETRE";
/** "TREE" read as a little-endian number. */
export const treeTrailerMagic = 0x4545_5254;
export const treeVersion = 1;

export const databaseIdBytes = 16;
/** No footer is longer; an open reads so much of the end of the file. */
export const treeFooterBytesMax = 4096;

export interface TreeFooter {
  readonly version: number;
  readonly shape: EntryShape;
  readonly databaseId: Uint8Array;
  readonly treeId: number;
  /** Which index the tree is part of: a number of the caller's. */
  readonly kind: number;
  readonly pageBytesTarget: number;
  /** Levels of pages; 0 for a tree without entries. */
  readonly height: number;
  /** Leaves and inner pages. */
  readonly pageCount: number;
  readonly leafCount: number;
  readonly entryCount: number;
  readonly footerOffset: number;
  readonly rootOffset: number;
  readonly rootLength: number;
  readonly rootHash: Hash64;
  readonly filterOffset: number;
  readonly filterLines: number;
  readonly filterBlockLines: number;
  /** The hash of the table that ends right before the footer: the hashes of the filter's blocks, 8 bytes each. */
  readonly filterHash: Hash64;
  /** Distinct byte strings, or distinct first words. */
  readonly keyCount: number;
  /** LSNs that the entries can stand for, both included; 0 and 0 where the writer was told none. */
  readonly firstLsn: number;
  readonly lastLsn: number;
  /** Key words of the first and of the last entry. */
  readonly minWords: Uint32Array;
  readonly maxWords: Uint32Array;
  readonly minKey: Uint8Array;
  readonly maxKey: Uint8Array;
}

export function encodeTreeFooter(footer: TreeFooter): Uint8Array {
  const { shape, minWords, maxWords, minKey, maxKey } = footer;
  const bytes = new Uint8Array(footerBytesOf(shape, minKey.length, maxKey.length));
  for (let i = 0; i < treeMagic.length; i++) bytes[i] = treeMagic.charCodeAt(i);
  putU32(bytes, TREE_FOOTER.version, footer.version);
  bytes[TREE_FOOTER.keyBytes] = shape.keyBytes ? 1 : 0;
  bytes[TREE_FOOTER.blob] = shape.blob ? 1 : 0;
  bytes[TREE_FOOTER.width] = shape.width;
  bytes[TREE_FOOTER.payloadWords] = shape.payloadWords;
  bytes.set(footer.databaseId.subarray(0, databaseIdBytes), TREE_FOOTER.databaseId);
  putU64(bytes, TREE_FOOTER.treeId, footer.treeId);
  putU32(bytes, TREE_FOOTER.kind, footer.kind);
  putU32(bytes, TREE_FOOTER.pageBytesTarget, footer.pageBytesTarget);
  putU32(bytes, TREE_FOOTER.height, footer.height);
  putU32(bytes, TREE_FOOTER.pageCount, footer.pageCount);
  putU32(bytes, TREE_FOOTER.leafCount, footer.leafCount);
  putU32(bytes, TREE_FOOTER.rootLength, footer.rootLength);
  putU64(bytes, TREE_FOOTER.entryCount, footer.entryCount);
  putU64(bytes, TREE_FOOTER.footerOffset, footer.footerOffset);
  putU64(bytes, TREE_FOOTER.rootOffset, footer.rootOffset);
  putHash(bytes, TREE_FOOTER.rootHash, footer.rootHash);
  putU64(bytes, TREE_FOOTER.filterOffset, footer.filterOffset);
  putHash(bytes, TREE_FOOTER.filterHash, footer.filterHash);
  putU64(bytes, TREE_FOOTER.keyCount, footer.keyCount);
  putU32(bytes, TREE_FOOTER.filterLines, footer.filterLines);
  putU32(bytes, TREE_FOOTER.filterBlockLines, footer.filterBlockLines);
  putU64(bytes, TREE_FOOTER.firstLsn, footer.firstLsn);
  putU64(bytes, TREE_FOOTER.lastLsn, footer.lastLsn);
  putU16(bytes, TREE_FOOTER.minKeyBytes, minKey.length);
  putU16(bytes, TREE_FOOTER.maxKeyBytes, maxKey.length);
  let at: number = TREE_FOOTER.keys;
  for (const words of [minWords, maxWords]) {
    for (const word of words) {
      putU32(bytes, at, word);
      at += 4;
    }
  }
  bytes.set(minKey, at);
  bytes.set(maxKey, at + minKey.length);
  const trailer = bytes.length - treeTrailerBytes;
  putU32(bytes, trailer + TREE_TRAILER.footerBytes, bytes.length);
  putU32(bytes, trailer + TREE_TRAILER.magic, treeTrailerMagic);
  putHash(bytes, trailer + TREE_TRAILER.hash, hashOf(bytes, 0, trailer + TREE_TRAILER.hash));
  return bytes;
}

/**
 * Reads the footer at the end of `tail`, the last bytes of a file of `fileBytes`. Returns what is wrong with it as a string,
 * and a version that is not ours as a number.
 */
export function decodeTreeFooter(
  tail: Uint8Array,
  fileBytes: number,
): TreeFooter | string | number {
  const trailer = tail.length - treeTrailerBytes;
  if (trailer < TREE_FOOTER.keys) return "no room for a footer";
  if (getU32(tail, trailer + TREE_TRAILER.magic) !== treeTrailerMagic) return "trailer magic";
  const footerBytes = getU32(tail, trailer + TREE_TRAILER.footerBytes);
  if (footerBytes > tail.length || footerBytes < TREE_FOOTER.keys + treeTrailerBytes) {
    return "footer length";
  }
  const bytes = tail.subarray(tail.length - footerBytes);
  const hashAt = footerBytes - treeTrailerBytes + TREE_TRAILER.hash;
  if (!sameHash(getHash(bytes, hashAt), hashOf(bytes, 0, hashAt))) return "footer hash";
  for (let i = 0; i < treeMagic.length; i++) {
    if (bytes[i] !== treeMagic.charCodeAt(i)) return "footer magic";
  }
  const version = getU32(bytes, TREE_FOOTER.version);
  if (version !== treeVersion) return version;
  const footer = readFields(bytes);
  return typeof footer === "string" ? footer : (faultOf(footer, fileBytes) ?? footer);
}

function readFields(bytes: Uint8Array): TreeFooter | string {
  const shape = {
    keyBytes: bytes[TREE_FOOTER.keyBytes] === 1,
    blob: bytes[TREE_FOOTER.blob] === 1,
    width: bytes[TREE_FOOTER.width]!,
    payloadWords: bytes[TREE_FOOTER.payloadWords]!,
  };
  const { width, payloadWords, keyBytes } = shape;
  if (width < 1 || width > 8 || payloadWords > (keyBytes ? width : width - 1)) return "shape";
  const minKeyBytes = getU16(bytes, TREE_FOOTER.minKeyBytes);
  const maxKeyBytes = getU16(bytes, TREE_FOOTER.maxKeyBytes);
  if (bytes.length !== footerBytesOf(shape, minKeyBytes, maxKeyBytes)) return "footer length";
  const wordBytes = (width - payloadWords) * 4;
  const minKeyAt = TREE_FOOTER.keys + 2 * wordBytes;
  return {
    version: treeVersion,
    shape,
    databaseId: bytes.slice(TREE_FOOTER.databaseId, TREE_FOOTER.databaseId + databaseIdBytes),
    treeId: getU64(bytes, TREE_FOOTER.treeId),
    kind: getU32(bytes, TREE_FOOTER.kind),
    pageBytesTarget: getU32(bytes, TREE_FOOTER.pageBytesTarget),
    height: getU32(bytes, TREE_FOOTER.height),
    pageCount: getU32(bytes, TREE_FOOTER.pageCount),
    leafCount: getU32(bytes, TREE_FOOTER.leafCount),
    entryCount: getU64(bytes, TREE_FOOTER.entryCount),
    footerOffset: getU64(bytes, TREE_FOOTER.footerOffset),
    rootOffset: getU64(bytes, TREE_FOOTER.rootOffset),
    rootLength: getU32(bytes, TREE_FOOTER.rootLength),
    rootHash: getHash(bytes, TREE_FOOTER.rootHash),
    filterOffset: getU64(bytes, TREE_FOOTER.filterOffset),
    filterLines: getU32(bytes, TREE_FOOTER.filterLines),
    filterBlockLines: getU32(bytes, TREE_FOOTER.filterBlockLines),
    filterHash: getHash(bytes, TREE_FOOTER.filterHash),
    keyCount: getU64(bytes, TREE_FOOTER.keyCount),
    firstLsn: getU64(bytes, TREE_FOOTER.firstLsn),
    lastLsn: getU64(bytes, TREE_FOOTER.lastLsn),
    minWords: readWords(bytes, TREE_FOOTER.keys, wordBytes),
    maxWords: readWords(bytes, TREE_FOOTER.keys + wordBytes, wordBytes),
    minKey: minKeyBytes === 0 ? noBytes : bytes.slice(minKeyAt, minKeyAt + minKeyBytes),
    maxKey:
      maxKeyBytes === 0
        ? noBytes
        : bytes.slice(minKeyAt + minKeyBytes, minKeyAt + minKeyBytes + maxKeyBytes),
  };
}

/** What no writer of ours puts into a footer: lengths that do not add up to the file. */
function faultOf(footer: TreeFooter, fileBytes: number): string | undefined {
  const { footerOffset, filterOffset, rootOffset, rootLength, shape } = footer;
  const footerBytes = footerBytesOf(shape, footer.minKey.length, footer.maxKey.length);
  if (footerOffset + footerBytes !== fileBytes) return "footer offset";
  if (filterOffset > footerOffset || rootOffset + rootLength > filterOffset) return "root offset";
  // Whoever reads all pages makes room for a word or two of each.
  if (footer.pageCount * pageHeaderBytes > filterOffset) return "page count";
  if (footer.filterBlockLines === 0) return "filter lines";
  if (filterOffset + filterBytesOf(footer) !== footerOffset) return "filter length";
  if ((footer.height === 0) !== (footer.entryCount === 0)) return "entry count";
  if (footer.minKey.length > treeKeyBytesMax || footer.maxKey.length > treeKeyBytesMax) {
    return "key length";
  }
  return undefined;
}

/** Bytes from the filter's offset to the footer: the blocks and the table of their hashes. */
export function filterBytesOf(footer: TreeFooter): number {
  const blockCount = Math.ceil(footer.filterLines / footer.filterBlockLines);
  return blockCount * (pageHeaderBytes + 8) + footer.filterLines * filterLineBytes;
}

function footerBytesOf(shape: EntryShape, minKeyBytes: number, maxKeyBytes: number): number {
  const keyWords = shape.width - shape.payloadWords;
  return TREE_FOOTER.keys + 2 * keyWords * 4 + minKeyBytes + maxKeyBytes + treeTrailerBytes;
}

function readWords(bytes: Uint8Array, from: number, count: number): Uint32Array {
  const words = new Uint32Array(count >>> 2);
  for (let i = 0; i < words.length; i++) words[i] = getU32(bytes, from + 4 * i);
  return words;
}

function putU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
}

function getU16(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8);
}
