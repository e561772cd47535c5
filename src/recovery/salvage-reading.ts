// Reads a damaged log from front to back: which transactions are kept, which LSNs are lost, and which segments can stay as they are.
import type { Disk } from "../disk/ports.ts";
import { type Hash64, sameHash, zeroHash } from "../log/fields.ts";
import type { FrameHeader } from "../log/frame-codec.ts";
import { FRAME_FLAG } from "../log/frame-format.ts";
import { compactedToOf } from "../log/manifest-codec.ts";
import { decodeSegmentFooter } from "../log/segment-codec.ts";
import type { CompactedThings } from "./compacted-things.ts";
import {
  durableSaidBy,
  type FoundFrame,
  type FoundTransaction,
  findFrames,
  TransactionJoiner,
} from "./salvage-frames.ts";
import { SalvagedGraph } from "./salvage-graph.ts";
import type { LossReason, LostRange } from "./salvage-report.ts";
import { type ListedLog, type ListedSegment, readBytes, seedOf } from "./salvage-segments.ts";

/** A transaction that is kept, and the highest number of a name that it needs. */
export interface KeptTransaction {
  readonly transaction: FoundTransaction;
  readonly nameMax: number;
}

export interface ReadSegment {
  readonly listed: ListedSegment;
  readonly bytes: Uint8Array;
  /** Whether the file is, byte by byte, what the log before and behind it wants. */
  readonly isIntact: boolean;
  readonly kept: readonly KeptTransaction[];
}

export class SalvageReading {
  readonly graph: SalvagedGraph;
  readonly lost: LostRange[] = [];
  readonly damaged: Set<string> = new Set();
  readonly warnings: string[] = [];
  /** Last LSN that was met, kept or not. */
  lastLsn = 0;
  /** Highest LSN that anything says was durable. */
  proven: number;
  events = 0;
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #log: ListedLog;
  /** Hash of the last frame met; undefined behind a segment that is gone. */
  #hash: Hash64 | undefined = zeroHash;
  #joiner = new TransactionJoiner();

  /** @param things of the compacted region, as earlier readings found them. */
  constructor(
    disk: Disk,
    directory: string,
    log: ListedLog,
    proven: number,
    things: CompactedThings,
  ) {
    this.#disk = disk;
    this.#directory = directory;
    this.#log = log;
    this.proven = proven;
    this.graph = new SalvagedGraph(compactedToOf(log.manifest.segments), things);
    for (const { baseLsn } of log.segments) this.proven = Math.max(this.proven, baseLsn - 1);
  }

  /** The segments, in order; the bytes of one are good until the next is asked for. */
  async *segments(): AsyncGenerator<ReadSegment, void> {
    const { segments } = this.#log;
    for (const [ordinal, listed] of segments.entries()) {
      // What a restored manifest names may reach into the next one.
      const end = segments[ordinal + 1]?.baseLsn ?? Number.POSITIVE_INFINITY;
      const read = await this.#read(listed, end);
      if (read !== undefined) yield read;
    }
    this.lastLsn = Math.max(this.lastLsn, this.proven);
  }

  async #read(listed: ListedSegment, beforeLsn: number): Promise<ReadSegment | undefined> {
    const { name } = listed;
    const bytes = await readBytes(this.#disk, this.#directory, name);
    const seed = bytes && seedOf(bytes, listed, this.#log.manifest.databaseId);
    if (bytes === undefined || seed === undefined) {
      this.damaged.add(name);
      this.#loseTo(this.#endOf(listed, beforeLsn), name, "missing");
      this.#hash = undefined;
      return undefined;
    }
    const end = Math.min(bytes.length, listed.dataEnd ?? bytes.length);
    const found = findFrames(bytes, end, seed.nonce, name);
    if (listed.isLast) this.proven = Math.max(this.proven, durableSaidBy(found));
    let isIntact = seed.header !== undefined && this.#follows(seed.header.previousHash);
    if (seed.header !== undefined) this.#hash = seed.header.previousHash;
    const kept: KeptTransaction[] = [];
    for (const frame of found.frames) {
      const { header } = frame;
      if (header.eventCount > 0 && header.firstLsn >= beforeLsn) break;
      if (header.firstLsn <= this.lastLsn) {
        // Written here by mistake, or a second time.
        isIntact = false;
        continue;
      }
      const isNext = !frame.isBehindHole && this.#hash?.lo === header.previousHash;
      if (!isNext) {
        // What was never acknowledged and comes behind a hole is no part of any history.
        if (listed.isLast && this.lastLsn >= this.proven) break;
        isIntact = false;
        this.#hole(frame, name);
      }
      this.#hash = { lo: header.hashLo, hi: header.hashHi };
      this.#take(bytes, frame, name, kept);
      if (header.eventCount > 0) this.lastLsn = header.firstLsn + header.eventCount - 1;
    }
    const lostBefore = this.lost.length;
    this.#end(listed, beforeLsn);
    isIntact = isIntact && this.lost.length === lostBefore && this.#endsWell(listed, bytes);
    isIntact = isIntact && !this.lost.some(({ file }) => file === name);
    if (!isIntact) this.damaged.add(name);
    return { listed, bytes, isIntact, kept };
  }

  #follows(previousHash: Hash64): boolean {
    return this.#hash !== undefined && sameHash(this.#hash, previousHash);
  }

