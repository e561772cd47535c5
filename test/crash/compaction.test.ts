// Breaks a life whose log is compacted before and after every call of the disk, and the recoveries that follow: segments are rewritten,
// joined and sealed, when asked for and in the background, and merges drop history, beside writes, flushes and checkpoints.
import { describe, expect, it } from "vitest";
import { expectSound } from "../support/expect-sound.ts";
import { exploreLife, exploringMs } from "../support/explored-lives.ts";
import { compactedLife, type HistoryLife, restedLife } from "../support/history-lives.ts";
import { type HistoryMet, historySubject } from "../support/history-subject.ts";

describe("a life whose log is compacted", () => {
  it("loses nothing, and every file has one owner, wherever it is broken off", {
    timeout: exploringMs,
  }, async () => {
    const subject = historySubject({ history: "latest", hasWorker: true });
    const report = await exploreLife(subject, compactedLife, {
      placeStride: 9,
      survivals: 1,
      afterwardsStride: 3,
      recoveryStride: 151,
    });
    expectSound("compaction", report);
    expect(subject.met.rewritten).toBeGreaterThan(12);
    expect(subject.met.joined).toBeGreaterThan(0);
    expect(subject.met.asked).toBeGreaterThan(100);
    expect(subject.met.inBackground).toBeGreaterThan(0);
    expect(report.recoveries).toBeGreaterThan(2);
    expect(report.distinct).toBeGreaterThan(600);
    // Neither generation of a segment is ever set aside, nor what was joined: one of the two is nobody's, and goes.
    expect(report.traits["segment set aside"] ?? 0).toBeLessThan(report.distinct / 4);
  });

  it("nor where the log is all that is left", { timeout: exploringMs }, async () => {
    await exploreReplays("replays of a compacted log", compactedLife);
  });

  it("nor where the background alone has rewritten what makes things, and not yet what has their state", {
    timeout: exploringMs,
  }, async () => {
    const met = await exploreReplays("replays of a log compacted behind", restedLife);
    expect(met.rewritten).toBe(0);
    expect(met.inBackground).toBeGreaterThan(0);
  });
});

/** Explores a life of which each opening finds the log alone. */
async function exploreReplays(what: string, life: HistoryLife): Promise<HistoryMet> {
  const subject = historySubject({ history: "latest", losesIndex: true });
  const report = await exploreLife(subject, life, {
    placeStride: 17,
    survivals: 0,
    afterwardsStride: 8,
  });
  expectSound(what, report);
  expect(report.traits["from a checkpoint"]).toBeUndefined();
  expect(report.distinct).toBeGreaterThan(60);
  return subject.met;
}
