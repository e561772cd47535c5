// The kit against code of a user that stands on varve and acts on a world outside: it is sound, and each planted mistake is found.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { type CrashSubject, explore, replayPlan } from "../../src/testing/testing.ts";
import { open } from "../../src/varve.ts";
import { projectRoot } from "../tidy/source-text.ts";

interface Order {
  readonly order: string;
}
type Subject = CrashSubject<unknown, Order, string[], object>;

const folder = join(projectRoot, "examples/payments");
const { shopSubject } = (await import(pathToFileURL(join(folder, "subject.js")).href)) as {
  shopSubject(opener: typeof open, bugs?: Readonly<Record<string, boolean>>): Subject;
};
const { knownBugs } = (await import(pathToFileURL(join(folder, "shop.js")).href)) as {
  readonly knownBugs: Readonly<Record<string, string>>;
};

const tea = { order: "tea" };
const cake = { order: "cake" };

describe("the shop of examples/payments", () => {
  it("charges for every order once, whatever crashes", { timeout: 120_000 }, async () => {
    const options = { sequenceLength: 0, scripts: [[tea, [cake, tea]]], boots: false } as const;
    const report = await explore(shopSubject(open), { ...options, survivals: 0, crashes: 1 });
    expect(report.failures).toEqual([]);
    expect(report.distinct).toBeGreaterThan(15);
  });

  it.each([
    ["ackFirst", /charged 0 times, 1 are due/],
    ["noKey", /charged 2 times, 1 are due/],
    ["earlyCharge", /charged and does not exist/],
  ])("is caught with %s", { timeout: 120_000 }, async (bug, words) => {
    expect(Object.keys(knownBugs)).toContain(bug);
    const subject = shopSubject(open, { [bug]: true });
    const options = { sequenceLength: 1, boots: false, survivals: 0, crashes: 1 } as const;
    const { failures } = await explore(subject, options);
    expect(failures[0]?.message).toMatch(words);
    const plan = failures[0]?.minimalPlan ?? "";
    expect((await replayPlan(subject, plan)).violation?.message).toBe(failures[0]?.message);
    expect((await replayPlan(shopSubject(open), plan)).violation).toBeUndefined();
  });
});
