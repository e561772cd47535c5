// What a damaged tree file does: the same answers, or CORRUPT with file and offset; never a wrong answer, never another error.
import { describe, expect, it } from "vitest";
import { VarveError } from "../../src/codec/errors.ts";
import { DiskTree } from "../../src/index/disk-tree.ts";
import { TREE_FOOTER, treeTrailerBytes } from "../../src/index/disk-tree-format.ts";
import { verifyTree } from "../../src/index/disk-tree-verify.ts";
import { PageCache } from "../../src/index/page-cache.ts";
import { PAGE_HEADER, PAGE_KIND } from "../../src/index/page-format.ts";
import { sealBlock } from "../../src/log/fields.ts";
import {
  type Entry,
  MemoryFile,
  modelOf,
  openTree,
  outcome,
  readAll,
  textOf,
  treeId,
  withFooterField,
  writeTree,
} from "./disk-tree-support.ts";

const shape = { keyBytes: true, width: 3, payloadWords: 1, blob: true };

function entriesOf(count: number, salt = 0): Entry[] {
  return Array.from({ length: count }, (_, i) => ({
    // Keys that share little, so that inner pages hold few children.
    key: Uint8Array.from(
      { length: 48 },
      (_, at) => Math.imul((i >> 1) * 64 + at, 0x9e3779b1) >>> 24,
    ),
    words: [i & 1, Math.imul(i + salt, 0x9e3779b1) >>> 0, i],
    blob: new Uint8Array(i % 5).fill(i + salt),
  }));
}

const model = modelOf(shape, entriesOf(180));
const sound = writeTree(model, { pageBytes: 512 }).content;
const expected = textOf(model.entries);

interface Answers {
  entries: string;
  filter: string;
  verified: string;
}

/** Everything that reads, each with its own result: an answer or the code of the error. */
function answersOf(bytes: Uint8Array): Answers {
  const file = new MemoryFile(bytes);
  const tree = outcome(() => openTree(file, 4000));
  if (typeof tree === "string") return { entries: tree, filter: tree, verified: tree };
  const filter = outcome(() => {
    const misses = model.entries.filter(({ key }) => !tree.mayContainKey(key, 0, key.length));
    return misses.length === 0 ? "same" : "wrong";
  });
  const entries = outcome(() => (textOf(readAll(tree)) === expected ? "same" : "wrong"));
  const verified = outcome(() => (verifyTree(tree).pageCount > 0 ? "same" : "wrong"));
  return { entries, filter, verified };
}

function changed(change: (bytes: Uint8Array) => void): Uint8Array {
  const bytes = sound.slice();
  change(bytes);
  return bytes;
}

/** Where each page and filter block starts, by walking the lengths in the headers. */
function pageOffsets(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { footerOffset, filterLines, filterBlockLines } = openTree(new MemoryFile(bytes)).footer;
  const end = footerOffset - 8 * Math.ceil(filterLines / filterBlockLines);
  const offsets: number[] = [];
  for (let at = 0; at < end; at += view.getUint32(at + PAGE_HEADER.length, true)) offsets.push(at);
  return offsets;
}

