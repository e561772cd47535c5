// Copies bytes from one file to another, a piece at a time, so that nothing waits for long.
import { VarveError } from "../codec/errors.ts";
import type { Disk, DiskFile } from "../disk/ports.ts";

const pieceBytes: number = 1024 * 1024;

/** Asked between two pieces; throws to end the copying. */
export type Pace = () => Promise<void>;

/** Copies `[from, to)` to the same place. Throws CORRUPT where the source ends before. */
export async function copyRange(
  source: DiskFile,
  target: DiskFile,
  from: number,
  to: number,
  pace: Pace,
): Promise<void> {
  const buffer = new Uint8Array(Math.min(pieceBytes, Math.max(0, to - from)));
  for (let at = from; at < to; ) {
    await pace();
    const length = await source.read(buffer.subarray(0, Math.min(buffer.length, to - at)), at);
    if (length === 0) {
      throw new VarveError("CORRUPT", `${source.path} ends at ${at}, before ${to}`, {
        details: { file: source.path, offset: at },
      });
    }
    target.writeSync(buffer.subarray(0, length), at);
    at += length;
  }
}

/** Makes a file anew: what has its name is nobody's. */
export async function createAnew(disk: Disk, path: string): Promise<DiskFile> {
  if ((await disk.stat(path)) !== undefined) await disk.unlink(path);
  return await disk.open(path, "create");
}
