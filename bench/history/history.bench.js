// Measures time travel and backups as built in dist, and checks what it reads. `node bench/history/history.bench.js [part...]`, parts:
// reads, snapshots, backups (EDGES, LATER and ROUNDS change the size, what is written behind the past that is read, and the rounds).
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  drawNodes,
  edgeProps,
  edgeType,
  hashEdge,
  makeWorkload,
  nodeProps,
  randomFrom,
} from "../workload.js";
import { checkView, checkWritten } from "./answers.js";
import { inTurns } from "./in-turns.js";

const { open } = await import(process.env.VARVE_DIST ?? "../../dist/varve.js");
const edgeCount = Number(process.env.EDGES ?? 1_000_000);
const later = Number(process.env.LATER ?? 5000);
const rounds = Number(process.env.ROUNDS ?? 9);
const parts = process.argv.slice(2);
const wanted = (part) => parts.length === 0 || parts.includes(part);
const folder = mkdtempSync(join(tmpdir(), "varve-history-"));
const os = { durability: "os" };
const missed = [];

/** A figure to reach: `value` at most `most`. */
function figure(title, value, most, unit) {
  const isReached = value <= most;
  if (!isReached) missed.push(title);
  console.log(
    `  ${title}: ${value.toFixed(3)} ${unit}, at most ${most}: ${isReached ? "reached" : "MISSED"}`,
  );
}

function workloadOf(edges) {
  const scale = Math.max(10, Math.min(17, Math.round(Math.log2(edges / 8))));
  return makeWorkload({ scale, edgeCount: edges });
}

async function load(db, w) {
  const inSteps = async (from, to, write) => {
    for (let start = from; start < to; start += 1000) {
      const end = Math.min(to, start + 1000);
      await db.transact((tx) => {
        for (let i = start; i < end; i++) write(tx, i);
      }, os);
    }
  };
  await inSteps(0, w.nodeCount, (tx, i) => tx.putNode(w.keys[i], { props: nodeProps(i) }));
  await inSteps(0, w.edgeCount, (tx, i) =>
    tx.addEdge(w.keys[w.from[i]], edgeType, w.keys[w.to[i]], edgeProps(i)),
  );
}

/** The LSN at which the first `count` edges were there: a node and an edge is an event each, and nothing else was written. */
function lsnOf(w, count) {
  return w.nodeCount + count;
}

/** Patches of nodes and edges, new edges, and edges that go: drawn by edge, so that hubs have most of it. */
async function writeLater(db, w, count) {
  const random = randomFrom(7);
  const removed = new Set();
  const patched = new Map();
  for (let done = 0; done < count; done += 100) {
    await db.transact((tx) => {
      for (let i = done; i < done + 100; i++) {
        const drawn = Math.floor(random() * w.edgeCount);
        const id = lsnOf(w, drawn + 1);
        if (i % 4 === 0) {
          tx.patchNode(w.keys[w.from[drawn]], { props: { visits: i } });
          patched.set(w.from[drawn], i);
        } else if (i % 4 === 1) {
          tx.addEdge(w.keys[w.from[drawn]], edgeType, w.keys[w.to[drawn]], edgeProps(i));
        } else if (i % 4 === 2) {
          if (tx.removeEdge(id)) removed.add(drawn);
        } else if (!removed.has(drawn)) tx.patchEdge(id, { weight: i });
      }
    }, os);
  }
  return { removed, patched };
}

