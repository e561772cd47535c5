// Measures flush and merge of runs in a worker, and how long the main thread is kept from other work meanwhile. Run after a build:
// node bench/index/run-builder.bench.js [entries=1000000 runs=4]; VARVE_DIST names another build folder.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { pathToFileURL } from "node:url";

const dist = process.env.VARVE_DIST
  ? pathToFileURL(process.env.VARVE_DIST)
  : new URL("../../dist/", import.meta.url);
const load = (path) => import(new URL(path, dist).href);
const { nodePorts } = await load("disk/node-ports.js");
const { RunBuilder } = await load("index/run-builder.js");
const { WordTree } = await load("index/word-tree.js");

const options = Object.fromEntries(
  process.argv.slice(2).map((argument) => {
    const [name, value] = argument.split("=");
    return [name, Number(value)];
  }),
);
const entries = options.entries ?? 1_000_000;
const runCount = options.runs ?? 4;

let seed = 0x9e3779b9;
function random() {
  seed ^= seed << 13;
  seed ^= seed >>> 17;
  seed ^= seed << 5;
  return seed >>> 0;
}

/** An adjacency of random edges with some hubs. */
function layerOf(number) {
  const tree = new WordTree({ width: 7, payloadWords: 2 });
  for (let i = 0; i < entries; i++) {
    const node = random() % 200_000;
    tree.probe.set([
      i % 4 === 0 ? node % 100 : node,
      1,
      random() % 200_000,
      0,
      number * entries + i,
      0,
      0,
    ]);
    tree.insert();
  }
  return {
    firstLsn: number * 10,
    lastLsn: number * 10 + 9,
    removals: 0,
    count: (name) => (name === "out" ? entries : 0),
    source: () => {
      const cursor = tree.cursor();
      cursor.seek(new Uint32Array(0), 0);
      return cursor;
    },
  };
}

const folder = mkdtempSync(join(tmpdir(), "varve-run-builder-"));
const builder = new RunBuilder(nodePorts(), folder, new Uint8Array(16));
let treeId = 1;

async function timed(name, count, work) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const start = performance.now();
  const result = await work();
  const seconds = (performance.now() - start) / 1000;
  delay.disable();
  const rate = (count / seconds / 1e6).toFixed(2);
  const ms = (value) => (value / 1e6).toFixed(1);
  process.stdout.write(
    `${name}: ${rate} M entries/s; event loop delay p50 ${ms(delay.percentile(50))} ms, p99 ${ms(delay.percentile(99))} ms\n`,
  );
  return result;
}

try {
  const runs = [];
  for (let number = 0; number < runCount; number++) {
    const layer = layerOf(number);
    runs.unshift(
      await timed(`flush ${number}`, entries, () => builder.flush(layer, () => treeId++)),
    );
  }
  const all = entries * runCount;
  const merged = await timed(`merge of ${runCount}`, all, () =>
    builder.merge(runs, () => treeId++),
  );
  await timed("verify", all, () => builder.verify(merged));
} finally {
  await builder.stop();
  rmSync(folder, { recursive: true, force: true });
}
