// The WordTree against a sorted array, on random scripts with tiny leaves, and on orders that stress single rules.

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type WordCursor, WordTree } from "../../src/index/word-tree.ts";

const tiny = { width: 3, payloadWords: 1, leafCapacity: 4, innerCapacity: 4, stagingCapacity: 8 };

type Entry = [number, number, number];

/** A sorted array with the same vocabulary. */
class Model {
  entries: Entry[] = [];

  static order(a: readonly number[], b: readonly number[]): number {
    return a[0] === b[0] ? a[1]! - b[1]! : a[0]! - b[0]!;
  }

  insert(entry: Entry): void {
    const at = this.entries.findIndex((other) => Model.order(other, entry) >= 0);
    if (at < 0) this.entries.push(entry);
    else if (Model.order(this.entries[at]!, entry) === 0) this.entries[at] = entry;
    else this.entries.splice(at, 0, entry);
  }

  has(key: readonly number[]): boolean {
    return this.entries.some((entry) => Model.order(entry, key) === 0);
  }

  remove(key: readonly number[]): boolean {
    const kept = this.entries.filter((entry) => Model.order(entry, key) !== 0);
    const found = kept.length < this.entries.length;
    this.entries = kept;
    return found;
  }

  first(accept: (entry: Entry) => boolean): Entry | undefined {
    return this.entries.find(accept);
  }

  last(accept: (entry: Entry) => boolean): Entry | undefined {
    return this.entries.filter(accept).at(-1);
  }
}

function put(tree: WordTree, entry: readonly number[]): void {
  tree.probe.set(entry);
  tree.insert();
}

function take(tree: WordTree, key: readonly number[]): boolean {
  tree.probe.set(key);
  return tree.remove();
}

function current(cursor: WordCursor): number[] | undefined {
  if (!cursor.isValid) return undefined;
  return [...cursor.words.subarray(cursor.base, cursor.base + cursor.tree.width)];
}

function all(tree: WordTree): number[][] {
  const found: number[][] = [];
  const cursor = tree.cursor();
  if (!cursor.seek(tree.probe, 0)) return found;
  do {
    for (let base = cursor.base; base < cursor.leafEnd; base += tree.width) {
      found.push([...cursor.words.subarray(base, base + tree.width)]);
    }
  } while (cursor.nextLeaf());
  return found;
}

const word = fc.oneof(
  { weight: 6, arbitrary: fc.nat(6) },
  { weight: 1, arbitrary: fc.constantFrom(0x7fff_ffff, 0x8000_0000, 0xffff_ffff) },
);
const key = fc.tuple(word, word);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("insert" as const), key }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("remove" as const), key }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("removeAny" as const), at: fc.nat(99) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("seekAny" as const), at: fc.nat(99) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom("seek" as const, "seekLast" as const),
      key,
      words: fc.nat(2),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constantFrom("next", "prev", "nextLeaf", "moveTo", "settle") }),
  },
);

