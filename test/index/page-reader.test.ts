// Pages come back from their bytes, and bytes that no builder writes are CORRUPT even where every hash fits them.
import { describe, expect, it } from "vitest";
import { getU32, putU32 } from "../../src/codec/bytes.ts";
import { PageBuilder } from "../../src/index/page-builder.ts";
import type { DecodedPage } from "../../src/index/page-decoded.ts";
import {
  columnHeaderBytes,
  PAGE_HEADER,
  PAGE_KIND,
  pageHeaderBytes,
} from "../../src/index/page-format.ts";
import { PageReader } from "../../src/index/page-reader.ts";
import { sealBlock } from "../../src/log/fields.ts";
import { MemoryFile, outcome } from "./disk-tree-support.ts";

const shape = { keyBytes: true, width: 2, payloadWords: 0, blob: true };

function pageOf(count: number): Uint8Array {
  const builder = new PageBuilder(shape, 16_384);
  for (let i = 0; i < count; i++) {
    const key = Buffer.from(`key${100 + i}`);
    builder.addKey(key, 0, key.length);
    builder.addBlob(key, 0, i % 4);
    builder.add(Uint32Array.of(i >> 2, Math.imul(i, 0x9e3779b1)), 0);
  }
  const bytes = new Uint8Array(builder.bytesMax + 8);
  const place = { kind: PAGE_KIND.leaf, level: 0, treeId: 9, ordinal: 4, hasFence: false };
  return bytes.slice(0, builder.write(bytes, 0, place));
}

/** Reads a page as its parent would name it, whatever it holds. */
function read(bytes: Uint8Array): DecodedPage {
  const sealed = bytes.slice();
  sealBlock(sealed, 0, sealed.length);
  const address = {
    offset: 0,
    length: sealed.length,
    hashLo: getU32(sealed, 0),
    hashHi: getU32(sealed, 4),
    level: 0,
  };
  const reader = new PageReader();
  const file = new MemoryFile(sealed);
  reader.read(file, address, 9, PAGE_KIND.leaf);
  return reader.decode(file, address, shape);
}

describe("page reader", () => {
  it("gives back words, keys and blobs", () => {
    const page = read(pageOf(50));
    expect([page.count, page.ordinal, page.level]).toEqual([50, 4, 0]);
    for (let i = 0; i < 50; i++) {
      const text = `key${100 + i}`;
      const key = page.keys.subarray(page.keyOffsets[i], page.keyOffsets[i + 1]);
      const blob = page.blobs.subarray(page.blobOffsets[i], page.blobOffsets[i + 1]);
      expect(Buffer.from(key).toString()).toBe(text);
      expect(Buffer.from(blob).toString()).toBe(text.slice(0, i % 4));
      expect(page.words[2 * i]).toBe(i >> 2);
    }
  });

  it("returns a page or CORRUPT, and nothing else, for any byte changed under fitting hashes", () => {
    const bytes = pageOf(50);
    let refused = 0;
    for (let at = 8; at < bytes.length; at++) {
      for (const mask of [0x01, 0x20, 0x80, 0xff]) {
        const changed = bytes.slice();
        changed[at]! ^= mask;
        const result = outcome(() => read(changed));
        if (typeof result !== "string") continue;
        expect(result).toBe("CORRUPT");
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(50);
  });

  it("refuses bytes behind the last column, and a page cut short", () => {
    const bytes = pageOf(20);
    for (const more of [-1, 1, 9]) {
      const changed = new Uint8Array(bytes.length + more);
      changed.set(bytes.subarray(0, changed.length));
      putU32(changed, PAGE_HEADER.length, changed.length);
      expect(outcome(() => read(changed))).toBe("CORRUPT");
    }
  });

  it("refuses a first key that shares bytes with a key before it", () => {
    const bytes = pageOf(1);
    const sharedBase = pageHeaderBytes + shape.width * columnHeaderBytes + 2;
    expect(typeof outcome(() => read(bytes))).toBe("object");
    putU32(bytes, sharedBase, 1);
    expect(outcome(() => read(bytes))).toBe("CORRUPT");
  });

  it("refuses keys and blobs that would fill the memory", () => {
    const bytes = pageOf(1);
    const lengthBase = pageHeaderBytes + (shape.width + 1) * columnHeaderBytes + 2;
    for (const length of [2 ** 20 + 1, 2 ** 31, 2 ** 32 - 1]) {
      putU32(bytes, lengthBase, length);
      expect(outcome(() => read(bytes))).toBe("CORRUPT");
    }
    for (const count of [0, 2 ** 15 + 1, 2 ** 32 - 1]) {
      const empty = pageOf(1);
      putU32(empty, PAGE_HEADER.count, count);
      expect(outcome(() => read(empty))).toBe("CORRUPT");
    }
  });
});
