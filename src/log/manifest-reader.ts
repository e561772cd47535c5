// Asks whether the manifest of a database that another handle writes is still the one that was read.
import { VarveError } from "../codec/errors.ts";
import type { Disk, DiskFile } from "../disk/ports.ts";
import { getU64 } from "./fields.ts";
import { FILE } from "./file-names.ts";
import { decodeManifest, type Manifest, manifestEpochOffset } from "./manifest-codec.ts";

/** The edit, and behind it the epoch. */
const fieldsOffset = manifestEpochOffset - 8;

/** Some fifteen thousand segments: of a longer one, the next poll reads more. */
const manifestBytesMax: number = 2 ** 20;

export class ManifestReader {
  readonly #disk: Disk;
  readonly #paths: readonly string[];
  readonly #fields: Uint8Array = new Uint8Array(16);
  #files: DiskFile[] = [];

  constructor(disk: Disk, directory: string) {
    this.#disk = disk;
    this.#paths = [FILE.manifestA, FILE.manifestB].map((name) => disk.join(directory, name));
  }

  /** Two small reads: both copies hold its edit. False, too, where one of them cannot be read. */
  isStill({ edit, epoch }: Manifest): boolean {
    try {
      if (this.#files.length === 0) this.#open();
    } catch (error) {
      if (error instanceof VarveError && error.code === "NOT_FOUND") return false;
      throw error;
    }
    const fields = this.#fields;
    return this.#files.every((file) => {
      const length = file.readSync(fields, fieldsOffset);
      return length === fields.length && getU64(fields, 0) === edit && getU64(fields, 8) === epoch;
    });
  }

  /** The newest sound copy there is now, read at once; undefined where none can be. */
  readNow(): Manifest | undefined {
    let newest: Manifest | undefined;
    for (const path of this.#paths) {
      const found = this.#readCopy(path);
      if (found !== undefined && found.edit > (newest?.edit ?? -1)) newest = found;
    }
    return newest;
  }

  #readCopy(path: string): Manifest | undefined {
    let file: DiskFile | undefined;
    try {
      file = this.#disk.openSync(path);
      const bytes = new Uint8Array(manifestBytesMax);
      return decodeManifest(bytes.subarray(0, file.readSync(bytes, 0)), path, true);
    } catch {
      return undefined;
    } finally {
      file?.close().catch(() => {});
    }
  }

  /** Gives the handles up: what has the names by then is opened at the next question. */
  async close(): Promise<void> {
    for (const file of this.#files.splice(0)) await file.close();
  }

  #open(): void {
    const files: DiskFile[] = [];
    try {
      for (const path of this.#paths) files.push(this.#disk.openSync(path));
      this.#files = files;
    } catch (error) {
      for (const file of files) file.close().catch(() => {});
      throw error;
    }
  }
}
