// The parts of the explorer by themselves: plans on a line, the prefix property, equal states, feeds, and what fast-check draws.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as draw from "../../src/testing/arbitraries.ts";
import {
  explore,
  exploreInWorkers,
  formatCrashPlan,
  OperationHistory,
  parseCrashPlan,
  replayPlan,
  SimulatedDisk,
  stateText,
} from "../../src/testing/testing.ts";
import { subject as journal } from "./journal-subject.mjs";

describe("a plan", () => {
  it("is one line, and the line is the plan", () => {
    const commands = fc.oneof(fc.record({ set: draw.hostileKeys() }), fc.nat());
    fc.assert(
      fc.property(draw.crashPlans(commands, { faults: true }), (plan) => {
        const line = formatCrashPlan(plan);
        expect(line).not.toContain("\n");
        expect(formatCrashPlan(parseCrashPlan(line))).toBe(line);
        expect(parseCrashPlan(line).steps).toEqual(JSON.parse(JSON.stringify(plan.steps)));
      }),
    );
  });

  it("stays on one line with the separators of lines that JSON leaves as they are", () => {
    const steps = [{ set: "\u2028" }, { set: "a\u2029; do []" }];
    const line = formatCrashPlan({ seed: 1, steps, faults: [], delays: [], crashes: [] });
    expect(line).not.toMatch(/[\n\u2028\u2029]/);
    expect(parseCrashPlan(line).steps).toEqual(steps);
  });

  it.each(["", "seed 1", "do []", "seed 1; do []; crash", "seed x; do []", "seed 1; do {}"])(
    "is refused where it is none: %j",
    (line) => {
      expect(() => parseCrashPlan(line)).toThrow(TypeError);
    },
  );
});

describe("the history of operations", () => {
  const model = { initial: () => "", apply: (state: string, letter: string) => state + letter };
  const history = (...endings: readonly string[]): OperationHistory<string, string> => {
    const made = new OperationHistory(model);
    endings.forEach((ending, at) => {
      made.end(made.begin("abcdef"[at] as string), ending as "durable");
    });
    return made;
  };

  it("allows what some first operations make, from the last promised one on", () => {
    const made = history("durable", "written", "nothing", "open");
    for (const state of ["a", "ab", "abc", "abcd"]) made.checkAfter("power", state);
    for (const state of ["ab", "abc", "abcd"]) made.checkAfter("kill", state);
    expect(() => made.checkAfter("power", "")).toThrow("O1 durability: operation 1");
    expect(() => made.checkAfter("kill", "a")).toThrow("O1 durability: operation 2");
    for (const state of ["abd", "acd", "b", "abcde", "ba"]) {
      expect(() => made.checkAfter("kill", state), state).toThrow("O2 prefix");
    }
  });

  it("allows an operation of unknown fate to be there or not, and never one that was rejected", () => {
    const made = history("durable", "unknown", "rejected", "durable");
    made.checkAfter("power", "abd");
    made.checkAfter("power", "ad");
    expect(() => made.checkAfter("power", "abcd")).toThrow("O2 prefix");
    expect(() => made.checkAfter("power", "a")).toThrow("O1 durability: operation 4");
  });

  it("holds to what was seen once", () => {
    const seen = history("durable", "nothing").checkAfter("power", "ab");
    expect(() => seen.checkAfter("power", "a")).toThrow("O7 seen is durable");
    expect(() => history("durable", "nothing").checkRead("a")).toThrow("O1 durability");
  });
});

it("states are equal by content, whatever they are made of", () => {
  const one = { b: [1, new Map([["x", new Set([2, 1])]])], a: undefined, c: -0 };
  const other = { c: -0, b: [1, new Map([["x", new Set([1, 2])]])] };
  expect(stateText(one)).toBe(stateText(other));
  expect(stateText({ ...one, c: 0 })).not.toBe(stateText(other));
  expect(stateText(Uint8Array.of(1, 255))).toBe("bytes(01ff)");
  expect(() => stateText(() => {})).toThrow(TypeError);
});