/** Live reads beside those of the past a few thousand events ago, and of half the history ago. */
async function reads() {
  const w = workloadOf(edgeCount);
  const db = await open(join(folder, "reads"));
  await load(db, w);
  await db.checkpoint();
  const written = await writeLater(db, w, later);
  const past = w.edgeCount >> 1;
  const openings = { recent: lsnOf(w, w.edgeCount), old: lsnOf(w, past) };
  for (const [name, lsn] of Object.entries(openings)) {
    const times = [];
    for (let i = 0; i < 20; i++) {
      const start = performance.now();
      (await db.asOf(lsn - i)).close();
      times.push(performance.now() - start);
    }
    console.log(`asOf, ${name}: opens in ${spread(times)}`);
  }
  const recent = await db.asOf(openings.recent);
  const old = await db.asOf(openings.old);
  checkWritten(db, w, written);
  checkView(recent, w);
  checkView(old, makeWorkload({ scale: w.scale, edgeCount: past }));
  const half = await db.asOf(db.lastLsn - (later >> 1));
  const faces = { live: db, snapshot: db.snapshot(), recent, half, old };
  await readsOf(`${later} later events in memory`, faces, w);
  await db.checkpoint();
  await readsOf(`${later} later events on disk`, faces, w);
  await db.close();
}

async function readsOf(title, faces, w) {
  console.log(`reads, ${title}: M a second of CPU, best (median); how much longer than live`);
  const keys = Array.from(drawNodes(w, 20_000, false), (i) => w.keys[i]);
  const hubs = Array.from(drawNodes(w, 2000, true), (i) => faces.live.nodeId(w.keys[i]));
  const hubKeys = Array.from(drawNodes(w, 100, true), (i) => w.keys[i]);
  let sum = 0;
  const kinds = {
    "node(key)": (face) => {
      for (const key of keys) sum += face.node(key).props.born;
      return keys.length;
    },
    neighborIds: (face) => {
      let found = 0;
      for (const id of hubs) found += face.neighborIds(id).length;
      return found;
    },
    "edges with props": (face) => {
      let found = 0;
      for (const key of hubKeys) {
        for (const { props } of face.edges(key, { limit: 200 })) {
          sum += props.weight;
          found++;
        }
      }
      return found;
    },
    "allEdges with props": (face) => {
      let found = 0;
      for (const { props } of face.allEdges({ limit: 20_000 })) {
        sum += props.weight;
        found++;
      }
      return found;
    },
  };
  for (const [kind, read] of Object.entries(kinds)) {
    const measured = await inTurns(faces, read, rounds);
    for (const [name, { best, median, cost }] of Object.entries(measured)) {
      console.log(
        `  ${kind.padEnd(20)} ${name.padEnd(9)} ${best.toFixed(2)} (${median.toFixed(2)}), ${cost.toFixed(2)}x`,
      );
    }
    figure(`${kind} of the recent past over live`, measured.recent.cost, 2, "x");
  }
  if (!(sum > 0)) throw new Error("nothing was read");
}

function spread(times) {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (part) => `${(sorted[Math.floor((sorted.length - 1) * part)] * 1000).toFixed(1)} µs`;
  return `p50 ${at(0.5)}, p99 ${at(0.99)}, max ${at(1)}`;
}

/** So many snapshots one after the other, some of them held: how long each took to open. */
function openings(db, count, turnOf = () => undefined) {
  const times = [];
  const held = [];
  for (let i = 0; i < count; i++) {
    turnOf(i);
    const start = performance.now();
    const view = db.snapshot();
    times.push(performance.now() - start);
    if (i % 10 === 0) held.push(view);
    else view.close();
  }
  for (const view of held) view.close();
  return times;
}

async function snapshots() {
  for (const edges of [10_000, edgeCount]) {
    const w = workloadOf(edges);
    const db = await open(join(folder, `snapshots-${edges}`));
    await load(db, w);
    const tell = (title, times) => {
      console.log(`snapshot, ${edges.toLocaleString("en")} edges, ${title}: ${spread(times)}`);
      const sorted = times.sort((a, b) => a - b);
      figure("p99 to open", sorted[Math.floor(sorted.length * 0.99)], 1, "ms");
    };
    openings(db, 1000);
    tell("idle", openings(db, 20_000));
    for (let round = 0; round < 100; round++) {
      await db.transact((tx) => {
        for (let i = 0; i < 200; i++) tx.patchNode(w.keys[i], { props: { round } });
      }, os);
    }
    tell("20,000 versions of 200 nodes", openings(db, 20_000));
    // Transactions under way all the time, of which each snapshot sees some that are not durable.
    const writers = [];
    let failed;
    const written = openings(db, 5000, (i) => {
      writers.push(
        db
          .transact((tx) => tx.patchNode(w.keys[i % 500], { props: { i } }))
          .catch((error) => {
            failed = error;
          }),
      );
    });
    await Promise.all(writers);
    if (failed !== undefined) throw failed;
    tell("5,000 writers open", written);
    const view = db.snapshot();
    await db.transact((tx) => tx.patchNode(w.keys[0], { props: { round: -1 } }), os);
    if (view.node(w.keys[0]).props.round === -1) throw new Error("a snapshot has changed");
    await db.close();
  }
}

