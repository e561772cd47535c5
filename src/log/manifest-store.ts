// Keeps the manifest in two copies, either of which is enough: both are written by every edit, one after the other.
import { VarveError } from "../codec/errors.ts";
import type { Disk, DiskFile } from "../disk/ports.ts";
import { sideBySide } from "../disk/side-by-side.ts";
import { getU64, hex, sameBytes } from "./fields.ts";
import { FILE } from "./file-names.ts";
import {
  decodeManifest,
  encodeManifest,
  type Manifest,
  manifestEpochOffset,
} from "./manifest-codec.ts";
import { openOrMakeAnew, readWhole } from "./small-file.ts";

/** What was found of the two copies. */
export interface ManifestFindings {
  /** The newest sound copy. */
  readonly manifest: Manifest | undefined;
  /** The edit that each of the two files holds; -1 where it holds no sound manifest. */
  readonly edits: readonly [number, number];
  /** Files that exist but do not hold a sound manifest, or hold an older one. */
  readonly damaged: readonly string[];
  readonly missing: readonly string[];
}

/** How much longer than our own a manifest of another writer is expected to be, at most. */
const foreignBytesMax: number = 64 * 1024;

const copyNames: readonly string[] = [FILE.manifestA, FILE.manifestB];

/**
 * Reads both copies; changes nothing. Throws FORMAT_UNSUPPORTED for a newer format version, CORRUPT where the copies
 * are of two databases, one of which has a segment: nobody can tell then which of them the other files belong to.
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
  const edits: [number, number] = [-1, -1];
  const copies = await sideBySide(
    copyNames.map((name) => readWhole(disk, disk.join(directory, name))),
  );
  for (const [ordinal, name] of copyNames.entries()) {
    const bytes = copies[ordinal];
    if (bytes === undefined) {
      missing.push(name);
      continue;
    }
    const copy = decodeManifest(bytes, name, readOnly);
    if (copy !== undefined && manifest !== undefined) requireSameDatabase(copy, manifest);
    if (copy === undefined) {
      damaged.push(name);
      continue;
    }
    if (copy.edit === manifest?.edit && !sameBytes(encodeManifest(copy), newestBytes!)) {
      damaged.push(name);
      continue;
    }
    edits[ordinal] = copy.edit;
    if (manifest === undefined || copy.edit > manifest.edit) {
      manifest = copy;
      newestBytes = encodeManifest(copy);
    }
  }
  return { manifest, edits, damaged, missing };
}

function requireSameDatabase(copy: Manifest, other: Manifest): void {
  if (sameBytes(copy.databaseId, other.databaseId)) return;
  // Neither has held anything yet: a creation that was cut short was begun again and cut short as well.
  if (copy.segments.length === 0 && other.segments.length === 0) return;
  throw new VarveError("CORRUPT", `${FILE.manifestA} and ${FILE.manifestB} are of two databases`, {
    details: {
      file: FILE.manifestB,
      databaseId: hex(copy.databaseId),
      otherFile: FILE.manifestA,
      otherDatabaseId: hex(other.databaseId),
    },
  });
}

/** There was no room for an edit, which is as if it had never been asked for. */
export class EditRefused extends VarveError {
  constructor(cause: unknown) {
    super("DISK_FULL", "there is no room for an edit of the manifest", {
      cause,
      details: { file: FILE.manifestB },
    });
  }
}

/** Owns the handles of both copies of an open database. */
export class ManifestStore {
  /** In the order of writing, the same in every life: what is found of them tells which may not be durable. */
  readonly #copies: readonly [DiskFile, DiskFile];
  #current: Manifest;
  #edits: Promise<void> = Promise.resolve();

  private constructor(copies: readonly [DiskFile, DiskFile], current: Manifest) {
    this.#copies = copies;
    this.#current = current;
  }

  get current(): Manifest {
    return this.#current;
  }

