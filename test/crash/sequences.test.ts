// Breaks every short sequence of operations at every call of the disk, by means of the explorer that the package publishes.
import { expect, it } from "vitest";
import { handle } from "../../src/index/tree-worker.ts";
import { type ExploreReport, explore, type SimulatedWorkers } from "../../src/testing/testing.ts";
import { open } from "../../src/varve.ts";
import { reportStates } from "../support/state-report.ts";
import { graphSubject } from "./graph-subject.mjs";

const treeWorker = new URL("../../src/index/tree-worker.ts", import.meta.url);

/** The worker's module is there without an import, whose time nobody controls: equal lives make equal calls. */
const subject = graphSubject((path, options) => {
  (options.workers as SimulatedWorkers).register(treeWorker, { handle });
  return open(path, options);
});

function sound(what: string, report: ExploreReport): void {
  reportStates(what, report);
  const [failure] = report.failures;
  expect(failure && `${failure.message}\n${failure.minimalPlan}\n${failure.timeline}`).toBe(
    undefined,
  );
}

it("every operation by itself, before and after every call, loses nothing", {
  timeout: 300_000,
}, async () => {
  const options = { sequenceLength: 1, survivals: 1, recoveryStride: 97 } as const;
  const report = await explore(subject, options);
  sound("sequences of one operation", report);
  expect(report.isComplete).toBe(true);
  expect(report.distinct).toBeGreaterThan(200);
});

it("a sample of the sequences of three loses nothing; npm run test:deep takes them all", {
  timeout: 300_000,
}, async () => {
  const options = {
    sequenceLength: 3,
    sequenceStride: 61,
    survivals: 0,
    sequenceOffset: 5,
  } as const;
  const report = await explore(subject, { ...options, recoveryStride: 293 });
  sound("sequences of three operations", report);
  expect(report.isComplete).toBe(true);
  for (const trait of ["clean", "unclean", "from a checkpoint"]) {
    expect(report.traits[trait] ?? 0, trait).toBeGreaterThan(0);
  }
});
