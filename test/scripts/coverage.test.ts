// Tests of the judgement on branch coverage: every branch that no test took needs a reason, and no folder may fall below its share.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
// @ts-expect-error what npm runs is plain JavaScript
import * as coverage from "../../scripts/coverage.js";
import { projectFiles, projectRoot } from "../tidy/source-text.ts";

interface Arm {
  readonly file: string;
  readonly line: number;
  readonly place: string;
  readonly count: number;
}

interface Verdict {
  readonly isSound: boolean;
  readonly unexplained: string[];
  readonly unneeded: string[];
  readonly shares: { readonly folder: string; readonly percent: number }[];
}

type Reasons = Record<string, Record<string, string>>;

const { branchArms, judge } = coverage as {
  branchArms(report: object, sourceOf: (file: string) => string): Arm[];
  judge(arms: readonly Arm[], reasons: Reasons): Verdict;
};

const at = (line: number) => ({ start: { line, column: 0 } });
const source = "if (a) b();\n  const x = a ?? 1;\nif (a) b();\n";
const report = (...counts: number[][]) => ({
  "src/log/a.ts": {
    b: Object.fromEntries(counts.map((count, i) => [i, count])),
    branchMap: {
      0: { type: "if", loc: at(1), locations: [at(1), {}] },
      1: { type: "binary-expr", loc: at(2), locations: [at(2), at(2)] },
      2: { type: "if", loc: at(3), locations: [at(3), {}] },
    },
  },
});
const arms = (...counts: number[][]): Arm[] => branchArms(report(...counts), () => source);

describe("a branch", () => {
  it("is known by the text of its line, its arm, and a number where these come again", () => {
    expect(arms([1, 0], [2, 0], [0, 3]).map(({ line, place }) => [line, place])).toEqual([
      [1, "if (a) b(); [taken]"],
      [1, "if (a) b(); [not taken]"],
      [2, "const x = a ?? 1; [binary-expr 0]"],
      [2, "const x = a ?? 1; [binary-expr 1]"],
      [3, "if (a) b(); [taken] #2"],
      [3, "if (a) b(); [not taken] #2"],
    ]);
  });

  it("that no test took fails without a reason, and counts against its folder with one", () => {
    const found = arms([5, 5], [5, 0], [5, 5]);
    const place = "const x = a ?? 1; [binary-expr 1]";
    expect(judge(found, {})).toMatchObject({
      isSound: false,
      unexplained: [`src/log/a.ts:2: ${place}`],
    });
    const explained = judge(found, { "src/log/a.ts": { [place]: "because" } });
    expect(explained).toMatchObject({ unexplained: [], unneeded: [], isSound: false });
    expect(explained.shares[0]?.percent).toBeCloseTo(500 / 6);
    expect(judge(found, { "src/log/b.ts": { [place]: "because" } }).isSound).toBe(false);
    expect(judge(found, { "src/log/a.ts": { [place]: "" } }).unexplained).toHaveLength(1);
  });

  it("that is taken needs none, and a reason for it is told", () => {
    const all = arms([1, 1], [1, 1], [1, 1]);
    expect(judge(all, {})).toMatchObject({ isSound: true, unneeded: [] });
    const reasons = { "src/log/a.ts": { "if (a) b(); [taken]": "old" } };
    expect(judge(all, reasons)).toMatchObject({
      isSound: true,
      unneeded: ["src/log/a.ts: if (a) b(); [taken]"],
    });
  });
});

describe("the reasons kept", () => {
  it("are of lines that stand, and say something", () => {
    const file = join(projectRoot, "scripts", "uncovered-branches.json");
    const reasons = JSON.parse(readFileSync(file, "utf8")) as Reasons;
    const sources = new Map(projectFiles(["src"], /\.ts$/).map(({ path, text }) => [path, text]));
    const faults = Object.entries(reasons).flatMap(([path, places]) =>
      Object.entries(places)
        .filter(([place, reason]) => {
          const text = place.replace(/ \[[^\]]+\](?: #\d+)?$/, "");
          return reason.length < 10 || sources.get(path)?.includes(text) !== true;
        })
        .map(([place]) => `${path}: ${place}`),
    );
    expect(faults).toEqual([]);
  });
});
