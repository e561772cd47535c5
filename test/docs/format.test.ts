// Holds docs/FORMAT.md to the code: offsets, widths, tags and numbers of its tables against the exported constants, and the
// bodies of records against records that were really written.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ByteReader, ByteWriter } from "../../src/codec/bytes.ts";
import { limits } from "../../src/codec/limits.ts";
import * as valueTags from "../../src/codec/value-tags.ts";
import { readValue } from "../../src/codec/values.ts";
import type { Checkpoint } from "../../src/index/checkpoint.ts";
import {
  CHECKPOINT,
  checkpointMagic,
  checkpointVersion,
  encodeCheckpoint,
} from "../../src/index/checkpoint-codec.ts";
import { TREE_KIND } from "../../src/index/tree-kind.ts";
import {
  ALLOCATION,
  allocationEntryBytes,
  allocationMagic,
} from "../../src/log/allocation-table.ts";
import { EventBatch } from "../../src/log/event-batch.ts";
import {
  edgeRunEdgesMax,
  patchImageEvery,
  RECORD,
  systemTagMin,
} from "../../src/log/event-format.ts";
import { FILE } from "../../src/log/file-names.ts";
import { FRAME, FRAME_FLAG, frameHeaderBytes, frameVersion } from "../../src/log/frame-format.ts";
import { FrameIndex } from "../../src/log/frame-index.ts";
import { writeGap, writeNodeIds } from "../../src/log/gap-record.ts";
import {
  encodeManifest,
  MANIFEST,
  type Manifest,
  manifestMagic,
  manifestVersion,
  SEGMENT_STATE,
} from "../../src/log/manifest-codec.ts";
import { NameTable } from "../../src/log/name-table.ts";
import { reserveBytes } from "../../src/log/reserve.ts";
import {
  FOOTER_INDEX_ENTRY,
  footerIndexEntryBytes,
  indexStrideBytes,
  SEGMENT_FOOTER,
  SEGMENT_HEADER,
  segmentFooterMagic,
  segmentHeaderBytes,
  segmentHeaderUsedBytes,
  segmentMagic,
  segmentVersion,
} from "../../src/log/segment-format.ts";
import {
  WATERMARK,
  watermarkFileBytes,
  watermarkMagic,
  watermarkSlotBytes,
  watermarkSlotOffsets,
} from "../../src/log/watermark.ts";
import { sampleCheckpoint } from "../support/sample-checkpoint.ts";

const page = readFileSync(new URL("../../docs/FORMAT.md", import.meta.url), "utf8");

interface Table {
  readonly head: string;
  readonly rows: readonly (readonly string[])[];
}

/** The tables of the page, in order. */
const tables: readonly Table[] = page
  .split(/\n(?!\|)/)
  .map((block) => block.split("\n").filter((line) => line.startsWith("|")))
  .filter((lines) => lines.length > 2)
  .map((lines) => {
    const cells = lines.map((line) =>
      line
        .slice(1, -1)
        .split("|")
        .map((cell) => cell.trim()),
    );
    return { head: cells[0]!.join(" "), rows: cells.slice(2) };
  });

const layouts = tables.filter(({ head }) => head === "offset width field meaning");

interface Field {
  readonly offset: number;
  readonly width: number | undefined;
  readonly name: string;
  readonly meaning: string;
}

function fieldsOf({ rows }: Table): Field[] {
  return rows.map(([offset, width, name, meaning]) => ({
    offset: Number(offset),
    width: width === "" ? undefined : Number(width),
    name: name!.replaceAll("`", ""),
    meaning: meaning!,
  }));
}

/** The fields follow each other without a gap; returns where the last one ends. */
function endOf(fields: readonly Field[]): number {
  let at = fields[0]!.offset;
  for (const { offset, width, name } of fields) {
    expect(offset, name).toBe(at);
    at += width ?? 0;
  }
  return at;
}

function offsets(fields: readonly Field[]): Record<string, number> {
  return Object.fromEntries(fields.map(({ name, offset }) => [name, offset]));
}

