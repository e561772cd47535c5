// Disk space, ingest rate and event loop under churn: `npm run churn -- 1000000`. Loads so many things, half nodes and half edges, then
// overwrites all of them and removes a third of the nodes, 10 times over, with history "latest"; compares the space with that of a fresh
// load of the same state, and the rate with that of the same churn with history "all". Writes bench/results/churn-<things>.json.
// `npm run churn -- 1000000 20` takes 20 nodes and 20 edges to a transaction, not 100 of each.
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { buildIfStale } from "./build.js";
import { projectRoot, setUp } from "./setup.js";

const rounds = 10;
const perTransactionDefault = 100;
const blockBytes = 512;
const limits = { compacted: 1.5, peak: 3, rate: 0.7, loopMs: 20 };
const things = Number(process.argv[2] ?? 1_000_000);
/** Nodes, and edges, in one: its callback runs in one turn of the event loop (D-170). */
const perTransaction = Number(process.argv[3] ?? perTransactionDefault);
if (!(perTransaction >= 1) || !Number.isSafeInteger(perTransaction)) fail("1 to a transaction");
if (!Number.isSafeInteger(things) || things < 2 * perTransaction) fail(`${2 * perTransaction}`);
const isDefault = perTransaction === perTransactionDefault;
const nodes = Math.floor(things / 2 / perTransaction) * perTransaction;

setUp();
if (buildIfStale() !== 0) process.exit(1);
const { open } = await import(join(projectRoot, "dist", "varve.js"));
const place = await mkdtemp(join(tmpdir(), "varve-churn-"));
try {
  await main();
} finally {
  await rm(place, { recursive: true, force: true });
}

async function main() {
  const freshPath = join(place, "fresh.varve");
  const loaded = await open(freshPath, { durability: "os" });
  await load(loaded, rounds, false);
  await loaded.checkpoint();
  await loaded.close();
  const freshBytes = await bytesOf(freshPath);
  await rm(freshPath, { recursive: true });

  const without = await churn("all");
  await without.db.close();
  await rm(without.path, { recursive: true });
  const { db, path, ...during } = await churn("latest");

  const loop = loopWatch();
  const startedMs = performance.now();
  const sizes = sizeWatch(path);
  const report = await db.compact();
  const peakBytes = Math.max(during.peakBytes, await sizes.stop());
  const compactSeconds = (performance.now() - startedMs) / 1000;
  const compactLoop = loop.stop();
  const { segments } = db.stats();
  await db.close();
  const compactedBytes = await bytesOf(path);

  const result = {
    things,
    perTransaction,
    node: process.version,
    freshBytes,
    peakBytes,
    compactedBytes,
    peak: peakBytes / freshBytes,
    compacted: compactedBytes / freshBytes,
    segments,
    withoutCompaction: ratesOf(without),
    withCompaction: ratesOf(during),
    rate: during.eventsPerSecond / without.eventsPerSecond,
    rewritten: during.rewritten,
    compact: { seconds: compactSeconds, loop: compactLoop, ...report },
  };
  console.log(`compact: ${compactSeconds.toFixed(1)} s, ${JSON.stringify(report)}`);
  const loopMs = Math.max(during.loop.p999, compactLoop.p999);
  const lines = [
    ["peak, times a fresh load", result.peak, "at most", limits.peak],
    ["compacted, times a fresh load", result.compacted, "at most", limits.compacted],
    ["ingest rate, of that without compaction", result.rate, "at least", limits.rate],
    ["event loop blocked, p99.9 in ms", loopMs, "at most", limits.loopMs],
  ];
  for (const [what, value, sense, limit] of lines) {
    console.log(`${what}: ${value.toFixed(2)} (${sense} ${limit})`);
  }
  const folder = join(projectRoot, "bench", "results");
  await mkdir(folder, { recursive: true });
  const name = ["churn", things, perTransaction].slice(0, isDefault ? 2 : 3).join("-");
  await writeFile(join(folder, `${name}.json`), `${JSON.stringify(result, null, 2)}\n`);
  const isMissed = ([, value, sense, limit]) =>
    sense === "at most" ? value > limit : value < limit;
  process.exitCode = lines.some(isMissed) ? 1 : 0;
}

function fail(least) {
  console.error(`churn takes whole numbers, from ${least}`);
  process.exit(2);
}

function ratesOf({ eventsPerSecond, cpuMicroseconds, loop }) {
  return { eventsPerSecond, cpuMicroseconds, loop };
}

/** Loads, and writes everything again; what a policy lets go is compacted meanwhile. */
async function churn(history) {
  const path = join(place, `${history}.varve`);
  const db = await open(path, { durability: "os", history });
  const sizes = sizeWatch(path);
  const loop = loopWatch();
  const startedMs = performance.now();
  const startedCpu = process.cpuUsage();
  for (let round = 0; round <= rounds; round++) {
    const roundMs = performance.now();
    await load(db, round, round > 0);
    const seconds = (performance.now() - roundMs) / 1000;
    const { segmentsRewritten, bytesFreed } = db.stats().history;
    const done = `${segmentsRewritten} segments rewritten, ${bytesFreed} bytes freed`;
    console.log(`history ${history}, round ${round}: ${seconds.toFixed(1)} s, ${done}`);
  }
  const seconds = (performance.now() - startedMs) / 1000;
  const { user, system } = process.cpuUsage(startedCpu);
  const { segmentsRewritten: rewritten } = db.stats().history;
  const watched = { loop: loop.stop(), peakBytes: await sizes.stop() };
  // Of all threads: it tells of two runs more than their times do where others use the machine.
  const cpuMicroseconds = (user + system) / db.lastLsn;
  const rates = { eventsPerSecond: db.lastLsn / seconds, cpuMicroseconds };
  return { db, path, ...rates, rewritten, ...watched };
}

async function load(db, round, removes) {
  for (let from = 0; from < nodes; from += perTransaction) {
    await db.transact((tx) => {
      for (let i = from; i < from + perTransaction; i++) {
        if (removes && i % 3 === round % 3) tx.removeNode(`n${i}`);
        tx.putNode(`n${i}`, { labels: ["Node"], props: { round, i, name: `node ${i}` } });
      }
      for (let i = from; i < from + perTransaction; i++) {
        tx.putEdge(`n${i}`, "NEXT", `n${from + ((i * 7) % perTransaction)}`, { round, at: i });
      }
    });
  }
}

/** How long the event loop was blocked: percentiles and the most, in ms. */
function loopWatch() {
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  histogram.enable();
  return {
    stop: () => {
      histogram.disable();
      const ms = (nanoseconds) => Number((nanoseconds / 1e6).toFixed(2));
      const at = (percent) => ms(histogram.percentile(percent));
      return { p50: at(50), p99: at(99), p999: at(99.9), max: ms(histogram.max) };
    },
  };
}

/** The most bytes that the files take, looked at every 100 ms. */
function sizeWatch(path) {
  let peak = 0;
  const look = async () => {
    peak = Math.max(peak, await bytesOf(path));
  };
  const timer = setInterval(() => void look(), 100);
  return {
    stop: async () => {
      clearInterval(timer);
      await look();
      return peak;
    },
  };
}

/**
 * Bytes on disk of all files but the reserve, whose size is fixed. What the log is extended by in advance reads as zeros and takes no
 * blocks: it is in the length of its file alone.
 */
async function bytesOf(path) {
  let sum = 0;
  for (const name of await readdir(path)) {
    if (name === "reserve") continue;
    const found = await stat(join(path, name)).catch(() => undefined);
    sum += (found?.blocks ?? 0) * blockBytes;
  }
  return sum;
}
