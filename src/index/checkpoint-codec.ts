// The bytes of a checkpoint file. Layout in docs/FORMAT.md.
import { ByteReader, ByteWriter, getU32, MalformedBytes, putU32 } from "../codec/bytes.ts";
import {
  type AllocationEntry,
  putAllocationEntry,
  readAllocationEntry,
} from "../log/allocation-table.ts";
import { checkFormat, putFeatures } from "../log/features.ts";
import { blockIsSound, sameBytes, sealBlock } from "../log/fields.ts";
import { treeFileName } from "../log/file-names.ts";
import { FrameIndex } from "../log/frame-index.ts";
import type { LogPosition } from "../log/log-position.ts";
import { SEGMENT_STATE } from "../log/manifest-codec.ts";
import { NAME_KIND, type NameKind, NameTable, type ScopedName } from "../log/name-table.ts";
import { hasAscii, putAscii } from "../log/segment-codec.ts";
import { segmentHeaderBytes } from "../log/segment-format.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { Family } from "./families.ts";
import type { RunRecord, TreeFileRecord } from "./run-record.ts";
import { TREE_KIND, treeNames } from "./tree-kind.ts";

/** Offsets of a checkpoint's fixed part. Stored on disk, never move. */
export const CHECKPOINT = {
  hash: 0,
  magic: 8,
  version: 16,
  features: 20,
  totalBytes: 32,
  databaseId: 36,
  body: 52,
} as const;

export const checkpointMagic = "VARVECKP";
export const checkpointVersion = 1;

export function encodeCheckpoint(databaseId: Uint8Array, checkpoint: Checkpoint): Uint8Array {
  const writer = new ByteWriter(4096);
  writer.raw(new Uint8Array(CHECKPOINT.databaseId));
  writer.raw(databaseId);
  writer.u64(checkpoint.number);
  writer.u64(checkpoint.lsn);
  writer.u64(checkpoint.nextNodeId);
  writer.u64(checkpoint.nextTreeId);
  writer.u64(checkpoint.nodeCount);
  writer.u64(checkpoint.edgeCount);
  putPosition(writer, checkpoint.position);
  writer.u32(checkpoint.names.length);
  for (const name of checkpoint.names) writer.text(name);
  putFamilies(writer, checkpoint);
  writer.u32(checkpoint.states.length);
  for (const [name, value] of checkpoint.states) {
    writer.text(name);
    writer.u32(value.length);
    writer.raw(value);
  }
  writer.u32(checkpoint.runs.length);
  for (const run of checkpoint.runs) putRun(writer, run);
  writer.u32(checkpoint.segments.length);
  for (const segment of checkpoint.segments) putAllocationEntry(writer, segment);
  const bytes = writer.view(0, writer.position).slice();
  putAscii(bytes, CHECKPOINT.magic, checkpointMagic);
  putU32(bytes, CHECKPOINT.version, checkpointVersion);
  putFeatures(bytes, CHECKPOINT.features);
  putU32(bytes, CHECKPOINT.totalBytes, bytes.length);
  sealBlock(bytes, 0, bytes.length);
  return bytes;
}

function putFamilies(writer: ByteWriter, { scopedNames, families }: Checkpoint): void {
  writer.u32(scopedNames.length);
  for (const { number, kind, scope } of scopedNames) {
    writer.u32(number);
    writer.u32(kind);
    writer.u32(scope);
  }
  writer.u32(families.length);
  for (const { number, firstLsn, droppedLsn, nodes, edges } of families) {
    writer.u32(number);
    writer.u64(firstLsn);
    writer.u64(droppedLsn === Number.POSITIVE_INFINITY ? 0 : droppedLsn);
    writer.u64(nodes);
    writer.u64(edges);
  }
}

function putPosition(writer: ByteWriter, position: LogPosition): void {
  writer.u32(position.segmentId);
  writer.u64(position.offset);
  writer.u64(position.lastLsn);
  writer.u32(position.lastHash.lo);
  writer.u32(position.lastHash.hi);
  writer.u64(position.eventCount);
  writer.u64(position.frameCount);
  writer.u64(position.firstTimeMs);
  writer.u64(position.lastTimeMs);
  const { index } = position;
  writer.u32(index.count);
  for (let i = 0; i < index.count; i++) {
    writer.u64(index.firstLsnAt(i));
    writer.u64(index.timeMsAt(i));
    writer.u64(index.offsetAt(i));
    // One more, so that zero stands for what is not known.
    writer.u64(index.eventsBeforeAt(i) + 1);
    writer.u64(index.framesBeforeAt(i) + 1);
  }
}

