// Which segments a damaged database has, by its manifest or, without one, by their own headers; and their bytes, as far as they can be read.
import { VarveError } from "../codec/errors.ts";
import type { Disk, DiskFile } from "../disk/ports.ts";
import { getHash, type Hash64, hex, sameBytes, zeroHash } from "../log/fields.ts";
import { parseSegmentFileName, segmentFileName } from "../log/file-names.ts";
import { type Manifest, type ManifestSegment, SEGMENT_STATE } from "../log/manifest-codec.ts";
import { readManifest } from "../log/manifest-store.ts";
import { Segment } from "../log/segment.ts";
import {
  decodeSegmentFooter,
  decodeSegmentHeader,
  type SegmentFooter,
  type SegmentHeader,
} from "../log/segment-codec.ts";
import {
  footerBytesMaxFor,
  SEGMENT_FOOTER,
  SEGMENT_HEADER,
  segmentHeaderBytes,
} from "../log/segment-format.ts";
import { findFrames } from "./salvage-frames.ts";

/** A segment that there should be, or that there is. */
export interface ListedSegment {
  readonly name: string;
  readonly id: number;
  readonly baseLsn: number;
  /** Of one that is sealed, where that is known. */
  readonly lastLsn: number | undefined;
  /** Where its frames end, where that is known. */
  readonly dataEnd: number | undefined;
  readonly lastHash: Hash64 | undefined;
  /** What the manifest says of it. */
  readonly entry: ManifestSegment;
  /** Only the last one takes appends: behind its last frame there may be what was never acknowledged. */
  readonly isLast: boolean;
}

export interface ListedLog {
  readonly segments: readonly ListedSegment[];
  readonly manifest: Manifest;
  /** Whether both copies of the manifest are lost: then this one is put together from the headers. */
  readonly isRestored: boolean;
  /** Copies of the manifest that are not sound. */
  readonly damaged: readonly string[];
}

/** @throws {VarveError} CORRUPT where there is neither a manifest nor a segment with a sound header. */
export async function listSegments(disk: Disk, directory: string): Promise<ListedLog> {
  const { manifest, damaged, missing } = await readManifest(disk, directory, false);
  if (manifest !== undefined) {
    return { segments: listedIn(manifest), manifest, isRestored: false, damaged };
  }
  const restored = await restoreManifest(disk, directory);
  const lost = [...damaged, ...missing];
  return { segments: listedIn(restored), manifest: restored, isRestored: true, damaged: lost };
}

function listedIn({ segments }: Manifest): ListedSegment[] {
  return segments.map((entry, ordinal) => {
    const isKnown = entry.state !== SEGMENT_STATE.active;
    return {
      name: segmentFileName(entry.baseLsn, entry.generation),
      id: entry.id,
      baseLsn: entry.baseLsn,
      lastLsn: isKnown ? entry.lastLsn : undefined,
      dataEnd: isKnown ? entry.dataEnd : undefined,
      lastHash: isKnown ? entry.lastHash : undefined,
      entry,
      isLast: ordinal === segments.length - 1,
    };
  });
}

/** A segment file that has a name of ours. */
interface HeadedFile {
  readonly name: string;
  readonly baseLsn: number;
  readonly generation: number;
  /** Undefined where it is not sound. */
  readonly header: SegmentHeader | undefined;
  readonly footer: SegmentFooter | undefined;
  /** Where the frames end: the footer begins there, or the file ends. */
  readonly dataEnd: number;
  /** Last LSN that a frame of it holds. */
  readonly reachesLsn: number;
}

/** What a manifest would say of the segments that are there. */
async function restoreManifest(disk: Disk, directory: string): Promise<Manifest> {
  const found: HeadedFile[] = [];
  for (const name of (await disk.list(directory)).sort()) {
    const parsed = parseSegmentFileName(name);
    if (parsed !== undefined) found.push(await readHeaded(disk, directory, name, parsed));
  }
  const databaseId = commonId(found);
  if (databaseId === undefined) {
    throw new VarveError(
      "CORRUPT",
      `${directory} has neither a manifest nor a segment to salvage`,
      {
        details: { file: "manifest.a", directory },
      },
    );
  }
  const own = found.filter(
    ({ header }) => header === undefined || sameBytes(header.databaseId, databaseId),
  );
  const files = furthestOfEach(own);
  let nextId = files.reduce((id, { header }) => Math.max(id, header?.segmentId ?? 0), 0) + 1;
  const segments = files.map((file, ordinal): ManifestSegment => {
    const { baseLsn, generation, footer } = file;
    const id = file.header?.segmentId ?? nextId++;
    const next = files[ordinal + 1];
    if (next === undefined) return new Segment(id, generation, baseLsn).toManifest();
    // Without a footer nobody knows how it ended: a hash that no frame has says that it is to be read.
    const lastLsn = footer?.lastLsn ?? next.baseLsn - 1;
    const lastHash = footer?.closingHash ?? zeroHash;
    const asWritten = { closingHash: lastHash, horizon: 0, erasedLsn: 0 };
    const { closingHash, horizon, erasedLsn } = file.header?.compacted ?? asWritten;
    const named = { id, generation, baseLsn, state: SEGMENT_STATE.sealed };
    const { dataEnd } = file;
    return { ...named, lastLsn, dataEnd, closingHash, lastHash, horizon, erasedLsn };
  });
  const made = files.flatMap(({ header }) => (header === undefined ? [] : [header.createdMs]));
  const createdMs = Math.min(...made);
  const rest = { edit: 1, epoch: 1, nextSegmentId: nextId, checkpoints: [] };
  return { databaseId, createdMs, segments, ...rest };
}

