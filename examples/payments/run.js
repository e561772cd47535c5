// Crashes the shop at every call, as it stands and with each mistake: `node examples/payments/run.js`, after `npm run build`.
import { open } from "varve";
import { explore } from "varve/testing";
import { knownBugs } from "./shop.js";
import { shopSubject } from "./subject.js";

const options = {
  sequenceLength: 1,
  scripts: [[{ order: "tea" }, [{ order: "cake" }, { order: "tea" }]]],
};

const sound = await explore(shopSubject(open), { ...options, survivals: 2 });
console.log(`as it stands: ${sound.states} crash states, ${sound.failures.length} failures`);
if (sound.failures.length > 0) process.exitCode = 1;

for (const [bug, words] of Object.entries(knownBugs)) {
  const { failures } = await explore(shopSubject(open, { [bug]: true }), options);
  const [failure] = failures;
  console.log(`\n${bug}: ${words}`);
  console.log(
    failure === undefined ? "  not found" : `  ${failure.message}\n  ${failure.minimalPlan}`,
  );
  if (failure === undefined) process.exitCode = 1;
}