describe("damaged on-disk tree", () => {
  it("has leaves, inner pages of two levels and a filter to damage", () => {
    const tree = openTree(new MemoryFile(sound));
    expect(tree.height).toBeGreaterThanOrEqual(3);
    expect(tree.footer.filterLines).toBeGreaterThan(0);
    expect(answersOf(sound)).toEqual({ entries: "same", filter: "same", verified: "same" });
  });

  it("answers the same or CORRUPT whichever byte is flipped, and verify finds every one", () => {
    for (let at = 0; at < sound.length; at++) {
      for (const mask of [0x01, 0x80, 0xff]) {
        const answers = answersOf(changed((bytes) => (bytes[at]! ^= mask)));
        expect([at, answers.entries]).toEqual([at, expect.stringMatching(/^(same|CORRUPT)$/)]);
        expect([at, answers.filter]).toEqual([at, expect.stringMatching(/^(same|CORRUPT)$/)]);
        expect([at, answers.verified]).toEqual([at, "CORRUPT"]);
        if (at >= sound.length - treeTrailerBytes) expect(answers.entries).toBe("CORRUPT");
        if (mask === 0x01 && at % 7 !== 0) break;
      }
    }
  });

  it("is CORRUPT at every length but its own", () => {
    for (let length = 0; length < sound.length; length++) {
      const cut = new MemoryFile(sound.slice(0, length));
      expect(outcome(() => openTree(cut))).toBe("CORRUPT");
    }
    for (const more of [1, 16, 5000]) {
      const longer = new Uint8Array(sound.length + more);
      longer.set(sound);
      expect(outcome(() => openTree(new MemoryFile(longer)))).toBe("CORRUPT");
      const moved = new Uint8Array(sound.length + more);
      moved.set(sound, more);
      expect(outcome(() => openTree(new MemoryFile(moved)))).toBe("CORRUPT");
    }
  });

  it("notices a file that got shorter after it was opened", () => {
    const file = new MemoryFile(sound.slice());
    const tree = openTree(file);
    void file.truncate(40);
    expect(outcome(() => readAll(tree))).toBe("CORRUPT");
  });

  it("notices two sound pages or blocks of one length that changed places", () => {
    const flat = { keyBytes: false, width: 2, payloadWords: 0, blob: false };
    const many = Array.from({ length: 3000 }, (_, i) => ({
      key: new Uint8Array(0),
      words: [i, Math.imul(i, 0x9e3779b1) >>> 0],
      blob: new Uint8Array(0),
    }));
    const bytes = writeTree(modelOf(flat, many), { pageBytes: 512 }).content;
    const view = new DataView(bytes.buffer);
    const lengthAt = (at: number) => view.getUint32(at + PAGE_HEADER.length, true);
    const kinds = new Set<number>();
    const offsets = pageOffsets(bytes);
    for (const a of offsets) {
      const b = offsets.find((other) => other > a && lengthAt(other) === lengthAt(a));
      if (b === undefined) continue;
      kinds.add(bytes[a + PAGE_HEADER.kind]!);
      const swapped = bytes.slice();
      swapped.set(bytes.subarray(a, a + lengthAt(a)), b);
      swapped.set(bytes.subarray(b, b + lengthAt(b)), a);
      const tree = openTree(new MemoryFile(swapped));
      expect(outcome(() => verifyTree(tree))).toBe("CORRUPT");
      const isFilter = bytes[a + PAGE_HEADER.kind] === PAGE_KIND.filter;
      expect(outcome(() => (isFilter ? tree.loadFilter() : readAll(tree)))).toBe("CORRUPT");
    }
    expect(kinds).toEqual(new Set([PAGE_KIND.leaf, PAGE_KIND.filter]));
  });

  it("notices a stale page: sound, of the same tree id, place and length, but of another writing", () => {
    const other = writeTree(modelOf(shape, entriesOf(180, 1)), { pageBytes: 512 }).content;
    const offset = pageOffsets(sound).find((at) => {
      const length = new DataView(sound.buffer).getUint32(at + PAGE_HEADER.length, true);
      return new DataView(other.buffer).getUint32(at + PAGE_HEADER.length, true) === length;
    })!;
    const length = new DataView(sound.buffer).getUint32(offset + PAGE_HEADER.length, true);
    const answers = answersOf(
      changed((bytes) => bytes.set(other.subarray(offset, offset + length), offset)),
    );
    expect(answers.entries).toBe("CORRUPT");
  });

  it("does not believe a page whose hash was made to fit its damage", () => {
    const [first] = pageOffsets(sound);
    const length = new DataView(sound.buffer).getUint32(first! + PAGE_HEADER.length, true);
    for (let at = first! + 8; at < first! + length; at++) {
      const answers = answersOf(
        changed((bytes) => {
          bytes[at]! ^= 0x40;
          sealBlock(bytes, first!, first! + length);
        }),
      );
      expect(answers.entries).toBe("CORRUPT");
    }
  });

  it("names file and offset of the page that is damaged", () => {
    const offset = pageOffsets(sound)[2]!;
    const tree = openTree(new MemoryFile(changed((bytes) => (bytes[offset + 50]! ^= 1))));
    let caught: unknown;
    try {
      readAll(tree);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(VarveError);
    expect((caught as VarveError).details).toMatchObject({ file: "/tree", offset });
  });

  it("goes on with other pages after one was found damaged", () => {
    const offset = pageOffsets(sound)[0]!;
    const tree = openTree(new MemoryFile(changed((bytes) => (bytes[offset + 50]! ^= 1))));
    const cursor = tree.keyCursor();
    expect(outcome(() => cursor.seek(new Uint8Array(0), 0, 0))).toBe("CORRUPT");
    expect(cursor.isValid).toBe(false);
    const { key } = model.entries.at(-1)!;
    expect(cursor.seek(key, 0, key.length)).toBe(true);
  });

  it("refuses a tree of another id or database, and a newer format by its own code", () => {
    const file = new MemoryFile(sound);
    const cache = new PageCache(1000);
    const databaseId = new Uint8Array(16);
    expect(outcome(() => DiskTree.open(file, sound.length, cache, { databaseId, treeId }))).toBe(
      "CORRUPT",
    );
    const { footer } = openTree(file);
    const id = { databaseId: footer.databaseId, treeId: treeId + 1 };
    expect(outcome(() => DiskTree.open(file, sound.length, cache, id))).toBe("CORRUPT");
    const newer = withFooterField(sound, TREE_FOOTER.version, 2);
    expect(outcome(() => openTree(new MemoryFile(newer)))).toBe("FORMAT_UNSUPPORTED");
  });

  it("refuses a footer of entries without pages, or of more pages than there is room for, before anyone makes room", () => {
    const { footer } = openTree(new MemoryFile(sound));
    const { height, pageCount } = TREE_FOOTER;
    const saying: [number, number][] = [
      [height, 0],
      [pageCount, footer.pageCount + sound.length],
      [pageCount, 2 ** 32 - 1],
    ];
    for (const [field, value] of saying) {
      const bombed = withFooterField(sound, field, value);
      expect(outcome(() => openTree(new MemoryFile(bombed)))).toBe("CORRUPT");
    }
  });
});
