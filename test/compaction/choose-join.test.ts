// Which neighbours become one segment: what fits, what is worth it, and that so little is left over that their number is bounded.
import { describe, expect, it } from "vitest";
import { chooseJoin, joinBytesMax } from "../../src/compaction/choose-segments.ts";
import { SEGMENT_STATE } from "../../src/log/manifest-codec.ts";
import { segmentHeaderBytes } from "../../src/log/segment-format.ts";
import type { SegmentView } from "../../src/log/segment-view.ts";

const segmentBytes = 1_000_000;
const hash = { lo: 1, hi: 1 };

function segment(ordinal: number, bytes: number, other: Partial<SegmentView> = {}): SegmentView {
  return {
    id: ordinal + 1,
    generation: 1,
    baseLsn: ordinal * 100 + 1,
    name: `${ordinal}`,
    state: SEGMENT_STATE.sealed,
    dataEnd: segmentHeaderBytes + bytes,
    lastLsn: ordinal * 100 + 100,
    eventCount: 100,
    lastHash: hash,
    closingHash: hash,
    horizon: 0,
    erasedLsn: 0,
    ...other,
  };
}

function ofSizes(sizes: readonly number[]): SegmentView[] {
  return sizes.map((bytes, ordinal) => segment(ordinal, bytes));
}

function sizesOf(views: readonly SegmentView[]): number[] {
  return views.map(({ dataEnd }) => dataEnd - segmentHeaderBytes);
}

describe("neighbours to join", () => {
  it("are as many as fit into one segment, of which none outweighs the others", () => {
    const join = (sizes: number[], which: "worthwhile" | "all"): number[] =>
      sizesOf(chooseJoin(ofSizes(sizes), 1e9, segmentBytes, which));
    expect(join([300_000, 300_000, 300_000, 300_000], "worthwhile")).toHaveLength(3);
    expect(join([900_000, 900_000], "worthwhile")).toEqual([]);
    expect(join([800_000, 100_000], "worthwhile")).toEqual([]);
    expect(join([800_000, 100_000], "all")).toEqual([800_000, 100_000]);
    expect(join([800_000], "all")).toEqual([]);
    expect(join([], "all")).toEqual([]);
    expect(join([10, 700_000, 20], "worthwhile")).toEqual([]);
    expect(join([10, 20], "worthwhile")).toEqual([10, 20]);
  });

  it("become no more than an eighth of all in the background, where that is more than a MiB", () => {
    const mib = 2 ** 20;
    expect(joinBytesMax(ofSizes([8 * mib, 8 * mib]), 64 * mib)).toBeGreaterThanOrEqual(2 * mib);
    expect(joinBytesMax(ofSizes([8 * mib, 8 * mib]), 64 * mib)).toBeLessThan(2.01 * mib);
    expect(joinBytesMax(ofSizes([mib, mib]), 64 * mib)).toBe(mib);
    expect(joinBytesMax(ofSizes([800 * mib]), 64 * mib)).toBe(64 * mib);
    expect(joinBytesMax(ofSizes([mib]), 1000)).toBe(1000);
  });

  it("leave out what may not be rewritten, and never reach across it", () => {
    const odd: Partial<SegmentView>[] = [
      { state: SEGMENT_STATE.active },
      { state: SEGMENT_STATE.cutPending },
      { eventCount: 0 },
      { lastLsn: 5000 },
      { erasedLsn: 5000 },
    ];
    for (const other of odd) {
      const three = [segment(0, 100), segment(1, 100, other), segment(2, 100)];
      expect(chooseJoin(three, 4000, segmentBytes, "all"), JSON.stringify(other)).toEqual([]);
    }
  });

  it("end up few, whatever sizes come, each byte written anew a few times only", () => {
    let seed = 1;
    const random = (): number => {
      seed = (seed * 48271) % 2147483647;
      return seed / 2147483647;
    };
    for (let run = 0; run < 20; run++) {
      let sizes: number[] = [];
      let written = 0;
      let arrived = 0;
      for (let round = 0; round < 300; round++) {
        const bytes = Math.floor(10 ** (1 + random() * 4.9));
        sizes.push(bytes);
        arrived += bytes;
        for (;;) {
          const views = ofSizes(sizes);
          const chosen = chooseJoin(views, 1e9, segmentBytes, "worthwhile");
          if (chosen.length === 0) break;
          const from = views.indexOf(chosen[0]!);
          const sum = sizesOf(chosen).reduce((a, b) => a + b, 0);
          written += sum;
          sizes = [...sizes.slice(0, from), sum, ...sizes.slice(from + chosen.length)];
        }
      }
      const full = arrived / segmentBytes;
      expect(sizes.length).toBeLessThan(4 * full + 8);
      expect(written / arrived).toBeLessThan(8);
    }
  });
});
