// The segment that takes appends: its file, the single owner of that file's length, and its sealing.
import { limits } from "../codec/limits.ts";
import type { DiskFile, Ports } from "../disk/ports.ts";
import { getHash, type Hash64 } from "./fields.ts";
import type { Group } from "./group.ts";
import { SEGMENT_STATE } from "./manifest-codec.ts";
import type { Segment } from "./segment.ts";
import { encodeSegmentHeader, type SegmentHeader } from "./segment-codec.ts";
import { segmentHeaderBytes } from "./segment-format.ts";
import { orSyncFailure } from "./sync-failure.ts";

export class ActiveSegment {
  readonly segment: Segment;
  readonly file: DiskFile;
  /** The file's length: frames are written below it, so that a sync need not update metadata. */
  #allocatedEnd: number;

  constructor(segment: Segment, file: DiskFile, allocatedEnd: number) {
    this.segment = segment;
    this.file = file;
    this.#allocatedEnd = allocatedEnd;
    segment.fileBytes = allocatedEnd;
  }

  /**
   * Creates the file of a new, empty segment and makes it and its name durable.
   * The segment counts only once a manifest names it.
   */
  static async create(
    { disk, random, clock }: Ports,
    directory: string,
    segment: Segment,
    databaseId: Uint8Array,
    previousHash: Hash64,
    segmentBytes: number,
  ): Promise<ActiveSegment> {
    const header: SegmentHeader = {
      databaseId,
      segmentId: segment.id,
      generation: segment.generation,
      nonce: getHash(random.bytes(8), 0),
      baseLsn: segment.baseLsn,
      previousHash,
      createdMs: clock.wallMs(),
    };
    const file = await disk.open(disk.join(directory, segment.name), "create");
    try {
      segment.nonce = header.nonce;
      segment.lastHash = header.previousHash;
      file.writeSync(encodeSegmentHeader(header), 0);
      const active = new ActiveSegment(segment, file, segmentHeaderBytes);
      await active.extendFor(0, segmentBytes);
      await orSyncFailure(file.sync());
      await orSyncFailure(disk.syncDirectory(directory));
      return active;
    } catch (error) {
      await file.close().catch(() => {});
      throw error;
    }
  }

  needsExtension(bytes: number): boolean {
    return this.segment.dataEnd + bytes > this.#allocatedEnd;
  }

  /** Grows the file so that `bytes` more fit, in steps of 8 MiB, or exactly near the segment's end. */
  async extendFor(bytes: number, segmentBytes: number): Promise<void> {
    const needed = this.segment.dataEnd + bytes;
    const step = Math.min(limits.segmentExtendBytes, segmentBytes);
    const end = Math.max(Math.ceil(needed / step) * step, step);
    await this.file.truncate(end);
    this.#allocatedEnd = end;
    this.segment.fileBytes = end;
  }

  /** Writes a group behind the last frame. Throws what the disk throws; then nothing is noted. */
  write(group: Group, durableLsn: number): void {
    const { segment } = this;
    group.seal(segment.lastHash, segment.nonce, durableLsn);
    this.file.writeSync(group.bytes.subarray(0, group.length), segment.dataEnd);
    group.noteIn(segment);
  }

  /** Takes back what a failed write may have left behind the last frame, durably. */
  async cutBack(): Promise<void> {
    await this.file.truncate(this.segment.dataEnd);
    this.#allocatedEnd = this.segment.dataEnd;
    this.segment.fileBytes = this.#allocatedEnd;
    this.segment.state = SEGMENT_STATE.active;
    await this.file.sync();
  }

  /**
   * Writes the footer, cuts the file to size and syncs it: everything in it is durable then.
   * Running it again after a failed write repeats it harmlessly.
   */
  async seal(): Promise<void> {
    const { segment, file } = this;
    const footer = segment.footerBytes();
    file.writeSync(footer, segment.dataEnd);
    await file.truncate(segment.dataEnd + footer.length);
    await orSyncFailure(file.sync());
    segment.fileBytes = segment.dataEnd + footer.length;
    this.#allocatedEnd = segment.fileBytes;
    segment.state = SEGMENT_STATE.sealed;
  }
}
