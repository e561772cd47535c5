// The layout of a page of an on-disk B+Tree, and the limits that keep one page small in memory. Shown in docs/FORMAT.md.

import { storedKeyBytesMax } from "./family-key.ts";
import { requireRange } from "./word-tree-core.ts";

/** What an entry of a tree is made of. Stands in the tree's footer. */
export interface EntryShape {
  /** Whether an entry begins with a byte string, its key, of up to `treeKeyBytesMax` bytes. */
  readonly keyBytes: boolean;
  /** 32-bit words of an entry, 1 to 8; compared as unsigned, behind the byte string. */
  readonly width: number;
  /** Trailing words that do not take part in the order, 0 to width; below width where there is no byte string. */
  readonly payloadWords: number;
  /** Whether an entry ends with a byte string that is not compared, of up to `blobBytesMax` bytes. */
  readonly blob: boolean;
}

/** Offsets in the header of a page, little-endian. Stored on disk, never move. */
export const PAGE_HEADER = {
  hash: 0,
  magic: 8,
  kind: 12,
  level: 13,
  flags: 14,
  treeId: 16,
  ordinal: 24,
  count: 28,
  length: 32,
} as const;

export const pageHeaderBytes = 36;
/** "VPG1" read as a little-endian number. */
export const pageMagic = 0x3147_5056;

export const PAGE_KIND = { leaf: 1, inner: 2, filter: 3 } as const;

/** The last entry of the page is also the first of the next page of its level. */
export const pageHasFence = 1;

/**
 * Words that an inner entry has behind the key words of its child: where the child lies, how long it is and its hash.
 * Offsets from the first of them.
 */
export const CHILD_WORD = { offsetHi: 0, offsetLo: 1, length: 2, hashHi: 3, hashLo: 4 } as const;
export const childWords = 5;

/** How the words of a column are written. Stored on disk, never move. */
export const COLUMN_KIND = { plain: 0, ascending: 1, runs: 2, ascendingRuns: 3 } as const;
/** Kind, bits and base; the two kinds of runs add their count and the bits of a length. */
export const columnHeaderBytes = 6;
export const runsHeaderBytes = 5;

export const treeKeyBytesMax: number = storedKeyBytesMax;
export const blobBytesMax = 65_535;

/** Range and default of the size at which a page is closed; the last entry of a page may reach beyond it. */
export const pageBytesTargetMin = 512;
export const pageBytesTargetMax = 65_536;
export const pageBytesTargetDefault = 4096;

/** No page is longer: what claims to be is damage. */
export const pageLengthMax: number = 2 ** 20;
/** A page is closed when it takes this much decoded, however well it packs. */
export const decodedBytesTarget: number = 2 ** 17;
/** No page takes more decoded, nor has more entries: what claims to is damage. */
export const decodedBytesMax: number = 2 ** 20;
export const pageEntriesMax: number = 2 ** 15;

/** Throws a RangeError when a shape is none. */
export function requireShape(shape: EntryShape): void {
  const { keyBytes, width, payloadWords } = shape;
  requireRange("width", width, 1, 8);
  requireRange("payloadWords", payloadWords, 0, keyBytes ? width : width - 1);
}

export function sameShape(a: EntryShape, b: EntryShape): boolean {
  return (
    a.keyBytes === b.keyBytes &&
    a.width === b.width &&
    a.payloadWords === b.payloadWords &&
    a.blob === b.blob
  );
}

/** The shape of the inner entries over entries of a shape. */
export function innerShape(shape: EntryShape): EntryShape {
  const width = shape.width - shape.payloadWords + childWords;
  return { keyBytes: shape.keyBytes, width, payloadWords: childWords, blob: false };
}
