// The kit against a small store of its own, as a user has it: every planted mistake is found, and nothing where there is none.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { type CrashSubject, explore, replayPlan } from "../../src/testing/testing.ts";
import { projectRoot } from "../tidy/source-text.ts";

type Command = "compact" | { readonly set: string; readonly to: unknown };
type Subject = CrashSubject<unknown, Command, Map<string, unknown>>;

const folder = join(projectRoot, "examples/broken-store");
const options = { sequenceLength: 2, faults: true } as const;

let storeSubject: (bugs?: Readonly<Record<string, boolean>>) => Subject;
let knownBugs: Readonly<Record<string, string>>;

beforeAll(async () => {
  ({ storeSubject } = await import(pathToFileURL(join(folder, "subject.js")).href));
  ({ knownBugs } = await import(pathToFileURL(join(folder, "store.js")).href));
});

/** What breaks first, and the longest plan that may show it. */
const due: Readonly<Record<string, readonly [property: RegExp, steps: number]>> = {
  noSync: [/O1/, 1],
  noFolderSync: [/O1/, 1],
  noRenameSync: [/O1/, 1],
  renameBeforeSync: [/O1/, 2],
  noChecksum: [/O10/, 1],
  tornTail: [/O10|O1/, 1],
  shortWrite: [/O1|O2/, 1],
  retriedSync: [/O1|O2/, 1],
  trustedLog: [/O7/, 1],
};

describe("the store of examples/broken-store", () => {
  it("keeps its promises as it stands", async () => {
    const report = await explore(storeSubject(), options);
    expect(report.failures).toEqual([]);
    expect(report.isComplete).toBe(true);
    expect(report.distinct).toBeGreaterThan(500);
  });

  it("plants the mistakes that are expected here", () => {
    expect(Object.keys(knownBugs)).toEqual(Object.keys(due));
  });

  it.each(Object.entries(due))("is caught with %s", async (bug, [property, steps]) => {
    const subject = storeSubject({ [bug]: true });
    const { failures, states } = await explore(subject, options);
    const [failure] = failures;
    process.stdout.write(`${bug}: ${states} states, ${failure?.minimalPlan}\n`);
    expect(failure?.property).toMatch(property);
    const again = await replayPlan(subject, failure?.minimalPlan ?? "");
    expect(again.violation?.message).toBe(failure?.message);
    expect(again.timeline).toBe(failure?.timeline);
    const healed = await replayPlan(storeSubject(), failure?.minimalPlan ?? "");
    expect(healed.violation).toBeUndefined();
    const [, script = "[]"] = failure?.minimalPlan.match(/; do (\[.*?\])(?:;|$)/) ?? [];
    expect(JSON.parse(script).length).toBeLessThanOrEqual(steps);
  });
});
