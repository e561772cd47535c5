// One phase of a scale run, in a process that holds the database and nothing of the answers: started by run.js, which
// sends the phase and gets progress and figures back. Uses the built package as a user would.
import { existsSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import {
  bytesBelow,
  residentMaxBytes,
  residentNow,
  watchEventLoop,
  writtenBytes,
} from "../process-figures.js";
import { edgeProps, edgeStream, edgeType, keyOf, transactionEdges } from "../workload.js";
import { answers } from "./answers.js";
import { reads } from "./reads.js";
import { listenTo } from "./traces.js";

const inFlightMax = 8;
const phases = {
  ingest,
  open: openOnce,
  reads: withDatabase(reads),
  answers: withDatabase(answers),
};

process.once("message", async (task) => {
  let result;
  try {
    const importing = performance.now();
    const { open } = await import(process.env["VARVE_DIST"] ?? "../../dist/varve.js");
    const importMs = performance.now() - importing;
    result = { importMs, ...(await phases[task.phase](open, task)) };
  } catch (error) {
    result = { error: String(error?.stack ?? error) };
  }
  process.send({ result }, () => process.exit(result.error === undefined ? 0 : 1));
});

function openStore(open, { path, memoryBudget, by }) {
  return open(path, { durability: "os", memoryBudget, implicitNodes: by === "keys" });
}

/** Opens, asks one question, closes. The question is part of the time: an open that leaves the work to it is none. */
async function openOnce(open, task) {
  const started = performance.now();
  const db = await openStore(open, task);
  db.node(keyOf(0));
  const openMs = performance.now() - started;
  const { edgeCount, nodeCount, recovery } = db;
  const closing = performance.now();
  await db.close();
  return {
    openMs,
    closeMs: performance.now() - closing,
    edgeCount,
    nodeCount,
    recovery,
    residentMaxBytes: residentMaxBytes(),
  };
}

function withDatabase(work) {
  return async (open, task) => {
    const db = await openStore(open, task);
    const result = await work(db, task);
    await db.close();
    return { ...result, residentMaxBytes: residentMaxBytes() };
  };
}

/** Writes the edges from number `first` to `edgeCount`; tells at every mark how many have been acknowledged. */
async function ingest(open, task) {
  const { path, by, first, edgeCount, markEdges } = task;
  const stream = edgeStream(task);
  skip(stream, first);
  const isNew = !existsSync(path);
  const traces = listenTo(["checkpoint", "merge"]);
  const residentBefore = residentNow();
  const writtenBefore = writtenBytes();
  const db = await openStore(open, task);
  const firstId = by === "ids" ? await nodesByIds(db, stream.nodeCount, isNew) : 0;
  const write = by === "ids" ? writerByIds(db, firstId) : writerByKeys(db);

  const marks = [];
  let pressureSeen;
  const acknowledged = (edges) => {
    if (edges % markEdges !== 0 && edges !== edgeCount) return;
    marks.push({ edges, ms: performance.now() - started });
    pressureSeen ??= db.stats().pressure?.reason;
    process.send({ acknowledged: edges });
  };
  let generatorMs = 0;
  const endWatch = await watchEventLoop();
  const started = performance.now();
  const underWay = [];
  for (let start = first; start < edgeCount; start += transactionEdges) {
    if (underWay.length === inFlightMax) acknowledged(await underWay.shift());
    // Each call in a turn of its own: what several do in one turn is their caller's doing, not the database's.
    await nextTurn();
    const size = Math.min(transactionEdges, edgeCount - start);
    const from = new Uint32Array(size);
    const to = new Uint32Array(size);
    const generating = performance.now();
    stream.fill(from, to);
    generatorMs += performance.now() - generating;
    underWay.push(write(from, to, start).then(() => start + size));
  }
  for (const written of underWay) acknowledged(await written);
  const ingestMs = performance.now() - started;
  const eventLoop = await endWatch();
  const afterIngest = { stats: db.stats(), residentMaxBytes: residentMaxBytes() };

  const endWatchAtEnd = await watchEventLoop();
  const checkpointMs =
    typeof db.checkpoint === "function" ? await elapsed(() => db.checkpoint()) : undefined;
  const stats = db.stats();
  const diskBytes = bytesBelow(path);
  const closeMs = await elapsed(() => db.close());
  const written = writtenBytes();
  const eventLoopAtEnd = await endWatchAtEnd();
  return {
    marks,
    ingestMs,
    generatorMs,
    eventLoop,
    eventLoopAtEnd,
    afterIngest,
    checkpointMs,
    closeMs,
    stats,
    traces: traces(),
    pressureSeen,
    diskBytes,
    diskBytesClosed: bytesBelow(path),
    residentBefore,
    residentMaxBytes: residentMaxBytes(),
    writtenBytes: written && {
      calls: written.calls - writtenBefore.calls,
      disk: written.disk - writtenBefore.disk,
    },
  };
}

function skip(stream, count) {
  for (let left = count; left > 0; left -= 1000) {
    const size = Math.min(left, 1000);
    stream.fill(new Uint32Array(size), new Uint32Array(size));
  }
}

function writerByKeys(db) {
  return (from, to, start) =>
    db.transact((tx) => {
      for (let i = 0; i < from.length; i++)
        tx.addEdge(keyOf(from[i]), edgeType, keyOf(to[i]), edgeProps(start + i));
    });
}

function writerByIds(db, firstId) {
  return (from, to) => {
    for (let i = 0; i < from.length; i++) {
      from[i] += firstId;
      to[i] += firstId;
    }
    return db.transact((tx) => tx.addEdges({ type: edgeType, from, to }));
  };
}

/** Makes every node where there are none yet; returns the id of the first: the others must follow it. */
async function nodesByIds(db, nodeCount, isNew) {
  for (let start = 0; isNew && start < nodeCount; start += transactionEdges) {
    const size = Math.min(transactionEdges, nodeCount - start);
    const keys = Array.from({ length: size }, (_, i) => keyOf(start + i));
    await db.transact((tx) => tx.putNodes(keys));
  }
  const firstId = db.nodeId(keyOf(0));
  if (db.nodeId(keyOf(nodeCount - 1)) !== firstId + nodeCount - 1)
    throw new Error("the nodes' ids do not follow each other");
  return firstId;
}

async function elapsed(task) {
  const started = performance.now();
  await task();
  return performance.now() - started;
}
