// A new generation of a sealed segment, or of several that become one, while compaction writes it: nothing names it before it is installed.
import type { Disk, DiskFile, Ports } from "../disk/ports.ts";
import { getHash, type Hash64 } from "./fields.ts";
import { type FrameFields, writeFrame } from "./frame-codec.ts";
import { frameBytesFor } from "./frame-format.ts";
import { SEGMENT_STATE } from "./manifest-codec.ts";
import { Segment } from "./segment.ts";
import { type Compacted, encodeSegmentHeader, type SegmentHeader } from "./segment-codec.ts";
import { segmentHeaderBytes } from "./segment-format.ts";

export interface DraftOrder {
  readonly ports: Ports;
  readonly directory: string;
  readonly databaseId: Uint8Array;
  /** What it is to take the place of, in order: it begins as the first does and ends as the last. */
  readonly olds: readonly Segment[];
  /** Closing hash of the segment before it. */
  readonly previousHash: Hash64;
  readonly horizon: number;
  readonly erasedLsn: number;
}

export class SegmentDraft {
  readonly olds: readonly Segment[];
  readonly segment: Segment;
  readonly #disk: Disk;
  readonly #path: string;
  readonly #file: DiskFile;
  readonly #out: Uint32Array = new Uint32Array(2);
  #isClosed = false;

  private constructor(
    olds: readonly Segment[],
    segment: Segment,
    disk: Disk,
    path: string,
    file: DiskFile,
  ) {
    this.olds = olds;
    this.segment = segment;
    this.#disk = disk;
    this.#path = path;
    this.#file = file;
  }

  static async create(order: DraftOrder): Promise<SegmentDraft> {
    const { olds, directory } = order;
    const first = olds[0]!;
    const last = olds[olds.length - 1]!;
    const { disk, random, clock } = order.ports;
    // Order: a checkpoint may name the last by its id, and the name of the file is that of the first.
    const segment = new Segment(last.id, first.generation + 1, first.baseLsn);
    const compacted: Compacted = {
      closingHash: last.closingHash,
      horizon: order.horizon,
      erasedLsn: order.erasedLsn,
    };
    const header: SegmentHeader = {
      databaseId: order.databaseId,
      segmentId: segment.id,
      generation: segment.generation,
      nonce: getHash(random.bytes(8), 0),
      baseLsn: segment.baseLsn,
      previousHash: order.previousHash,
      createdMs: clock.wallMs(),
      compacted,
    };
    segment.nonce = header.nonce;
    segment.lastHash = header.previousHash;
    segment.compacted = compacted;
    segment.horizon = order.horizon;
    segment.erasedLsn = order.erasedLsn;
    const path = disk.join(directory, segment.name);
    // A file of this name can only be what an earlier attempt could not remove: the manifest names the generation before.
    if ((await disk.stat(path)) !== undefined) await disk.unlink(path);
    const file = await disk.open(path, "create");
    const draft = new SegmentDraft(olds, segment, disk, path, file);
    try {
      file.writeSync(encodeSegmentHeader(header), 0);
    } catch (error) {
      await draft.abandon();
      throw error;
    }
    return draft;
  }

  /** Adds a frame: `bytes` has room for the header, then the payload, then room for the padding. */
  append(bytes: Uint8Array, fields: FrameFields): void {
    const { segment } = this;
    const frameBytes = frameBytesFor(fields.payloadBytes);
    // Everything in a sealed segment was durable long before this.
    const durableLsn = fields.firstLsn - 1;
    writeFrame(bytes, 0, fields, durableLsn, segment.lastHash, segment.nonce, this.#out);
    this.#file.writeSync(bytes.subarray(0, frameBytes), segment.dataEnd);
    const hash = { lo: this.#out[0]!, hi: this.#out[1]! };
    segment.noteFrame(fields.firstLsn, fields.eventCount, fields.timeMs, frameBytes, hash);
  }

  /** Bytes of frames so far. */
  get frameBytes(): number {
    return this.segment.dataEnd - segmentHeaderBytes;
  }

  /** Ends the file, which is durable then, by its content; its name is not. */
  async finish(): Promise<void> {
    const { segment, olds } = this;
    const { lastLsn } = olds[olds.length - 1]!;
    if (segment.lastLsn !== lastLsn) {
      throw new Error(`${segment.name} ends at ${segment.lastLsn}, not at ${lastLsn}`);
    }
    const footer = segment.footerBytes();
    this.#file.writeSync(footer, segment.dataEnd);
    segment.fileBytes = segment.dataEnd + footer.length;
    segment.state = SEGMENT_STATE.sealed;
    await this.#file.sync();
    await this.#close();
  }

  /** Removes the file; what cannot be removed is named by nothing, and the next open removes it. */
  async abandon(): Promise<void> {
    await this.#close().catch(() => {});
    await this.#disk.unlink(this.#path).catch(() => {});
  }

  async #close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#file.close();
  }
}
