// Breaks the recoveries behind crashes of the scripted lives that compact, erase and back up, at calls of their own: of both a sample, a
// dense one in `npm run test:crash`.
import { expect, it } from "vitest";
import { type CrashSubject, type ExploreReport, explore } from "../../src/testing/testing.ts";
import { eraseSubject } from "../support/erase-subject.ts";
import { expectSound, shrinks } from "../support/expect-sound.ts";
import { exploringMs, isDeep, type Life } from "../support/explored-lives.ts";
import { backedUpLife, compactedLife, firstBackup, restedLife } from "../support/history-lives.ts";
import { historySubject } from "../support/history-subject.ts";

const erasing = { steps: ["erase", "compact"] as const, from: 0 };
const backups = { history: "all", tuned: {}, afterwards: ["backup"] } as const;

const lives = [
  {
    what: "the log is compacted",
    explored: () => broken(historySubject({ history: "latest", hasWorker: true }), compactedLife),
  },
  {
    what: "the background compacts, and the log is all that is left",
    explored: () => broken(historySubject({ history: "latest", losesIndex: true }), restedLife),
  },
  { what: "nodes are erased", explored: async () => broken(await eraseSubject(), erasing) },
  { what: "a first backup is made", explored: () => broken(historySubject(backups), firstBackup) },
  { what: "a backup is renewed", explored: () => broken(historySubject(backups), backedUpLife) },
];

function broken<Store, Command, State, World>(
  subject: CrashSubject<Store, Command, State, World>,
  life: Life<Command>,
): Promise<ExploreReport> {
  return explore(subject, {
    scripts: [life.steps],
    scriptsFrom: life.from,
    sequenceLength: 0,
    crashes: 2,
    placeStride: isDeep ? 7 : 61,
    survivals: "one",
    recoveryStride: 1,
    recoverySurvivals: "one",
    afterwardsStride: 29,
    seed: 3,
    shrinks,
  });
}

it.each(lives)(
  "a life in which $what: what recovers from a crash may be broken off as well",
  { timeout: exploringMs },
  async ({ what, explored }) => {
    const report = await explored();
    expectSound(what, report);
    expect(report.recoveries).toBeGreaterThan(isDeep ? 5 : 1);
    expect(report.distinct).toBeGreaterThan(report.recoveries);
  },
);
