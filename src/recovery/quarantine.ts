// Keeps aside what recovery removes, so that nothing is gone without a trace.
import { wtf8Bytes } from "../codec/text.ts";
import type { Disk, DiskFile } from "../disk/ports.ts";
import { FILE } from "../log/file-names.ts";
import { readWhole } from "../log/small-file.ts";

/** At most so much of a torn tail is kept. */
const quarantineBytesMax: number = 4 * 2 ** 20;

async function quarantineDirectory(disk: Disk, directory: string): Promise<string> {
  const path = disk.join(directory, FILE.quarantine);
  if ((await disk.stat(path)) === undefined) await disk.makeDirectory(path);
  return path;
}

/**
 * Copies `[offset, offset + bytes)` of a file aside. The same cut in a later recovery writes the
 * same file again, so that crashes in recovery leave one copy. Returns its name.
 */
export async function quarantineTail(
  disk: Disk,
  directory: string,
  file: DiskFile,
  segmentName: string,
  offset: number,
  bytes: number,
): Promise<string> {
  const folder = await quarantineDirectory(disk, directory);
  const name = `${segmentName}.${offset}.tail`;
  const path = disk.join(folder, name);
  const tail = new Uint8Array(Math.min(bytes, quarantineBytesMax));
  const length = await file.read(tail, offset);
  const copy = await disk.open(path, (await disk.stat(path)) === undefined ? "create" : "write");
  try {
    await copy.truncate(0);
    copy.writeSync(tail.subarray(0, length), 0);
    await copy.sync();
  } finally {
    await copy.close();
  }
  await disk.syncDirectory(folder);
  return `${FILE.quarantine}/${name}`;
}

/** Moves a file of the database's that no manifest names aside. Returns its new name. */
export async function quarantineFile(disk: Disk, directory: string, name: string): Promise<string> {
  const folder = await quarantineDirectory(disk, directory);
  const path = disk.join(directory, name);
  await disk.rename(path, disk.join(folder, name));
  // A crash may have kept both names of an earlier move; renaming one file to itself changes nothing.
  if ((await disk.stat(path)) !== undefined) await disk.unlink(path);
  await disk.syncDirectory(folder);
  await disk.syncDirectory(directory);
  return `${FILE.quarantine}/${name}`;
}

/** Copies a small file aside as it is, before it is written over. Returns the copy's name. */
export async function quarantineCopy(
  disk: Disk,
  directory: string,
  name: string,
): Promise<string | undefined> {
  const bytes = await readWhole(disk, disk.join(directory, name)).catch(() => undefined);
  if (bytes === undefined || bytes.length === 0) return undefined;
  return await writeAside(disk, directory, name, bytes);
}

/** Writes a text aside. Returns its name. */
export async function quarantineText(
  disk: Disk,
  directory: string,
  name: string,
  text: string,
): Promise<string> {
  return await writeAside(disk, directory, name, wtf8Bytes(text));
}

/** Under the name and the first number that is free. */
async function writeAside(
  disk: Disk,
  directory: string,
  name: string,
  bytes: Uint8Array,
): Promise<string> {
  const folder = await quarantineDirectory(disk, directory);
  let number = 1;
  while ((await disk.stat(disk.join(folder, `${name}.${number}`))) !== undefined) number++;
  const file = await disk.open(disk.join(folder, `${name}.${number}`), "create");
  try {
    file.writeSync(bytes, 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.syncDirectory(folder);
  return `${FILE.quarantine}/${name}.${number}`;
}