describe("the layouts of docs/FORMAT.md", () => {
  const [header, frame, footer, indexEntry, manifest, body, segment, checkpointRef, ...rest] =
    layouts.map(fieldsOf);
  const [checkpoint, checkpointBody, placeEntry, run, tree, watermark, allocation, entry] = rest;

  it("are all of them known here", () => {
    expect(layouts).toHaveLength(16);
  });

  it.each([
    ["segment header", header, SEGMENT_HEADER, segmentHeaderUsedBytes],
    ["frame", frame, FRAME, frameHeaderBytes],
    ["footer", footer, SEGMENT_FOOTER, SEGMENT_FOOTER.index],
    ["entry of the footer's index", indexEntry, FOOTER_INDEX_ENTRY, footerIndexEntryBytes],
    ["manifest", manifest, MANIFEST, MANIFEST.body],
    ["checkpoint", checkpoint, CHECKPOINT, CHECKPOINT.body],
    ["watermark", watermark, WATERMARK, watermarkSlotBytes],
    ["allocation", allocation, ALLOCATION, ALLOCATION.entries],
  ])("say where the fields are: %s", (_, fields, constants, end) => {
    expect(offsets(fields!)).toEqual(constants);
    expect(endOf(fields!)).toBe(end);
  });

  it("say how long the entries of manifest and allocation are, and what they hold", () => {
    const bare: Manifest = {
      databaseId: new Uint8Array(16).fill(1),
      edit: 2,
      epoch: 3,
      nextSegmentId: 4,
      createdMs: 5,
      segments: [],
      checkpoints: [],
    };
    const one = {
      id: 6,
      generation: 7,
      baseLsn: 8,
      state: 1,
      lastLsn: 9,
      dataEnd: 10,
      closingHash: { lo: 11, hi: 0 },
      lastHash: { lo: 12, hi: 0 },
      horizon: 13,
      erasedLsn: 14,
    };
    const bytes = Buffer.from(encodeManifest({ ...bare, segments: [one] }));
    expect(endOf(body!)).toBe(encodeManifest(bare).length);
    expect(endOf(segment!)).toBe(bytes.length - encodeManifest(bare).length);
    expect(body![0]?.offset).toBe(MANIFEST.body);
    const at = offsets(body!);
    for (const [name, value] of Object.entries({ ...bare, segmentCount: 1 })) {
      if (typeof value === "number") expect(bytes.readUInt32LE(at[name]), name).toBe(value);
    }
    for (const { name, offset } of segment!) {
      const hashes: Record<string, number> = { closingHash: 11, lastHash: 12 };
      const expected = hashes[name] ?? one[name as "id"];
      expect(bytes.readUInt32LE(at["segments"]! + offset), name).toBe(expected);
    }
    expect(endOf(entry!)).toBe(allocationEntryBytes);
    const ref = { number: 12, lsn: 13, bytes: 14, hash: { lo: 15, hi: 0 }, durableLsn: 11 };
    const named = Buffer.from(encodeManifest({ ...bare, checkpoints: [ref] }));
    expect(endOf(checkpointRef!)).toBe(named.length - encodeManifest(bare).length);
    for (const { name, offset } of checkpointRef!) {
      const expected = name === "hash" ? 15 : ref[name as "lsn"];
      expect(named.readUInt32LE(at["segments"]! + offset), name).toBe(expected);
    }
  });

  it("say what a checkpoint holds", () => {
    const encoded = Buffer.from(encodeCheckpoint(new Uint8Array(16), sampleCheckpoint));
    const { position, runs } = sampleCheckpoint;
    const expected = { ...position, ...sampleCheckpoint, indexCount: position.index.count };
    for (const { name, offset } of checkpointBody!) {
      const value = expected[name as "lsn"] as unknown;
      if (name === "lastHash") expect(encoded.readUInt32LE(offset)).toBe(position.lastHash.lo);
      if (typeof value === "number") expect(encoded.readUInt32LE(offset), name).toBe(value);
    }
    const without = { ...sampleCheckpoint, runs: [] };
    const bytesOf = (shown: Checkpoint): number =>
      encodeCheckpoint(new Uint8Array(16), shown).length;
    const trees = runs.reduce((count, each) => count + each.trees.length, 0);
    expect(endOf(run!) * runs.length + endOf(tree!) * trees).toBe(
      encoded.length - bytesOf(without),
    );
    const bare = { ...sampleCheckpoint, position: { ...position, index: new FrameIndex() } };
    expect(endOf(placeEntry!) * position.index.count).toBe(encoded.length - bytesOf(bare));
    expect(endOf(checkpointBody!)).toBe(checkpointBody!.at(-1)!.offset);
  });

  it("name the magic and the versions", () => {
    const magics = [
      segmentMagic,
      segmentFooterMagic,
      manifestMagic,
      checkpointMagic,
      watermarkMagic,
      allocationMagic,
    ];
    const named = layouts.flatMap(fieldsOf).filter(({ name }) => name === "magic");
    expect(named.map(({ meaning }) => meaning)).toEqual(magics.map((magic) => `"${magic}"`));
    for (const { width } of named) expect(width).toBe(8);
    const versions = layouts.flatMap(fieldsOf).filter(({ name }) => name === "version");
    expect(versions.map(({ meaning }) => Number(meaning))).toEqual([
      segmentVersion,
      frameVersion,
      manifestVersion,
      checkpointVersion,
    ]);
  });
});

/** A table of numbers and names, as an object. */
function numbered(head: string): Record<string, number> {
  const { rows } = tables.find((table) => table.head.startsWith(head))!;
  return Object.fromEntries(
    rows.map(([number, name]) => [name!.replaceAll("`", ""), Number(number)]),
  );
}

