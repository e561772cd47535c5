// One engine, one phase, one process: started by bench/run.js, which sends the phase and gets the figures back.
// Phases: "load" fills a store, "read" opens it and answers, "crash" fills and kills itself, "recover" opens what
// that left, "commits" makes single durable edges, "ids" (varve) loads by numeric ids.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { bytesBelow, residentMaxBytes, watchEventLoop } from "./process-figures.js";
import { rate } from "./rate.js";
import {
  checkedNodes,
  drawNodes,
  hashEdge,
  hashText,
  makeWorkload,
  neighborsText,
  recordText,
  transactionEdges,
} from "./workload.js";

const concurrentCallers = 64;

const phases = { load, read, crash, recover, commits, ids };

process.once("message", async ({ engine: name, phase, path, settings }) => {
  try {
    const engine = await import(`./engines/${name}.js`);
    const result = await phases[phase](engine, path, makeWorkload(settings), settings);
    const { version, durabilityNotes, inMemory = false } = engine;
    process.send({ version, durabilityNotes, inMemory, ...result }, () => process.exit(0));
  } catch (error) {
    const missing = /Cannot find (?:module|package)|MODULE_NOT_FOUND|ERR_DLOPEN/.test(
      `${error?.code} ${error?.message}`,
    );
    process.send({ error: String(error?.stack ?? error), missing }, () => process.exit(1));
  }
});

async function load(engine, path, workload) {
  const store = await openAt(engine, path);
  const nodesMs = await elapsed(() =>
    inTransactions(store, workload.nodeCount, (start, end) =>
      store.writeNodes(workload, start, end),
    ),
  );
  const endWatch = await watchEventLoop();
  const started = performance.now();
  await writeAllEdges(store, workload);
  const beforeClose = performance.now() - started;
  const { p999Ms, maxMs } = await endWatch();
  // A store in memory ends with its process: it answers here, and has nothing on disk to open again.
  const reads = engine.inMemory ? await answersAndRates(store, workload) : {};
  const closeMs = await elapsed(() => store.close());
  return {
    nodesPerSecond: (workload.nodeCount / nodesMs) * 1000,
    edgesPerSecond: (workload.edgeCount / (beforeClose + closeMs)) * 1000,
    closeMs,
    loopBlockedP999Ms: p999Ms,
    loopBlockedMaxMs: maxMs,
    residentMaxBytes: residentMaxBytes(),
    bytesPerEdge: engine.inMemory ? undefined : bytesBelow(path) / workload.edgeCount,
    ...reads,
  };
}

async function read(engine, path, workload) {
  const started = performance.now();
  const store = await openAt(engine, path);
  await store.node(workload.keys[0]);
  const openMs = performance.now() - started;
  const reads = await answersAndRates(store, workload);
  await store.close();
  return { openMs, ...reads };
}

async function answersAndRates(store, workload) {
  const answers = await answer(store, workload);
  const { keys } = workload;
  const uniform = drawNodes(workload, 50_000, false);
  const handles = (drawn) => Array.from(drawn, (i) => store.handleOf(keys[i]));
  const byEdge = handles(drawNodes(workload, 20_000, true));
  const spread = handles(uniform);
  const uniformKeys = Array.from(uniform, (i) => keys[i]);
  let sum = 0;
  const visit = (_from, _to, _time, weight) => {
    sum += weight;
  };
  const rates = {
    nodeReadsPerSecond: await rate(uniformKeys, (key) => {
      sum += store.propsOf(store.node(key)).born;
      return 1;
    }),
    neighborsByEdgePerSecond: await rate(byEdge, (handle) => count(store.neighborsOut(handle))),
    neighborsInByEdgePerSecond: await rate(byEdge, (handle) => count(store.neighborsIn(handle))),
    neighborCallsUniformPerSecond: await rate(spread, (handle) => {
      const found = store.neighborsOut(handle);
      return found instanceof Promise ? found.then(() => 1) : 1;
    }),
    scanPerSecond: (workload.edgeCount / (await elapsed(() => store.scanEdges(visit)))) * 1000,
  };
  if (store.readFeed !== undefined) {
    const started = performance.now();
    const { events } = await store.readFeed();
    rates.feedEventsPerSecond = (events / (performance.now() - started)) * 1000;
  }
  if (!(sum > 0)) throw new Error("the reads came back empty");
  return { answers, ...rates };
}

function count(found) {
  return found instanceof Promise ? found.then((ends) => ends.length) : found.length;
}