describe("word tree", () => {
  it("answers like a sorted array, whatever is done to it, and keeps its cursors' places", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120, size: "max" }), (steps) => {
        const tree = new WordTree(tiny);
        const model = new Model();
        const cursor = tree.cursor();
        let at: Entry | undefined;
        let leafLast: Entry | undefined;
        let tag = 0;
        const land = (found: boolean, expected: Entry | undefined): void => {
          expect(found).toBe(expected !== undefined);
          expect(current(cursor)).toEqual(expected);
          at = expected;
          noteLeaf();
        };
        const noteLeaf = (): void => {
          if (!cursor.isValid) return;
          const end = cursor.leafEnd;
          leafLast = [...cursor.words.subarray(end - 3, end)] as Entry;
        };
        for (const action of steps) {
          switch (action.kind) {
            case "insert": {
              // Unique keys, as callers promise; replacing has its own test.
              if (model.has(action.key)) break;
              const entry: Entry = [...action.key, tag++];
              put(tree, entry);
              model.insert(entry);
              break;
            }
            case "remove":
              expect(take(tree, [...action.key, 0])).toBe(model.remove(action.key));
              break;
            case "removeAny": {
              const victim = model.entries[action.at % (model.entries.length || 1)];
              if (victim === undefined) break;
              expect(take(tree, victim)).toBe(true);
              model.remove(victim);
              break;
            }
            case "seekAny": {
              const aim = model.entries[action.at % (model.entries.length || 1)];
              if (aim !== undefined) land(cursor.seek(Uint32Array.from(aim), 2), aim);
              break;
            }
            case "seek":
            case "seekLast": {
              const { kind, words } = action;
              const probe = Uint32Array.from([...action.key, 0]);
              const fill = kind === "seek" ? 0 : 0xffff_ffff;
              const aim = action.key.map((value, i) => (i < words ? value : fill));
              if (kind === "seek") {
                land(
                  cursor.seek(probe, words),
                  model.first((e) => Model.order(e, aim) >= 0),
                );
              } else {
                land(
                  cursor.seekLast(probe, words),
                  model.last((e) => Model.order(e, aim) <= 0),
                );
              }
              break;
            }
            case "next": {
              const from = at;
              land(cursor.next(), from && model.first((e) => Model.order(e, from) > 0));
              break;
            }
            case "prev": {
              const from = at;
              land(cursor.prev(), from && model.last((e) => Model.order(e, from) < 0));
              break;
            }
            case "nextLeaf": {
              const from = at && leafLast;
              land(cursor.nextLeaf(), from && model.first((e) => Model.order(e, from) > 0));
              break;
            }
            case "moveTo": {
              // Only a caller that reads the leaf right after a seek may do this.
              if (at === undefined) break;
              if (cursor.seek(Uint32Array.from(at), 2)) cursor.moveTo(cursor.leafEnd - 3);
              at = current(cursor) as Entry | undefined;
              noteLeaf();
              break;
            }
            case "settle":
              tree.settle();
              break;
          }
          expect(tree.count).toBe(model.entries.length);
        }
        tree.check();
        expect(all(tree)).toEqual(model.entries);
      }),
      { numRuns: 300 },
    );
  });

  it("replaces the payload of a key inserted again, staged or merged", () => {
    const tree = new WordTree(tiny);
    put(tree, [1, 1, 10]);
    put(tree, [1, 1, 11]);
    expect(all(tree)).toEqual([[1, 1, 11]]);
    put(tree, [0, 0, 9]);
    put(tree, [1, 1, 12]);
    put(tree, [1, 1, 13]);
    put(tree, [1, 2, 14]);
    put(tree, [1, 2, 15]);
    expect(all(tree)).toEqual([
      [0, 0, 9],
      [1, 1, 13],
      [1, 2, 15],
    ]);
    expect(tree.count).toBe(3);
    tree.check();
  });

  it("fills its leaves when keys arrive in ascending order", () => {
    const tree = new WordTree({
      width: 2,
      payloadWords: 1,
      leafCapacity: 16,
      stagingCapacity: 100,
    });
    for (let i = 0; i < 10_000; i++) put(tree, [i, i]);
    tree.check();
    expect(tree.leafCount).toBeLessThanOrEqual(10_000 / 16 + 1);
  });

  it("gives leaves back when entries go, and shrinks to one empty leaf", () => {
    const tree = new WordTree(tiny);
    for (let i = 0; i < 1_000; i++) put(tree, [i % 37, i, 0]);
    tree.settle();
    const leavesFull = tree.leafCount;
    for (let i = 0; i < 1_000; i++) if (i % 8 !== 0) expect(take(tree, [i % 37, i, 0])).toBe(true);
    tree.check();
    expect(tree.leafCount).toBeLessThan(leavesFull / 2);
    expect(tree.leafCount).toBeLessThan(tree.count * 0.8);
    for (let i = 0; i < 1_000; i += 8) expect(take(tree, [i % 37, i, 0])).toBe(true);
    tree.check();
    expect([tree.count, tree.leafCount, tree.height]).toEqual([0, 1, 1]);
    expect(tree.cursor().seek(tree.probe, 0)).toBe(false);
  });

  it("is empty after clear, and takes entries again", () => {
    const tree = new WordTree(tiny);
    for (let i = 0; i < 100; i++) put(tree, [i, 0, 0]);
    const cursor = tree.cursor();
    cursor.seek(tree.probe, 0);
    tree.clear();
    expect(tree.count).toBe(0);
    expect(cursor.next()).toBe(false);
    put(tree, [5, 5, 5]);
    expect(all(tree)).toEqual([[5, 5, 5]]);
    tree.check();
  });

  it("takes other entries into the memory of those that it had", () => {
    const tree = new WordTree(tiny);
    const fill = (from: number): void => {
      for (let i = 0; i < 500; i++) put(tree, [from + ((i * 7) % 500), i, i]);
      tree.settle();
    };
    fill(0);
    const { bytes, leafCount } = tree;
    const leaf = tree.leafOf(Uint32Array.of(0, 0, 0), 0);
    tree.clear();
    expect([tree.leafCount, tree.splits]).toEqual([1, 0]);
    expect(tree.spareBytes).toBeGreaterThan(bytes / 2);
    fill(1000);
    tree.check();
    expect(all(tree).map(([first]) => first)).toEqual(
      Array.from({ length: 500 }, (_, i) => 1000 + i),
    );
    expect(tree.leafCount).toBe(leafCount);
    expect(tree.spareBytes).toBe(0);
    const leaves = new Set();
    for (
      let at: typeof leaf | undefined = tree.leafOf(Uint32Array.of(0, 0, 0), 0);
      at;
      at = at.next
    )
      leaves.add(at);
    expect(leaves.has(leaf)).toBe(true);
  });

  it("refuses shapes it cannot hold", () => {
    expect(() => new WordTree({ width: 9 })).toThrow(RangeError);
    expect(() => new WordTree({ width: 2, payloadWords: 2 })).toThrow(RangeError);
    expect(() => new WordTree({ width: 2, leafCapacity: 1 })).toThrow(RangeError);
    expect(() => new WordTree({ width: 2, stagingCapacity: 0 })).toThrow(RangeError);
  });

  it("reports a broken order when checked", () => {
    const tree = new WordTree(tiny);
    for (let i = 0; i < 20; i++) put(tree, [i, 0, 0]);
    const cursor = tree.cursor();
    cursor.seek(Uint32Array.from([9, 0, 0]), 2);
    cursor.words[cursor.base] = 77;
    expect(() => tree.check()).toThrow("broken tree");
  });
});
