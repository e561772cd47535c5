// The KeyTree against a sorted model with hostile keys: NULs, shared prefixes of eight and twelve bytes, empty keys and 0xff.

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type KeyCursor, KeyTree } from "../../src/index/key-tree.ts";

const tiny = { leafCapacity: 4, innerCapacity: 4, keyBytesMax: 40, chunkBytes: 64 };

interface Version {
  key: Uint8Array;
  lsn: number;
  id: number;
  flags: number;
}

function order(a: Version, b: Version): number {
  return Buffer.compare(a.key, b.key) || a.lsn - b.lsn;
}

function current(cursor: KeyCursor): Version | undefined {
  if (!cursor.isValid) return undefined;
  const key = cursor.keyChunk.slice(cursor.keyFrom, cursor.keyTo);
  return { key, lsn: cursor.lsn, id: cursor.id, flags: cursor.flags };
}

const prefix = fc.constantFrom(
  [],
  [0],
  [0, 0],
  [0x61],
  [...Buffer.from("person/0")],
  [...Buffer.from("person/00000")],
  [255, 255],
);
const suffix = fc.array(fc.constantFrom(0, 1, 0x62, 0xff), { maxLength: 5 });
const key = fc.tuple(prefix, suffix).map(([a, b]) => Uint8Array.from([...a, ...b]));
const lsn = fc.oneof(fc.nat(5), fc.constantFrom(2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 53 - 1));
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("insert"), key, lsn }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("remove"), key, lsn }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("removeAny"), key, lsn }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("find"), key, lsn }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constantFrom("seek", "seekBelow", "seekAny"), key, lsn }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom("next", "prev"), key, lsn }) },
);

