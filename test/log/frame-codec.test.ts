// Frames: what is written is read, every changed byte and every missing one is noticed, and the chain and the nonce count.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkFrame, emptyFrameHeader, peekFrame, writeFrame } from "../../src/log/frame-codec.ts";
import { FRAME, frameBytesFor, frameHeaderBytes } from "../../src/log/frame-format.ts";

const nonce = { lo: 0x1234_5678, hi: 0x9abc_def0 };
const previous = { lo: 77, hi: 88 };

interface Written {
  readonly bytes: Uint8Array;
  readonly hash: Uint32Array;
}

function frame(
  payload: Uint8Array,
  fields: Partial<Parameters<typeof writeFrame>[2]> = {},
  durableLsn = 3,
): Written {
  const bytes = new Uint8Array(frameBytesFor(payload.length)).fill(0xee);
  bytes.set(payload, frameHeaderBytes);
  const hash = new Uint32Array(2);
  const all = {
    payloadBytes: payload.length,
    firstLsn: 10,
    timeMs: 5,
    eventCount: 2,
    flags: 0,
    ...fields,
  };
  writeFrame(bytes, 0, all, durableLsn, previous, nonce, hash);
  return { bytes, hash };
}

describe("a frame", () => {
  it("is read as it was written", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.integer({ min: 1, max: 2 ** 52 }),
        fc.integer({ min: 0, max: 2 ** 52 }),
        fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        fc.integer({ min: 0, max: 3 }),
        fc.nat(),
        (payload, firstLsn, timeMs, eventCount, flags, distance) => {
          const durableLsn = Math.max(0, firstLsn - distance - 1);
          const { bytes, hash } = frame(
            payload,
            { firstLsn, timeMs, eventCount, flags },
            durableLsn,
          );
          const header = emptyFrameHeader();
          expect(checkFrame(bytes, 0, bytes.length, nonce, header)).toBe("none");
          expect(header).toEqual({
            hashLo: hash[0],
            hashHi: hash[1],
            frameBytes: bytes.length,
            payloadBytes: payload.length,
            firstLsn,
            timeMs,
            eventCount,
            previousHash: previous.lo,
            flags,
            durableLsn: firstLsn - durableLsn >= 2 ** 32 - 1 ? 0 : durableLsn,
          });
          expect(bytes.length % 8).toBe(0);
          expect([...bytes.subarray(frameHeaderBytes, frameHeaderBytes + payload.length)]).toEqual([
            ...payload,
          ]);
        },
      ),
    );
  });

  it("says nothing of the durable LSN where the distance does not fit", () => {
    const { bytes } = frame(new Uint8Array(4), { firstLsn: 2 ** 40 }, 1);
    const header = emptyFrameHeader();
    expect(checkFrame(bytes, 0, bytes.length, nonce, header)).toBe("none");
    expect(header.durableLsn).toBe(0);
  });

  it("is no frame with any bit of any byte changed, padding included", () => {
    const { bytes } = frame(Uint8Array.from({ length: 41 }, (_, i) => i));
    const header = emptyFrameHeader();
    for (let at = 0; at < bytes.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        bytes[at]! ^= 1 << bit;
        expect(checkFrame(bytes, 0, bytes.length, nonce, header)).not.toBe("none");
        bytes[at]! ^= 1 << bit;
      }
    }
    expect(checkFrame(bytes, 0, bytes.length, nonce, header)).toBe("none");
  });

  it("is no frame where its end is missing, zeroed, or read under another nonce", () => {
    const { bytes } = frame(Uint8Array.from({ length: 41 }, (_, i) => i + 1));
    const header = emptyFrameHeader();
    for (let end = 0; end < bytes.length; end++) {
      expect(checkFrame(bytes, 0, end, nonce, header)).toBe(end === 0 ? "blank" : "short");
      const torn = bytes.slice().fill(0, end);
      // The last seven bytes are padding, zeros already.
      const isWhole = end >= frameHeaderBytes + 41;
      expect(checkFrame(torn, 0, torn.length, nonce, header) === "none").toBe(isWhole);
    }
    expect(checkFrame(bytes, 0, bytes.length, { ...nonce, lo: 1 }, header)).toBe("hash");
    expect(checkFrame(bytes, 0, bytes.length, { ...nonce, hi: 1 }, header)).toBe("hash");
  });

  it("is blank where nothing was written, and has a length only where it can be one", () => {
    const header = emptyFrameHeader();
    expect(peekFrame(new Uint8Array(64), 0, 64, header)).toBe("blank");
    expect(peekFrame(new Uint8Array(10), 0, 10, header)).toBe("blank");
    const { bytes } = frame(new Uint8Array(8));
    for (const length of [0, 1, 47, 63, 2 ** 31, 2 ** 32 - 1]) {
      const view = new DataView(bytes.slice().buffer);
      view.setUint32(FRAME.frameBytes, length, true);
      expect(peekFrame(new Uint8Array(view.buffer), 0, 56, header)).toBe("length");
    }
    const view = new DataView(bytes.slice().buffer);
    view.setUint32(FRAME.payloadBytes, 2 ** 31, true);
    expect(peekFrame(new Uint8Array(view.buffer), 0, 56, header)).toBe("length");
  });
});
