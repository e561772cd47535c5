// Keeps the manifest in two copies, either of which is enough: both are written by every edit, one after the other.
import { VarveError } from "../codec/errors.ts";
import type { Disk, DiskFile } from "../disk/ports.ts";
import { hex, sameBytes } from "./fields.ts";
import { FILE } from "./file-names.ts";
import { decodeManifest, encodeManifest, type Manifest } from "./manifest-codec.ts";
import { readWhole } from "./small-file.ts";

/** What was found of the two copies. */
export interface ManifestFindings {
  /** The newest sound copy, and which of the two files holds it. */
  readonly manifest: Manifest | undefined;
  readonly newest: 0 | 1;
  /** Files that exist but do not hold a sound manifest, or hold an older one. */
  readonly damaged: readonly string[];
  readonly missing: readonly string[];
}

const copyNames: readonly string[] = [FILE.manifestA, FILE.manifestB];

/**
 * Reads both copies; changes nothing. Throws FORMAT_UNSUPPORTED for a newer format version, CORRUPT where the copies
 * are of two databases: nobody can tell then which of them the other files belong to.
 */
export async function readManifest(
  disk: Disk,
  directory: string,
  readOnly: boolean,
): Promise<ManifestFindings> {
  const damaged: string[] = [];
  const missing: string[] = [];
  let manifest: Manifest | undefined;
  let newestBytes: Uint8Array | undefined;
  let newest: 0 | 1 = 0;
  for (const name of copyNames) {
    const bytes = await readWhole(disk, disk.join(directory, name));
    if (bytes === undefined) {
      missing.push(name);
      continue;
    }
    const copy = decodeManifest(bytes, name, readOnly);
    if (copy !== undefined && manifest !== undefined) requireSameDatabase(copy, manifest);
    if (copy === undefined) damaged.push(name);
    else if (manifest === undefined || copy.edit > manifest.edit) {
      manifest = copy;
      newestBytes = encodeManifest(copy);
      newest = name === FILE.manifestA ? 0 : 1;
    } else if (copy.edit === manifest.edit && !sameBytes(encodeManifest(copy), newestBytes!)) {
      damaged.push(name);
    }
  }
  return { manifest, newest, damaged, missing };
}

function requireSameDatabase(copy: Manifest, other: Manifest): void {
  if (sameBytes(copy.databaseId, other.databaseId)) return;
  throw new VarveError("CORRUPT", `${FILE.manifestA} and ${FILE.manifestB} are of two databases`, {
    details: {
      file: FILE.manifestB,
      databaseId: hex(copy.databaseId),
      otherFile: FILE.manifestA,
      otherDatabaseId: hex(other.databaseId),
    },
  });
}

/** Owns the handles of both copies of an open database. */
export class ManifestStore {
  /** In the order of writing: the copy that holds the newest manifest comes last. */
  readonly #copies: readonly [DiskFile, DiskFile];
  #current: Manifest;

  private constructor(copies: readonly [DiskFile, DiskFile], current: Manifest) {
    this.#copies = copies;
    this.#current = current;
  }

  get current(): Manifest {
    return this.#current;
  }

  /** Creates both copies and makes them durable; the caller syncs the directory. */
  static async create(disk: Disk, directory: string, manifest: Manifest): Promise<ManifestStore> {
    return await ManifestStore.#with(disk, directory, manifest, 0, async (store) => {
      await store.install(manifest);
    });
  }

  /** Opens both copies (a missing one is made) around what `readManifest` found. */
  static async open(
    disk: Disk,
    directory: string,
    manifest: Manifest,
    newest: 0 | 1,
  ): Promise<ManifestStore> {
    return await ManifestStore.#with(disk, directory, manifest, newest, async () => {});
  }

  static async #with(
    disk: Disk,
    directory: string,
    manifest: Manifest,
    newest: 0 | 1,
    then: (store: ManifestStore) => Promise<void>,
  ): Promise<ManifestStore> {
    const files: DiskFile[] = [];
    try {
      for (const name of copyNames) {
        const path = disk.join(directory, name);
        const exists = (await disk.stat(path)) !== undefined;
        files.push(await disk.open(path, exists ? "write" : "create"));
      }
      const store = new ManifestStore([files[1 - newest]!, files[newest]!], manifest);
      await then(store);
      return store;
    } catch (error) {
      for (const file of files) await file.close();
      throw error;
    }
  }

  /**
   * Makes a manifest current. When this resolves, both copies hold it durably; when it fails or the
   * machine stops in between, the newest sound copy is either the old manifest or this one.
   */
  async install(manifest: Manifest): Promise<void> {
    const bytes = encodeManifest(manifest);
    for (const copy of this.#copies) {
      copy.writeSync(bytes, 0);
      // Order: the second copy, the only sound one there may be, is touched once the first is durable.
      await copy.sync();
    }
    this.#current = manifest;
  }

  /** Throws LOCKED where another writer has installed a manifest of a newer epoch. */
  async checkEpoch(disk: Disk, directory: string): Promise<void> {
    const { manifest } = await readManifest(disk, directory, false);
    if (manifest === undefined || manifest.epoch <= this.#current.epoch) return;
    throw new VarveError("LOCKED", "another process has opened this database for writing", {
      retryable: false,
      details: { epoch: this.#current.epoch, newerEpoch: manifest.epoch },
    });
  }

  async close(): Promise<void> {
    await this.#copies[0].close();
    await this.#copies[1].close();
  }
}
