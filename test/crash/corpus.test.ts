// Replays the plans that once broke something; each bug that the kit has found in the engine has its own, for ever (docs/TRACK-RECORD.md).
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  type CrashSubject,
  type ExploreReport,
  explore,
  type Replay,
  replayPlan,
  type SimulatedWorkers,
} from "../../src/testing/testing.ts";
import { open } from "../../src/varve.ts";
import { openWith } from "../support/crash-script.ts";
import { databaseSubject } from "../support/database-subject.ts";
import { expectSound, shrinks } from "../support/expect-sound.ts";
import { historySubject } from "../support/history-subject.ts";
import { openLayeredWith } from "../support/layered-script.ts";
import { registerTreeWorker } from "../support/tree-worker.ts";
import { graphSubject } from "./graph-subject.mjs";

const folder = join(import.meta.dirname, "corpus");

interface Plans {
  explore(corpus: string): Promise<ExploreReport>;
  replay(line: string): Promise<Replay>;
}

function plansOf<Store, Command, State, World>(
  subject: CrashSubject<Store, Command, State, World>,
): Plans {
  return {
    explore: (corpus) => explore(subject, { corpus, sequenceLength: 0, shrinks }),
    replay: (line) => replayPlan(subject, line),
  };
}

/** What the plans of a folder are about. A transaction of the first two may be rejected: its LSNs stay unused. */
const folders = {
  plain: plansOf(databaseSubject({ open: (ports) => openWith(ports), hasGaps: true })),
  layers: plansOf(databaseSubject({ open: (ports) => openLayeredWith(ports), hasGaps: true })),
  history: plansOf(
    historySubject({
      history: "all",
      tuned: {},
      afterwards: [{ tx: [{ put: "again" }] }, "backup"],
    }),
  ),
  // These are replayed by `npm run test:deep` as well.
  graph: plansOf(
    graphSubject((path, options) => {
      registerTreeWorker(options.workers as SimulatedWorkers);
      return open(path, options);
    }),
  ),
} as const;

function linesOf(name: string): string[] {
  const files = readdirSync(join(folder, name)).filter((file) => file.endsWith(".plan"));
  const lines = files.flatMap((file) => readFileSync(join(folder, name, file), "utf8").split("\n"));
  return lines.filter((line) => line !== "" && !line.startsWith("#"));
}

describe.each(Object.entries(folders))("the plans of the folder %s", (name, plans) => {
  it("break nothing any more", { timeout: 120_000 }, async () => {
    const corpus = join(folder, name);
    const report = await plans.explore(corpus);
    expectSound(`corpus, ${name}`, report);
    expect(report.states).toBe(linesOf(name).length);
    expect(report.states).toBeGreaterThan(0);
  });

  it("come to the places that they name", { timeout: 120_000 }, async () => {
    for (const line of linesOf(name)) {
      const { timeline } = await plans.replay(line);
      const crashes = line.split("; ").filter((part) => part.startsWith("crash "));
      for (const crash of crashes) {
        const place = crash.slice("crash ".length, crash.indexOf(": "));
        expect(timeline, line).toContain(place);
      }
    }
  });
});
