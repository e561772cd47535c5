// The segment table on disk: a cache of what headers and footers say, flushed on a period, never trusted.
import { ByteReader, ByteWriter, MalformedBytes, putU32 } from "../codec/bytes.ts";
import type { Disk, DiskFile } from "../disk/ports.ts";
import { blockIsSound, sameBytes, sealBlock } from "./fields.ts";
import { FILE } from "./file-names.ts";
import { hasAscii, putAscii } from "./segment-codec.ts";
import { readWhole } from "./small-file.ts";

export interface AllocationEntry {
  readonly id: number;
  readonly generation: number;
  readonly baseLsn: number;
  readonly lastLsn: number;
  readonly state: number;
  readonly fileBytes: number;
  readonly liveBytes: number;
}

/** Offsets of the table's fixed part; entries follow. Stored on disk, never move. */
export const ALLOCATION = {
  hash: 0,
  magic: 8,
  totalBytes: 16,
  databaseId: 20,
  count: 36,
  entries: 40,
} as const;
export const allocationEntryBytes = 44;
export const allocationMagic = "VARVEALC";

export function encodeAllocation(
  databaseId: Uint8Array,
  segments: readonly AllocationEntry[],
): Uint8Array {
  const writer = new ByteWriter(ALLOCATION.entries + segments.length * allocationEntryBytes);
  writer.raw(new Uint8Array(ALLOCATION.databaseId));
  writer.raw(databaseId);
  writer.u32(segments.length);
  for (const segment of segments) putAllocationEntry(writer, segment);
  const bytes = writer.view(0, writer.position);
  putAscii(bytes, ALLOCATION.magic, allocationMagic);
  putU32(bytes, ALLOCATION.totalBytes, bytes.length);
  sealBlock(bytes, 0, bytes.length);
  return bytes;
}

export function putAllocationEntry(writer: ByteWriter, segment: AllocationEntry): void {
  writer.u32(segment.id);
  writer.u32(segment.generation);
  writer.u64(segment.baseLsn);
  writer.u64(segment.lastLsn);
  writer.u32(segment.state);
  writer.u64(segment.fileBytes);
  writer.u64(segment.liveBytes);
}

export function readAllocationEntry(reader: ByteReader): AllocationEntry {
  return {
    id: reader.u32(),
    generation: reader.u32(),
    baseLsn: reader.u64(),
    lastLsn: reader.u64(),
    state: reader.u32(),
    fileBytes: reader.u64(),
    liveBytes: reader.u64(),
  };
}

/** Returns undefined where the bytes are not a sound table of this database. */
export function decodeAllocation(
  bytes: Uint8Array,
  databaseId: Uint8Array,
): AllocationEntry[] | undefined {
  if (bytes.length < ALLOCATION.entries || !hasAscii(bytes, ALLOCATION.magic, allocationMagic))
    return undefined;
  const reader = new ByteReader().open(bytes, ALLOCATION.totalBytes, bytes.length);
  const totalBytes = reader.u32();
  if (totalBytes < ALLOCATION.entries || totalBytes > bytes.length) return undefined;
  if (!blockIsSound(bytes, 0, totalBytes)) return undefined;
  if (!sameBytes(reader.raw(16), databaseId)) return undefined;
  const count = reader.u32();
  if (totalBytes !== ALLOCATION.entries + count * allocationEntryBytes) return undefined;
  const entries: AllocationEntry[] = [];
  try {
    for (let i = 0; i < count; i++) {
      entries.push(readAllocationEntry(reader));
    }
  } catch (error) {
    if (error instanceof MalformedBytes) return undefined;
    throw error;
  }
  return entries;
}

export async function readAllocation(
  disk: Disk,
  directory: string,
  databaseId: Uint8Array,
): Promise<AllocationEntry[] | undefined> {
  const bytes = await readWhole(disk, disk.join(directory, FILE.allocation));
  return bytes === undefined ? undefined : decodeAllocation(bytes, databaseId);
}

/** Flushes the table of an open database. A failure costs nothing but the cache. */
export class AllocationFile {
  readonly #file: DiskFile;
  readonly #databaseId: Uint8Array;
  #flushing: Promise<boolean> = Promise.resolve(true);

  constructor(file: DiskFile, databaseId: Uint8Array) {
    this.#file = file;
    this.#databaseId = databaseId;
  }

  /** Resolves to whether the table is durable. Never rejects; flushes run one after another. */
  flush(segments: readonly AllocationEntry[]): Promise<boolean> {
    const bytes = encodeAllocation(this.#databaseId, segments);
    this.#flushing = this.#flushing.then(async () => {
      try {
        this.#file.writeSync(bytes, 0);
        await this.#file.sync();
        return true;
      } catch {
        return false;
      }
    });
    return this.#flushing;
  }

  async close(): Promise<void> {
    await this.#flushing;
    await this.#file.close();
  }
}
