// An on-disk tree shows what was written into it, as a sorted array would: any shape, tiny pages, a cache that holds next to nothing.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DiskTree } from "../../src/index/disk-tree.ts";
import { verifyTree } from "../../src/index/disk-tree-verify.ts";
import { DiskTreeWriter } from "../../src/index/disk-tree-writer.ts";
import { PageCache } from "../../src/index/page-cache.ts";
import {
  compareEntries,
  databaseId,
  type Entry,
  entriesArbitrary,
  entryAt,
  keyArbitrary,
  lastOf,
  MemoryFile,
  type Model,
  modelArbitrary,
  modelOf,
  openTree,
  readAll,
  startOf,
  textOf,
  treeId,
  writeTree,
} from "./disk-tree-support.ts";

const noKey = new Uint8Array(0);
const cacheBytesArbitrary = fc.constantFrom(0, 6000, 20_000, 2 ** 24);
const pageBytesArbitrary = fc.constantFrom(512, 512, 700, 2048, 16_384);

/** The model's answers to a seek: the first entry at or above, and the last at or below, a key and its first words. */
function around(model: Model, probe: Entry, words: number): [Entry | undefined, Entry | undefined] {
  const order = (entry: Entry) => compareEntries(entry, probe, words);
  return [
    model.entries.find((entry) => order(entry) >= 0),
    lastOf(model.entries, (entry) => order(entry) <= 0),
  ];
}