/** What the store says, in the form of `rightAnswers` in workload.js. */
async function answer(store, workload) {
  const { keys } = workload;
  let edges = 0;
  let edgeCount = 0;
  await store.scanEdges((from, to, time, weight) => {
    edges = (edges + hashEdge(from, to, time, weight)) >>> 0;
    edgeCount++;
  });
  const checked = checkedNodes(workload);
  const records = checked.map((i) => recordText(keys[i], store.propsOf(store.node(keys[i]))));
  const sets = { out: [], in: [] };
  for (const i of checked) {
    const handle = store.handleOf(keys[i]);
    const asKeys = (ends) => neighborsText(Array.from(ends, (end) => store.keyOf(end)));
    sets.out.push(asKeys(await store.neighborsOut(handle)));
    sets.in.push(asKeys(await store.neighborsIn(handle)));
  }
  return {
    edgeCount,
    edges,
    nodes: hashText(records.join()),
    neighborsOut: hashText(sets.out.join()),
    neighborsIn: hashText(sets.in.join()),
  };
}

async function crash(engine, path, workload) {
  const store = await openAt(engine, path);
  await inTransactions(store, workload.nodeCount, (start, end) =>
    store.writeNodes(workload, start, end),
  );
  await writeAllEdges(store, workload);
  // No close, no exit handler: what the kernel has is what is left.
  process.kill(process.pid, "SIGKILL");
  await new Promise(() => {});
}

async function recover(engine, path, workload) {
  const started = performance.now();
  const store = await openAt(engine, path);
  await store.node(workload.keys[0]);
  const openAfterKillMs = performance.now() - started;
  const { edgeCount } = await answer(store, workload);
  const recovery = store.recovery?.();
  await store.close();
  // At durability "os" a killed process loses nothing that had resolved.
  if (edgeCount !== workload.edgeCount)
    throw new Error(`${edgeCount} of ${workload.edgeCount} edges came back after the kill`);
  if (recovery === undefined) return { openAfterKillMs };
  return {
    openAfterKillMs,
    replayedEvents: recovery.replayedEvents,
    replayedPerSecond: (recovery.replayedEvents / recovery.elapsedMs) * 1000,
  };
}

async function commits(engine, path, workload, { commitMs }) {
  if (engine.inMemory) return {};
  const store = await openAt(engine, path, "durable");
  await inTransactions(store, workload.nodeCount, (start, end) =>
    store.writeNodes(workload, start, end),
  );
  let next = 0;
  const caller = async (deadline) => {
    while (performance.now() < deadline)
      await store.commitEdge(workload, next++ % workload.edgeCount);
  };
  const commitsPerSecond = async (callers) => {
    const first = next;
    const started = performance.now();
    await Promise.all(Array.from({ length: callers }, () => caller(started + commitMs)));
    return ((next - first) / (performance.now() - started)) * 1000;
  };
  await commitsPerSecond(1);
  const alone = await commitsPerSecond(1);
  const together = await commitsPerSecond(concurrentCallers);
  await store.close();
  return { commitsAlonePerSecond: alone, commitsTogetherPerSecond: together };
}

async function ids(engine, path, workload) {
  const result = {};
  for (const batch of [1000, 100_000]) {
    const store = await openAt(engine, join(path, String(batch)));
    const nodes = await store.writeNodesBulk(workload);
    const from = workload.from.map((i) => nodes[i]);
    const to = workload.to.map((i) => nodes[i]);
    const write = (start, end) =>
      store.writeEdgesByIds(from.subarray(start, end), to.subarray(start, end));
    const ms = await elapsed(async () => {
      await inTransactions(store, workload.edgeCount, write, batch);
      await store.close();
    });
    result[`idsBy${batch}PerSecond`] = (workload.edgeCount / ms) * 1000;
  }
  return result;
}

async function openAt(engine, path, durability = "os") {
  mkdirSync(path, { recursive: true });
  return engine.openStore(join(path, "store"), { durability });
}

function writeAllEdges(store, workload) {
  return inTransactions(store, workload.edgeCount, (start, end) =>
    store.writeEdges(workload, start, end),
  );
}

/** `write(start, end)` for all of `total`, up to `inFlightMax` transactions under way at once. */
async function inTransactions(store, total, write, batch = transactionEdges) {
  const underWay = [];
  for (let start = 0; start < total; start += batch) {
    if (underWay.length === store.inFlightMax) await underWay.shift();
    underWay.push(write(start, Math.min(total, start + batch)));
  }
  await Promise.all(underWay);
}

async function elapsed(task) {
  const started = performance.now();
  await task();
  return performance.now() - started;
}