function putRun(writer: ByteWriter, run: RunRecord): void {
  writer.u64(run.firstLsn);
  writer.u64(run.lastLsn);
  writer.u64(run.removals);
  writer.u32(run.trees.length);
  for (const tree of run.trees) {
    writer.u32(TREE_KIND[tree.name]);
    writer.u64(tree.treeId);
    writer.u64(tree.bytes);
    writer.u64(tree.entries);
  }
}

/**
 * Returns undefined where the bytes are not exactly one checkpoint of this database that makes sense; throws
 * FORMAT_UNSUPPORTED for another version. What it allocates is in proportion to the bytes that are there.
 */
export function decodeCheckpoint(
  bytes: Uint8Array,
  databaseId: Uint8Array,
  file: string,
): Checkpoint | undefined {
  if (bytes.length < CHECKPOINT.body || !hasAscii(bytes, CHECKPOINT.magic, checkpointMagic))
    return undefined;
  if (getU32(bytes, CHECKPOINT.totalBytes) !== bytes.length) return undefined;
  if (!blockIsSound(bytes, 0, bytes.length)) return undefined;
  const places = { version: CHECKPOINT.version, features: CHECKPOINT.features };
  checkFormat(bytes, places, checkpointVersion, file, false);
  const own = bytes.subarray(CHECKPOINT.databaseId, CHECKPOINT.databaseId + 16);
  if (!sameBytes(own, databaseId)) return undefined;
  try {
    return decodeBody(new ByteReader().open(bytes, CHECKPOINT.body, bytes.length));
  } catch (error) {
    if (error instanceof MalformedBytes) return undefined;
    throw error;
  }
}

function decodeBody(reader: ByteReader): Checkpoint {
  const number = reader.u64();
  const lsn = reader.u64();
  const nextNodeId = reader.u64();
  const nextTreeId = reader.u64();
  const nodeCount = reader.u64();
  const edgeCount = reader.u64();
  const position = readPosition(reader);
  must(number > 0 && position.lastLsn <= lsn, "number or position");
  const names = readTexts(reader);
  const scopedNames = readScopedNames(reader);
  const table = tableOf(names, scopedNames);
  const families = readFamilies(reader, table);
  const states = readStates(reader);
  const runs = readRuns(reader, lsn, nextTreeId);
  const segments = readSegments(reader);
  must(reader.atEnd, "bytes left over");
  return {
    number,
    lsn,
    position,
    nextNodeId,
    nextTreeId,
    nodeCount,
    edgeCount,
    names,
    scopedNames,
    families,
    states,
    runs,
    segments,
  };
}

function readPosition(reader: ByteReader): LogPosition {
  const fields = {
    segmentId: reader.u32(),
    offset: reader.u64(),
    lastLsn: reader.u64(),
    lastHash: { lo: reader.u32(), hi: reader.u32() },
    eventCount: reader.u64(),
    frameCount: reader.u64(),
    firstTimeMs: reader.u64(),
    lastTimeMs: reader.u64(),
  };
  const { offset, frameCount } = fields;
  const index = readIndex(reader, offset);
  const isStart = frameCount === 0;
  must(isStart === (offset === segmentHeaderBytes), "position without frames");
  must(isStart === (index.count === 0), "index of the position");
  must(offset >= segmentHeaderBytes && offset % 8 === 0, "offset of the position");
  return { ...fields, index };
}

function readIndex(reader: ByteReader, end: number): FrameIndex {
  const count = reader.u32();
  const index = new FrameIndex();
  let lsn = 0;
  let offset = segmentHeaderBytes - 1;
  for (let i = 0; i < count; i++) {
    index.add(reader.u64(), reader.u64(), reader.u64(), reader.u64() - 1, reader.u64() - 1);
    const ascends = index.firstLsnAt(i) >= lsn && index.offsetAt(i) > offset;
    lsn = index.firstLsnAt(i);
    offset = index.offsetAt(i);
    must(ascends && offset < end, "order of the index");
    if (i === 0) must(offset === segmentHeaderBytes, "start of the index");
  }
  return index;
}

function readTexts(reader: ByteReader): string[] {
  const texts: string[] = [];
  const count = reader.u32();
  for (let i = 0; i < count; i++) texts.push(reader.text());
  return texts;
}