  /** Creates both copies and makes them durable; the caller syncs the directory. */
  static async create(disk: Disk, directory: string, manifest: Manifest): Promise<ManifestStore> {
    return await ManifestStore.#with(disk, directory, manifest, [-1, -1], async (store) => {
      await store.#install(manifest);
    });
  }

  /**
   * Opens both copies (a missing one is made) around what `readManifest` found, and makes that durable in both: after a
   * kill or a failed sync a copy may be seen that a power cut would still take, and nobody may act on it before.
   */
  static async open(
    disk: Disk,
    directory: string,
    { manifest, edits }: ManifestFindings,
  ): Promise<ManifestStore> {
    return await ManifestStore.#with(disk, directory, manifest!, edits, async (store) => {
      // Order: one that was made anew is written to only once its name is durable.
      if (edits.includes(-1)) await disk.syncDirectory(directory);
      await store.#settle(edits);
    });
  }

  static async #with(
    disk: Disk,
    directory: string,
    manifest: Manifest,
    edits: readonly [number, number],
    then: (store: ManifestStore) => Promise<void>,
  ): Promise<ManifestStore> {
    const files: DiskFile[] = [];
    try {
      for (const [ordinal, name] of copyNames.entries()) {
        files.push(await openOrMakeAnew(disk, disk.join(directory, name), edits[ordinal]! >= 0));
      }
      const store = new ManifestStore([files[1]!, files[0]!], manifest);
      await then(store);
      return store;
    } catch (error) {
      for (const file of files) await file.close();
      throw error;
    }
  }

  /**
   * Changes fields of the manifest under a new edit number; edits run one after another. When this resolves, both copies
   * hold the change durably; when it fails or the machine stops in between, the newest sound copy is either the old
   * manifest or this one, and every later edit fails as well.
   *
   * @throws EditRefused where there was no room for it: then both copies hold durably what they held before, and later edits go on.
   */
  edit(change: (current: Manifest) => Partial<Manifest>): Promise<void> {
    const edited = this.#edits.then(async () => {
      const { current } = this;
      const next = { ...current, ...change(current), edit: current.edit + 1 };
      const lacking = await this.#installWhereRoom(next);
      if (lacking === undefined) return;
      // What arrived of it in the first copy is as an edit that was cut short; this is one more edit, which changes nothing.
      if ((await this.#installWhereRoom({ ...current, edit: next.edit + 1 })) !== undefined) {
        throw lacking;
      }
      throw new EditRefused(lacking);
    });
    this.#edits = edited.catch((error: unknown) => {
      if (!(error instanceof EditRefused)) throw error;
    });
    // Whoever asked is told; the chain itself is nobody's to wait for.
    this.#edits.catch(() => {});
    return edited;
  }

  /** Resolves to why not where the first copy has no room: nothing of it is durable then, and the second copy is as it was. */
  async #installWhereRoom(manifest: Manifest): Promise<unknown> {
    const bytes = encodeManifest(manifest);
    const [first, second] = this.#copies;
    try {
      first.writeSync(bytes, 0);
    } catch (error) {
      if (error instanceof VarveError && error.code === "DISK_FULL") return error;
      throw error;
    }
    await first.sync();
    // Order: the second copy, the only sound one there may be, is touched once the first is durable.
    second.writeSync(bytes, 0);
    await second.sync();
    this.#current = manifest;
    return undefined;
  }

  async #install(manifest: Manifest): Promise<void> {
    const lacking = await this.#installWhereRoom(manifest);
    if (lacking !== undefined) throw lacking;
  }

  /**
   * Writes the copies again, the one that may not be durable first. `edit` leaves exactly these signs: where the
   * first copy is newer, it was under way and the second is durable; where both are equal, or the second is not
   * sound, the first is durable; where the first is not sound, the second is, and a new edit number says so.
   */
  async #settle([second, first]: readonly [number, number]): Promise<void> {
    const manifest = this.#current;
    if (first < second) {
      await this.#write(this.#copies[0], { ...manifest, edit: manifest.edit + 1 });
      await this.#write(this.#copies[1], this.#current);
    } else if (first > second && second >= 0) {
      await this.#install(manifest);
    } else {
      await this.#write(this.#copies[1], manifest);
      if (second < 0) await this.#write(this.#copies[0], manifest);
    }
  }

  async #write(copy: DiskFile, manifest: Manifest): Promise<void> {
    copy.writeSync(encodeManifest(manifest), 0);
    await copy.sync();
    this.#current = manifest;
  }

  /**
   * Throws LOCKED where another writer has opened the database since: one small read, so that it can
   * be asked at every sync. Locks should never let it come to that; two containers may.
   */
  requireOwnEpoch(): void {
    const field = new Uint8Array(8);
    // Both copies have the epoch; this one gets a newer one first.
    const [copy] = this.#copies;
    copy.readSync(field, manifestEpochOffset);
    if (getU64(field, 0) === this.#current.epoch) return;
    const bytes = new Uint8Array(encodeManifest(this.#current).length + foreignBytesMax);
    const found = decodeManifest(bytes.subarray(0, copy.readSync(bytes, 0)), copy.path, false);
    if (found === undefined || found.epoch <= this.#current.epoch) return;
    throw new VarveError("LOCKED", "another process has opened this database for writing", {
      retryable: false,
      details: { epoch: this.#current.epoch, newerEpoch: found.epoch },
    });
  }

  async close(): Promise<void> {
    await this.#edits.catch(() => {});
    await this.#copies[0].close();
    await this.#copies[1].close();
  }
}
