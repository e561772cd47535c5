// Reads the watermark of a database that another handle writes, again and again.
import { VarveError } from "../codec/errors.ts";
import type { Disk, DiskFile } from "../disk/ports.ts";
import { FILE } from "./file-names.ts";
import {
  decodeWatermark,
  type Watermark,
  watermarkFileBytes,
  watermarkSlotBytes,
  watermarkSlotOffsets,
} from "./watermark.ts";

export class WatermarkReader {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #databaseId: Uint8Array;
  readonly #bytes: Uint8Array = new Uint8Array(watermarkFileBytes);
  #file: DiskFile | undefined;

  constructor(disk: Disk, directory: string, databaseId: Uint8Array) {
    this.#disk = disk;
    this.#path = disk.join(directory, FILE.watermark);
    this.#databaseId = databaseId;
  }

  /** The newest sound slot; of two, a write that is under way leaves one whole. */
  read(): Watermark | undefined {
    this.#file ??= this.#open();
    if (this.#file === undefined) return undefined;
    const length = this.#file.readSync(this.#bytes, 0);
    let newest: Watermark | undefined;
    for (const offset of watermarkSlotOffsets) {
      const end = Math.min(length, offset + watermarkSlotBytes);
      const found = decodeWatermark(this.#bytes.subarray(offset, end), this.#databaseId);
      if (found !== undefined && (newest === undefined || found.sequence > newest.sequence)) {
        newest = found;
      }
    }
    return newest;
  }

  /** Gives the handle up: what has the name by then is opened at the next read. */
  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  #open(): DiskFile | undefined {
    try {
      return this.#disk.openSync(this.#path);
    } catch (error) {
      if (error instanceof VarveError && error.code === "NOT_FOUND") return undefined;
      throw error;
    }
  }
}