function readScopedNames(reader: ByteReader): ScopedName[] {
  const scoped: ScopedName[] = [];
  const count = reader.u32();
  for (let i = 0; i < count; i++) {
    // The table that they make says whether they make sense.
    scoped.push({ number: reader.u32(), kind: reader.u32() as NameKind, scope: reader.u32() });
  }
  return scoped;
}

function readFamilies(reader: ByteReader, table: NameTable): Family[] {
  const families: Family[] = [];
  const known = new Set<number>();
  const count = reader.u32();
  for (let i = 0; i < count; i++) {
    const number = reader.u32();
    const kind = table.scopedOf(number)?.kind;
    if (kind === undefined || kind === NAME_KIND.label) throw new MalformedBytes("family");
    must(!known.has(number), "family twice");
    known.add(number);
    const firstLsn = reader.u64();
    const dropped = reader.u64();
    must(firstLsn > 0, "first event of a family");
    const droppedLsn = dropped === 0 ? Number.POSITIVE_INFINITY : dropped;
    families.push({ number, kind, firstLsn, droppedLsn, nodes: reader.u64(), edges: reader.u64() });
  }
  return families;
}

/** The names of a checkpoint as a table; throws where they make none. */
function tableOf(names: readonly string[], scoped: readonly ScopedName[]): NameTable {
  const table = new NameTable();
  must(defineNames(table, names, scoped) === 0, "name");
  return table;
}

/** Defines every name of a checkpoint; returns the number of the first that makes no sense, or 0. */
export function defineNames(
  table: NameTable,
  names: readonly string[],
  scoped: readonly ScopedName[],
): number {
  let next = 0;
  for (const [i, name] of names.entries()) {
    const number = i + 1;
    const as = scoped[next];
    if (as?.number === number) next++;
    const isDefined =
      as?.number === number
        ? table.defineScoped(number, as.kind, as.scope, name)
        : table.define(number, name);
    if (!isDefined) return number;
  }
  return next === scoped.length ? 0 : scoped[next]!.number || 1;
}

function readStates(reader: ByteReader): [string, Uint8Array][] {
  const states: [string, Uint8Array][] = [];
  const known = new Set<string>();
  const count = reader.u32();
  for (let i = 0; i < count; i++) {
    const name = reader.text();
    must(!known.has(name), "state twice");
    known.add(name);
    states.push([name, reader.raw(reader.u32()).slice()]);
  }
  return states;
}

function readRuns(reader: ByteReader, lsn: number, nextTreeId: number): RunRecord[] {
  const runs: RunRecord[] = [];
  const files = new Set<string>();
  const count = reader.u32();
  let below = lsn + 1;
  for (let i = 0; i < count; i++) {
    const firstLsn = reader.u64();
    const lastLsn = reader.u64();
    const removals = reader.u64();
    must(firstLsn > 0 && firstLsn <= lastLsn && lastLsn < below, "order of runs");
    below = firstLsn;
    const trees = readTrees(reader);
    for (const { treeId, name } of trees) {
      const file = treeFileName(treeId, name);
      must(treeId > 0 && treeId < nextTreeId && !files.has(file), "tree id");
      files.add(file);
    }
    const out = trees.find(({ name }) => name === "out")?.entries ?? 0;
    must(removals <= out, "removals");
    runs.push({ firstLsn, lastLsn, removals, trees });
  }
  return runs;
}

function readTrees(reader: ByteReader): TreeFileRecord[] {
  const trees: TreeFileRecord[] = [];
  const count = reader.u32();
  let before = 0;
  for (let i = 0; i < count; i++) {
    const kind = reader.u32();
    const name = treeNames[kind - 1];
    if (name === undefined || kind <= before) throw new MalformedBytes("kind of tree");
    before = kind;
    const tree = { treeId: reader.u64(), name, bytes: reader.u64(), entries: reader.u64() };
    must(tree.bytes > 0 && tree.entries > 0, "empty tree");
    trees.push(tree);
  }
  return trees;
}

function readSegments(reader: ByteReader): AllocationEntry[] {
  const segments: AllocationEntry[] = [];
  const count = reader.u32();
  let baseLsn = 0;
  for (let i = 0; i < count; i++) {
    const segment = readAllocationEntry(reader);
    must(segment.state <= SEGMENT_STATE.cutPending, "state of a segment");
    must(segment.baseLsn >= baseLsn && segment.baseLsn > 0, "order of segments");
    baseLsn = segment.baseLsn;
    segments.push(segment);
  }
  return segments;
}

function must(holds: boolean, what: string): void {
  if (!holds) throw new MalformedBytes(`checkpoint: ${what}`);
}
