// Every decoder of what lies on disk, with sound inputs to begin with and the way to make a changed one sound again: checksums are
// no protection from who can compute them.
import { ByteReader, ByteWriter, getU32, putU32 } from "../../src/codec/bytes.ts";
import { readValue, skipValue, writeValue } from "../../src/codec/values.ts";
import type { DiskFile } from "../../src/disk/ports.ts";
import { decodeCheckpoint, encodeCheckpoint } from "../../src/index/checkpoint-codec.ts";
import {
  decodeTreeFooter,
  TREE_FOOTER,
  TREE_TRAILER,
  treeTrailerBytes,
} from "../../src/index/disk-tree-format.ts";
import {
  innerShape,
  PAGE_HEADER,
  pageHeaderBytes,
  pageMagic,
} from "../../src/index/page-format.ts";
import { kindOfLevel, PageReader } from "../../src/index/page-reader.ts";
import { type TREE_KIND, treeNames, treeShapes } from "../../src/index/tree-kind.ts";
import { ALLOCATION, decodeAllocation } from "../../src/log/allocation-table.ts";
import { RECORD } from "../../src/log/event-format.ts";
import { EventReader } from "../../src/log/event-reader.ts";
import { getU64, hashOf, putHash, sealBlock } from "../../src/log/fields.ts";
import { checkFrame, emptyFrameHeader } from "../../src/log/frame-codec.ts";
import { FRAME, frameHeaderBytes } from "../../src/log/frame-format.ts";
import { decodeManifest, MANIFEST } from "../../src/log/manifest-codec.ts";
import { NameTable } from "../../src/log/name-table.ts";
import { readProps } from "../../src/log/props-codec.ts";
import { decodeSegmentFooter, decodeSegmentHeader } from "../../src/log/segment-codec.ts";
import { SEGMENT_FOOTER, segmentHeaderBytes } from "../../src/log/segment-format.ts";
import { decodeWatermark, watermarkSlotBytes } from "../../src/log/watermark.ts";
import { sampleCheckpoint } from "../support/sample-checkpoint.ts";

export interface Decoder {
  readonly name: string;
  /** Sound encodings. */
  readonly samples: readonly Uint8Array[];
  /** Where changes begin: what comes before is looked at first, and never passes once it is changed. */
  readonly from: number;
  /** Makes lengths and checksums right again, so that the changes reach the decoder. */
  fix(bytes: Uint8Array): void;
  /** True where the bytes were taken for sound; throws what the decoder throws. */
  decode(bytes: Uint8Array): boolean;
}

const nonce = { lo: 11, hi: 12 };

/** The files of a database that has everything, by name. */
export type Image = ReadonlyMap<string, Uint8Array>;

