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

const progressSeconds = 5;
/** A state that breaks a promise is made small before its thread ends. */
const graceMs = 300_000;

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
    const onProgress = teller(name, budget.ms);
    const report = await exploreInWorkers(module, { ...options, onProgress });
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

/** Says every few seconds how far it is, and ends a run whose threads do not heed the time they have. */
function teller(name, ms) {
  let nextSeconds = 0;
  return ({ states, distinct, seconds }) => {
    if (seconds >= nextSeconds) {
      const rate = Math.round(states / Math.max(seconds, 0.001));
      const at = `${name}, ${Math.round(seconds)} s`;
      console.log(`${at}: ${states} crash states (${distinct} distinct), ${rate} a second`);
      nextSeconds = seconds + progressSeconds;
    }
    if (ms === undefined || seconds * 1000 < ms + graceMs) return;
    console.error(`${name}: a thread goes on ${graceMs / 1000} s after its time is over`);
    process.exit(1);
  };
}

function told({ states, distinct, recoveries, lives, seconds }) {
  return (
    `${states} crash states (${distinct} of them distinct) of ${lives} lives and ` +
    `${recoveries} crashed recoveries in ${seconds.toFixed(1)} s`
  );
}
