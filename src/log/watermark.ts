// The watermark file: how far the log was known to be synced, the witness that tells a torn tail from damage.
import { getU32, putU32 } from "../codec/bytes.ts";
import { limits } from "../codec/limits.ts";
import { lengthWithoutZeros } from "../codec/zeros.ts";
import type { Disk, DiskFile } from "../disk/ports.ts";
import {
  blockIsSound,
  getHash,
  getU64,
  type Hash64,
  putHash,
  putU64,
  sameBytes,
  sealBlock,
} from "./fields.ts";
import { FILE } from "./file-names.ts";
import { hasAscii, putAscii } from "./segment-codec.ts";
import { readWhole } from "./small-file.ts";

export interface Watermark {
  /** Grows by one with each write; the slot is its parity. */
  readonly sequence: number;
  readonly durableLsn: number;
  /** Hash of the frame that ends at `durableLsn`. */
  readonly lastHash: Hash64;
  /** Written by a clean close: nothing lies above `durableLsn`. */
  readonly clean: boolean;
}

/** Offsets in a slot. Stored on disk, never move. */
export const WATERMARK = {
  hash: 0,
  magic: 8,
  databaseId: 16,
  sequence: 32,
  durableLsn: 40,
  lastHash: 48,
  flags: 56,
} as const;

export const watermarkSlotBytes = 64;
/** The second slot lies in another page, so that one torn page never takes both. */
export const watermarkSlotOffsets: readonly number[] = [0, 4096];
export const watermarkFileBytes = 8192;
export const watermarkMagic = "VARVEWMK";
const cleanFlag = 1;
/** No writer ever gets there: what claims to have cannot be counted on from. */
const sequenceMax: number = 2 ** 52;

export function encodeWatermark(databaseId: Uint8Array, watermark: Watermark): Uint8Array {
  const slot = new Uint8Array(watermarkSlotBytes);
  putAscii(slot, WATERMARK.magic, watermarkMagic);
  slot.set(databaseId, WATERMARK.databaseId);
  putU64(slot, WATERMARK.sequence, watermark.sequence);
  putU64(slot, WATERMARK.durableLsn, watermark.durableLsn);
  putHash(slot, WATERMARK.lastHash, watermark.lastHash);
  putU32(slot, WATERMARK.flags, watermark.clean ? cleanFlag : 0);
  sealBlock(slot, 0, watermarkSlotBytes);
  return slot;
}

export function decodeWatermark(slot: Uint8Array, databaseId: Uint8Array): Watermark | undefined {
  if (slot.length !== watermarkSlotBytes || !hasAscii(slot, WATERMARK.magic, watermarkMagic))
    return undefined;
  if (!blockIsSound(slot, 0, watermarkSlotBytes)) return undefined;
  if (!sameBytes(slot.subarray(WATERMARK.databaseId, WATERMARK.databaseId + 16), databaseId))
    return undefined;
  const sequence = getU64(slot, WATERMARK.sequence);
  const durableLsn = getU64(slot, WATERMARK.durableLsn);
  if (sequence > sequenceMax || durableLsn > limits.lsnMax) return undefined;
  return {
    sequence,
    durableLsn,
    lastHash: getHash(slot, WATERMARK.lastHash),
    clean: (getU32(slot, WATERMARK.flags) & cleanFlag) !== 0,
  };
}

/** What was found of the watermark file. */
export interface WatermarkFindings {
  /** The newest sound slot. */
  readonly watermark: Watermark | undefined;
  /** Whether the file is missing, or holds anything but sound slots, empty ones and zeros between them. */
  readonly damaged: boolean;
}

/** Reads both slots; changes nothing. */
export async function readWatermark(
  disk: Disk,
  directory: string,
  databaseId: Uint8Array,
): Promise<WatermarkFindings> {
  const bytes = await readWhole(disk, disk.join(directory, FILE.watermark));
  if (bytes === undefined) return { watermark: undefined, damaged: true };
  const rest = bytes.slice();
  let watermark: Watermark | undefined;
  for (const offset of watermarkSlotOffsets) {
    const found = decodeWatermark(bytes.subarray(offset, offset + watermarkSlotBytes), databaseId);
    if (found === undefined) continue;
    rest.fill(0, offset, offset + watermarkSlotBytes);
    if (watermark === undefined || found.sequence > watermark.sequence) watermark = found;
  }
  return {
    watermark,
    damaged: bytes.length !== watermarkFileBytes || lengthWithoutZeros(rest) > 0,
  };
}

/** The whole file, holding at the most one slot. */
export function watermarkFileWith(
  databaseId: Uint8Array,
  watermark: Watermark | undefined,
): Uint8Array {
  const bytes = new Uint8Array(watermarkFileBytes);
  if (watermark !== undefined) {
    const offset = watermarkSlotOffsets[watermark.sequence % 2]!;
    bytes.set(encodeWatermark(databaseId, watermark), offset);
  }
  return bytes;
}

/** Writes the watermark of an open database. */
export class WatermarkFile {
  readonly #file: DiskFile;
  readonly #databaseId: Uint8Array;
  #sequence: number;

  constructor(file: DiskFile, databaseId: Uint8Array, sequence: number) {
    this.#file = file;
    this.#databaseId = databaseId;
    this.#sequence = sequence;
  }

  /** Hands the new mark to the operating system; not durable before `sync`. */
  write(durableLsn: number, lastHash: Hash64, clean: boolean): void {
    this.#sequence++;
    const slot = encodeWatermark(this.#databaseId, {
      sequence: this.#sequence,
      durableLsn,
      lastHash,
      clean,
    });
    this.#file.writeSync(slot, watermarkSlotOffsets[this.#sequence % 2]!);
  }

  async sync(): Promise<void> {
    await this.#file.sync();
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
