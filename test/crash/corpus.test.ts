// Replays the plans that once broke something; each bug that the kit has found in the engine has its own, for ever (docs/TRACK-RECORD.md).
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { explore, replayPlan } from "../../src/testing/testing.ts";
import { openWith } from "../support/crash-script.ts";
import { databaseSubject } from "../support/database-subject.ts";
import { expectSound, shrinks } from "../support/expect-sound.ts";
import { openLayeredWith } from "../support/layered-script.ts";

const folder = join(import.meta.dirname, "corpus");

/** How the plans of a folder open the database. */
const openers = { plain: openWith, layers: openLayeredWith } as const;

function linesOf(name: string): string[] {
  const files = readdirSync(join(folder, name)).filter((file) => file.endsWith(".plan"));
  const lines = files.flatMap((file) => readFileSync(join(folder, name, file), "utf8").split("\n"));
  return lines.filter((line) => line !== "" && !line.startsWith("#"));
}

describe.each(Object.entries(openers))("the plans of the folder %s", (name, open) => {
  // A transaction of the plans may be rejected: its LSNs stay unused.
  const subject = databaseSubject({ open: (ports) => open(ports), hasGaps: true });

  it("break nothing any more", { timeout: 120_000 }, async () => {
    const corpus = join(folder, name);
    const report = await explore(subject, { corpus, sequenceLength: 0, shrinks });
    expectSound(`corpus, ${name}`, report);
    expect(report.states).toBe(linesOf(name).length);
    expect(report.states).toBeGreaterThan(0);
  });

  it("come to the places that they name", { timeout: 120_000 }, async () => {
    for (const line of linesOf(name)) {
      const { timeline } = await replayPlan(subject, line);
      const crashes = line.split("; ").filter((part) => part.startsWith("crash "));
      for (const crash of crashes) {
        const place = crash.slice("crash ".length, crash.indexOf(": "));
        expect(timeline, line).toContain(place);
      }
    }
  });
});
