// A merged cursor shows what a map would hold into which the sources were poured from the oldest to the newest.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type EntrySource,
  type KeySource,
  MergedKeyCursor,
  MergedWordCursor,
  type WordSource,
  writeAll,
} from "../../src/index/disk-tree-merge.ts";
import { KeyTreeSource, keyTreeShape } from "../../src/index/disk-tree-sources.ts";
import { verifyTree } from "../../src/index/disk-tree-verify.ts";
import { DiskTreeWriter } from "../../src/index/disk-tree-writer.ts";
import { KeyTree } from "../../src/index/key-tree.ts";
import { WordTree } from "../../src/index/word-tree.ts";
import {
  databaseId,
  type Entry,
  entriesArbitrary,
  entryAt,
  keyArbitrary,
  MemoryFile,
  type Model,
  modelOf,
  openTree,
  readAll,
  textOf,
  treeId,
  writeTree,
} from "./disk-tree-support.ts";

const wordShape = { keyBytes: false, width: 3, payloadWords: 1, blob: false };
const blobShape = { keyBytes: true, width: 2, payloadWords: 1, blob: true };
const noBytes = new Uint8Array(0);

/** Newest first, as the cursor takes them: of equal keys the first source's entry stays. */
function mergedModel(models: readonly Model[]): Model {
  return modelOf(
    models[0]!.shape,
    models.flatMap(({ entries }) => entries),
  );
}

function inMemory(model: Model): WordSource {
  const tree = new WordTree({ width: 3, payloadWords: 1, leafCapacity: 5, stagingCapacity: 7 });
  for (const { words } of model.entries) {
    tree.probe.set(words);
    tree.insert();
  }
  return tree.cursor();
}

function all(cursor: EntrySource, width: number): Entry[] {
  const entries: Entry[] = [];
  for (let more = cursor.isValid; more; more = cursor.next()) entries.push(entryAt(cursor, width));
  return entries;
}

const models = (shape: Model["shape"], countMax: number) =>
  fc.array(
    entriesArbitrary(shape, countMax).map((entries) => modelOf(shape, entries)),
    { minLength: 1, maxLength: 5 },
  );

describe("merged cursor", () => {
  it("shows trees in memory and on disk as one, by entry, by run, and from any place", () => {
    const probes = fc.array(fc.tuple(fc.nat({ max: 6 }), fc.nat({ max: 6 })), { maxLength: 10 });
    fc.assert(
      fc.property(models(wordShape, 120), probes, (parts, places) => {
        const sources = parts.map((part, i) =>
          i % 2 === 0
            ? inMemory(part)
            : openTree(writeTree(part, { pageBytes: 512 }), 3000).cursor(),
        );
        const { entries } = mergedModel(parts);
        const cursor = new MergedWordCursor(sources, 3, 2);
        cursor.seek(new Uint32Array(3), 0);
        expect(textOf(all(cursor, 3))).toBe(textOf(entries));
        const total = parts.reduce((sum, part) => sum + part.entries.length, 0);
        expect(cursor.shadowed).toBe(total - entries.length);

        const runs: number[][] = [];
        for (let more = cursor.seek(new Uint32Array(3), 0); more; more = cursor.nextLeaf()) {
          for (let base = cursor.base; base < cursor.leafEnd; base += 3) {
            runs.push([...cursor.words.subarray(base, base + 3)]);
          }
        }
        expect(runs).toEqual(entries.map(({ words }) => words));

        for (const place of places) {
          const first = entries.find(
            ({ words }) => words[0]! > place[0] || (words[0] === place[0] && words[1]! >= place[1]),
          );
          expect(cursor.seek(Uint32Array.from(place), 2)).toBe(first !== undefined);
          if (first !== undefined) expect(entryAt(cursor, 3).words).toEqual(first.words);
        }
      }),
      { numRuns: 80 },
    );
  });

  it("takes runs of a whole leaf where sources do not interleave", () => {
    const part = (from: number) =>
      modelOf(
        wordShape,
        Array.from({ length: 500 }, (_, i) => ({
          key: noBytes,
          words: [from + i, 0, 0],
          blob: noBytes,
        })),
      );
    const sources = [part(1000), part(0), part(500)].map((model) =>
      openTree(writeTree(model)).cursor(),
    );
    const cursor = new MergedWordCursor(sources, 3, 2);
    const runs: number[] = [];
    for (let more = cursor.seek(new Uint32Array(3), 0); more; more = cursor.nextLeaf()) {
      runs.push((cursor.leafEnd - cursor.base) / 3);
    }
    expect(runs).toEqual([500, 500, 500]);
  });

  it("merges keyed trees with blobs into a tree that is what all of them were", () => {
    fc.assert(
      fc.property(models(blobShape, 60), (parts) => {
        const sources: KeySource[] = parts.map((part) =>
          openTree(writeTree(part, { pageBytes: 512 }), 3000).keyCursor(),
        );
        const merged = mergedModel(parts);
        const cursor = new MergedKeyCursor(sources, 2, 1);
        const file = new MemoryFile();
        const options = { shape: blobShape, databaseId, treeId, pageBytes: 512 };
        const writer = new DiskTreeWriter(file, options);
        cursor.seek(noBytes, 0, 0);
        expect(writeAll(cursor, writer, blobShape)).toBe(merged.entries.length);
        writer.finish();
        const tree = openTree(file);
        expect(textOf(readAll(tree))).toBe(textOf(merged.entries));
        verifyTree(tree);
      }),
      { numRuns: 60 },
    );
  });

  it("writes the in-memory key tree to disk, and merges it with what is there", () => {
    const versions = fc.array(fc.tuple(keyArbitrary, fc.nat({ max: 5 })), { maxLength: 60 });
    fc.assert(
      fc.property(versions, versions, (older, newer) => {
        const treeOf = (items: [Uint8Array, number][], id: number): KeyTree => {
          const tree = new KeyTree({ leafCapacity: 4, innerCapacity: 4, chunkBytes: 2048 });
          for (const [key, lsn] of items) tree.insert(key, 0, key.length, lsn, id, 1);
          return tree;
        };
        const write = (source: EntrySource): MemoryFile => {
          const file = new MemoryFile();
          const writer = new DiskTreeWriter(file, { shape: keyTreeShape, databaseId, treeId });
          writeAll(source, writer, keyTreeShape);
          writer.finish();
          return file;
        };
        const first = new KeyTreeSource(treeOf(older, 1).cursor());
        first.seek(noBytes, 0, 0);
        const onDisk = openTree(write(first));
        const second = new KeyTreeSource(treeOf(newer, 2).cursor());
        const merged = new MergedKeyCursor([second, onDisk.keyCursor()], 4, 2);
        merged.seek(noBytes, 0, 0);
        const entryOf =
          (id: number) =>
          ([key, lsn]: [Uint8Array, number]): Entry => ({
            key,
            words: [0, lsn, id, 1],
            blob: noBytes,
          });
        const expected = modelOf(keyTreeShape, [
          ...newer.map(entryOf(2)),
          ...older.map(entryOf(1)),
        ]);
        expect(textOf(readAll(openTree(write(merged))))).toBe(textOf(expected.entries));
      }),
      { numRuns: 100 },
    );
  });
});
