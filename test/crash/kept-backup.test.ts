// Breaks backups of a database that drops history at every call of the disk, and the backups that follow them: what is there opens as the
// old one or as the new one, and the next one goes through.
import { expect, it } from "vitest";
import { expectSound } from "../support/expect-sound.ts";
import { exploreLife, exploreLives, exploringMs, isDeep } from "../support/explored-lives.ts";
import { randomBackups } from "../support/history-lives.ts";
import { historySubject } from "../support/history-subject.ts";

const policies = ["latest", { keepEvents: 40 }] as const;

it("a backup of a database that drops history is the old one or the new one wherever it is broken off", {
  timeout: exploringMs,
}, async () => {
  const report = await exploreLives(2, async (seed) => {
    const subject = historySubject({
      history: policies[seed % 2]!,
      layerEvents: 1000,
      afterwards: [{ tx: [{ put: "again" }] }, "backup"],
    });
    return await exploreLife(subject, randomBackups(seed), {
      placeStride: 3,
      survivals: 3,
      afterwardsStride: 23,
      recoveryStride: 700,
    });
  });
  expectSound("backups of a database that drops history", report);
  for (const copy of ["old copy", "new copy", "none copy"]) {
    expect(report.traits[copy], copy).toBeGreaterThan(20);
  }
  expect(report.distinct).toBeGreaterThan(isDeep ? 0 : 1500);
});
