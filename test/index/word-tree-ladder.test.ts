// The WordTree on a hundred thousand entries in the orders that matter: ascending, descending, random, and as a graph arrives.

import { describe, expect, it } from "vitest";
import { WordTree } from "../../src/index/word-tree.ts";

const count = 100_000;

function scrambled(i: number): number {
  return Math.imul(i, 0x9e37_79b1) >>> 0;
}

const orders: Record<string, (i: number) => number> = {
  ascending: (i) => i,
  descending: (i) => count - i,
  random: scrambled,
  "ascending but for a few": (i) => (i % 1_000 === 7 ? scrambled(i) : i),
};

describe("word tree with a hundred thousand entries", () => {
  for (const [name, keyOf] of Object.entries(orders)) {
    for (const shape of [{}, { leafCapacity: 8, innerCapacity: 4, stagingCapacity: 1_000 }]) {
      it(`holds keys in ${name} order, with ${JSON.stringify(shape)}`, () => {
        const tree = new WordTree({ width: 2, payloadWords: 1, ...shape });
        const expected = new Map<number, number>();
        for (let i = 0; i < count; i++) {
          tree.probe[0] = keyOf(i);
          tree.probe[1] = i;
          tree.insert();
          expected.set(keyOf(i), i);
        }
        tree.check();
        expect(tree.count).toBe(expected.size);
        const cursor = tree.cursor();
        let wrong = 0;
        let before = -1;
        let seen = 0;
        for (let more = cursor.seek(tree.probe, 0); more; more = cursor.next()) {
          const key = cursor.words[cursor.base]!;
          if (key <= before || expected.get(key) !== cursor.words[cursor.base + 1]) wrong++;
          before = key;
          seen++;
        }
        expect([wrong, seen]).toEqual([0, expected.size]);
        for (let i = 0; i < count; i += 3) {
          tree.probe[0] = keyOf(i);
          if (!tree.remove()) wrong++;
          if (cursor.seek(tree.probe, 1) && cursor.words[cursor.base] === tree.probe[0]) wrong++;
        }
        expect(wrong).toBe(0);
        tree.check();
      });
    }
  }

  it("stays whole while it fills and drains again and again, in any order", () => {
    const tree = new WordTree({ width: 1, leafCapacity: 4, innerCapacity: 4, stagingCapacity: 64 });
    const drains: ((i: number, size: number) => number)[] = [
      (i) => i,
      (i, size) => size - 1 - i,
      (i, size) => (i * 1_237 + 5) % size,
      (i, size) => (i < size / 2 ? 2 * i : 2 * (size - 1 - i) + 1),
    ];
    const size = 4_096;
    for (const drained of drains) {
      for (let i = 0; i < size; i++) {
        tree.probe[0] = (i * 1_237) % size;
        tree.insert();
      }
      for (let i = 0; i < size; i++) {
        tree.probe[0] = drained(i, size);
        expect(tree.remove()).toBe(true);
        // Some come back at once, so that nodes grow while their neighbours shrink.
        if (i % 5 === 0) tree.insert();
        if (i % 128 === 0) tree.check();
      }
      for (let i = 0; i < size; i += 5) {
        tree.probe[0] = drained(i, size);
        expect(tree.remove()).toBe(true);
        if (i % 128 === 0) tree.check();
      }
      expect([tree.count, tree.leafCount, tree.height]).toEqual([0, 1, 1]);
    }
  });

  it("keeps adjacency entries of a skewed graph in order through every merge", () => {
    const tree = new WordTree({
      width: 7,
      payloadWords: 2,
      leafCapacity: 64,
      stagingCapacity: 4_096,
    });
    const { probe } = tree;
    const degrees = new Uint32Array(1_024);
    for (let i = 0; i < count; i++) {
      const source = (scrambled(i) >>> 22) & (scrambled(i + 7) >>> 22);
      probe.set([source, i & 1, scrambled(i * 3) >>> 20, 0, i, 0, i]);
      tree.insert();
      degrees[source]!++;
    }
    tree.check();
    const cursor = tree.cursor();
    for (let source = 0; source < degrees.length; source++) {
      probe[0] = source;
      let degree = 0;
      let isLast = !cursor.seek(probe, 1);
      while (!isLast) {
        const { words, leafEnd, base: start } = cursor;
        let base = start;
        while (base < leafEnd && words[base] === source) {
          if (words[base + 4] !== words[base + 6]) throw new Error("a payload went astray");
          degree++;
          base += 7;
        }
        isLast = base < leafEnd || !cursor.nextLeaf();
      }
      expect(degree).toBe(degrees[source]);
    }
  });
});
