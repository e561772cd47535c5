// Disk space under churn: `npm run churn -- 1000000`. Loads so many things, half nodes and half edges, then overwrites all of them and
// removes a third of the nodes, 10 times over, with history "latest"; compares the space with that of a fresh load of the same state.
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildIfStale } from "./build.js";
import { projectRoot, setUp } from "./setup.js";

const rounds = 10;
const perTransaction = 1000;
const things = Number(process.argv[2] ?? 1_000_000);
if (!Number.isSafeInteger(things) || things < 2 * perTransaction) {
  console.error(`churn takes a whole number from ${2 * perTransaction}`);
  process.exit(2);
}
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
  const fresh = await bytesOf(freshPath);

  const path = join(place, "churn.varve");
  const db = await open(path, { durability: "os", history: "latest" });
  let peak = 0;
  const note = async () => {
    peak = Math.max(peak, await bytesOf(path));
  };
  for (let round = 0; round <= rounds; round++) {
    const startedMs = performance.now();
    await load(db, round, round > 0, note);
    const seconds = (performance.now() - startedMs) / 1000;
    const { segmentsRewritten } = db.stats().history;
    console.log(
      `round ${round}: ${seconds.toFixed(1)} s, peak ${peak}, ${segmentsRewritten} rewritten`,
    );
  }
  const startedMs = performance.now();
  const watch = setInterval(() => void note(), 100);
  const report = await db.compact();
  clearInterval(watch);
  const seconds = (performance.now() - startedMs) / 1000;
  await db.close();
  const compacted = await bytesOf(path);
  console.log(`compact: ${seconds.toFixed(1)} s, ${JSON.stringify(report)}`);
  console.log(`fresh ${fresh}, peak ${peak} (${ratio(peak, fresh)}; at most 3)`);
  console.log(`compacted ${compacted} (${ratio(compacted, fresh)}; at most 1.5)`);
  process.exitCode = compacted / fresh <= 1.5 && peak / fresh <= 3 ? 0 : 1;
}

async function load(db, round, removes, note) {
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
    if ((from / perTransaction) % 20 === 0) await note?.();
  }
}

/** Bytes of all files but the reserve, whose size is fixed. */
async function bytesOf(path) {
  let sum = 0;
  for (const name of await readdir(path)) {
    if (name === "reserve") continue;
    const found = await stat(join(path, name)).catch(() => undefined);
    sum += found?.size ?? 0;
  }
  return sum;
}

function ratio(a, b) {
  return (a / b).toFixed(2);
}
