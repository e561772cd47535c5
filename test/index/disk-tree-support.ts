// What the tests of the on-disk trees share: a file in memory, random trees as plain sorted arrays, and what a cursor shows of a tree.
import * as fc from "fast-check";
import { getU32, putU32 } from "../../src/codec/bytes.ts";
import { VarveError } from "../../src/codec/errors.ts";
import type { DiskFile } from "../../src/disk/ports.ts";
import { DiskTree } from "../../src/index/disk-tree.ts";
import { treeTrailerBytes } from "../../src/index/disk-tree-format.ts";
import type { EntrySource } from "../../src/index/disk-tree-merge.ts";
import { type DiskTreeOptions, DiskTreeWriter } from "../../src/index/disk-tree-writer.ts";
import { PageCache } from "../../src/index/page-cache.ts";
import type { EntryShape } from "../../src/index/page-format.ts";
import { hashOf, putHash } from "../../src/log/fields.ts";

/** Counts its reads, and refuses writes that do not ascend. */
export class MemoryFile implements DiskFile {
  readonly path = "/tree";
  bytes: Uint8Array;
  reads = 0;
  #length = 0;

  constructor(bytes: Uint8Array = new Uint8Array(0)) {
    this.bytes = bytes;
    this.#length = bytes.length;
  }

