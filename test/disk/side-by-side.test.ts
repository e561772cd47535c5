// Waiting for things that are done at the same time.
import { describe, expect, it } from "vitest";
import { sideBySide } from "../../src/disk/side-by-side.ts";

describe("things done side by side", () => {
  it("give their results in the order in which they were asked for", async () => {
    const later = Promise.resolve().then(() => "a");
    expect(await sideBySide([later, Promise.resolve(1)])).toEqual(["a", 1]);
  });

  it("have all come to their end before the first error, by order, is told", async () => {
    let ended = false;
    const slow = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      ended = true;
      throw new Error("first");
    });
    await expect(sideBySide([slow, Promise.reject(new Error("second"))])).rejects.toThrow("first");
    expect(ended).toBe(true);
  });
});
