// Segment header pages and footers: what is written is read, and no changed or missing byte passes.
import { describe, expect, it } from "vitest";
import { FrameIndex } from "../../src/log/frame-index.ts";
import {
  decodeSegmentFooter,
  decodeSegmentHeader,
  encodeSegmentFooter,
  encodeSegmentHeader,
} from "../../src/log/segment-codec.ts";
import {
  footerBytesMaxFor,
  indexStrideBytes,
  segmentHeaderBytes,
} from "../../src/log/segment-format.ts";

const header = {
  databaseId: Uint8Array.from({ length: 16 }, (_, i) => 200 + i),
  segmentId: 7,
  generation: 3,
  nonce: { lo: 0xdead_beef, hi: 0xfeed_f00d },
  baseLsn: 2 ** 45 + 1,
  previousHash: { lo: 1, hi: 2 },
  createdMs: 1_700_000_000_000,
};

function footerWith(frames: number): Parameters<typeof encodeSegmentFooter>[0] {
  const index = new FrameIndex();
  for (let i = 0; i < frames; i++)
    index.note(1 + i * 10, 1000 + i, segmentHeaderBytes + i * 20_000);
  return {
    lastLsn: frames * 10,
    closingHash: { lo: 3, hi: 4 },
    firstTimeMs: 1000,
    lastTimeMs: 1000 + frames,
    eventCount: frames * 10,
    frameCount: frames,
    liveBytes: frames * 20_000,
    index,
  };
}

describe("a segment header", () => {
  it("fills its page and is read as it was written", () => {
    const page = encodeSegmentHeader(header);
    expect(page.length).toBe(segmentHeaderBytes);
    expect(decodeSegmentHeader(page, "s", false)).toEqual(header);
  });

  it("is none with any byte of the page changed, or missing", () => {
    const page = encodeSegmentHeader(header);
    for (let at = 0; at < page.length; at++) {
      page[at]! ^= 0x80;
      expect(decodeSegmentHeader(page, "s", false)).toBeUndefined();
      page[at]! ^= 0x80;
    }
    expect(decodeSegmentHeader(page.subarray(0, 4095), "s", false)).toBeUndefined();
  });
});

describe("a footer", () => {
  it("is read as it was written, its sparse index included, in no more than the bytes set aside", () => {
    for (const frames of [0, 1, 2, 40]) {
      const footer = footerWith(frames);
      const bytes = encodeSegmentFooter(footer);
      const read = decodeSegmentFooter(bytes);
      expect({ ...read, index: undefined }).toEqual({ ...footer, index: undefined });
      expect(read?.index.count).toBe(footer.index.count);
      expect(bytes.length).toBeLessThanOrEqual(footerBytesMaxFor(frames * 20_000));
    }
  });

  it("is none with any byte changed, missing or too many", () => {
    const bytes = encodeSegmentFooter(footerWith(9));
    for (let at = 0; at < bytes.length; at++) {
      bytes[at]! ^= 1;
      expect(decodeSegmentFooter(bytes)).toBeUndefined();
      bytes[at]! ^= 1;
      expect(decodeSegmentFooter(bytes.subarray(0, at))).toBeUndefined();
    }
    expect(decodeSegmentFooter(new Uint8Array([...bytes, 0]))).toBeUndefined();
  });
});

describe("the sparse index", () => {
  it("leads to the last noted frame at or below an LSN, and notes one per stride", () => {
    const index = new FrameIndex();
    const frames: [number, number][] = [];
    for (let i = 0; i < 500; i++) {
      frames.push([1 + i * 3, segmentHeaderBytes + i * 1000]);
      index.note(1 + i * 3, i, segmentHeaderBytes + i * 1000);
    }
    expect(index.count).toBeLessThanOrEqual(500_000 / indexStrideBytes + 1);
    for (let lsn = 0; lsn < 1600; lsn++) {
      const offset = index.offsetFor(lsn);
      const at = frames.findIndex(([, frameOffset]) => frameOffset === offset);
      if (lsn === 0) expect(offset).toBeUndefined();
      else expect(frames[at]![0]).toBeLessThanOrEqual(lsn);
    }
    index.truncate(segmentHeaderBytes);
    expect([index.count, index.offsetFor(5)]).toEqual([0, undefined]);
  });
});
