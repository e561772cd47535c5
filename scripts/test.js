// The whole verdict on the project: set-up, build, types, lint, every test. `npm test` on a fresh clone is enough.
//
//   node scripts/test.js                 everything; the last line is `N passed, N failed`
//   node scripts/test.js test/log ...    only the tests of these files or folders (no types, no lint)
//   node scripts/test.js --kill 10000    the long loop that kills a real process so many times (npm run test:kill)
//   node scripts/test.js --deep 1000000  so many different crash states over all processors (npm run test:deep); see scripts/deep.js
//   node scripts/test.js --history 500000 so many crash states over compaction and backup (npm run test:history)
//   node scripts/test.js --crash 600     crash exploration for so many seconds (npm run test:crash)
//   node scripts/test.js --mutants [name] sees every seeded bug of test/mutants killed (npm run test:mutants)
//   node scripts/test.js --kernel 2000   so many kills and as many errors by a tracer, half as many races of two processes, a tenth
//                                        as many full disks (npm run test:kernel)
//   node scripts/test.js --fuzz 250000   so many cases of hostile bytes (npm run test:fuzz)
//   node scripts/test.js --nodes         one seed is one run on other majors of Node too (npm run test:nodes)
//   node scripts/test.js --coverage ...  branches of src/log, index, compaction, recovery that tests take, each other explained
//                                        (npm run test:coverage; see scripts/coverage.js)
//
// These set VARVE_KILLS, VARVE_CRASH_SECONDS and others for the tests; without them each takes the small budget that suits
// every run.
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { buildIfStale, forgetBuild } from "./build.js";
import { judgeCoverage } from "./coverage.js";
import { exploreDeeply } from "./deep.js";
import { otherNodes } from "./other-nodes.js";
import { projectRoot, runTool, setUp } from "./setup.js";
import { countStates, forgetStates, statesFolder } from "./states.js";

/** Random lives that drop history, and that are backed up: each goes on until it has so many states. */
const historyFamilies = ["test/crash/kept.test.ts", "test/crash/kept-backup.test.ts"];

/** Measured, a test takes longer. What is left out takes a third of the time, and no branch that nothing else takes. */
const coverageArguments = [
  "--coverage",
  "--testTimeout=900000",
  "--exclude=test/corruption/every-*",
  "--exclude=test/**/*-ladder.test.ts",
];

const { env, paths, deepStates } = readArguments(process.argv.slice(2));
setUp();
// The compiler takes one processor: types and lint are checked beside the build.
const isWhole = paths.length === 0 && deepStates === undefined;
const checks = isWhole ? checksBeside() : [];
const failedSteps = buildIfStale({ checksTypes: !isWhole }) === 0 ? [] : ["build"];
if (deepStates !== undefined) process.exit(await exploreDeeply(deepStates));
if (isWhole) {
  forgetStates();
  env["VARVE_STATES"] = statesFolder;
}
const failedChecks = await checks;
if (failedChecks.length > 0) forgetBuild();
failedSteps.push(...failedChecks);
const tests = runTests(paths, env);
if (isWhole) failedSteps.push(...countStates());
if (paths.includes("--coverage") && !judgeCoverage()) failedSteps.push("coverage");
for (const step of failedSteps) console.log(`failed: ${step}`);
const failedCount = tests.failed + failedSteps.length;
console.log(`${tests.passed} passed, ${failedCount} failed`);
process.exitCode = failedCount === 0 ? 0 : 1;

function readArguments(args) {
  const env = {};
  const paths = [];
  let deepStates;
  for (let i = 0; i < args.length; i++) {
    if (args[i] === "--kill") {
      env["VARVE_KILLS"] = countAfter(args, i++);
      paths.push("test/crash/kill");
    } else if (args[i] === "--history") {
      const each = Number(countAfter(args, i++)) / historyFamilies.length;
      env["VARVE_CRASH_STATES"] = String(Math.ceil(each));
      paths.push(...historyFamilies);
    } else if (args[i] === "--deep") deepStates = Number(countAfter(args, i++));
    else if (args[i] === "--crash") {
      env["VARVE_CRASH_SECONDS"] = countAfter(args, i++);
      paths.push("test/crash", "test/corruption");
    } else if (args[i] === "--mutants") {
      env["VARVE_MUTANTS"] = args[++i] ?? "";
      paths.push("test/mutants/mutants.test.ts");
    } else if (args[i] === "--kernel") {
      const count = Number(countAfter(args, i++));
      const counts = { TRACED: count, RACES: count / 2, FULL_DISKS: count / 10 };
      for (const [name, due] of Object.entries(counts))
        env[`VARVE_${name}`] = String(Math.ceil(due));
      paths.push("test/kernel");
    } else if (args[i] === "--fuzz") {
      env["VARVE_FUZZ"] = countAfter(args, i++);
      paths.push("test/fuzz");
    } else if (args[i] === "--nodes") {
      env["VARVE_NODES"] = otherNodes();
      paths.push("test/testing/determinism.test.ts");
    } else if (args[i] === "--coverage") {
      env["VARVE_PROPERTY_SEED"] = "1";
      paths.push(...coverageArguments);
    } else paths.push(args[i]);
  }
  return { env, paths, deepStates };
}

function countAfter(args, i) {
  if (/^[1-9]\d*$/.test(args[i + 1] ?? "")) return args[i + 1];
  console.error(`${args[i]} takes a whole number above 0`);
  process.exit(2);
}

/** Names of the checks that failed. */
function checksBeside() {
  const child = spawn(process.execPath, [join(projectRoot, "scripts", "check.js")], {
    cwd: projectRoot,
    stdio: "inherit",
  });
  return new Promise((resolve) => {
    child.on("error", () => resolve(["checks"]));
    child.on("close", (status) => resolve(status === 0 ? [] : ["types or lint"]));
  });
}

function runTests(paths, env) {
  const report = join(projectRoot, ".cache", "test-results.json");
  mkdirSync(join(projectRoot, ".cache"), { recursive: true });
  rmSync(report, { force: true });
  const status = runTool(
    "vitest",
    "vitest.mjs",
    ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`, ...paths],
    { env },
  );
  const { passed, failed } = countResults(report);
  // An error outside any test, or no test at all, fails the run without failing a test.
  return { passed, failed: status !== 0 && failed === 0 ? 1 : failed };
}

function countResults(report) {
  try {
    const { numPassedTests, numFailedTests, testResults } = JSON.parse(
      readFileSync(report, "utf8"),
    );
    const unloaded = testResults.filter(
      (file) =>
        file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
    );
    return { passed: numPassedTests, failed: numFailedTests + unloaded.length };
  } catch (error) {
    console.error(`The tests left no readable report: ${error.message}`);
    return { passed: 0, failed: 1 };
  }
}
