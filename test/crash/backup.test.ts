// Breaks backups before and after every call of the disk: what is there opens as the old backup or as the new one, and the next backup
// goes through.
import { describe, expect, it } from "vitest";
import { expectSound } from "../support/expect-sound.ts";
import { exploreLife, exploringMs } from "../support/explored-lives.ts";
import { backedUpLife, firstBackup } from "../support/history-lives.ts";
import { historySubject } from "../support/history-subject.ts";

describe("a backup that is broken off", () => {
  it("leaves the old one or the new one, and the next one goes through", {
    timeout: exploringMs,
  }, async () => {
    const subject = historySubject({
      history: "all",
      tuned: {},
      afterwards: [{ tx: [{ put: "again" }] }, "backup"],
    });
    // Nothing is there that a first backup could fall back to: everything that can survive of it is tried.
    const first = await exploreLife(subject, firstBackup, { survivals: 100, afterwardsStride: 1 });
    expectSound("first backups", first);
    const report = await exploreLife(subject, backedUpLife, {
      placeStride: 5,
      survivals: 1,
      afterwardsStride: 6,
    });
    expectSound("backups", report);
    expect(report.distinct).toBeGreaterThan(190);
    for (const copy of ["old copy", "new copy", "none copy"]) {
      const met = (first.traits[copy] ?? 0) + (report.traits[copy] ?? 0);
      expect(met, copy).toBeGreaterThan(5);
    }
  });
});
