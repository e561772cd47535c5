// Small files: read whole, and made so that their names last.
import { VarveError } from "../codec/errors.ts";
import type { Disk, DiskFile } from "../disk/ports.ts";

/** What is no longer is read at once: the way to the thread pool and back takes longer. */
const quickBytesMax = 64 * 1024;

/** No file that is read whole is larger: what is, is not one of ours. */
export const smallFileBytesMax: number = 64 * 2 ** 20;

/** The bytes of a file, or undefined where there is none; throws CORRUPT where something else has its name. */
export async function requireOwnFile(disk: Disk, path: string): Promise<number | undefined> {
  const found = await disk.stat(path);
  if (found === undefined) return undefined;
  if (found.kind !== "file" || found.bytes > smallFileBytesMax) {
    throw new VarveError("CORRUPT", `${path} is not a file of this database`, {
      details: { file: path, kind: found.kind, bytes: found.bytes },
    });
  }
  return found.bytes;
}

/** Returns undefined where there is no such file. */
export async function readWhole(disk: Disk, path: string): Promise<Uint8Array | undefined> {
  const fileBytes = await requireOwnFile(disk, path);
  if (fileBytes === undefined) return undefined;
  const file = await disk.open(path, "read");
  try {
    const bytes = new Uint8Array(fileBytes);
    const isQuick = fileBytes <= quickBytesMax;
    const length = isQuick ? file.readSync(bytes, 0) : await file.read(bytes, 0);
    return bytes.subarray(0, length);
  } finally {
    await file.close();
  }
}

/**
 * Opens a file for writing: the one that is there where it holds something, else a new one.
 *
 * A name whose sync failed looks like any other, and no later sync makes it durable. So nobody writes to a file for the first
 * time before its name is synced; then a name is durable where the file holds something, and where it does not it is made again.
 */
export async function openOrMakeAnew(
  disk: Disk,
  path: string,
  holdsSomething: boolean,
): Promise<DiskFile> {
  // A name that is busy stays: what it names is written over.
  if (!holdsSomething && (await isThere(disk, path))) await disk.unlink(path).catch(() => {});
  return await disk.open(path, (await isThere(disk, path)) ? "write" : "create");
}

async function isThere(disk: Disk, path: string): Promise<boolean> {
  return (await disk.stat(path)) !== undefined;
}
