// What a manifest says, and its bytes: the authoritative list of segments. Layout in docs/FORMAT.md.
import { ByteReader, ByteWriter, getU32, MalformedBytes, putU32 } from "../codec/bytes.ts";
import { checkFormat, putFeatures } from "./features.ts";
import { blockIsSound, type Hash64, hashOf, putHash, sameHash } from "./fields.ts";
import { hasAscii, putAscii } from "./segment-codec.ts";

/** Where a segment is in its life. Stored on disk, never renumber. */
export const SEGMENT_STATE = {
  /** Takes appends; its end is found by reading it. */
  active: 0,
  /** Never changes; ends with a footer. */
  sealed: 1,
  /** Ends where the manifest says, but recovery may not have cut and sealed the file yet. */
  cutPending: 2,
} as const;

export interface ManifestSegment {
  readonly id: number;
  readonly generation: number;
  readonly baseLsn: number;
  readonly state: number;
  /** Of a segment that is not active: its last LSN, the end of its frames, and what the next one begins with. */
  readonly lastLsn: number;
  readonly dataEnd: number;
  readonly closingHash: Hash64;
  /** Hash of its last frame: another than `closingHash` only where compaction has written it. */
  readonly lastHash: Hash64;
  /** Every event that could be dropped as of this LSN is gone from it; 0 as first written. */
  readonly horizon: number;
  /** Events of what was erased at or below this LSN are gone from it. */
  readonly erasedLsn: number;
}

/** Whether compaction has written a segment: then it does not end with the hash that the next one begins with. */
export function isCompacted({ state, closingHash, lastHash }: ManifestSegment): boolean {
  return state === SEGMENT_STATE.sealed && !sameHash(closingHash, lastHash);
}

/** The LSN below which history is not whole: states at or above it are, and changes above it. */
export function horizonOf(segments: readonly { readonly horizon: number }[]): number {
  let horizon = 0;
  for (const segment of segments) if (segment.horizon > horizon) horizon = segment.horizon;
  return horizon;
}

/** Events of what was erased up to this LSN are gone: segments are rewritten for it all at once. */
export function erasedLsnOf(segments: readonly { readonly erasedLsn: number }[]): number {
  let lsn = 0;
  for (const { erasedLsn } of segments) if (erasedLsn > lsn) lsn = erasedLsn;
  return lsn;
}

/** Up to this LSN events may be left over of things whose other events are dropped or erased. */
export function compactedToOf(
  segments: readonly { readonly horizon: number; readonly erasedLsn: number }[],
): number {
  let lsn = 0;
  for (const { horizon, erasedLsn } of segments) lsn = Math.max(lsn, horizon, erasedLsn);
  return lsn;
}

/** A checkpoint, and what it proves of the log whether its own file can be read or not. */
export interface CheckpointRef {
  readonly number: number;
  readonly lsn: number;
  /** Length and hash of its file. */
  readonly bytes: number;
  readonly hash: Hash64;
  /** Last LSN before its position: the log was durable up to here. Below `lsn` only where that was rejected. */
  readonly durableLsn: number;
}

/** The newest, and the one before it until that is known to be readable. */
export const checkpointsMax = 2;

export interface Manifest {
  readonly databaseId: Uint8Array;
  /** Grows by one with each edit; the newest sound copy counts. */
  readonly edit: number;
  /** Grows by one with each open for writing: a writer of an older epoch is fenced off. */
  readonly epoch: number;
  readonly nextSegmentId: number;
  readonly createdMs: number;
  /** In LSN order; the last one is active. */
  readonly segments: readonly ManifestSegment[];
  /** Newest first. */
  readonly checkpoints: readonly CheckpointRef[];
}

/** Offsets of a manifest's fixed part. Stored on disk, never move. */
export const MANIFEST = {
  hash: 0,
  magic: 8,
  version: 16,
  features: 20,
  totalBytes: 32,
  body: 36,
} as const;

/** Where the epoch stands in the body, behind the database's id and the edit. */
export const manifestEpochOffset: number = MANIFEST.body + 24;

/** No writer ever gets there; counting on from what claims to have would write what nobody can read. */
const counterMax: number = 2 ** 52;
const segmentIdMax: number = 2 ** 32 - 2 ** 16;

export const manifestMagic = "VARVEMAN";
export const manifestVersion = 3;

