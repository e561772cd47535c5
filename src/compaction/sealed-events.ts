// Reads single events of sealed segments by LSN, from their files alone: for who rewrites segments in a thread of its own.
import type { Disk } from "../disk/ports.ts";
import { EventFinder } from "../log/event-finder.ts";
import type { EventReader } from "../log/event-reader.ts";
import { FrameSource } from "../log/frame-source.ts";
import { readReplacement } from "../log/replaced-segment.ts";
import { SegmentFiles } from "../log/segment-files.ts";
import type { SegmentView } from "../log/segment-view.ts";

/** Of each segment that is asked. */
const frameCacheBytes: number = 2 ** 20;
const findersMax = 16;

export class SealedEvents {
  readonly #segments: readonly SegmentView[];
  readonly #databaseId: Uint8Array;
  readonly #files: SegmentFiles;
  /** By segment id. */
  readonly #finders: Map<number, EventFinder> = new Map();

  constructor(
    disk: Disk,
    directory: string,
    databaseId: Uint8Array,
    segments: readonly SegmentView[],
  ) {
    this.#segments = segments;
    this.#databaseId = databaseId;
    this.#files = new SegmentFiles(disk, directory);
  }

  /** As `EventLookup.find`. */
  find(lsn: number): EventReader | undefined {
    const view = this.#segments.find((each) => each.baseLsn <= lsn && lsn <= each.lastLsn);
    if (view === undefined) return undefined;
    let finder = this.#finders.get(view.id);
    if (finder === undefined) {
      if (this.#finders.size >= findersMax) this.#finders.clear();
      finder = this.#open(view);
      this.#finders.set(view.id, finder);
    }
    return finder.find(lsn);
  }

  async close(): Promise<void> {
    await this.#files.close();
  }

  #open(view: SegmentView): EventFinder {
    const segment = readReplacement(view, this.#databaseId, (each) => this.#files.for(each));
    const frames = new FrameSource([segment], this.#files, () => undefined, frameCacheBytes);
    return new EventFinder(frames, () => view.lastLsn);
  }
}
