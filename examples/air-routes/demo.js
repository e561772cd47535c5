// The demo: real data in, a real kill in the middle, recovery, the rest of the data, answers, and a map.
// `npm run demo` prepares everything and runs this file; what it writes lies in demo-output/.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { open } from "../../dist/varve.js";
import { runVarve } from "./command.js";
import { drawMap } from "./map.js";

const here = fileURLToPath(new URL(".", import.meta.url));
const outputDirectory = fileURLToPath(new URL("../../demo-output", import.meta.url));
const databasePath = join(outputDirectory, "air-routes.varve");
const mapPath = join(outputDirectory, "air-routes.svg");
const files = [
  "--nodes",
  join(here, "air-routes-latest-nodes.csv.gz"),
  "--edges",
  join(here, "air-routes-latest-edges.csv.gz"),
];
const rowsInFiles = 61_394;
const kmPerMile = 1.609344;

const isTerminal = process.stdout.isTTY === true;
const bold = (text) => (isTerminal ? `\x1b[1m${text}\x1b[0m` : text);
const shown = (path) => relative(process.cwd(), path) || ".";
const count = (number) => number.toLocaleString("en");
const step = (title) => console.log(`\n${bold(title)}`);

/** Ingests until about half is stored, then kills the process. */
async function ingestAndKill(batch) {
  rmSync(databasePath, { recursive: true, force: true });
  const { signal } = await runVarve(["ingest", databasePath, ...files, "--batch", batch], {
    rowsInAll: rowsInFiles,
    killAtRows: rowsInFiles * 0.45,
  });
  return signal === "SIGKILL";
}

/** Opens what the killed process left behind; resolves to whether anything is left to resume. */
async function reopen() {
  const db = await open(databasePath);
  try {
    const { clean, checkpointLsn, lastLsn, replayedEvents, truncatedBytes, elapsedMs, warnings } =
      db.recovery;
    console.log(
      clean
        ? "  It had been closed in order."
        : `  It was not closed in order, so its log was read again from ${checkpointLsn === 0 ? "the start" : "its last checkpoint"}.`,
    );
    console.log(
      `  ${count(replayedEvents)} events replayed in ${elapsedMs.toFixed(0)} ms; the last whole transaction ends at event ${count(lastLsn)}.`,
    );
    console.log(
      truncatedBytes === 0
        ? "  No half-written bytes at the end."
        : `  ${count(truncatedBytes)} half-written bytes at the end were cut off (and kept aside).`,
    );
    for (const warning of warnings) console.log(`  Note: ${warning.message ?? warning}`);
    console.log(
      `  ${count(db.nodeCount)} nodes and ${count(db.edgeCount)} edges are there, ${Math.round((100 * (db.nodeCount + db.edgeCount)) / rowsInFiles)}% of all.`,
    );
    return db.nodeCount + db.edgeCount < rowsInFiles;
  } finally {
    await db.close();
  }
}

function readAirports(db) {
  const airports = new Map();
  for (const { key, props } of db.nodes({ label: "airport" })) {
    airports.set(key, { key, ...props, degree: db.degree(key, { direction: "out" }) });
  }
  return airports;
}

function printRoute(db, airports, fromCode, toCode) {
  const byCode = (code) => [...airports.values()].find((airport) => airport.code === code);
  const keys = db.shortestPath(byCode(fromCode).key, byCode(toCode).key, { type: "route" });
  if (keys === undefined) throw new Error(`no route from ${fromCode} to ${toCode}`);
  let miles = 0;
  keys.forEach((key, at) => {
    const { code, city, country } = airports.get(key);
    const [edge] = at === 0 ? [] : [...db.edges(keys[at - 1], { type: "route", to: key })];
    const leg = edge?.props.dist ?? 0;
    miles += leg;
    const distance = at === 0 ? "" : `${count(Math.round(leg * kmPerMile))} km`;
    console.log(`  ${distance.padStart(9)}  ${code}  ${city}, ${country}`);
  });
  console.log(
    `  ${`${count(Math.round(miles * kmPerMile))} km`.padStart(9)}  in ${keys.length - 1} flights`,
  );
}

function printBestConnected(airports) {
  const best = [...airports.values()].sort((a, b) => b.degree - a.degree).slice(0, 10);
  const barMax = 36;
  for (const { code, city, country, degree } of best) {
    const bar = "█".repeat(Math.round((barMax * degree) / best[0].degree));
    console.log(
      `  ${code}  ${`${city}, ${country}`.padEnd(24)} ${String(degree).padStart(4)}  ${bar}`,
    );
  }
}

function routesOf(db) {
  const routes = [];
  for (const edge of db.allEdges({ type: "route" })) {
    routes.push({ from: edge.from, to: edge.to, miles: edge.props.dist });
  }
  return routes;
}

async function answer() {
  const db = await open(databasePath, { create: false });
  try {
    const airports = readAirports(db);
    step("The shortest route from Longyearbyen, Svalbard, to Easter Island, by number of flights");
    printRoute(db, airports, "LYR", "IPC");
    step("The best connected airports, by routes that leave them");
    printBestConnected(airports);
    step("A map of all routes");
    const routes = routesOf(db);
    const svg = drawMap({ airports, routes });
    writeFileSync(mapPath, svg);
    console.log(
      `  ${count(routes.length)} routes between ${count(airports.size)} airports: ${shown(mapPath)}`,
    );
  } finally {
    await db.close();
  }
}

/** On a busy machine the kill may come too late to leave anything undone: then once more, in smaller steps. */
async function crashHalfWay() {
  for (const batch of ["4", "2", "1", "1"]) {
    step(`Ingesting ${count(rowsInFiles)} nodes and edges; the process will be killed half-way`);
    if (await ingestAndKill(batch)) {
      console.log("  Killed (SIGKILL): no time to close anything.");
      step("Opening what it left behind");
      if (await reopen()) return;
    }
    console.log("  It was done before the kill arrived. Once more, in smaller steps.");
  }
  throw new Error("the ingest could not be killed in the middle");
}

async function main() {
  const startMs = performance.now();
  mkdirSync(outputDirectory, { recursive: true });
  await crashHalfWay();
  step("Going on with varve ingest --resume");
  const resumed = await runVarve(["ingest", databasePath, ...files, "--resume"], {
    rowsInAll: rowsInFiles,
  });
  if (resumed.code !== 0) throw new Error("the ingest could not be resumed");
  step("Checking every byte with varve verify");
  const verified = await runVarve(["verify", databasePath]);
  if (verified.code !== 0) throw new Error("the database is not sound");
  await answer();
  const command = `node dist/cli/main.js`;
  console.log(
    `\nDone in ${((performance.now() - startMs) / 1000).toFixed(1)} s. The database is yours to try:`,
  );
  console.log(`  ${command} get ${shown(databasePath)} 3`);
  console.log(`  ${command} path ${shown(databasePath)} 3 2000 --type route`);
  console.log(`  ${command} stats ${shown(databasePath)}`);
}

await main();
