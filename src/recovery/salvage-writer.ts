// Writes what is kept of a damaged log into new segments: transactions with the LSNs that they had, holes between them.
import { ByteWriter } from "../codec/bytes.ts";
import { writeValue } from "../codec/values.ts";
import type { Ports } from "../disk/ports.ts";
import { ActiveSegment } from "../log/active-segment.ts";
import { RECORD } from "../log/event-format.ts";
import { type Hash64, zeroHash } from "../log/fields.ts";
import { FILE, parseSegmentFileName } from "../log/file-names.ts";
import { writeFrame } from "../log/frame-codec.ts";
import { FRAME_FLAG, frameBytesFor, frameHeaderBytes } from "../log/frame-format.ts";
import type { ManifestSegment } from "../log/manifest-codec.ts";
import { Segment } from "../log/segment.ts";
import { footerBytesMaxFor } from "../log/segment-format.ts";
import type { FoundTransaction } from "./salvage-frames.ts";
import type { SalvagedName } from "./salvage-graph.ts";

const frameBytesTarget: number = 32 * 1024;

export class SalvageWriter {
  /** Those finished, in order. */
  readonly sealed: Segment[] = [];
  readonly #ports: Ports;
  readonly #directory: string;
  readonly #databaseId: Uint8Array;
  readonly #segmentBytes: number;
  #nextId: number;
  #active: ActiveSegment | undefined;
  #lastHash: Hash64;
  #timeMs = 0;
  #compaction: Pick<ManifestSegment, "horizon" | "erasedLsn"> = { horizon: 0, erasedLsn: 0 };
  readonly #payload = new ByteWriter(frameBytesTarget);
  #payloadLsn = 0;
  #payloadEvents = 0;

  constructor(
    ports: Ports,
    directory: string,
    databaseId: Uint8Array,
    segmentBytes: number,
    nextId: number,
    previousHash: Hash64,
  ) {
    this.#ports = ports;
    this.#directory = directory;
    this.#databaseId = databaseId;
    this.#segmentBytes = segmentBytes;
    this.#nextId = nextId;
    this.#lastHash = previousHash;
  }

  get nextId(): number {
    return this.#nextId;
  }

  /** What comes now was in a segment compacted so far: it goes into segments that say so too, and no others. */
  async continueAs({ horizon, erasedLsn }: ManifestSegment): Promise<void> {
    if (horizon === this.#compaction.horizon && erasedLsn === this.#compaction.erasedLsn) return;
    await this.#flush();
    await this.#seal();
    this.#compaction = { horizon, erasedLsn };
  }

  /** Adds a transaction, all of whose LSNs are above those added before. */
  async add(bytes: Uint8Array, { pieces, firstLsn, timeMs }: FoundTransaction): Promise<void> {
    if (pieces.length > 1) {
      await this.#flush();
      await this.#makeRoom(
        firstLsn,
        pieces.reduce((sum, { from, to }) => sum + frameBytesFor(to - from), 0),
      );
      for (const [ordinal, piece] of pieces.entries()) {
        this.#begin(piece.firstLsn, timeMs);
        this.#payload.raw(bytes.subarray(piece.from, piece.to));
        this.#payloadEvents = piece.eventCount;
        const isFirst = ordinal === 0;
        const isLast = ordinal === pieces.length - 1;
        const flags = (isFirst ? 0 : FRAME_FLAG.continues) | (isLast ? 0 : FRAME_FLAG.unfinished);
        await this.#writeFrame(flags);
      }
      return;
    }
    const { from, to, eventCount } = pieces[0]!;
    await this.#fit(firstLsn, timeMs, to - from);
    this.#payload.raw(bytes.subarray(from, to));
    this.#payloadEvents += eventCount;
  }

  /** Adds a transaction of definitions of names, or of state that is taken away. */
  async addSystem(
    lsn: number,
    names: readonly (readonly [number, SalvagedName])[],
    states: readonly string[] = [],
  ): Promise<void> {
    const records = new ByteWriter(256);
    const body = new ByteWriter(64);
    const put = (tag: number): void => {
      records.u8(tag);
      records.varint(body.position);
      records.raw(body.view(0, body.position));
      body.reset();
    };
    for (const [number, { name, kind, scope }] of names) {
      body.varint(number);
      if (kind !== 0) {
        body.u8(kind);
        body.varint(scope);
      }
      body.text(name);
      put(kind === 0 ? RECORD.name : RECORD.scopedName);
    }
    for (const name of states) {
      body.text(name);
      writeValue(body, null);
      put(RECORD.state);
    }
    put(RECORD.commit);
    await this.#fit(lsn, this.#timeMs, records.position);
    this.#payload.raw(records.view(0, records.position));
  }