describe("on-disk tree", () => {
  it("shows all entries forward, backward and leaf by leaf, and is sound", () => {
    fc.assert(
      fc.property(modelArbitrary, pageBytesArbitrary, cacheBytesArbitrary, (model, page, cache) => {
        const tree = openTree(writeTree(model, { pageBytes: page, bufferBytes: 100 }), cache);
        expect(tree.count).toBe(model.entries.length);
        expect(tree.shape).toEqual(model.shape);
        expect(textOf(readAll(tree))).toBe(textOf(model.entries));

        const cursor = startOf(tree);
        const ahead: number[][] = [];
        let last: Entry | undefined;
        for (let more = cursor.isValid; more; more = cursor.nextLeaf()) {
          for (let base = cursor.base; base < cursor.leafEnd; base += tree.width) {
            ahead.push([...cursor.words.subarray(base, base + tree.width)]);
          }
        }
        expect(ahead.join("\n")).toBe(model.entries.map((entry) => entry.words).join("\n"));
        expect(cursor.isValid).toBe(false);
        expect(cursor.next()).toBe(false);

        const end = startOf(tree);
        const back: Entry[] = [];
        for (let more = end.isValid; more; more = end.next()) {
          last = entryAt(end, tree.width);
          if (compareEntries(last, model.entries.at(-1)!, model.keyWords) === 0) break;
        }
        for (let more = end.isValid; more; more = end.prev()) back.push(entryAt(end, tree.width));
        expect(textOf(back.reverse())).toBe(textOf(model.entries));

        const sound = verifyTree(tree);
        expect(sound.entryCount).toBe(model.entries.length);
      }),
      { numRuns: 80 },
    );
  });

  it("finds the first at or above and the last at or below any words", () => {
    const shape = { keyBytes: false, width: 4, payloadWords: 1, blob: true };
    const models = entriesArbitrary(shape, 400).map((entries) => modelOf(shape, entries));
    const probes = entriesArbitrary(shape, 30);
    fc.assert(
      fc.property(
        models,
        probes,
        pageBytesArbitrary,
        cacheBytesArbitrary,
        (model, wanted, p, c) => {
          const tree = openTree(writeTree(model, { pageBytes: p }), c);
          const cursor = tree.cursor();
          for (const probe of [...wanted, ...model.entries.slice(0, 20)]) {
            for (let words = 0; words <= model.keyWords; words++) {
              const [first, last] = around(model, probe, words);
              const target = Uint32Array.from(probe.words);
              expect(cursor.seek(target, words)).toBe(first !== undefined);
              if (first !== undefined) expect(textOf([entryAt(cursor, 4)])).toBe(textOf([first]));
              expect(cursor.seekLast(target, words)).toBe(last !== undefined);
              if (last !== undefined) expect(textOf([entryAt(cursor, 4)])).toBe(textOf([last]));
            }
            const holds = model.entries.some((entry) => entry.words[0] === probe.words[0]);
            if (holds) expect(tree.mayContain(probe.words[0]!)).toBe(true);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it("finds keys of hostile bytes, the first at or above, the last below, and the version at or below", () => {
    const shape = { keyBytes: true, width: 3, payloadWords: 1, blob: false };
    const models = entriesArbitrary(shape, 300).map((entries) => modelOf(shape, entries));
    const probes = fc.array(keyArbitrary, { maxLength: 40 });
    fc.assert(
      fc.property(
        models,
        probes,
        pageBytesArbitrary,
        cacheBytesArbitrary,
        (model, wanted, p, c) => {
          const tree = openTree(writeTree(model, { pageBytes: p }), c);
          const cursor = tree.keyCursor();
          const some = model.entries.slice(0, 40);
          for (const key of [...wanted, ...some.map((entry) => entry.key)]) {
            const probe = { key, words: [1, 2, 0], blob: noKey };
            const bytes = Uint8Array.from([1, ...key, 2]);
            const to = key.length + 1;
            const [first] = around(model, probe, 0);
            expect(cursor.seek(bytes, 1, to)).toBe(first !== undefined);
            if (first !== undefined) expect(textOf([entryAt(cursor, 3)])).toBe(textOf([first]));
            const below = lastOf(model.entries, (entry) => Buffer.compare(entry.key, key) < 0);
            expect(cursor.seekBelow(bytes, 1, to)).toBe(below !== undefined);
            if (below !== undefined) expect(textOf([entryAt(cursor, 3)])).toBe(textOf([below]));
            for (let words = 0; words <= 2; words++) {
              const [, last] = around(model, probe, words);
              const target = Uint32Array.from(probe.words);
              expect(cursor.seekLast(bytes, 1, to, target, words)).toBe(last !== undefined);
              if (last !== undefined) expect(textOf([entryAt(cursor, 3)])).toBe(textOf([last]));
            }
            if (model.entries.some((entry) => Buffer.compare(entry.key, key) === 0)) {
              expect(tree.mayContainKey(bytes, 1, to)).toBe(true);
            }
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it("writes the same file from runs as from single entries", () => {
    const shape = { keyBytes: false, width: 3, payloadWords: 1, blob: false };
    fc.assert(
      fc.property(entriesArbitrary(shape, 400), (entries) => {
        const model = modelOf(shape, entries);
        const single = openTree(writeTree(model, { pageBytes: 512 }));
        const runs = openTree(writeTree(model, { pageBytes: 512, runs: true }));
        expect(readAll(runs)).toEqual(readAll(single));
        expect(runs.footer.keyCount).toBe(single.footer.keyCount);
        expect(runs.footer.maxWords).toEqual(single.footer.maxWords);
        verifyTree(runs);
      }),
      { numRuns: 40 },
    );
  });

  it("keeps keys of 1,029 bytes that differ in the last one, and long blobs, in small pages", () => {
    const shape = { keyBytes: true, width: 1, payloadWords: 1, blob: true };
    const entries = Array.from({ length: 256 }, (_, i) => {
      const key = new Uint8Array(1029).fill(0xff);
      key[1028] = i;
      return { key, words: [i], blob: new Uint8Array(i === 9 ? 65_535 : 0).fill(i) };
    });
    const model = modelOf(shape, entries);
    const tree = openTree(writeTree(model, { pageBytes: 512 }), 0);
    expect(textOf(readAll(tree))).toBe(textOf(model.entries));
    expect(tree.height).toBeGreaterThan(2);
    verifyTree(tree);
  });

  it("refuses entries out of order, equal ones, and what does not fit its shape", () => {
    const shape = { keyBytes: false, width: 2, payloadWords: 1, blob: false };
    const make = () => new DiskTreeWriter(new MemoryFile(), { shape, databaseId, treeId });
    for (const second of [4, 5]) {
      const writer = make();
      writer.add(Uint32Array.of(5, 1), 0);
      expect(() => writer.add(Uint32Array.of(second, 2), 0)).toThrow(RangeError);
      expect(() => make().addRun(Uint32Array.of(1, 0, 2, 0, 5, 0, second, 0, 9, 0), 0, 10)).toThrow(
        RangeError,
      );
    }
    expect(() => make().setKey(new Uint8Array(1), 0, 1)).toThrow(RangeError);
    expect(() => make().setBlob(new Uint8Array(1), 0, 1)).toThrow(RangeError);

    const keyed = { keyBytes: true, width: 1, payloadWords: 0, blob: true };
    const writer = new DiskTreeWriter(new MemoryFile(), { shape: keyed, databaseId, treeId });
    expect(() => writer.add(Uint32Array.of(1), 0)).toThrow(RangeError);
    expect(() => writer.setKey(new Uint8Array(1030), 0, 1030)).toThrow(RangeError);
    writer.setKey(Uint8Array.of(5), 0, 1);
    writer.setBlob(noKey, 0, 0);
    writer.add(Uint32Array.of(1), 0);
    expect(() => writer.setKey(Uint8Array.of(4, 9), 0, 2)).toThrow(RangeError);
    writer.setKey(Uint8Array.of(5), 0, 1);
    writer.setBlob(noKey, 0, 0);
    expect(() => writer.add(Uint32Array.of(1), 0)).toThrow(RangeError);
    for (const shape of [
      { keyBytes: false, width: 9, payloadWords: 0, blob: false },
      { keyBytes: false, width: 2, payloadWords: 2, blob: false },
    ]) {
      expect(() => new DiskTreeWriter(new MemoryFile(), { shape, databaseId, treeId })).toThrow(
        RangeError,
      );
    }
  });

  it("is a footer alone where it has no entries, and says so to everyone", () => {
    const shape = { keyBytes: false, width: 2, payloadWords: 0, blob: false };
    const file = writeTree({ shape, keyWords: 2, entries: [] });
    const tree = openTree(file);
    expect([tree.height, tree.count]).toEqual([0, 0]);
    expect(tree.mayContain(0)).toBe(false);
    expect(tree.mayContainKey(noKey, 0, 0)).toBe(false);
    const cursor = tree.cursor();
    expect(cursor.seek(new Uint32Array(2), 0)).toBe(false);
    expect(cursor.seekLast(new Uint32Array(2), 0)).toBe(false);
    expect(cursor.prev()).toBe(false);
    expect(verifyTree(tree)).toMatchObject({ pageCount: 0, entryCount: 0 });
  });

  it("opens by one read of its end, which must be where it is due, and tells what the footer says", () => {
    const shape = { keyBytes: false, width: 2, payloadWords: 0, blob: false };
    const entries = Array.from({ length: 9000 }, (_, i) => ({
      key: noKey,
      words: [i >> 2, i],
      blob: noKey,
    }));
    const file = writeTree({ shape, keyWords: 2, entries }, { kind: 5, pageBytes: 1024 });
    file.reads = 0;
    const bytes = file.content.length;
    const tree = DiskTree.open(file, bytes, new PageCache(2 ** 20));
    expect(file.reads).toBe(1);
    for (const other of [bytes - 1, bytes + 1]) {
      const open = () => DiskTree.open(file, other, new PageCache(2 ** 20));
      expect(open).toThrow(`does not end behind ${other} bytes`);
    }
    file.reads = 0;
    expect(tree.footer).toMatchObject({
      kind: 5,
      treeId,
      databaseId,
      firstLsn: 3,
      lastLsn: 2 ** 45,
      entryCount: 9000,
      keyCount: 2250,
      pageBytesTarget: 1024,
      minWords: Uint32Array.of(0, 0),
      maxWords: Uint32Array.of(2249, 8999),
    });
    expect(tree.mayContain(2250)).toBe(false);
    expect(file.reads).toBe(0);
  });
});