  get content(): Uint8Array {
    return this.bytes.slice(0, this.#length);
  }

  readSync(into: Uint8Array, position: number): number {
    this.reads++;
    const part = this.bytes.subarray(position, Math.min(position + into.length, this.#length));
    into.set(part);
    return part.length;
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    return this.readSync(into, position);
  }

  writeSync(bytes: Uint8Array, position: number): void {
    if (position !== this.#length) throw new Error(`write at ${position}, not ${this.#length}`);
    if (position + bytes.length > this.bytes.length) {
      const larger = new Uint8Array((position + bytes.length) * 2);
      larger.set(this.bytes);
      this.bytes = larger;
    }
    this.bytes.set(bytes, position);
    this.#length += bytes.length;
  }

  async sync(): Promise<void> {}
  async truncate(size: number): Promise<void> {
    this.#length = size;
  }
  async size(): Promise<number> {
    return this.#length;
  }
  async close(): Promise<void> {}
}

export interface Entry {
  readonly key: Uint8Array;
  readonly words: readonly number[];
  readonly blob: Uint8Array;
}

export interface Model {
  readonly shape: EntryShape;
  readonly keyWords: number;
  /** Sorted, each key once. */
  readonly entries: readonly Entry[];
}

export const databaseId: Uint8Array = Uint8Array.from({ length: 16 }, (_, i) => 0xa0 + i);
export const treeId: number = 2 ** 40 + 7;

export function compareEntries(a: Entry, b: Entry, keyWords: number): number {
  const order = Buffer.compare(a.key, b.key);
  if (order !== 0) return order;
  for (let i = 0; i < keyWords; i++) {
    if (a.words[i] !== b.words[i]) return a.words[i]! - b.words[i]!;
  }
  return 0;
}

export function writeTree(
  model: Model,
  options: Partial<DiskTreeOptions> & { runs?: boolean } = {},
): MemoryFile {
  const file = new MemoryFile();
  const { shape, entries } = model;
  const writer = new DiskTreeWriter(file, { databaseId, treeId, ...options, shape });
  if (options.runs === true) {
    const words = Uint32Array.from(entries.flatMap((entry) => entry.words));
    writer.addRun(words, 0, words.length);
  } else {
    for (const { key, words, blob } of entries) {
      if (shape.keyBytes) writer.setKey(Uint8Array.from([7, ...key]), 1, key.length + 1);
      if (shape.blob) writer.setBlob(Uint8Array.from([7, ...blob, 7]), 1, blob.length + 1);
      writer.add(Uint32Array.from([9, ...words]), 1);
    }
  }
  writer.finish({ firstLsn: 3, lastLsn: 2 ** 45 });
  return file;
}

export function openTree(
  file: DiskFile & { content: Uint8Array },
  cacheBytes: number = 2 ** 24,
): DiskTree {
  const cache = new PageCache(cacheBytes);
  return DiskTree.open(file, file.content.length, cache, { databaseId, treeId });
}

/** The entry that a cursor stands on. */
export function entryAt(cursor: EntrySource, width: number): Entry {
  const { words, base } = cursor;
  return {
    key: (cursor.keyChunk ?? new Uint8Array(0)).slice(cursor.keyFrom ?? 0, cursor.keyTo ?? 0),
    words: [...words.subarray(base, base + width)],
    blob: (cursor.blobChunk ?? new Uint8Array(0)).slice(cursor.blobFrom ?? 0, cursor.blobTo ?? 0),
  };
}

/** Entries as text: what tests compare, since it is quicker than comparing deeply. */
export function textOf(entries: readonly (Entry | undefined)[]): string {
  return entries
    .map((entry) =>
      entry === undefined
        ? "none"
        : `${Buffer.from(entry.key).toString("hex")} ${entry.words} ${Buffer.from(entry.blob).toString("hex")}`,
    )
    .join("\n");
}

/** The last entry that passes, or undefined. */
export function lastOf(
  entries: readonly Entry[],
  passes: (entry: Entry) => boolean,
): Entry | undefined {
  for (let i = entries.length - 1; i >= 0; i--) if (passes(entries[i]!)) return entries[i];
  return undefined;
}

/** A cursor of either kind on the first entry. */
export function startOf(tree: DiskTree): EntrySource & { prev(): boolean } {
  if (tree.shape.keyBytes) {
    const cursor = tree.keyCursor();
    cursor.seek(new Uint8Array(0), 0, 0);
    return cursor;
  }
  const cursor = tree.cursor();
  cursor.seek(new Uint32Array(0), 0);
  return cursor;
}

/** All entries, by `next`. */
export function readAll(tree: DiskTree): Entry[] {
  const cursor = startOf(tree);
  const entries: Entry[] = [];
  for (let more = cursor.isValid; more; more = cursor.next()) {
    entries.push(entryAt(cursor, tree.width));
  }
  return entries;
}

/** What a call returns, or the code of the VarveError it throws; other errors go through. */
export function outcome<T>(work: () => T): T | string {
  try {
    return work();
  } catch (error) {
    if (error instanceof VarveError) return error.code;
    throw error;
  }
}

const word = fc.oneof(
  { weight: 3, arbitrary: fc.nat({ max: 5 }) },
  { weight: 2, arbitrary: fc.nat({ max: 5000 }) },
  { weight: 1, arbitrary: fc.constantFrom(0, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 2, 2 ** 32 - 1) },
  { weight: 1, arbitrary: fc.nat({ max: 2 ** 32 - 1 }) },
);

const keyStart = fc.constantFrom("", "a", "ab", "\u0000", "x".repeat(40), "y".repeat(1020));
export const keyArbitrary: fc.Arbitrary<Uint8Array> = fc
  .tuple(keyStart, fc.array(fc.constantFrom(0, 0, 1, 0x61, 0x7f, 0x80, 0xff), { maxLength: 4 }))
  .map(([start, rest]) => Uint8Array.from([...Buffer.from(start), ...rest]));

export const shapeArbitrary: fc.Arbitrary<EntryShape> = fc
  .tuple(fc.boolean(), fc.integer({ min: 1, max: 8 }), fc.nat({ max: 8 }), fc.boolean())
  .map(([keyBytes, width, payload, blob]) => ({
    keyBytes,
    width,
    payloadWords: Math.min(payload, keyBytes ? width : width - 1),
    blob,
  }));

export function entriesArbitrary(shape: EntryShape, countMax: number): fc.Arbitrary<Entry[]> {
  const { width } = shape;
  return fc.array(
    fc.record({
      key: shape.keyBytes ? keyArbitrary : fc.constant(new Uint8Array(0)),
      words: fc.array(word, { minLength: width, maxLength: width }),
      blob: shape.blob
        ? fc.uint8Array({ maxLength: 300, size: "max" })
        : fc.constant(new Uint8Array(0)),
    }),
    { maxLength: countMax, size: "max" },
  );
}

/** Sorts entries and keeps the first of those with the same key. */
export function modelOf(shape: EntryShape, entries: readonly Entry[]): Model {
  const keyWords = shape.width - shape.payloadWords;
  const sorted = [...entries].sort((a, b) => compareEntries(a, b, keyWords));
  return {
    shape,
    keyWords,
    entries: sorted.filter(
      (entry, i) => i === 0 || compareEntries(sorted[i - 1]!, entry, keyWords) < 0,
    ),
  };
}

export const modelArbitrary: fc.Arbitrary<Model> = shapeArbitrary.chain((shape) =>
  entriesArbitrary(shape, 400).map((entries) => modelOf(shape, entries)),
);

/** The same tree with another word in a field of its footer, under a sound hash. @param field of `TREE_FOOTER`. */
export function withFooterField(file: Uint8Array, field: number, value: number): Uint8Array {
  const bytes = Uint8Array.from(file);
  const footer = bytes.length - getU32(bytes, bytes.length - treeTrailerBytes);
  const hashAt = bytes.length - 8;
  putU32(bytes, footer + field, value);
  putHash(bytes, hashAt, hashOf(bytes, footer, hashAt));
  return bytes;
}
