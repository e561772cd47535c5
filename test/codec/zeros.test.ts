// Holds that the end of what was written is found wherever it lies.
import { expect, it } from "vitest";
import { lengthWithoutZeros } from "../../src/codec/zeros.ts";

const block = 64 * 1024;

it.each([0, 1, 7, block - 1, block, block + 1, 3 * block, 3 * block + 5])(
  "finds the last byte of %i that is not zero",
  (size) => {
    const bytes = new Uint8Array(size);
    expect(lengthWithoutZeros(bytes)).toBe(0);
    for (const last of [0, 1, 6, block - 2, block - 1, block, 2 * block, 3 * block, size - 1]) {
      if (last < 0 || last >= size) continue;
      bytes.fill(0);
      bytes[last] = 1;
      expect(lengthWithoutZeros(bytes)).toBe(last + 1);
    }
  },
);
