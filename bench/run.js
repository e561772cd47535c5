// The benchmark: every engine on one workload, one process at a time, answers checked against the workload itself.
//
//   npm run bench -- [--quick] [--only varve,lmdb] [--edges N]
//
// A table on the terminal, and the same with machine, versions and method as JSON in bench/results.
import { fork, spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { arch, cpus, release, totalmem, type } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { printTable } from "./table.js";
import { makeWorkload, rightAnswers, transactionEdges } from "./workload.js";

const here = fileURLToPath(new URL(".", import.meta.url));
// Below the project, not in the system's folder for temporary files: that may be memory, where a sync costs nothing.
const scratch = join(here, "..", "tmp", `bench-${process.pid}`);
const allEngines = ["varve", "better-sqlite3", "lmdb", "classic-level", "graphology"];
const phaseMinutesMax = 10;

const { values: flags } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    edges: { type: "string" },
  },
});
const engines = flags.only?.split(",") ?? allEngines;
const unknown = engines.filter((name) => !allEngines.includes(name));
const edgeCount = Number(flags.edges ?? (flags.quick ? 100_000 : 1_000_000));
if (unknown.length > 0 || !Number.isSafeInteger(edgeCount) || edgeCount < 1000) {
  console.error(`--only takes names of ${allEngines.join(", ")}; --edges a number from 1000`);
  process.exit(2);
}
const settings = {
  scale: flags.quick ? 14 : 17,
  edgeCount,
  commitMs: flags.quick ? 500 : 2000,
};
// A crash needs enough to replay, and not the whole of the workload a second time for the slow ones.
const crashSettings = { ...settings, edgeCount: Math.min(edgeCount, 300_000) };
const commitSettings = { ...settings, scale: 10, edgeCount: 100_000 };

const right = rightAnswers(makeWorkload(settings));
const figures = {};
const problems = [];
try {
  for (const name of engines) await measureEngine(name);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
if (Object.keys(figures).length === 0) {
  for (const problem of problems) console.error(`WRONG: ${problem}`);
  console.error("No engine could be measured; nothing is written.");
  process.exit(1);
}
printTable(figures, { ...settings, transactionEdges });
const file = writeResults();
console.log(`\nWritten to bench/results/${file}`);
for (const problem of problems) console.error(`WRONG: ${problem}`);
process.exitCode = problems.length === 0 ? 0 : 1;

async function measureEngine(name) {
  const store = join(scratch, name, "main");
  const loaded = await phase(name, "load", store, settings);
  if (loaded.error !== undefined) return;
  if (!loaded.inMemory) {
    await phase(name, "read", store, settings);
    rmSync(store, { recursive: true, force: true });
    const crashed = join(scratch, name, "crashed");
    await phase(name, "crash", crashed, crashSettings);
    await phase(name, "recover", crashed, crashSettings);
    await phase(name, "commits", join(scratch, name, "commits"), commitSettings);
  }
  if (name === "varve") await phase(name, "ids", join(scratch, name, "ids"), settings);
  rmSync(join(scratch, name), { recursive: true, force: true });
  for (const [question, answer] of Object.entries(right))
    if (figures[name].answers?.[question] !== answer)
      problems.push(`${name}, ${question}: ${figures[name].answers?.[question]}, not ${answer}`);
}

/** Runs one phase in a process of its own; what it found joins the engine's figures. */
async function phase(name, phaseName, path, phaseSettings) {
  process.stderr.write(`${name}: ${phaseName}\n`);
  // What the phase before left unsynced must not be written back during this one, nor slow its syncs.
  spawnSync("sync");
  const result = await inChild({ engine: name, phase: phaseName, path, settings: phaseSettings });
  if (result.missing) console.error(`${name} is left out: it cannot be loaded here.`);
  else if (result.error !== undefined) problems.push(`${name}, ${phaseName}: ${result.error}`);
  else figures[name] = { ...figures[name], ...result };
  return result;
}

function inChild(task) {
  return new Promise((resolve) => {
    const child = fork(join(here, "measure.js"), { execArgv: ["--max-old-space-size=8192"] });
    const timer = setTimeout(() => child.kill("SIGKILL"), phaseMinutesMax * 60_000);
    let result;
    child.on("message", (message) => {
      result = message;
    });
    child.on("exit", (code, signal) => {
      clearTimeout(timer);
      const meant = task.phase === "crash" && signal === "SIGKILL";
      resolve(result ?? (meant ? {} : { error: `ended early (${code ?? signal})` }));
    });
    child.send(task);
  });
}

function writeResults() {
  const date = new Date().toISOString().slice(0, 10);
  const whole = !flags.quick && flags.only === undefined && flags.edges === undefined;
  const report = {
    date,
    machine: {
      cpu: cpus()[0]?.model,
      cores: cpus().length,
      memoryBytes: totalmem(),
      system: `${type()} ${release()} ${arch()}`,
      node: process.version,
    },
    method: {
      ...settings,
      transactionEdges,
      crashEdges: crashSettings.edgeCount,
      text: "bench/README.md",
    },
    wrong: problems,
    engines: figures,
  };
  const folder = join(here, "results");
  mkdirSync(folder, { recursive: true });
  const text = `${JSON.stringify(report, null, 2)}\n`;
  const name = `${date}${whole ? "" : "-partial"}.json`;
  writeFileSync(join(folder, name), text);
  if (whole) writeFileSync(join(folder, "latest.json"), text);
  return name;
}
