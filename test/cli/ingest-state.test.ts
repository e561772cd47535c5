// Tests of the decision whether an ingest begins, goes on, or is refused.

import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/cli/exit.ts";
import {
  decideStart,
  type IngestRun,
  type IngestState,
  type InputPrint,
  ingestStateIn,
  noCounters,
  type StartMode,
  withRun,
} from "../../src/cli/ingest-state.ts";

const input = (path: string, hash: string): InputPrint => ({ kind: "edges", path, hash });
const run = (inputs: readonly InputPrint[], change: Partial<IngestRun> = {}): IngestRun => ({
  inputs,
  options: "o",
  isFinished: false,
  input: 0,
  rows: 10,
  counters: noCounters,
  rejectsPath: null,
  rejectsBytes: 0,
  ...change,
});
const state = (...runs: IngestRun[]): IngestState => ({ version: 1, runs });
const start = (
  known: IngestState | undefined,
  mode: StartMode,
  inputs: readonly InputPrint[] = [input("a", "1")],
  options = "o",
) => decideStart(known, { inputs, options }, mode).kind;

describe("an ingest", () => {
  const unfinished = state(run([input("a", "1")]));
  const finished = state(run([input("a", "1")], { isFinished: true }));

  it("begins where nothing is known of it, whatever was asked for", () => {
    for (const mode of ["plain", "resume", "restart"] as const) {
      expect(start(undefined, mode)).toBe("begin");
    }
  });

  it("that stopped needs --resume or --restart", () => {
    expect(() => start(unfinished, "plain")).toThrow(/--resume.*--restart/);
    expect(start(unfinished, "resume")).toBe("continue");
    expect(start(unfinished, "restart")).toBe("begin");
  });

  it("that stopped is recognised under another name, and with other contents", () => {
    expect(start(unfinished, "resume", [input("moved", "1")])).toBe("continue");
    expect(() => start(unfinished, "plain", [input("moved", "1")])).toThrow(/--resume/);
    expect(() => start(unfinished, "plain", [input("a", "2")])).toThrow(/--resume/);
  });

  it("is not resumed with changed files or other options", () => {
    expect(() => start(unfinished, "resume", [input("a", "2")])).toThrow(/a has changed/);
    expect(() => start(unfinished, "resume", undefined, "other")).toThrow(/other files or options/);
  });

  it("is not begun by --resume while another one is unfinished", () => {
    expect(() => start(unfinished, "resume", [input("b", "3")])).toThrow(/is of a/);
    expect(start(unfinished, "plain", [input("b", "3")])).toBe("begin");
  });

  it("that finished is not repeated by --resume, and may be by a plain ingest", () => {
    expect(start(finished, "resume")).toBe("already done");
    expect(start(finished, "plain")).toBe("begin");
  });

  it("takes the place of its former record and pushes out old ones", () => {
    const many = state(...Array.from({ length: 8 }, (_, at) => run([input(`f${at}`, `h${at}`)])));
    const next = withRun(many, run([input("f7", "h7")], { rows: 99 }));
    expect(next.runs.map(({ inputs }) => inputs[0]?.path)).toEqual([
      "f7",
      "f0",
      "f1",
      "f2",
      "f3",
      "f4",
      "f5",
      "f6",
    ]);
    expect(next.runs[0]?.rows).toBe(99);
    expect(withRun(many, run([input("new", "n")])).runs).toHaveLength(8);
  });
});

describe("what a database remembers of ingests", () => {
  const sound = state(
    run([input("a", "1"), input("b", "2")], { rejectsPath: "r", isFinished: true }),
    run([input("a", "1")]),
  );

  it("is taken as it was stored, or where there is none", () => {
    expect(ingestStateIn(undefined)).toBeUndefined();
    expect(ingestStateIn(sound)).toBe(sound);
  });

  it("is CORRUPT with any part of it missing or of another kind, under whatever checksum", () => {
    const hostile = [null, -1, 0.5, "x", [], {}, [null], true, 2n ** 70n];
    let refused = 0;
    const judge = (value: unknown): void => {
      try {
        const found = ingestStateIn(value);
        for (const mode of ["plain", "resume", "restart"] as const) start(found, mode);
      } catch (error) {
        if ((error as { code?: string }).code === "CORRUPT") refused++;
        else expect(error).toBeInstanceOf(UsageError);
      }
    };
    const places = (value: unknown): [Record<string, unknown>, string][] =>
      typeof value !== "object" || value === null
        ? []
        : Object.entries(value).flatMap(([name, part]) => [
            [value as Record<string, unknown>, name],
            ...places(part),
          ]);
    const copy = structuredClone(sound);
    for (const [holder, name] of places(copy)) {
      const before = holder[name];
      for (const value of hostile) {
        holder[name] = value;
        judge(copy);
      }
      delete holder[name];
      if (!Array.isArray(holder)) judge(copy);
      holder[name] = before;
    }
    for (const value of hostile) judge(value);
    expect(refused).toBeGreaterThan(150);
  });
});