  /** Ends the last segment; behind it comes an empty one that begins at an LSN. Everything is durable then, and nothing names it yet. */
  async finish(nextLsn: number): Promise<Segment> {
    await this.#flush();
    await this.#seal();
    this.#compaction = { horizon: 0, erasedLsn: 0 };
    const active = await this.#create(nextLsn);
    await active.file.close();
    return active.segment;
  }

  async close(): Promise<void> {
    await this.#active?.file.close();
  }

  async #fit(firstLsn: number, timeMs: number, bytes: number): Promise<void> {
    const isFull = this.#payload.position + bytes > frameBytesTarget;
    const goesOn =
      firstLsn === this.#payloadLsn + this.#payloadEvents && timeMs <= this.#timeMs && !isFull;
    if (this.#payload.position > 0 && goesOn) return;
    await this.#flush();
    await this.#makeRoom(firstLsn, frameBytesFor(bytes));
    this.#begin(firstLsn, timeMs);
  }

  #begin(firstLsn: number, timeMs: number): void {
    this.#payloadLsn = firstLsn;
    this.#timeMs = Math.max(this.#timeMs, timeMs);
  }

  /** Before a transaction: goes on in a new segment where this one is full. */
  async #makeRoom(firstLsn: number, bytes: number): Promise<void> {
    const active = this.#active;
    const dataMax = this.#segmentBytes - footerBytesMaxFor(this.#segmentBytes);
    if (active !== undefined && active.segment.frameCount > 0) {
      // A frame may yet grow to its target.
      if (active.segment.dataEnd + Math.max(bytes, frameBytesTarget) <= dataMax) return;
      await this.#seal();
    }
    this.#active ??= await this.#create(firstLsn);
  }

  async #flush(): Promise<void> {
    if (this.#payload.position > 0) await this.#writeFrame(0);
  }

  async #writeFrame(flags: number): Promise<void> {
    const { segment, file } = this.#active!;
    const payloadBytes = this.#payload.position;
    const frameBytes = frameBytesFor(payloadBytes);
    const bytes = new Uint8Array(frameBytes);
    bytes.set(this.#payload.view(0, payloadBytes), frameHeaderBytes);
    const [firstLsn, eventCount, timeMs] = [this.#payloadLsn, this.#payloadEvents, this.#timeMs];
    const out = new Uint32Array(2);
    const fields = { payloadBytes, firstLsn, timeMs, eventCount, flags };
    writeFrame(bytes, 0, fields, firstLsn - 1, segment.lastHash, segment.nonce, out);
    if (this.#active!.needsExtension(frameBytes)) {
      await this.#active!.extendFor(frameBytes, this.#segmentBytes);
    }
    file.writeSync(bytes, segment.dataEnd);
    segment.noteFrame(firstLsn, eventCount, timeMs, frameBytes, { lo: out[0]!, hi: out[1]! });
    this.#payload.reset();
    this.#payloadEvents = 0;
  }

  async #seal(): Promise<void> {
    const active = this.#active;
    if (active === undefined) return;
    await active.seal();
    await active.file.close();
    this.sealed.push(active.segment);
    this.#lastHash = active.segment.lastHash;
    this.#active = undefined;
  }

  async #create(baseLsn: number): Promise<ActiveSegment> {
    const generation = (await this.#lastGeneration(baseLsn)) + 1;
    const segment = new Segment(this.#nextId++, generation, baseLsn);
    segment.horizon = this.#compaction.horizon;
    segment.erasedLsn = this.#compaction.erasedLsn;
    const isFirst = this.#lastHash.lo === 0 && this.#lastHash.hi === 0;
    return await ActiveSegment.create(
      this.#ports,
      this.#directory,
      segment,
      this.#databaseId,
      isFirst ? zeroHash : this.#lastHash,
      this.#segmentBytes,
    );
  }

  /** Of the files that begin at an LSN, those that were set aside included: nothing of them may be replaced. */
  async #lastGeneration(baseLsn: number): Promise<number> {
    const { disk } = this.#ports;
    const aside = disk.join(this.#directory, FILE.quarantine);
    const names = await disk.list(this.#directory);
    if ((await disk.stat(aside)) !== undefined) names.push(...(await disk.list(aside)));
    let last = 0;
    for (const name of names) {
      const parsed = parseSegmentFileName(name);
      if (parsed?.baseLsn === baseLsn) last = Math.max(last, parsed.generation);
    }
    return last;
  }
}
