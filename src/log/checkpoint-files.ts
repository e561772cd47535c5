// The checkpoint files of an open database: what is made durable in which order before the manifest names one.
import { VarveError } from "../codec/errors.ts";
import type { Disk } from "../disk/ports.ts";
import { hashOf } from "./fields.ts";
import { checkpointFileName } from "./file-names.ts";
import { endsAt, type LogPosition } from "./log-position.ts";
import { type CheckpointRef, checkpointsMax } from "./manifest-codec.ts";
import type { ManifestStore } from "./manifest-store.ts";
import type { Segment } from "./segment.ts";
import { smallFileBytesMax } from "./small-file.ts";

/** What saving a checkpoint needs of the log around it. */
export interface CheckpointHost {
  readonly disk: Disk;
  readonly directory: string;
  readonly manifest: ManifestStore;
  /** Throws once the log is poisoned. */
  requireSound(): void;
  durableLsn(): number;
  syncWatermark(): Promise<void>;
  flushAllocation(): Promise<unknown>;
  /** A sync of the directory failed: names made before it may be lost however often it is synced again. */
  namesLost(): void;
  /** The manifest's state on disk is unknown. */
  poisonWith(cause: unknown): VarveError;
}

/** By the number of a checkpoint, where the replay behind it begins. */
export type CheckpointPlaces = ReadonlyMap<number, LogPosition>;

export class CheckpointFiles {
  readonly #host: CheckpointHost;
  readonly #places: Map<number, LogPosition>;

  constructor(host: CheckpointHost, places: CheckpointPlaces) {
    this.#host = host;
    this.#places = new Map(places);
  }

  /**
   * How many segments, from the first on, a replay behind any checkpoint passes over: what is in them may be written anew. It knows the
   * one that it begins in by its bytes, unless it begins where that one ends.
   */
  passed(segments: readonly Segment[]): number {
    let passed = this.refs.length === 0 ? 0 : segments.length;
    for (const { number } of this.refs) {
      const place = this.#places.get(number);
      const at = segments.findIndex(({ id }) => id === place?.segmentId);
      const isEnd = at >= 0 && endsAt(segments[at]!, place!);
      passed = Math.min(passed, isEnd ? at + 1 : Math.max(0, at));
    }
    return passed;
  }

  get refs(): readonly CheckpointRef[] {
    return this.#host.manifest.current.checkpoints;
  }

  /**
   * Order: the file, then the names of it and of the trees it names, then the watermark, and only then the manifest. A
   * failure before the manifest leaves nothing behind but what was there. One in the manifest poisons the log, and so does one
   * in the sync of the names: a sync that failed is never tried again.
   */
  async save(bytes: Uint8Array, number: number, position: LogPosition): Promise<void> {
    const host = this.#host;
    host.requireSound();
    const lsn = position.lastLsn;
    this.#requireNext(number, lsn, bytes.length);
    if (lsn > host.durableLsn()) throw new RangeError(`LSN ${lsn} is not durable`);
    const hash = hashOf(bytes, 0, bytes.length);
    try {
      await this.#write(checkpointFileName(number), bytes);
      await this.#syncNames();
      await host.syncWatermark();
      await host.flushAllocation();
      host.requireSound();
    } catch (error) {
      await this.#remove(number);
      throw error;
    }
    const ref: CheckpointRef = { number, lsn, bytes: bytes.length, hash, durableLsn: lsn };
    this.#places.set(number, position);
    await this.#keep((refs) => [ref, ...refs].slice(0, checkpointsMax));
  }

  /** Forgets all but the newest: to be called once that one is known to be readable. */
  async dropOld(): Promise<void> {
    this.#host.requireSound();
    if (this.refs.length > 1) await this.#keep((refs) => refs.slice(0, 1));
  }

  #requireNext(number: number, lsn: number, bytes: number): void {
    const newest = this.refs[0];
    if (newest !== undefined && (number <= newest.number || lsn < newest.lsn)) {
      throw new RangeError(`checkpoint ${number} at ${lsn} is behind ${newest.number}`);
    }
    if (bytes <= smallFileBytesMax) return;
    throw new VarveError("LIMIT_EXCEEDED", `a checkpoint of ${bytes} bytes is too large`, {
      details: { bytes, bytesMax: smallFileBytesMax },
    });
  }

  async #write(name: string, bytes: Uint8Array): Promise<void> {
    const { disk, directory } = this.#host;
    const path = disk.join(directory, name);
    // A file of this name can only be what an earlier attempt could not remove.
    if ((await disk.stat(path)) !== undefined) await disk.unlink(path);
    const file = await disk.open(path, "create");
    try {
      file.writeSync(bytes, 0);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  async #syncNames(): Promise<void> {
    const { disk, directory } = this.#host;
    try {
      await disk.syncDirectory(directory);
    } catch (error) {
      // The trees' names were made long before this file: nothing says which of them are durable, and no later sync tells.
      this.#host.namesLost();
      throw this.#host.poisonWith(error);
    }
  }

  async #keep(change: (refs: readonly CheckpointRef[]) => CheckpointRef[]): Promise<void> {
    const { manifest } = this.#host;
    const before = this.refs;
    try {
      await manifest.edit((current) => {
        manifest.requireOwnEpoch();
        return { checkpoints: change(current.checkpoints) };
      });
    } catch (error) {
      throw this.#host.poisonWith(error);
    }
    for (const { number } of before) {
      if (this.refs.some((ref) => ref.number === number)) continue;
      this.#places.delete(number);
      await this.#remove(number);
    }
  }

  /** Best effort: what stays is named by nothing, and the next open removes it. */
  async #remove(number: number): Promise<void> {
    const { disk, directory, manifest } = this.#host;
    try {
      // The file of another writer may have this name by now.
      manifest.requireOwnEpoch();
      await disk.unlink(disk.join(directory, checkpointFileName(number)));
    } catch {}
  }
}
