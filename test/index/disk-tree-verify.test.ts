// Verify finds what is wrong in a tree whose every hash fits: one made by a writer with a fault.
import { describe, expect, it } from "vitest";
import type { VarveError } from "../../src/codec/errors.ts";
import { encodeTreeFooter, type TreeFooter } from "../../src/index/disk-tree-format.ts";
import { verifySteps, verifyTree } from "../../src/index/disk-tree-verify.ts";
import { PageBuilder, sealPage } from "../../src/index/page-builder.ts";
import { FilterBuilder, filterLineWords, mixWord } from "../../src/index/page-filter.ts";
import { innerShape, PAGE_KIND, pageHeaderBytes } from "../../src/index/page-format.ts";
import { hashOf, putHash } from "../../src/log/fields.ts";
import {
  databaseId,
  MemoryFile,
  modelOf,
  openTree,
  treeId,
  writeTree,
} from "./disk-tree-support.ts";

const shape = { keyBytes: false, width: 1, payloadWords: 0, blob: false };

interface Fault {
  leaves?: number[][];
  /** What the root says the first keys of its two children are. */
  firstKeys?: number[];
  gapBytes?: number;
  rootHasFence?: boolean;
  filtered?: number[];
  footer?: Partial<TreeFooter>;
}

/** A tree of two leaves under a root, as a writer with a fault would make it. */
function faulty(fault: Fault = {}): MemoryFile {
  const bytes = new Uint8Array(4096);
  let at = 0;
  let ordinal = 0;
  const put = (builder: PageBuilder, kind: number, level: number, hasFence: boolean) => {
    const offset = at;
    const length = builder.write(bytes, at, { kind, level, treeId, ordinal, hasFence });
    ordinal++;
    at += length + (ordinal === 1 ? (fault.gapBytes ?? 0) : 0);
    return { offset, length, hash: { lo: builder.hash[0]!, hi: builder.hash[1]! } };
  };
  const leaves = fault.leaves ?? [
    [1, 2, 3],
    [4, 5],
  ];
  const root = new PageBuilder(innerShape(shape), 512);
  leaves.forEach((leaf, i) => {
    const builder = new PageBuilder(shape, 512);
    for (const word of leaf) builder.add(Uint32Array.of(word), 0);
    const { offset, length, hash } = put(builder, PAGE_KIND.leaf, 0, false);
    const first = fault.firstKeys?.[i] ?? leaf[0]!;
    root.add(Uint32Array.of(first, 0, offset, length, hash.hi, hash.lo), 0);
  });
  const named = put(root, PAGE_KIND.inner, 1, fault.rootHasFence ?? false);

  const filter = new FilterBuilder();
  for (const word of fault.filtered ?? leaves.flat()) filter.add(mixWord(word));
  const words = filter.build();
  const filterOffset = at;
  const hash = new Uint32Array(2);
  bytes.set(new Uint8Array(words.buffer), at + pageHeaderBytes);
  const length = pageHeaderBytes + words.length * 4;
  const block = { kind: PAGE_KIND.filter, level: 0, treeId, ordinal, hasFence: false };
  sealPage(bytes, at, length, words.length / filterLineWords, block, hash);
  at += length;
  putHash(bytes, at, { lo: hash[0]!, hi: hash[1]! });
  const filterHash = hashOf(bytes, at, at + 8);
  at += 8;

  const all = leaves.flat();
  const footer = encodeTreeFooter({
    version: 1,
    shape,
    databaseId,
    treeId,
    kind: 0,
    pageBytesTarget: 512,
    height: 2,
    pageCount: 3,
    leafCount: 2,
    entryCount: all.length,
    footerOffset: at,
    rootOffset: named.offset,
    rootLength: named.length,
    rootHash: named.hash,
    filterOffset,
    filterLines: words.length / filterLineWords,
    filterBlockLines: 8,
    filterHash,
    keyCount: new Set(all).size,
    firstLsn: 0,
    lastLsn: 0,
    minWords: Uint32Array.of(all[0]!),
    maxWords: Uint32Array.of(all.at(-1)!),
    minKey: new Uint8Array(0),
    maxKey: new Uint8Array(0),
    ...fault.footer,
  });
  bytes.set(footer, at);
  return new MemoryFile(bytes.slice(0, at + footer.length));
}

function verdict(file: MemoryFile): unknown {
  const tree = openTree(file);
  try {
    return verifyTree(tree).entryCount;
  } catch (error) {
    return (error as VarveError).details["reason"];
  }
}

describe("verify of an on-disk tree", () => {
  it("passes the tree that the faults below are put into", () => {
    expect(verdict(faulty())).toBe(5);
  });

  it.each<[string, Fault, string]>([
    ["a parent with a first key too low", { firstKeys: [0, 4] }, "first key of its parent"],
    ["a parent with a first key too high", { firstKeys: [1, 5] }, "first key of its parent"],
    ["bytes between two pages", { gapBytes: 3 }, "bytes of no page"],
    [
      "a fence where nothing follows",
      { rootHasFence: true, footer: { maxWords: Uint32Array.of(3) } },
      "fence at the end of a level",
    ],
    ["entries out of order", { leaves: [[1, 3, 2], [4]] }, "entry 2 out of order"],
    ["equal entries", { leaves: [[1, 2, 2], [4]] }, "entry 2 out of order"],
    [
      "leaves that overlap",
      {
        leaves: [
          [1, 2, 5],
          [4, 9],
        ],
      },
      "page out of order",
    ],
    ["a key the filter lacks", { filtered: [1, 2, 3, 4] }, "entry 1 in no filter"],
    ["a count of entries", { footer: { entryCount: 6 } }, "5 entries, not 6"],
    ["a count of keys", { footer: { keyCount: 4 } }, "5 keys, not 4"],
    ["a count of leaves", { footer: { leafCount: 1 } }, "2 leaves, not 1"],
    ["a count of pages", { footer: { pageCount: 4 } }, "another block of the filter"],
    ["a smallest key", { footer: { minWords: Uint32Array.of(0) } }, "smallest key"],
    ["a largest key", { footer: { maxWords: Uint32Array.of(9) } }, "largest key"],
  ])("finds %s", (_title, fault, reason) => {
    expect(verdict(faulty(fault))).toBe(reason);
  });

  it("goes a page at a time, for callers that must not block", () => {
    const entries = Array.from({ length: 5000 }, (_, i) => ({
      key: new Uint8Array(0),
      words: [Math.imul(i, 0x9e3779b1) >>> 0],
      blob: new Uint8Array(0),
    }));
    const tree = openTree(writeTree(modelOf(shape, entries), { pageBytes: 512 }));
    const steps = verifySteps(tree);
    let yields = 0;
    let step = steps.next();
    for (; step.done !== true; step = steps.next()) yields++;
    expect(yields).toBe(tree.footer.pageCount);
    expect(step.value.entryCount).toBe(5000);
  });

  it("puts the filter on the budget of the cache, and takes it off when the tree is released", () => {
    const tree = openTree(faulty());
    const { cache } = tree.pages;
    expect(tree.mayContain(3)).toBe(true);
    expect([tree.filterBytes, cache.bytes]).toEqual([64, 64]);
    tree.cursor().seek(new Uint32Array(1), 0);
    expect(cache.bytes).toBe(64 + tree.pages.bytes);
    tree.release();
    expect([cache.bytes, cache.pageCount]).toEqual([0, 0]);
  });
});
