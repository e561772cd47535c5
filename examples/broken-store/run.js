// Plants each mistake in the store and lets the kit look for it: `node examples/broken-store/run.js`, after `npm run build`.
// With the name of a mistake, for that one alone.
import { explore } from "varve/testing";
import { knownBugs } from "./store.js";
import { storeSubject } from "./subject.js";

const options = { sequenceLength: 2, faults: true };
const [wanted] = process.argv.slice(2);

for (const [bug, words] of Object.entries(knownBugs)) {
  if (wanted !== undefined && bug !== wanted) continue;
  const report = await explore(storeSubject({ [bug]: true }), options);
  const [failure] = report.failures;
  console.log(`\n${bug}: ${words}`);
  if (failure === undefined) {
    console.log(`  not found in ${report.states} crash states`);
    process.exitCode = 1;
    continue;
  }
  console.log(`  found after ${report.states} crash states: ${failure.message}`);
  console.log(`  ${failure.minimalPlan}\n${failure.timeline.replace(/^/gm, "    ")}`);
}

if (wanted === undefined) {
  const { states, failures, seconds } = await explore(storeSubject(), options);
  console.log(
    `\nno mistake: ${states} crash states in ${seconds.toFixed(1)} s, ${failures.length} failures`,
  );
  if (failures.length > 0) process.exitCode = 1;
}
