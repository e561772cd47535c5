// Breaks every short sequence of operations at every call of the disk, by means of the explorer that the package publishes.
import { expect, it } from "vitest";
import { explore, type SimulatedWorkers } from "../../src/testing/testing.ts";
import { open } from "../../src/varve.ts";
import { expectSound, shrinks } from "../support/expect-sound.ts";
import { registerTreeWorker } from "../support/tree-worker.ts";
import { graphSubject } from "./graph-subject.mjs";

const subject = graphSubject((path, options) => {
  registerTreeWorker(options.workers as SimulatedWorkers);
  return open(path, options);
});

it("every operation by itself, before and after every call, loses nothing", {
  timeout: 300_000,
}, async () => {
  const options = { sequenceLength: 1, survivals: 1, recoveryStride: 97, shrinks } as const;
  const report = await explore(subject, options);
  expectSound("sequences of one operation", report);
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
  const report = await explore(subject, { ...options, recoveryStride: 293, shrinks });
  expectSound("sequences of three operations", report);
  expect(report.isComplete).toBe(true);
  for (const trait of ["clean", "unclean", "from a checkpoint"]) {
    expect(report.traits[trait] ?? 0, trait).toBeGreaterThan(0);
  }
});
