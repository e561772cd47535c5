// The small files beside the log, which an opening makes anew where they are missing or hold nothing of use: watermark, allocation table, reserve.
import type { Disk, DiskFile } from "../disk/ports.ts";
import { sideBySide } from "../disk/side-by-side.ts";
import { AllocationFile, readAllocation } from "../log/allocation-table.ts";
import { FILE } from "../log/file-names.ts";
import { ReserveFile, reserveBytes } from "../log/reserve.ts";
import type { Segment } from "../log/segment.ts";
import { openOrMakeAnew, requireOwnFile } from "../log/small-file.ts";
import {
  readWatermark,
  type Watermark,
  WatermarkFile,
  watermarkFileBytes,
  watermarkFileWith,
} from "../log/watermark.ts";

export interface SmallFilesFound {
  /** The newest sound slot. */
  readonly watermark: Watermark | undefined;
  /** Names of those that are missing or not as they should be. */
  readonly lacking: readonly string[];
}

/** Changes nothing. */
export async function readSmallFiles(
  disk: Disk,
  directory: string,
  databaseId: Uint8Array,
): Promise<SmallFilesFound> {
  const [marks, allocation, heldBytes = 0] = await sideBySide([
    readWatermark(disk, directory, databaseId),
    readAllocation(disk, directory, databaseId),
    requireOwnFile(disk, disk.join(directory, FILE.reserve)),
  ]);
  const lacking: string[] = [];
  if (allocation === undefined) lacking.push(FILE.allocation);
  if (marks.damaged) lacking.push(FILE.watermark);
  if (heldBytes < reserveBytes) lacking.push(FILE.reserve);
  return { watermark: marks.watermark, lacking };
}

/** Keeps a handle, so that it is closed should the opening fail. */
export type Keep = <T extends { close(): Promise<void> }>(file: T) => T;

/** Their handles. Whoever opens them syncs the directory before `fill`. */
export class SmallFiles {
  readonly watermark: WatermarkFile;
  readonly allocation: AllocationFile;
  readonly reserve: ReserveFile;
  readonly #found: SmallFilesFound;
  readonly #marks: DiskFile;
  readonly #databaseId: Uint8Array;

  private constructor(
    found: SmallFilesFound,
    databaseId: Uint8Array,
    marks: DiskFile,
    table: DiskFile,
    reserve: ReserveFile,
  ) {
    this.watermark = new WatermarkFile(marks, databaseId, found.watermark?.sequence ?? 0);
    this.allocation = new AllocationFile(table, databaseId);
    this.reserve = reserve;
    this.#found = found;
    this.#marks = marks;
    this.#databaseId = databaseId;
  }

  static async open(
    disk: Disk,
    directory: string,
    databaseId: Uint8Array,
    found: SmallFilesFound,
    keep: Keep,
  ): Promise<SmallFiles> {
    const pathOf = (name: string): string => disk.join(directory, name);
    const { watermark, lacking } = found;
    const hasTable = !lacking.includes(FILE.allocation);
    return new SmallFiles(
      found,
      databaseId,
      keep(await openOrMakeAnew(disk, pathOf(FILE.watermark), watermark !== undefined)),
      keep(await openOrMakeAnew(disk, pathOf(FILE.allocation), hasTable)),
      keep(await ReserveFile.open(disk, pathOf(FILE.reserve))),
    );
  }

  /** Writes what is missing, and unless it `isMarked` already where the log ends. */
  async fill(segments: readonly Segment[], isMarked: boolean): Promise<void> {
    const { watermark, lacking } = this.#found;
    const isLacking = watermark === undefined || lacking.includes(FILE.watermark);
    if (isLacking || !isMarked) {
      // The slot that counts is written as it stands: however much of this a crash keeps, it is there. Behind an unclean stop a sync may
      // have failed that nobody saw to: what is written again is made durable by the next one.
      this.#marks.writeSync(watermarkFileWith(this.#databaseId, watermark), 0);
      if (isLacking) await this.#marks.truncate(watermarkFileBytes);
    }
    if (!isMarked || watermark === undefined) {
      const { lastLsn, lastHash } = segments[segments.length - 1]!;
      this.watermark.write(lastLsn, lastHash, false);
      await this.watermark.sync();
    }
    if (lacking.includes(FILE.allocation)) await this.allocation.flush(segments);
    await this.reserve.restore();
  }
}
