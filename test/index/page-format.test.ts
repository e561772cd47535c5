// The numbers of the page and tree formats, written down a second time: what is on disk keeps its place.
import { describe, expect, it } from "vitest";
import * as tree from "../../src/index/disk-tree-format.ts";
import * as page from "../../src/index/page-format.ts";
import { modelOf, writeTree } from "./disk-tree-support.ts";

describe("page format", () => {
  it("keeps its offsets and numbers", () => {
    expect(page.PAGE_HEADER).toEqual({
      hash: 0,
      magic: 8,
      kind: 12,
      level: 13,
      flags: 14,
      treeId: 16,
      ordinal: 24,
      count: 28,
      length: 32,
    });
    expect(page.pageHeaderBytes).toBe(36);
    expect(page.PAGE_KIND).toEqual({ leaf: 1, inner: 2, filter: 3 });
    expect(page.COLUMN_KIND).toEqual({ plain: 0, ascending: 1, runs: 2, ascendingRuns: 3 });
    expect(page.CHILD_WORD).toEqual({ offsetHi: 0, offsetLo: 1, length: 2, hashHi: 3, hashLo: 4 });
    expect([page.columnHeaderBytes, page.runsHeaderBytes, page.pageHasFence]).toEqual([6, 5, 1]);
    expect(tree.TREE_FOOTER).toMatchObject({ version: 8, rootHash: 88, lastLsn: 136, keys: 152 });
    expect(tree.TREE_TRAILER).toEqual({ footerBytes: 0, magic: 4, hash: 8 });
  });

  it("gives a small tree the bytes that it had when the format was made", () => {
    const shape = { keyBytes: true, width: 2, payloadWords: 1, blob: true };
    const entries = [1, 2, 3].map((i) => ({
      key: Uint8Array.from(Buffer.from(`key${i}`)),
      words: [i * 1000, 7],
      blob: Uint8Array.of(i),
    }));
    const hex = Buffer.from(writeTree(modelOf(shape, entries)).content).toString("hex");
    expect(hex).toMatchInlineSnapshot(
      `"51315448d0f9c4fe56504731010000000700000000010000000000000300000050000000010ae8030000e8a30f0000070000000002000000003c000201000000036b6579313233000001000000010203208136693a39676e5650473103000000070000000001000001000000010000006400000000000000000020491201000000000020000000000002040000000000900000000000009000000000000002040000000000002000000000000000010000000000208136693a39676e56415256455452450100000001010201a0a1a2a3a4a5a6a7a8a9aaabacadaeaf07000000000100000000000000100000010000000100000001000000500000000300000000000000bc00000000000000000000000000000051315448d0f9c4fe50000000000000005df824410e4004b603000000000000000100000040000000030000000000000000000000002000000400040000000000e8030000b80b00006b6579316b657933b80000005452454516fe775bc8d5e1a2"`,
    );
  });
});