  /** LSN at which a segment should end, as far as anything says. */
  #endOf({ lastLsn, isLast }: ListedSegment, beforeLsn: number): number {
    if (isLast) return this.proven;
    return lastLsn ?? (beforeLsn === Number.POSITIVE_INFINITY ? this.lastLsn : beforeLsn - 1);
  }

  #hole({ header, offset }: FoundFrame, name: string): void {
    this.#dropOpen(name);
    if (header.firstLsn - 1 > this.lastLsn) this.#loseTo(header.firstLsn - 1, name, "damaged");
    else this.warnings.push(`${name} has lost something before offset ${offset}, but no event`);
  }

  /** What began before a hole cannot end any more. */
  #dropOpen(name: string): void {
    if (!this.#joiner.isOpen) return;
    const { firstLsn } = this.#joiner;
    this.#joiner.drop();
    this.#lose(firstLsn, this.lastLsn, name, "damaged");
  }

  #take(bytes: Uint8Array, frame: FoundFrame, name: string, kept: KeptTransaction[]): void {
    const { header } = frame;
    if ((header.flags & FRAME_FLAG.continues) === 0) this.#dropOpen(name);
    const found = this.#joiner.add(bytes, frame);
    if (found === undefined) {
      this.#loseFrame(header, name);
      return;
    }
    for (const transaction of found) {
      const { firstLsn, lastLsn } = transaction;
      if (this.graph.take(bytes, transaction)) {
        kept.push({ transaction, nameMax: this.graph.nameMax });
        this.events += lastLsn - firstLsn + 1;
      } else {
        this.#lose(firstLsn, lastLsn, name, "dependent");
      }
    }
  }

  #loseFrame({ firstLsn, eventCount }: Readonly<FrameHeader>, name: string): void {
    this.#lose(firstLsn, firstLsn + eventCount - 1, name, "damaged");
  }

  /** What is missing between the last frame and where the segment should end. */
  #end(listed: ListedSegment, beforeLsn: number): void {
    const { name, isLast } = listed;
    // A transaction that nothing says was durable is torn, not lost.
    if (this.#joiner.isOpen && (!isLast || this.#joiner.firstLsn <= this.proven)) {
      this.#dropOpen(name);
    }
    this.#joiner.drop();
    this.#loseTo(this.#endOf(listed, beforeLsn), name, "damaged");
  }

  #endsWell(
    { dataEnd, lastHash, isLast, lastLsn, entry }: ListedSegment,
    bytes: Uint8Array,
  ): boolean {
    if (isLast) return true;
    if (dataEnd === undefined || lastHash === undefined || this.#hash === undefined) return false;
    const footer = decodeSegmentFooter(bytes.subarray(dataEnd));
    const endsWell =
      sameHash(this.#hash, lastHash) &&
      footer !== undefined &&
      sameHash(footer.closingHash, lastHash) &&
      footer.lastLsn === lastLsn;
    // The segment behind one that was compacted begins with the hash that its first generation ended with.
    if (endsWell) this.#hash = entry.closingHash;
    return endsWell;
  }

  #loseTo(lastLsn: number, file: string, reason: LossReason): void {
    this.#lose(this.lastLsn + 1, lastLsn, file, reason);
    this.lastLsn = Math.max(this.lastLsn, lastLsn);
  }

  #lose(firstLsn: number, lastLsn: number, file: string, reason: LossReason): void {
    if (lastLsn >= firstLsn) this.lost.push({ firstLsn, lastLsn, reason, file });
    else if (reason === "dependent") {
      this.warnings.push(`${file} has state behind LSN ${lastLsn} that makes no sense any more`);
    }
  }
}
