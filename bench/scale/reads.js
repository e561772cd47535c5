// The rates of reading of a database that was just opened: cold first, while its cache is empty, then warm, then scans.
// What the operating system caches is warm all the time.
import { rate } from "../rate.js";
import { edgeStream, keyOf, randomFrom } from "../workload.js";

const coldCalls = 1000;
const warmByEdge = 20_000;
const warmUniform = 50_000;
const warmScans = 3;
const longScanMs = 5000;

export async function reads(db, { scale, seed, by, roundMs, written }) {
  const stream = edgeStream({ scale, seed });
  const random = randomFrom(scale);
  const drawKeys = (count) => {
    const keys = [];
    while (keys.length < count) {
      const key = keyOf(Math.floor(random() * stream.nodeCount));
      if (by === "ids" || db.hasNode(key)) keys.push(key);
    }
    return keys;
  };
  const idOf = (key) => db.nodeId(key);
  // The cold calls' ids are found first: that reads pages of the keys' tree and none of the edges'.
  const cold = coldReads(db, drawKeys(coldCalls).map(idOf));

  // Ends of edges that follow each other are as good as drawn by edge: each edge is drawn for itself.
  const sources = new Uint32Array(Math.min(warmByEdge, written));
  stream.fill(sources, new Uint32Array(sources.length));
  const byEdge = Array.from(sources, (node) => idOf(keyOf(node)));
  const keys = drawKeys(warmUniform);
  const uniform = keys.map(idOf);
  const neighborsOf = (id) => db.neighborIds(id).length;
  const callOf = (id) => (db.neighborIds(id).length >= 0 ? 1 : 0);
  return {
    cold,
    warm: {
      nodesPerSecond: await rate(keys, (key) => (db.node(key) ? 1 : 0), roundMs),
      neighborsByEdgePerSecond: await rate(byEdge, neighborsOf, roundMs),
      neighborCallsUniformPerSecond: await rate(uniform, callOf, roundMs),
    },
    scan: { first: scanAll(db), warm: warmScan(db) },
    stats: db.stats(),
  };
}

/** Time and pages of each call, one after the other; the pages only where the database counts them. */
function coldReads(db, ids) {
  const times = [];
  const pages = [];
  for (const id of ids) {
    const before = db.stats().counters?.pageMisses;
    const started = performance.now();
    db.neighborIds(id);
    times.push(performance.now() - started);
    const after = db.stats().counters?.pageMisses;
    if (before !== undefined && after !== undefined) pages.push(after - before);
  }
  times.sort((a, b) => a - b);
  return {
    calls: ids.length,
    medianMs: times[times.length >> 1],
    p99Ms: times[Math.floor(times.length * 0.99)],
    pagesPerCall: pages.length > 0 ? pages.reduce((a, b) => a + b, 0) / pages.length : undefined,
    pagesMax: pages.length > 0 ? Math.max(...pages) : undefined,
  };
}

/** The median of a few, as of all that is warm; where one takes long it says enough. */
function warmScan(db) {
  const scans = [scanAll(db)];
  while (scans.length < warmScans && scans[0].ms < longScanMs) scans.push(scanAll(db));
  return scans.sort((a, b) => a.ms - b.ms)[scans.length >> 1];
}

function scanAll(db) {
  let sum = 0;
  let edges = 0;
  const started = performance.now();
  for (const { props } of db.allEdges()) {
    sum += props.weight ?? 1;
    edges++;
  }
  const ms = performance.now() - started;
  if (!(sum > 0)) throw new Error("the scan came back empty");
  return { edges, ms, perSecond: (edges / ms) * 1000 };
}