describe("key tree", () => {
  it("answers like a sorted map of versions, whatever the keys, and keeps its cursors' places", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150, size: "max" }), (steps) => {
        const tree = new KeyTree(tiny);
        let model: Version[] = [];
        const cursor = tree.cursor();
        let at: Version | undefined;
        const land = (found: boolean, expected: Version | undefined): void => {
          expect(found).toBe(expected !== undefined);
          expect(current(cursor)).toEqual(expected);
          at = expected;
        };
        let tag = 0;
        for (const { kind, key, lsn } of steps) {
          // The key lies inside a larger array, as it does in a frame.
          const bytes = Uint8Array.from([7, 7, 7, ...key, 7]);
          const to = 3 + key.length;
          const version: Version = { key, lsn, id: 0xffff_ff00 + (tag & 0x7f), flags: tag };
          switch (kind) {
            case "insert":
              tree.insert(bytes, 3, to, lsn, version.id, version.flags);
              model = model.filter((other) => order(other, version) !== 0);
              model.push(version);
              model.sort(order);
              tag++;
              break;
            case "remove":
            case "removeAny": {
              const victim = kind === "remove" ? version : model[lsn % (model.length || 1)];
              if (victim === undefined) break;
              const kept = model.filter((other) => order(other, victim) !== 0);
              const found = tree.remove(victim.key, 0, victim.key.length, victim.lsn);
              expect(found).toBe(kept.length < model.length);
              model = kept;
              break;
            }
            case "find": {
              const newest = model
                .filter((v) => !Buffer.compare(v.key, key) && v.lsn <= lsn)
                .at(-1);
              expect(tree.find(bytes, 3, to, lsn)).toBe(newest !== undefined);
              if (newest === undefined) break;
              const { foundId, foundFlags, foundLsn } = tree;
              expect([foundId, foundFlags, foundLsn]).toEqual([
                newest.id,
                newest.flags,
                newest.lsn,
              ]);
              break;
            }
            case "seek":
              land(
                cursor.seek(bytes, 3, to),
                model.find((v) => Buffer.compare(v.key, key) >= 0),
              );
              break;
            case "seekAny": {
              const aim = model[lsn % (model.length || 1)]?.key;
              if (aim === undefined) break;
              const first = model.find((v) => Buffer.compare(v.key, aim) === 0);
              land(cursor.seek(aim, 0, aim.length), first);
              break;
            }
            case "seekBelow":
              land(
                cursor.seekBelow(bytes, 3, to),
                model.filter((v) => Buffer.compare(v.key, key) < 0).at(-1),
              );
              break;
            case "next": {
              const from = at;
              land(cursor.next(), from && model.find((v) => order(v, from) > 0));
              break;
            }
            case "prev": {
              const from = at;
              land(cursor.prev(), from && model.filter((v) => order(v, from) < 0).at(-1));
              break;
            }
          }
          expect(tree.count).toBe(model.length);
        }
        tree.check();
      }),
      { numRuns: 300 },
    );
  });

  it("finds each of many keys at every LSN, in random, ascending and descending order", () => {
    const count = 20_000;
    const orders = [(i: number) => i, (i: number) => count - i, (i: number) => (i * 7_919) % count];
    for (const placeOf of orders) {
      const tree = new KeyTree();
      const keys = Array.from({ length: count }, (_, i) => Buffer.from(`person/${placeOf(i)}`));
      keys.forEach((bytes, i) => {
        tree.insert(bytes, 0, bytes.length, 2 * i + 10, i, 1);
      });
      tree.check();
      let wrong = 0;
      keys.forEach((bytes, i) => {
        if (!tree.find(bytes, 0, bytes.length, 2 * i + 11) || tree.foundId !== i) wrong++;
        if (tree.find(bytes, 0, bytes.length, 2 * i + 9)) wrong++;
        if (tree.find(bytes, 0, bytes.length - 8, 2 ** 40)) wrong++;
      });
      expect(wrong).toBe(0);
    }
  });

  it("finds the version before, in the leaf before, when the first of a leaf was removed", () => {
    const tree = new KeyTree(tiny);
    const bytes = Buffer.from("one key");
    for (let lsn = 0; lsn < 64; lsn++) tree.insert(bytes, 0, bytes.length, 2 * lsn, lsn, 0);
    for (let lsn = 1; lsn < 64; lsn++) {
      tree.remove(bytes, 0, bytes.length, 2 * lsn);
      expect(tree.find(bytes, 0, bytes.length, 2 * lsn)).toBe(true);
      expect(tree.foundId).toBe(lsn - 1);
      tree.insert(bytes, 0, bytes.length, 2 * lsn, lsn, 0);
    }
    tree.check();
  });

  it("keeps one copy of a key for all of its versions", () => {
    const tree = new KeyTree({ chunkBytes: 2_048, keyBytesMax: 64 });
    const bytes = new Uint8Array(60).fill(5);
    for (let lsn = 0; lsn < 1_000; lsn++) tree.insert(bytes, 0, 60, lsn, 1, 0);
    expect(tree.arena.bytes).toBe(2_048);
  });

  it("fills its leaves when keys arrive in ascending order", () => {
    const tree = new KeyTree({ leafCapacity: 16 });
    for (let i = 0; i < 1_600; i++) {
      const bytes = Buffer.from(`k${String(i).padStart(6, "0")}`);
      tree.insert(bytes, 0, bytes.length, 1, i, 0);
    }
    tree.check();
    expect(tree.leafCount).toBe(100);
  });

  it("is empty after clear, and takes keys again", () => {
    const tree = new KeyTree(tiny);
    const bytes = Buffer.from("a key longer than eight bytes");
    tree.insert(bytes, 0, bytes.length, 1, 2, 3);
    tree.clear();
    expect(tree.find(bytes, 0, bytes.length, 9)).toBe(false);
    tree.insert(bytes, 0, bytes.length, 1, 4, 3);
    expect(tree.find(bytes, 0, bytes.length, 9)).toBe(true);
    expect([tree.foundId, tree.count]).toEqual([4, 1]);
  });

  it("refuses a key longer than it was made for", () => {
    expect(() => new KeyTree(tiny).find(new Uint8Array(41), 0, 41, 1)).toThrow(RangeError);
  });
});