async function readHeaded(
  disk: Disk,
  directory: string,
  name: string,
  { baseLsn, generation }: { readonly baseLsn: number; readonly generation: number },
): Promise<HeadedFile> {
  const bytes = (await readBytes(disk, directory, name)) ?? new Uint8Array(0);
  const sound = decodeSegmentHeader(bytes.subarray(0, segmentHeaderBytes), name, false);
  const isNamed = sound?.baseLsn === baseLsn && sound.generation === generation;
  const header = isNamed ? sound : undefined;
  const { frames } = findFrames(bytes, bytes.length, nonceIn(bytes), name);
  const reachesLsn = frames.reduce(
    (lsn, { header: { firstLsn, eventCount } }) => Math.max(lsn, firstLsn + eventCount - 1),
    0,
  );
  const from = Math.max(segmentHeaderBytes, bytes.length - footerBytesMaxFor(bytes.length));
  for (let at = bytes.length - SEGMENT_FOOTER.index; at >= from; at -= 8) {
    const footer = decodeSegmentFooter(bytes.subarray(at));
    if (footer === undefined) continue;
    return { name, baseLsn, generation, header, footer, dataEnd: at, reachesLsn };
  }
  const dataEnd = bytes.length;
  return { name, baseLsn, generation, header, footer: undefined, dataEnd, reachesLsn };
}

/** The database that most of the segments are of. */
function commonId(files: readonly HeadedFile[]): Uint8Array | undefined {
  const counts = new Map<string, number>();
  let common: Uint8Array | undefined;
  let most = 0;
  for (const { header } of files) {
    if (header === undefined) continue;
    const key = hex(header.databaseId);
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    if (count <= most) continue;
    most = count;
    common = header.databaseId;
  }
  return common;
}

/**
 * Of the segments that begin at the same LSN the one that holds most, and of equal ones that made last; in LSN order, and without
 * those that compaction has joined into another.
 */
function furthestOfEach(files: readonly HeadedFile[]): HeadedFile[] {
  const byBase = new Map<number, HeadedFile>();
  for (const file of files) {
    const other = byBase.get(file.baseLsn);
    const isBetter =
      other === undefined ||
      file.reachesLsn > other.reachesLsn ||
      (file.reachesLsn === other.reachesLsn && file.generation > other.generation);
    if (isBetter) byBase.set(file.baseLsn, file);
  }
  const furthest = [...byBase.values()].sort((a, b) => a.baseLsn - b.baseLsn);
  let joinedLsn = 0;
  return furthest.filter(({ baseLsn, header, footer }) => {
    if (baseLsn <= joinedLsn) return false;
    if (header?.compacted !== undefined) joinedLsn = footer?.lastLsn ?? 0;
    return true;
  });
}

const pieceBytes: number = 1024 * 1024;
const sectorBytes = 4096;

/** The bytes of a file, zeros where the disk gives none; undefined where there is no such file, or something else has its name. */
export async function readBytes(
  disk: Disk,
  directory: string,
  name: string,
): Promise<Uint8Array | undefined> {
  let file: DiskFile;
  try {
    file = await disk.open(disk.join(directory, name), "read");
  } catch (error) {
    if (error instanceof VarveError && ["NOT_FOUND", "CORRUPT"].includes(error.code))
      return undefined;
    throw error;
  }
  try {
    const bytes = new Uint8Array(await file.size());
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      const into = bytes.subarray(at, at + pieceBytes);
      await file.read(into, at).catch(() => readSectors(file, into, at));
    }
    return bytes;
  } finally {
    await file.close();
  }
}

async function readSectors(file: DiskFile, into: Uint8Array, from: number): Promise<number> {
  for (let at = 0; at < into.length; at += sectorBytes) {
    const sector = into.subarray(at, at + sectorBytes);
    await file.read(sector, from + at).catch(() => sector.fill(0));
  }
  return into.length;
}

/** What seeds the checksums of a segment's frames: from its header, or from where the header has it, sound or not. */
export interface SegmentSeed {
  readonly nonce: Hash64;
  /** Undefined where the header is not sound. */
  readonly header: SegmentHeader | undefined;
}

function nonceIn(bytes: Uint8Array): Hash64 {
  return bytes.length < segmentHeaderBytes ? zeroHash : getHash(bytes, SEGMENT_HEADER.nonce);
}

/** Undefined for a file that is of another database. */
export function seedOf(
  bytes: Uint8Array,
  { name, id, baseLsn }: ListedSegment,
  databaseId: Uint8Array,
): SegmentSeed | undefined {
  const header = decodeSegmentHeader(bytes.subarray(0, segmentHeaderBytes), name, false);
  if (header === undefined) {
    if (bytes.length < segmentHeaderBytes) return undefined;
    return { nonce: nonceIn(bytes), header };
  }
  const belongs = sameBytes(header.databaseId, databaseId) && header.baseLsn === baseLsn;
  if (!belongs || (id !== 0 && header.segmentId !== id)) return undefined;
  return { nonce: header.nonce, header };
}
