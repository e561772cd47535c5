// The scale run: fills a database with many edges in a process of its own, and measures rate, memory, disk, opens, kills
// and reads, every answer checked against the generator run again. `npm run scale -- --help`.
import { mkdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { arch, cpus, release, totalmem, type } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { drawCharts } from "./chart.js";
import { readOptions, shortCount, usage } from "./options.js";
import { printReport } from "./report.js";
import { ScaleRun } from "./scale-run.js";

// Log and indexes of an edge, what merges hold twice, and the edges written after the main part, with room to spare.
const diskBytesPerEdge = 150;

const here = fileURLToPath(new URL(".", import.meta.url));
const options = optionsOrExit();
// Below the project, not in the system's folder for temporary files: that may be memory, where a sync costs nothing.
const folder = join(options.dir ?? join(here, "..", "..", "tmp"), `scale-${process.pid}`);
const results = options.results ?? join(here, "..", "results");
mkdirSync(folder, { recursive: true });
let report;
try {
  requireSpace();
  report = await new ScaleRun(options, folder, (line) => console.error(line)).run();
} catch (error) {
  console.error(error.message);
} finally {
  if (options.keep) console.error(`The databases are in ${folder}`);
  else rmSync(folder, { recursive: true, force: true });
}
if (report === undefined) process.exitCode = 1;
else finish();

function finish() {
  const whole = { date: new Date().toISOString().slice(0, 10), machine: machine(), ...report };
  mkdirSync(results, { recursive: true });
  const name = `scale-${shortCount(options.edgeCount)}${options.by === "ids" ? "-ids" : ""}.json`;
  const text = `${JSON.stringify(whole, null, 2)}\n`;
  writeFileSync(join(results, name), text);
  drawCharts(results);
  if (options.json) process.stdout.write(text);
  else printReport(whole);
  console.error(`Written to ${join(results, name)}`);
  for (const problem of report.wrong) console.error(`WRONG: ${problem}`);
  process.exitCode = report.wrong.length === 0 ? 0 : 1;
}

function optionsOrExit() {
  try {
    const given = readOptions(process.argv.slice(2));
    if (!given.help) return given;
    console.log(usage);
    process.exit(0);
  } catch (error) {
    console.error(`${error.message}\n\n${usage}`);
    process.exit(2);
  }
}

function requireSpace() {
  const { bavail, bsize } = statfsSync(folder);
  const needed = options.edgeCount * diskBytesPerEdge;
  if (bavail * bsize >= needed) return;
  const gib = (bytes) => (bytes / 2 ** 30).toFixed(1);
  throw new Error(`${gib(needed)} GiB of disk are wanted, ${gib(bavail * bsize)} GiB are free`);
}

function machine() {
  return {
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    memoryBytes: totalmem(),
    system: `${type()} ${release()} ${arch()}`,
    node: process.version,
  };
}