describe("the numbers of docs/FORMAT.md", () => {
  it("are those of the code: flags, states, record tags, value tags", () => {
    expect(numbered("flag name")).toEqual(FRAME_FLAG);
    expect(numbered("state name")).toEqual(SEGMENT_STATE);
    expect(numbered("kind name")).toEqual(TREE_KIND);
    expect(numbered("tag record")).toEqual(RECORD);
    const tags = Object.entries(valueTags).filter(([name]) => name.startsWith("tag"));
    expect(numbered("tag constant")).toEqual(Object.fromEntries(tags));
  });

  it.each([
    [`A header page of ${segmentHeaderBytes} bytes`],
    [`at most ${limits.frameBytesMax}`],
    [`The reserve is ${reserveBytes} bytes`],
    [`at least ${indexStrideBytes} bytes behind`],
    [`Its length is ${SEGMENT_FOOTER.index} bytes and ${footerIndexEntryBytes} for each`],
    [`Tags below ${systemTagMin} are\nevents`],
    [`up to ${edgeRunEdgesMax} edges`],
    [`every ${patchImageEvery}th patch`],
    [`at most ${limits.valueBytesMax} bytes long and nests at most ${limits.valueDepthMax} deep`],
    [
      `${watermarkFileBytes} bytes with two slots, at ${watermarkSlotOffsets[0]} and at ${watermarkSlotOffsets[1]}`,
    ],
  ])("are those of the code: %s", (words) => {
    expect(page).toContain(words);
  });

  it("name every file", () => {
    for (const name of Object.values<string>(FILE))
      expect(page).toMatch(new RegExp(`\`${name}/?\``));
  });
});

type Step = (reader: ByteReader, seen: Map<string, number>) => unknown;

const steps: Record<string, Step> = {
  u8: (reader) => reader.u8(),
  varint: (reader) => reader.varint(),
  text: (reader) => reader.text(),
  value: readValue,
  names: (reader) => {
    while (reader.varint() !== 0);
  },
  props: (reader) => {
    while (reader.varint() !== 0) readValue(reader);
  },
  u32s: (reader, seen) => reader.skip(4 * seen.get("count")!),
};

/** Reads a body as the page says it is laid out; false where it is not. */
function bodyIsAsSaid(reader: ByteReader, spec: string): boolean {
  const seen = new Map<string, number>();
  for (const word of spec.split(" ").filter((word) => word !== "")) {
    const [, name, type, isOptional] = /^(\w+):(\w+)(\?1)?$/.exec(word)!;
    if (isOptional !== undefined && (seen.get("flags")! & 1) === 0) continue;
    const value = steps[type!]!(reader, seen);
    if (typeof value === "number") seen.set(name!, value);
  }
  return reader.atEnd;
}

describe("the bodies of records in docs/FORMAT.md", () => {
  it("are what the log writes", () => {
    const bodies = new Map(
      tables
        .find(({ head }) => head.startsWith("tag record"))!
        .rows.map(([tag, , body]) => [Number(tag), body!]),
    );
    const batch = new EventBatch(new NameTable());
    batch.begin(100);
    const label = batch.intern("Label");
    const props = { text: "x".repeat(300), n: -1.5, list: [1n, null] };
    const image = Uint8Array.of(label, 0, 0);
    const edge = { id: 5, type: label, from: 1, to: 300 };
    batch.nodePut(0, 1, "key", [label], props);
    batch.nodePut(0, 1, undefined, [], undefined);
    batch.nodePatch(0, 1, 7, [label], [label], props, undefined);
    batch.nodePatch(0, 1, 7, [], [], props, image);
    batch.nodeRemove(0, 1, "key", [label, label]);
    batch.edgeAdd(0, label, 1, 300, props);
    batch.edgeRun(0, label, Uint32Array.of(1, 2, 3), Uint32Array.of(4, 5, 6));
    batch.edgePatch(0, edge, 5, props, undefined);
    batch.edgePatch(0, edge, 5, props, image.subarray(1, 2));
    batch.edgeRemove(0, edge);
    batch.userEvent(label, props);
    const map = batch.internScoped(2, 0, "map");
    batch.mapEntry(map, "key", props);
    batch.mapEntry(map, "key", undefined);
    batch.drop(RECORD.graphDrop, 300);
    batch.drop(RECORD.mapDrop, map);
    batch.state("name", props);
    batch.commit();
    const compacted = new ByteWriter();
    writeGap(compacted, 3_000, false);
    writeNodeIds(compacted, 2 ** 32);
    const seen = new Set<number>();
    for (const writer of [batch.definitions, batch.records, compacted]) {
      const reader = new ByteReader().open(writer.bytes, 0, writer.position);
      while (reader.position < writer.position) {
        reader.end = writer.position;
        const tag = reader.u8();
        const length = reader.varint();
        reader.end = reader.position + length;
        const { end } = reader;
        expect(bodyIsAsSaid(reader, bodies.get(tag)!), `tag ${tag}`).toBe(true);
        reader.position = end;
        seen.add(tag);
      }
    }
    expect([...seen].sort((a, b) => a - b)).toEqual(Object.values(RECORD));
    expect([...bodies.keys()]).toEqual(Object.values(RECORD));
  });
});
