// The deep exploration: every sequence of at most three operations broken at every call, then random lives, over all processors
// and up to three crashes in a row, until so many crash states were looked at. `npm run test:deep`.
//
// VARVE_DEEP_SECONDS ends it sooner, VARVE_DEEP_SEED begins the random lives elsewhere.
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { projectRoot } from "./setup.js";

/** The engine as its users have it, and with everything small, so that layers come and go. */
const subjects = ["deep-subject.mjs", "deep-layers-subject.mjs"];

/** Returns the exit code. */
export async function exploreDeeply(states) {
  const kit = pathToFileURL(join(projectRoot, "dist", "testing", "testing.js")).href;
  const { exploreInWorkers } = await import(kit);
  const seconds = Number(process.env["VARVE_DEEP_SECONDS"] ?? 0);
  const budget = { states: Math.ceil(states / subjects.length) };
  if (seconds > 0) budget.ms = (seconds * 1000) / subjects.length;
  const options = {
    threads: availableParallelism(),
    seed: Number(process.env["VARVE_DEEP_SEED"] ?? 1),
    sequenceLength: 3,
    crashes: 3,
    recoveryStride: 41,
    faults: false,
    corpus: join(projectRoot, "test", "crash", "corpus"),
    budget,
  };
  let [total, distinct, tookSeconds, failed] = [0, 0, 0, 0];
  for (const name of subjects) {
    const module = pathToFileURL(join(projectRoot, "test", "crash", name));
    const report = await exploreInWorkers(module, options);
    total += report.states;
    distinct += report.distinct;
    tookSeconds += report.seconds;
    failed += report.failures.length;
    console.log(`${name}: ${told(report)}${report.isComplete ? "" : "; not all sequences"}`);
    console.log(`  met: ${JSON.stringify(report.traits)}`);
    for (const { message, minimalPlan, timeline } of report.failures) {
      console.log(`\n${message}\n${minimalPlan}\n${timeline}\n`);
    }
  }
  const rate = Math.round(total / Math.max(tookSeconds, 0.001));
  console.log(
    `${total} crash states (${distinct} of them distinct), ${failed} failures, ${rate} states a second`,
  );
  return failed === 0 ? 0 : 1;
}

function told({ states, distinct, recoveries, lives, seconds }) {
  return (
    `${states} crash states (${distinct} of them distinct) of ${lives} lives and ` +
    `${recoveries} crashed recoveries in ${seconds.toFixed(1)} s`
  );
}