describe("an exploration", () => {
  it("keeps to its budget, counts, and is the same for the same seed", async () => {
    const options = { budget: { states: 400 }, faults: true, seed: 9, crashes: 3 } as const;
    const one = await explore(journal, options);
    const other = await explore(journal, options);
    expect(one.failures).toEqual([]);
    expect(one.states).toBe(400);
    expect([other.states, other.distinct, other.lives]).toEqual([
      one.states,
      one.distinct,
      one.lives,
    ]);
  });

  it("breaks scripts from the step on that it is told, and judges boots alone where it is told to live on from few", async () => {
    const scripts = [[{ note: 1 }, { note: 2 }, { note: 3 }]];
    const options = { scripts, sequenceLength: 0, crashes: 1 } as const;
    let opened = 0;
    const counting = {
      ...journal,
      open: (...args: Parameters<typeof journal.open>) => {
        opened++;
        return journal.open(...args);
      },
    };
    const whole = await explore(counting, options);
    const openedByAll = opened;
    opened = 0;
    const boots = await explore(counting, { ...options, afterwardsStride: 1000 });
    expect(boots.distinct).toBe(whole.distinct);
    expect(opened).toBeLessThan((openedByAll * 2) / 3);
    // Each is lived on from and booted again; but what equal recoveries left is booted once.
    expect(openedByAll).toBeLessThan(whole.distinct * 2);
    const last = await explore(journal, { ...options, scriptsFrom: 3 });
    expect(last.places).toBeGreaterThan(0);
    expect(last.places).toBeLessThan(whole.places / 3);
  });

  it("takes what a store shows for a state where the store says so, and for no other", async () => {
    type Notes = ReturnType<typeof journal.initial>;
    const options = { scripts: [[{ note: 1 }, { note: 2 }]], sequenceLength: 0, crashes: 1 };
    const last = {
      ...journal,
      // It shows the newest note alone.
      read: async (...args: Parameters<typeof journal.read>) =>
        (await journal.read(...args)).slice(-1),
    };
    expect((await explore(last, options)).failures[0]?.property).toBe("O2 prefix");
    const matches = (due: Notes, found: Notes): boolean => due.at(-1) === found[0];
    expect((await explore({ ...last, matches }, options)).failures).toEqual([]);
    const never = { ...last, matches: (due: Notes, found: Notes) => due.at(-1) === found.at(1) };
    expect((await explore(never, options)).failures[0]?.property).toBe("O1 durability");
  });

  it("replays the plans of its corpus first", async () => {
    const disk = new SimulatedDisk();
    const line = 'seed 1; do [{"note":7}]; crash after step #1: power lost/lost';
    disk.writeFile("/corpus/a.plan", new TextEncoder().encode(`# kept\n\n${line}\n`));
    const broken = {
      ...journal,
      open: ({ disk: of }: { disk: unknown }) =>
        journal.open({ disk: of, syncs: false } as never, undefined),
    };
    const { failures, states } = await explore(broken as typeof journal, {
      corpus: "/corpus",
      disk,
    });
    expect(failures[0]?.plan).toBe(line);
    expect(failures[0]?.message).toContain("O1 durability");
    expect(states).toBe(1);
  });

  it("writes what it found as a page where it is told to", async () => {
    const disk = new SimulatedDisk();
    const broken = {
      ...journal,
      open: ({ disk: of }: { disk: unknown }) =>
        journal.open({ disk: of, syncs: false } as never, undefined),
    };
    const { failures } = await explore(broken as typeof journal, { pages: "/pages", disk });
    const [failure] = failures;
    expect(failure?.page).toBe("/pages/violation-1.html");
    const page = new TextDecoder().decode(disk.readFile("/pages/violation-1.html"));
    expect(page).toContain("<h1>O1 durability</h1>");
    expect(page).toMatch(
      /<span class="lost"> {4}lost +write &#?[\w/]*|<span class="lost"> {4}lost +write \//,
    );
    expect(page).toContain('<span class="broken">  BROKEN O1 durability');
    expect(page).not.toMatch(/<script|https?:/);
    const plain = page
      .replace(/<[^>]*>/g, "")
      .replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)));
    expect(plain).toContain(failure?.minimalPlan.replaceAll('"', '\\"'));
    expect(plain).toContain(failure?.timeline);
  });

  it("deals its work out to workers that load the store by its URL", async () => {
    const url = new URL("./journal-subject.mjs", import.meta.url);
    const told: number[] = [];
    const report = await exploreInWorkers(url, {
      threads: 2,
      sequenceLength: 3,
      crashes: 1,
      onProgress: ({ states }) => told.push(states),
    });
    expect(told[0]).toBe(0);
    expect(told.at(-1)).toBeLessThanOrEqual(report.states);
    const alone = await explore(journal, { sequenceLength: 3, crashes: 1 });
    expect(report.failures).toEqual([]);
    expect([report.states, report.lives]).toEqual([alone.states, alone.lives]);
    // A state that both threads come to counts once.
    expect(report.distinct).toBe(alone.distinct);
    expect(report.isComplete).toBe(true);
  });

  it("runs whatever plan fast-check draws", async () => {
    const notes = fc.integer({ min: 1, max: 255 }).map((note) => ({ note }));
    await fc.assert(
      fc.asyncProperty(draw.crashPlans(notes, { faults: true, lengthMax: 5 }), async (plan) => {
        expect((await replayPlan(journal, plan)).violation?.message).toBe(undefined);
      }),
      { numRuns: 60 },
    );
  });
});