export function decodersOf(image: Image): Decoder[] {
  const named = (pattern: RegExp): Uint8Array[] =>
    [...image].filter(([path]) => pattern.test(path)).map(([, bytes]) => new Uint8Array(bytes));
  const manifest = cutTo(named(/manifest\.a$/)[0]!, MANIFEST.totalBytes);
  const databaseId = manifest.slice(MANIFEST.body, MANIFEST.body + 16);
  const logs = named(/\.log$/);
  const trees = named(/\.tree$/);
  const payloads = logs.flatMap(payloadsOf);
  const checkpoint = encodeCheckpoint(databaseId, sampleCheckpoint);
  return [
    {
      name: "manifest",
      samples: [manifest],
      from: MANIFEST.totalBytes,
      fix: (bytes) => sealSized(bytes, MANIFEST.totalBytes),
      decode: (bytes) => decodeManifest(bytes, "m", false) !== undefined,
    },
    {
      name: "segment header",
      samples: logs.map((bytes) => bytes.slice(0, segmentHeaderBytes)),
      from: 16,
      fix: (bytes) => seal(bytes),
      decode: (bytes) => decodeSegmentHeader(bytes, "s", false) !== undefined,
    },
    {
      name: "segment footer",
      samples: logs.flatMap(footersOf),
      from: SEGMENT_FOOTER.footerBytes,
      fix: (bytes) => sealSized(bytes, SEGMENT_FOOTER.footerBytes),
      decode: (bytes) => decodeSegmentFooter(bytes) !== undefined,
    },
    {
      name: "frame header",
      samples: payloads.slice(0, 20).map(framed),
      from: 0,
      fix: fixFrame,
      decode: (bytes) => checkFrame(bytes, 0, bytes.length, nonce, emptyFrameHeader()) === "none",
    },
    { name: "event records", samples: payloads, from: 0, fix: () => {}, decode: decodeEvents },
    {
      name: "watermark",
      samples: named(/watermark$/).flatMap((bytes) => [
        bytes.slice(0, watermarkSlotBytes),
        bytes.slice(4096, 4096 + watermarkSlotBytes),
      ]),
      from: 16,
      fix: (bytes) => seal(bytes),
      decode: (bytes) => decodeWatermark(bytes, databaseId) !== undefined,
    },
    {
      name: "allocation table",
      samples: named(/allocation$/).map((bytes) => cutTo(bytes, ALLOCATION.totalBytes)),
      from: ALLOCATION.totalBytes,
      fix: (bytes) => sealSized(bytes, ALLOCATION.totalBytes),
      decode: (bytes) => decodeAllocation(bytes, databaseId) !== undefined,
    },
    {
      name: "checkpoint",
      samples: [checkpoint, ...named(/checkpoint-/)],
      from: 32,
      fix: (bytes) => sealSized(bytes, 32),
      decode: (bytes) => decodeCheckpoint(bytes, databaseId, "c") !== undefined,
    },
    {
      name: "tree footer",
      samples: trees.map(treeFooterOf),
      from: 12,
      fix: fixTreeFooter,
      decode: (bytes) => {
        if (bytes.length < TREE_FOOTER.keys) return false;
        const fileBytes = getU64(bytes, TREE_FOOTER.footerOffset) + bytes.length;
        return typeof decodeTreeFooter(bytes, fileBytes) === "object";
      },
    },
    ...treeNames.flatMap((name) => {
      const pages = [...image]
        .filter(([path]) => path.endsWith(`-${name}.tree`))
        .flatMap(([, bytes]) => pagesOf(new Uint8Array(bytes)));
      return pages.length === 0 ? [] : [pageDecoder(name, pages)];
    }),
    { name: "values", samples: values(), from: 0, fix: () => {}, decode: decodeValue },
  ];
}

/** A file may be longer than what it holds. */
function cutTo(bytes: Uint8Array, lengthAt: number): Uint8Array {
  return bytes.slice(0, getU32(bytes, lengthAt));
}

function seal(bytes: Uint8Array): void {
  if (bytes.length >= 8) sealBlock(bytes, 0, bytes.length);
}

/** The length field says what there is three times in four, judged by the bytes themselves. */
function sealSized(bytes: Uint8Array, lengthAt: number): void {
  const isRight = (bytes[bytes.length - 1] ?? 0) % 4 !== 3;
  if (bytes.length >= lengthAt + 4 && isRight) putU32(bytes, lengthAt, bytes.length);
  seal(bytes);
}

function payloadsOf(log: Uint8Array): Uint8Array[] {
  const header = decodeSegmentHeader(log.subarray(0, segmentHeaderBytes), "s", false)!;
  const frame = emptyFrameHeader();
  const payloads: Uint8Array[] = [];
  let at = segmentHeaderBytes;
  while (checkFrame(log, at, log.length, header.nonce, frame) === "none") {
    const from = at + frameHeaderBytes;
    if (frame.payloadBytes <= 8192) payloads.push(log.slice(from, from + frame.payloadBytes));
    at += frame.frameBytes;
  }
  return payloads;
}

function footersOf(log: Uint8Array): Uint8Array[] {
  for (let at = segmentHeaderBytes; at + SEGMENT_FOOTER.index <= log.length; at += 8) {
    const footer = log.slice(at, at + getU32(log, at + SEGMENT_FOOTER.footerBytes));
    if (decodeSegmentFooter(footer) !== undefined) return [footer];
  }
  return [];
}

function framed(payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array((frameHeaderBytes + payload.length + 7) & -8);
  bytes.set(payload, frameHeaderBytes);
  putU32(bytes, FRAME.frameBytes, bytes.length);
  putU32(bytes, FRAME.payloadBytes, payload.length);
  putU32(bytes, FRAME.firstLsn, 9);
  putU32(bytes, FRAME.eventCount, 1);
  putU32(bytes, FRAME.flags, 1 << 16);
  fixFrame(bytes);
  return bytes;
}

function fixFrame(bytes: Uint8Array): void {
  if (bytes.length < frameHeaderBytes) return;
  const frameBytes = getU32(bytes, FRAME.frameBytes);
  const end =
    frameBytes >= frameHeaderBytes && frameBytes <= bytes.length ? frameBytes : bytes.length;
  putHash(bytes, 0, hashOf(bytes, 8, end, nonce));
}

const hasProps: ReadonlySet<number> = new Set([RECORD.nodePut, RECORD.edgeAdd]);