export function encodeManifest(manifest: Manifest): Uint8Array {
  const writer = new ByteWriter(256);
  writer.raw(new Uint8Array(MANIFEST.body));
  writer.raw(manifest.databaseId);
  writer.u64(manifest.edit);
  writer.u64(manifest.epoch);
  writer.u32(manifest.nextSegmentId);
  writer.u64(manifest.createdMs);
  writer.u32(manifest.segments.length);
  writer.u32(manifest.checkpoints.length);
  for (const segment of manifest.segments) {
    writer.u32(segment.id);
    writer.u32(segment.generation);
    writer.u64(segment.baseLsn);
    writer.u32(segment.state);
    writer.u64(segment.lastLsn);
    writer.u64(segment.dataEnd);
    writer.u32(segment.closingHash.lo);
    writer.u32(segment.closingHash.hi);
    writer.u32(segment.lastHash.lo);
    writer.u32(segment.lastHash.hi);
    writer.u64(segment.horizon);
    writer.u64(segment.erasedLsn);
  }
  for (const checkpoint of manifest.checkpoints) {
    writer.u64(checkpoint.number);
    writer.u64(checkpoint.lsn);
    writer.u64(checkpoint.bytes);
    writer.u32(checkpoint.hash.lo);
    writer.u32(checkpoint.hash.hi);
    writer.u64(checkpoint.durableLsn);
  }
  const bytes = writer.view(0, writer.position).slice();
  putAscii(bytes, MANIFEST.magic, manifestMagic);
  putU32(bytes, MANIFEST.version, manifestVersion);
  putFeatures(bytes, MANIFEST.features);
  putU32(bytes, MANIFEST.totalBytes, bytes.length);
  putHash(bytes, MANIFEST.hash, hashOf(bytes, 8, bytes.length));
  return bytes;
}

/** Returns undefined where the bytes are damaged; throws FORMAT_UNSUPPORTED for a newer version. */
export function decodeManifest(
  bytes: Uint8Array,
  file: string,
  readOnly: boolean,
): Manifest | undefined {
  if (bytes.length < MANIFEST.body || !hasAscii(bytes, MANIFEST.magic, manifestMagic))
    return undefined;
  const totalBytes = getU32(bytes, MANIFEST.totalBytes);
  if (totalBytes < MANIFEST.body || totalBytes > bytes.length) return undefined;
  if (!blockIsSound(bytes, 0, totalBytes)) return undefined;
  const places = { version: MANIFEST.version, features: MANIFEST.features };
  checkFormat(bytes, places, manifestVersion, file, readOnly);
  try {
    return decodeBody(new ByteReader().open(bytes, MANIFEST.body, totalBytes));
  } catch (error) {
    if (error instanceof MalformedBytes) return undefined;
    throw error;
  }
}

function decodeBody(reader: ByteReader): Manifest {
  const databaseId = reader.raw(16).slice();
  const edit = reader.u64();
  const epoch = reader.u64();
  const nextSegmentId = reader.u32();
  if (Math.max(edit, epoch) > counterMax || nextSegmentId > segmentIdMax) {
    throw new MalformedBytes("manifest with a counter at its end");
  }
  const createdMs = reader.u64();
  const count = reader.u32();
  const checkpointCount = reader.u32();
  const segments: ManifestSegment[] = [];
  for (let i = 0; i < count; i++) {
    segments.push({
      id: reader.u32(),
      generation: reader.u32(),
      baseLsn: reader.u64(),
      state: reader.u32(),
      lastLsn: reader.u64(),
      dataEnd: reader.u64(),
      closingHash: { lo: reader.u32(), hi: reader.u32() },
      lastHash: { lo: reader.u32(), hi: reader.u32() },
      horizon: reader.u64(),
      erasedLsn: reader.u64(),
    });
  }
  const checkpoints = decodeCheckpointRefs(reader, checkpointCount);
  if (!reader.atEnd) throw new MalformedBytes("manifest with bytes left over");
  return { databaseId, edit, epoch, nextSegmentId, createdMs, segments, checkpoints };
}

function decodeCheckpointRefs(reader: ByteReader, count: number): CheckpointRef[] {
  if (count > checkpointsMax) throw new MalformedBytes(`${count} checkpoints in a manifest`);
  const refs: CheckpointRef[] = [];
  for (let i = 0; i < count; i++) {
    const ref: CheckpointRef = {
      number: reader.u64(),
      lsn: reader.u64(),
      bytes: reader.u64(),
      hash: { lo: reader.u32(), hi: reader.u32() },
      durableLsn: reader.u64(),
    };
    const newer = refs[i - 1];
    const descends = newer === undefined || (ref.number < newer.number && ref.lsn <= newer.lsn);
    if (!descends || ref.number === 0 || ref.durableLsn > ref.lsn) {
      throw new MalformedBytes(`checkpoint ${ref.number} out of order`);
    }
    refs.push(ref);
  }
  return refs;
}