async function backups() {
  const w = workloadOf(edgeCount);
  const path = join(folder, "backups");
  const cli = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
  const byCommand = (to) => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [cli, "backup", path, to, "--json"],
      { encoding: "utf8" },
    );
    if (status !== 0) throw new Error(stderr);
    return JSON.parse(stdout);
  };
  const db = await open(path);
  await load(db, w);
  const ways = {
    "db.backup": [join(folder, "copy-1"), (to) => db.backup(to)],
    "varve backup": [join(folder, "copy-2"), (to) => byCommand(to)],
  };
  for (const [title, [to, make]] of Object.entries(ways))
    tellBackup(`${title}, first`, await timed(() => make(to)));
  const grown = Math.floor(edgeCount / 100);
  for (let start = 0; start < grown; start += 1000) {
    await db.transact((tx) => {
      for (let i = start; i < Math.min(grown, start + 1000); i++)
        tx.addEdge(w.keys[w.to[i]], edgeType, w.keys[w.from[i]], edgeProps(i));
    }, os);
  }
  for (const [title, [to, make]] of Object.entries(ways)) {
    const report = await timed(() => make(to));
    tellBackup(`${title}, 1 % more`, report);
    const { copiedBytes, reusedBytes } = report;
    figure("share that was copied", (100 * copiedBytes) / (copiedBytes + reusedBytes), 3, "%");
  }
  let hash = 0;
  const live = db.snapshot();
  for (const { from, to, props } of live.allEdges())
    hash = (hash + hashEdge(from, to, props.time, props.weight)) >>> 0;
  await db.close();
  for (const [title, [to]] of Object.entries(ways))
    await restored(`${title}, opened`, to, w.edgeCount + grown, hash);
}

function tellBackup(title, { copiedBytes, reusedBytes, ms }) {
  const mib = (bytes) => `${(bytes / 2 ** 20).toFixed(2)} MiB`;
  console.log(
    `${title}: ${mib(copiedBytes)} copied, ${mib(reusedBytes)} there, ${ms.toFixed(0)} ms`,
  );
}

async function timed(work) {
  const start = performance.now();
  const result = await work();
  return { ...result, ms: performance.now() - start };
}

/** The copy has every edge, and is sound; how long its first open takes, and the next, behind a checkpoint. */
async function restored(title, path, edges, hash) {
  const cpu = process.cpuUsage();
  const { db, ms } = await timed(async () => ({ db: await open(path) }));
  const { user, system } = process.cpuUsage(cpu);
  if (db.edgeCount !== edges || !db.recovery.clean) throw new Error("the copy is another");
  let found = 0;
  for (const { from, to, props } of db.allEdges())
    found = (found + hashEdge(from, to, props.time, props.weight)) >>> 0;
  if (found !== hash) throw new Error("the copy's edges are others");
  const { problems } = await db.verify();
  if (problems.length > 0) throw new Error(problems.join());
  await db.checkpoint();
  await db.close();
  const again = await timed(async () => (await open(path)).close());
  console.log(
    `${title}: first ${ms.toFixed(0)} ms (${((user + system) / 1000).toFixed(0)} ms of CPU), ` +
      `then ${again.ms.toFixed(0)} ms`,
  );
}

try {
  if (wanted("reads")) await reads();
  if (wanted("snapshots")) await snapshots();
  if (wanted("backups")) await backups();
  if (missed.length > 0) console.log(`missed: ${missed.join("; ")}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
