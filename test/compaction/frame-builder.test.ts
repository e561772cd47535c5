// Frames built of what stays of others: each LSN in one, times and ends of transactions as they were, gaps joined.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameBuilder } from "../../src/compaction/frame-builder.ts";
import { gapErased, gapEventsMax, RECORD } from "../../src/log/event-format.ts";
import { EventReader } from "../../src/log/event-reader.ts";
import { emptyFrameHeader, type FrameFields } from "../../src/log/frame-codec.ts";
import { FRAME_FLAG, frameHeaderBytes } from "../../src/log/frame-format.ts";

/** What becomes of an event; "big" is one that fills a frame. */
type Fate = "stays" | "big" | "gone" | "erased";

interface Transaction {
  readonly fates: readonly Fate[];
  readonly ms: number;
  /** So many events to a frame of its own; 0 for a small one, which shares its frame with the next of the same time. */
  readonly pieceEvents: number;
  /** LSNs that were rejected before it. */
  readonly rejected: number;
}

interface Found {
  readonly lsn: number;
  readonly ms: number;
  readonly isErased: boolean;
  /** LSN of its transaction's last event. */
  readonly txLastLsn: number;
}

interface Built {
  readonly frames: FrameFields[];
  readonly found: Found[];
  gaps: number;
}

/** Reads frames as a feed does, and checks how they follow each other. */
class Reading implements Built {
  readonly frames: FrameFields[] = [];
  readonly found: Found[] = [];
  gaps = 0;
  #open: Omit<Found, "txLastLsn">[] = [];
  readonly #reader = new EventReader();

