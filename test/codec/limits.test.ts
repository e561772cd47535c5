// Tests of the limits and of the check that they fit together.

import { describe, expect, it } from "vitest";
import { checkLimits, limits } from "../../src/codec/limits.ts";

describe("limits", () => {
  it("are the promised ones", () => {
    expect(limits).toMatchObject({
      keyBytesMax: 1024,
      valueBytesMax: 16 * 2 ** 20,
      segmentBytesMin: 64 * 2 ** 10,
      segmentBytesDefault: 64 * 2 ** 20,
      memoryBudgetBytesMin: 16 * 2 ** 20,
      memoryBudgetBytesDefault: 256 * 2 ** 20,
      allocationFlushMsDefault: 5000,
      syncIntervalMsDefault: 1000,
      nodeIdMax: 2 ** 32 - 2,
      lsnMax: 2 ** 53 - 1,
    });
    expect(Object.isFrozen(limits)).toBe(true);
  });

  it("are refused where they contradict each other", () => {
    expect(() => checkLimits(limits)).not.toThrow();
    expect(() => checkLimits({ ...limits, frameBytesMax: limits.valueBytesMax })).toThrow(
      "a frame holds the largest record",
    );
    expect(() => checkLimits({ ...limits, segmentBytesMin: 32 * 2 ** 10 })).toThrow(
      "a segment holds a usual frame",
    );
    expect(() => checkLimits({ ...limits, nodeIdMax: 2 ** 32 - 1 })).toThrow("nodeIdMax");
  });
});
