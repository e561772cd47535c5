// On-disk trees of 1 K to 1 M entries: everything in its place, and no more page reads than the height allows.
import { describe, expect, it } from "vitest";
import { verifyTree } from "../../src/index/disk-tree-verify.ts";
import { DiskTreeWriter } from "../../src/index/disk-tree-writer.ts";
import { databaseId, MemoryFile, openTree, treeId } from "./disk-tree-support.ts";

const shape = { keyBytes: false, width: 7, payloadWords: 2, blob: false };

/** Nodes with 0 to 15 edges each, some nodes with none at all; one node in the middle has a tenth of all edges. */
function adjacency(count: number): Uint32Array {
  const words = new Uint32Array(count * 7);
  let node = 0;
  let left = 0;
  let target = 0;
  for (let i = 0; i < count; i++) {
    if (left === 0) {
      node += 1 + (Math.imul(i, 0x9e3779b1) >>> 30);
      left = i > count / 2 && i < count / 2 + 20 ? Math.floor(count / 10) : 1 + (i % 13);
      target = 0;
    }
    left--;
    target += 1 + (Math.imul(i, 0x85ebca6b) >>> 20);
    words.set([node, 1, target, 0, Math.imul(i, 0x9e3779b1) >>> 12, 0, 0], i * 7);
  }
  return words;
}

describe("on-disk tree ladder", () => {
  it.each([
    [1000, 512],
    [10_000, 512],
    [100_000, 512],
    [100_000, 4096],
    [1_000_000, 16_384],
  ])("holds %d entries in pages of %d bytes", (count, pageBytes) => {
    const words = adjacency(count);
    const file = new MemoryFile();
    const writer = new DiskTreeWriter(file, { shape, databaseId, treeId, pageBytes });
    writer.addRun(words, 0, words.length);
    const written = writer.finish();
    expect(written.entryCount).toBe(count);

    const tree = openTree(file, 2 ** 22);
    let at = 0;
    let differences = 0;
    const cursor = tree.cursor();
    for (let more = cursor.seek(words, 0); more; more = cursor.nextLeaf()) {
      for (let base = cursor.base; base < cursor.leafEnd; base++) {
        if (cursor.words[base] !== words[at++]) differences++;
      }
    }
    expect([at, differences]).toEqual([words.length, 0]);
    expect(verifyTree(tree).entryCount).toBe(count);

    const cold = openTree(file, 0);
    const seeker = cold.cursor();
    let readsMax = 0;
    for (let i = 0; i < count; i += Math.ceil(count / 500)) {
      const before = file.reads;
      expect(seeker.seek(words.subarray(i * 7, i * 7 + 7), 1)).toBe(true);
      expect(seeker.words[seeker.base]).toBe(words[i * 7]);
      // The list of a node, up to the first entry of another: at most one leaf more.
      while (seeker.isValid && seeker.words[seeker.base] === words[i * 7]) {
        if (seeker.leafEnd - seeker.base > 7 * 20) break;
        seeker.next();
      }
      readsMax = Math.max(readsMax, file.reads - before);
    }
    expect(readsMax).toBeLessThanOrEqual(cold.height + 1);
    expect(readsMax).toBeGreaterThanOrEqual(cold.height);
    if (pageBytes === 512 && count > 1000) expect(cold.height).toBeGreaterThan(2);
  });

  it("reads one page more than its height at the most, wherever a seek lands", () => {
    const count = 20_000;
    const words = adjacency(count);
    const file = new MemoryFile();
    const writer = new DiskTreeWriter(file, { shape, databaseId, treeId, pageBytes: 512 });
    writer.addRun(words, 0, words.length);
    writer.finish();
    const tree = openTree(file, 0);
    const cursor = tree.cursor();
    const probe = new Uint32Array(7);
    let wentOn = 0;
    for (let i = 0; i < count; i++) {
      // Right above an entry: at the end of a leaf this has to go on to the next one.
      probe.set(words.subarray(i * 7, i * 7 + 5));
      probe[4]!++;
      const before = file.reads;
      const found = cursor.seek(probe, 5);
      if (found) expect(cursor.words[cursor.base + 2]).toBe(words[(i + 1) * 7 + 2]);
      const reads = file.reads - before;
      expect(reads).toBeLessThanOrEqual(tree.height + 1);
      if (reads > tree.height) wentOn++;
    }
    expect(wentOn).toBe(tree.footer.leafCount - 1);
  });
});