  take(bytes: Uint8Array, fields: FrameFields): void {
    const last = this.frames.at(-1);
    const wasOpen = ((last?.flags ?? 0) & FRAME_FLAG.unfinished) !== 0;
    expect((fields.flags & FRAME_FLAG.continues) !== 0).toBe(wasOpen);
    if (last !== undefined) {
      expect(fields.firstLsn).toBeGreaterThanOrEqual(last.firstLsn + last.eventCount);
      expect(fields.timeMs).toBeGreaterThanOrEqual(last.timeMs);
    }
    this.frames.push({ ...fields });
    const to = frameHeaderBytes + fields.payloadBytes;
    const reader = this.#reader.open(bytes, frameHeaderBytes, to, fields.firstLsn);
    let endsWithCommit = false;
    while (reader.next()) {
      endsWithCommit = reader.tag === RECORD.commit;
      if (endsWithCommit) this.#end(reader.lsn - 1);
      const isErased = reader.tag === RECORD.gap && reader.flags === gapErased;
      if (reader.tag === RECORD.gap && !isErased) this.gaps++;
      const isSeen = reader.tag === RECORD.userEvent || isErased;
      for (let i = 0; isSeen && i < reader.eventCount; i++) {
        this.#open.push({ lsn: reader.lsn + i, ms: fields.timeMs, isErased });
      }
    }
    expect(reader.nextLsn).toBe(fields.firstLsn + fields.eventCount);
    const isOver = (fields.flags & FRAME_FLAG.unfinished) === 0;
    if (isOver) expect([endsWithCommit, this.#open]).toEqual([true, []]);
  }

  #end(txLastLsn: number): void {
    for (const each of this.#open.splice(0)) this.found.push({ ...each, txLastLsn });
  }
}

function userEvent(bytes: number): Uint8Array {
  const body = new Uint8Array(bytes);
  return body.fill(1);
}

function build(transactions: readonly Transaction[]): { reading: Reading; due: Found[] } {
  const reading = new Reading();
  const builder = new FrameBuilder((bytes, fields) => reading.take(bytes, fields));
  const due: Found[] = [];
  let lsn = 1;
  let ms = 1000;
  for (const { fates, ms: later, pieceEvents, rejected } of transactions) {
    lsn += rejected;
    ms += later;
    const txLastLsn = lsn + fates.length - 1;
    const size = pieceEvents === 0 ? fates.length : pieceEvents;
    for (let from = 0; from < fates.length; from += size) {
      const piece = fates.slice(from, from + size);
      const isLast = from + size >= fates.length;
      const flags = (from > 0 ? FRAME_FLAG.continues : 0) | (isLast ? 0 : FRAME_FLAG.unfinished);
      const header = { ...emptyFrameHeader(), firstLsn: lsn, eventCount: piece.length };
      Object.assign(header, { timeMs: ms, flags });
      builder.beginFrame(header);
      for (const fate of piece) {
        if (fate === "gone" || fate === "erased") builder.gap(1, fate === "erased");
        else {
          const writer = builder.record(1);
          const body = userEvent(fate === "big" ? 20_000 : 20);
          writer.u8(RECORD.userEvent);
          writer.varint(body.length);
          writer.raw(body);
        }
        if (fate !== "gone") due.push({ lsn, ms, isErased: fate === "erased", txLastLsn });
        lsn++;
      }
      if (isLast) builder.commit();
      builder.endFrame(header);
    }
  }
  builder.end(7);
  return { reading, due };
}

const fate = fc.constantFrom<Fate>("stays", "big", "gone", "gone", "gone", "erased");
const transaction: fc.Arbitrary<Transaction> = fc.record({
  fates: fc.array(fate, { minLength: 1, maxLength: 9 }),
  ms: fc.constantFrom(0, 0, 3),
  pieceEvents: fc.constantFrom(0, 0, 2),
  rejected: fc.constantFrom(0, 0, 0, 2),
});

describe("a builder of frames", () => {
  it("keeps what stays, its time and the end of its transaction, and every LSN", () => {
    const property = fc.property(fc.array(transaction, { maxLength: 20 }), (transactions) => {
      const { reading, due } = build(transactions);
      expect(reading.found).toEqual(due);
      const events = transactions.reduce((sum, { fates }) => sum + fates.length, 0);
      const counted = reading.frames.reduce((sum, { eventCount }) => sum + eventCount, 0);
      expect(counted).toBe(events);
    });
    fc.assert(property, { numRuns: 300, seed: 3 });
  });

  it("tells of more that is gone than one record can say in two of them", () => {
    const payloads: Uint8Array[] = [];
    const builder = new FrameBuilder((bytes, { payloadBytes }) =>
      payloads.push(bytes.slice(frameHeaderBytes, frameHeaderBytes + payloadBytes)),
    );
    builder.beginFrame({ ...emptyFrameHeader(), firstLsn: 1, eventCount: gapEventsMax });
    for (const count of [gapEventsMax, 5, 6]) builder.gap(count, false);
    builder.end(0);
    expect(payloads).toHaveLength(1);
    const reader = new EventReader().open(payloads[0]!, 0, payloads[0]!.length, 1);
    const counts: number[] = [];
    while (reader.next()) if (reader.tag === RECORD.gap) counts.push(reader.eventCount);
    expect(counts).toEqual([gapEventsMax, 11]);
  });

  it("joins what is gone, however many frames it filled", () => {
    const gone: Transaction = { fates: ["gone", "gone"], ms: 1, pieceEvents: 0, rejected: 0 };
    const large: Transaction = { ...gone, fates: Array(8).fill("gone"), pieceEvents: 2 };
    const one: Transaction = { ...gone, fates: ["stays"] };
    const { reading } = build([...Array(50).fill(gone), large, large, one, gone, gone]);
    expect(reading.gaps).toBe(2);
    expect(reading.frames).toHaveLength(2);
  });

  it("says what node ids were given out, behind everything", () => {
    const reading = new Reading();
    const builder = new FrameBuilder((bytes, fields) => reading.take(bytes, fields));
    builder.end(0);
    expect(reading.frames).toEqual([]);
    builder.end(12);
    expect(reading.frames).toHaveLength(1);
  });
});