/** As recovery does, and as finders do, which pass records over; values that records hold are read, too. */
function decodeEvents(bytes: Uint8Array): boolean {
  const reader = new EventReader().open(bytes, 0, bytes.length, 1000);
  const names = new NameTable();
  for (let id = 1; id < 40; id++) names.define(id, id === 5 ? "__proto__" : `name${id}`);
  while (reader.next()) {
    const { tag, propsFrom, recordTo } = reader;
    if (propsFrom > reader.recordFrom && propsFrom <= recordTo && hasProps.has(tag)) {
      readProps(new ByteReader().open(reader.bytes, propsFrom, recordTo), names);
    }
  }
  const skipper = new EventReader().open(bytes, 0, bytes.length, 1000);
  while (skipper.skip());
  return true;
}

function treeFooterOf(tree: Uint8Array): Uint8Array {
  const trailer = tree.length - treeTrailerBytes;
  return tree.slice(tree.length - getU32(tree, trailer + TREE_TRAILER.footerBytes));
}

function fixTreeFooter(bytes: Uint8Array): void {
  const trailer = bytes.length - treeTrailerBytes;
  if (trailer < 0) return;
  if ((bytes[20] ?? 0) % 4 !== 3) putU32(bytes, trailer + TREE_TRAILER.footerBytes, bytes.length);
  const hashAt = trailer + TREE_TRAILER.hash;
  putHash(bytes, hashAt, hashOf(bytes, 0, hashAt));
}

function pagesOf(tree: Uint8Array): Uint8Array[] {
  const pages: Uint8Array[] = [];
  for (let at = 0; at + pageHeaderBytes <= tree.length; ) {
    const length = getU32(tree, at + PAGE_HEADER.length);
    const isPage = getU32(tree, at + PAGE_HEADER.magic) === pageMagic;
    if (!isPage || length < pageHeaderBytes || at + length > tree.length) {
      at++;
      continue;
    }
    // Pages of the filter have another decoder.
    if (tree[at + PAGE_HEADER.kind]! < 3) pages.push(tree.slice(at, at + length));
    at += length;
  }
  return pages;
}

function pageDecoder(name: keyof typeof TREE_KIND, samples: readonly Uint8Array[]): Decoder {
  const reader = new PageReader();
  return {
    name: `page of ${name}`,
    samples,
    from: PAGE_HEADER.flags,
    fix: (bytes) => {
      if (bytes.length < pageHeaderBytes) return;
      putU32(bytes, PAGE_HEADER.length, bytes.length);
      putHash(bytes, PAGE_HEADER.hash, hashOf(bytes, PAGE_HEADER.magic, bytes.length));
    },
    decode: (bytes) => {
      if (bytes.length < pageHeaderBytes) return false;
      const [hashLo, hashHi] = [getU32(bytes, 0), getU32(bytes, 4)];
      const level = bytes[PAGE_HEADER.level]!;
      const address = { offset: 0, length: bytes.length, hashLo, hashHi, level };
      const treeId = getU64(bytes, PAGE_HEADER.treeId);
      reader.read(fileOf(bytes), address, treeId, kindOfLevel(level));
      reader.decode(
        fileOf(bytes),
        address,
        level === 0 ? treeShapes[name] : innerShape(treeShapes[name]),
      );
      return true;
    },
  };
}

function fileOf(bytes: Uint8Array): DiskFile {
  const readSync = (into: Uint8Array, position: number): number => {
    const part = bytes.subarray(position, position + into.length);
    into.set(part);
    return part.length;
  };
  return { path: "/db/0000000001-keys.tree", readSync } as unknown as DiskFile;
}

function values(): Uint8Array[] {
  let nested: unknown = "end";
  for (let depth = 0; depth < 60; depth++) nested = depth % 2 === 0 ? [nested] : { nested };
  const all: unknown[] = [
    null,
    [1, -0, Number.NaN, 2n ** 70n, new Date(5), new Uint8Array(9), "\ud800", [], {}],
    { a: { b: [{ c: "x".repeat(200) }] }, __proto: true },
    nested,
    Array.from({ length: 100 }, (_, i) => i),
  ];
  const writer = new ByteWriter(256);
  return all.map((value) => {
    writer.reset();
    writeValue(writer, value);
    return writer.bytes.slice(0, writer.position);
  });
}

function decodeValue(bytes: Uint8Array): boolean {
  skipValue(new ByteReader().open(bytes, 0, bytes.length));
  readValue(new ByteReader().open(bytes, 0, bytes.length));
  return true;
}
