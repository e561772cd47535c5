// The deep exploration: every sequence of at most three operations broken at every call, then random lives, over all processors
// and up to three crashes in a row, until so many different crash states were judged. `npm run test:deep`.
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

/** How densely: a state costs a boot, and one in four is lived on from; where a life is broken, many losses are tried. */
const density = {
  sequenceLength: 3,
  drawnSurvivals: 24,
  randomLength: 8,
  randomCrashes: 200,
  crashes: 3,
  recoveryStride: 199,
  afterwardsStride: 4,
};

/** Returns the exit code. */
export async function exploreDeeply(distinct) {
  const kit = pathToFileURL(join(projectRoot, "dist", "testing", "testing.js")).href;
  const { exploreInWorkers, sumOfReports } = await import(kit);
  const seconds = Number(process.env["VARVE_DEEP_SECONDS"] ?? 0);
  const budget = { distinct: Math.ceil(distinct / subjects.length) };
  if (seconds > 0) budget.ms = (seconds * 1000) / subjects.length;
  const options = {
    ...density,
    threads: availableParallelism(),
    seed: Number(process.env["VARVE_DEEP_SEED"] ?? 1),
    corpus: join(projectRoot, "test", "crash", "corpus", "graph"),
    budget,
  };
  const reports = [];
  for (const name of subjects) {
    const module = pathToFileURL(join(projectRoot, "test", "crash", name));
    const usedBefore = processorSeconds();
    const report = await exploreInWorkers(module, {
      ...options,
      onProgress: teller(name, budget),
    });
    reports.push(report);
    const used = processorSeconds() - usedBefore;
    console.log(`${name}: ${told(report, used)}${report.isComplete ? "" : "; not all sequences"}`);
    console.log(`  met: ${JSON.stringify(report.traits)}`);
    for (const { message, minimalPlan, timeline } of report.failures) {
      console.log(`\n${message}\n${minimalPlan}\n${timeline}\n`);
    }
  }
  const total = sumOfReports(reports);
  console.log(`${told(total, processorSeconds())}; ${total.failures.length} failures`);
  return total.failures.length === 0 ? 0 : 1;
}

/** Says every few seconds how far it is, and ends a run whose threads do not heed the time they have. */
function teller(name, budget) {
  let nextSeconds = 0;
  return ({ states, distinct, seconds }) => {
    if (seconds >= nextSeconds) {
      const at = `${name}, ${Math.round(seconds)} s`;
      const rate = Math.round(distinct / Math.max(seconds, 0.001));
      console.log(
        `${at}: ${distinct} of ${budget.distinct}, ${rate} a second, of ${states} states`,
      );
      nextSeconds = seconds + progressSeconds;
    }
    if (budget.ms === undefined || seconds * 1000 < budget.ms + graceMs) return;
    console.error(`${name}: a thread goes on ${graceMs / 1000} s after its time is over`);
    process.exit(1);
  };
}

function told({ states, distinct, recoveries, lives, seconds }, used) {
  const each = ((used * 1000) / Math.max(distinct, 1)).toFixed(2);
  const rate = Math.round(distinct / Math.max(seconds, 0.001));
  return (
    `${distinct} different crash states (of ${states} looked at) of ${lives} lives and ${recoveries} crashed recoveries ` +
    `in ${seconds.toFixed(1)} s, ${rate} a second; ${used.toFixed(1)} s of processor time, ${each} ms each`
  );
}

/** Of this process with all its threads. */
function processorSeconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
