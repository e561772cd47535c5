// Breaks an erasure before and after every call of the disk: what is found then is whole, it is still known what is to go, and the next
// compaction leaves no byte of it.
import { describe, expect, it } from "vitest";
import { eraseSubject } from "../support/erase-subject.ts";
import { expectSound } from "../support/expect-sound.ts";
import { exploreLife, exploringMs } from "../support/explored-lives.ts";

const life = { steps: ["erase", "compact"] as const, from: 0 };

describe("an erasure", () => {
  it("is still to be done or done, wherever it is broken off", {
    timeout: exploringMs,
  }, async () => {
    const report = await exploreLife(await eraseSubject(), life, {
      placeStride: 3,
      survivals: 0,
      afterwardsStride: 2,
    });
    expectSound("erasure", report);
    expect(report.distinct).toBeGreaterThan(100);
    for (const stage of ["live", "waiting", "gone"]) {
      expect(report.traits[stage], stage).toBeGreaterThan(2);
    }
  });

  it("is so where the log is all that is left", { timeout: exploringMs }, async () => {
    const report = await exploreLife(await eraseSubject(true), life, {
      placeStride: 29,
      survivals: 0,
      afterwardsStride: 2,
    });
    expectSound("erasure from the log alone", report);
    expect(report.distinct).toBeGreaterThan(10);
  });
});
