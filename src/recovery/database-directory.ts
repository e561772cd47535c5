// Decides what a path holds before anything is touched, and creates what must exist before the first segment.
import { VarveError } from "../codec/errors.ts";
import type { Disk, Ports } from "../disk/ports.ts";
import { FILE, isOwnFile } from "../log/file-names.ts";
import type { Manifest } from "../log/manifest-codec.ts";
import { ManifestStore, readManifest } from "../log/manifest-store.ts";

/** What a path was found to hold. */
export type DirectoryKind =
  | "missing"
  /** An empty directory, or what a creation that was cut short has left. */
  | "empty"
  | "database";

const madeFirst: ReadonlySet<string> = new Set([FILE.lock, FILE.manifestA, FILE.manifestB]);

/**
 * Classifies a path without changing anything.
 *
 * @throws {VarveError} NOT_A_DATABASE for a file or a directory of other things; CORRUPT where
 *   other files of ours exist but neither copy of the manifest is sound; FORMAT_UNSUPPORTED for a newer version.
 */
export async function classifyDirectory(
  disk: Disk,
  path: string,
  readOnly = false,
): Promise<DirectoryKind> {
  const found = await disk.stat(path);
  if (found === undefined) return "missing";
  if (found.kind !== "directory") throw notADatabase(path, "it is not a directory");
  const names = await disk.list(path);
  const { manifest } = await readManifest(disk, path, readOnly);
  const isBegun = names.every((name) => madeFirst.has(name) || !isOwnFile(name));
  if (manifest !== undefined) {
    // A creation that was cut short: it is begun again, because a failed sync may have lost its names for good. Who only reads
    // must not take it for the database that there will be.
    return manifest.segments.length === 0 && isBegun ? "empty" : "database";
  }
  // The lock file alone is no database: whoever opens a directory holds it.
  const foreign = names.filter((name) => !isOwnFile(name));
  // Whatever else is ours is only made once both copies are durable: this was a database.
  if (names.includes(FILE.backup)) {
    throw new VarveError("CORRUPT", `${path} holds a backup that was not finished: make it again`, {
      details: { file: FILE.backup, directory: path },
    });
  }
  const orphan = names.find((name) => isOwnFile(name) && !madeFirst.has(name));
  if (orphan !== undefined) {
    throw new VarveError(
      "CORRUPT",
      `${path} has ${orphan}, but both copies of the manifest are lost`,
      {
        details: { file: FILE.manifestA, otherFile: FILE.manifestB, directory: path },
      },
    );
  }
  if (foreign.length > 0) throw notADatabase(path, `it holds ${foreign[0]}`);
  return "empty";
}

/**
 * Makes the directory, its name, and both copies of a manifest without segments durable.
 * Runs again over whatever an earlier, interrupted run has left.
 */
export async function createManifest(ports: Ports, path: string): Promise<ManifestStore> {
  const { disk, random, clock } = ports;
  for (const name of await disk.list(path)) {
    if (isOwnFile(name) && name !== FILE.lock) await disk.unlink(disk.join(path, name));
  }
  const manifest: Manifest = {
    databaseId: random.bytes(16),
    edit: 1,
    epoch: 0,
    nextSegmentId: 1,
    createdMs: clock.wallMs(),
    segments: [],
    checkpoints: [],
  };
  const store = await ManifestStore.create(disk, path, manifest);
  try {
    await disk.syncDirectory(path);
  } catch (error) {
    await store.close();
    // Syncing again proves nothing: the next try must find no names that look as if they were durable.
    for (const name of [FILE.manifestA, FILE.manifestB]) {
      await disk.unlink(disk.join(path, name)).catch(() => {});
    }
    throw error;
  }
  return store;
}

/** Makes the directory, unless an interrupted creation or a racing one has, and its name durable. */
export async function createDirectory(
  disk: Disk,
  path: string,
  kind: "missing" | "empty",
): Promise<void> {
  if (kind === "missing") await makeDirectory(disk, path);
  await disk.syncDirectory(disk.dirname(path));
}

/** Where somebody else has made it meanwhile, the lock decides whose it is. */
async function makeDirectory(disk: Disk, path: string): Promise<void> {
  try {
    await disk.makeDirectory(path);
  } catch (error) {
    const isMade = error instanceof VarveError && error.code === "EXISTS";
    if (!isMade || (await disk.stat(path))?.kind !== "directory") throw error;
  }
}

function notADatabase(path: string, reason: string): VarveError {
  return new VarveError("NOT_A_DATABASE", `${path} is not a varve database: ${reason}`, {
    details: { path },
  });
}
