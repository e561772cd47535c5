// One scale run: its phases one after the other, each in a process of its own, and what they found put together.
import { fork, spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { residentOf } from "../process-figures.js";
import { transactionEdges } from "../workload.js";
import { readNumbers, writeNumbers } from "./answers.js";
import { Expected, problemsOf } from "./expected.js";
import { shortCount } from "./options.js";

const childModule = fileURLToPath(new URL("child.js", import.meta.url));
// Below this a run is a test of the measurement, not a measurement.
const smallRunEdges = 1_000_000;
const openRounds = 5;
const killRounds = 3;
const residentSampleMs = 250;
const residentSamplesMax = 400;

export class ScaleRun {
  #options;
  #folder;
  #tell;
  #expected;
  #wrong = [];

  /** @param tell gets a line at the beginning of each phase. */
  constructor(options, folder, tell) {
    this.#options = options;
    this.#folder = folder;
    this.#tell = tell;
    this.#expected = new Expected(options);
  }

  get #isSmall() {
    return this.#options.edgeCount < smallRunEdges;
  }

  async run() {
    const { edgeCount, scale, memoryBudget, by, killAt } = this.#options;
    const path = join(this.#folder, "store");
    const ingest = await this.#ingest(path, 0, edgeCount);
    const opens = [];
    for (let round = 0; round < (this.#isSmall ? 1 : openRounds); round++)
      opens.push(await this.#phase("open", path));
    const reads = await this.#phase("reads", path, { written: edgeCount });
    await this.#check(path, edgeCount, "after ingest");
    const kills = await this.#killings(path);
    return {
      settings: { edgeCount, scale, nodeCount: 2 ** scale, memoryBudget, by, killAt },
      transactionEdges,
      ingest: ingestFigures(ingest, edgeCount),
      open: {
        medianMs: median(opens.map(({ openMs }) => openMs)),
        roundsMs: opens.map(({ openMs }) => openMs),
        importMs: median(opens.map(({ importMs }) => importMs)),
        closeMs: median(opens.map(({ closeMs }) => closeMs)),
        replayedEvents: opens[0].recovery?.replayedEvents,
        residentMaxBytes: Math.max(...opens.map(({ residentMaxBytes }) => residentMaxBytes)),
      },
      kills,
      reads,
      wrong: this.#wrong,
    };
  }

  #ingest(path, first, edgeCount, killAt) {
    const tenth = Math.ceil(edgeCount / 10 / transactionEdges) * transactionEdges;
    // A kill comes soon after its number, wherever the database is with its work then.
    const markEdges = killAt === undefined ? Math.min(100_000, tenth) : transactionEdges;
    return this.#phase("ingest", path, { first, edgeCount, markEdges }, killAt);
  }

  /** Kills a process that writes, opens what it left, and checks that; again and again, or once from the start. */
  async #killings(mainPath) {
    const { edgeCount, killAt } = this.#options;
    const kills = [];
    if (killAt === undefined) return kills;
    const goesOn = killAt > edgeCount;
    const path = goesOn ? mainPath : join(this.#folder, "killed");
    const rounds = goesOn && !this.#isSmall ? killRounds : 1;
    let first = goesOn ? edgeCount : 0;
    for (let round = 1; round <= rounds; round++) {
      const from = goesOn ? edgeCount : 0;
      const at = from + Math.floor((killAt - from) * (round / rounds));
      const { acknowledged } = await this.#ingest(path, first, at * 2, at);
      const opened = await this.#phase("open", path, { isDirty: true });
      const { openMs, recovery, residentMaxBytes } = opened;
      kills.push({
        acknowledged,
        edges: opened.edgeCount,
        openMs,
        replayedEvents: recovery?.replayedEvents,
        recovery,
        residentMaxBytes,
      });
      // At durability "os" a killed process loses nothing that was acknowledged, and no part of a transaction is left.
      if (opened.edgeCount < acknowledged || opened.edgeCount % transactionEdges !== 0)
        this.#wrong.push(`${opened.edgeCount} edges after the kill, ${acknowledged} acknowledged`);
      first = opened.edgeCount;
    }
    if (first < this.#expected.edgeCount) this.#expected = new Expected(this.#options);
    await this.#check(path, first, "after the kills");
    return kills;
  }

  async #check(path, edgeCount, when) {
    this.#expected.advance(edgeCount);
    const names = ["degreesOf", "neighborsOf", "degrees", "neighbors"];
    const files = Object.fromEntries(names.map((name) => [name, join(this.#folder, name)]));
    writeNumbers(files.degreesOf, this.#expected.nodesAskedForDegrees());
    writeNumbers(files.neighborsOf, this.#expected.nodesAskedForNeighbors());
    const answered = await this.#phase("answers", path, { files });
    const given = { ...answered };
    for (const name of names) given[name] = readNumbers(files[name]);
    damage(given);
    for (const problem of problemsOf(this.#expected, given))
      this.#wrong.push(`${when}: ${problem}`);
  }

  async #phase(phase, path, more = {}, killAt = undefined) {
    const { scale, memoryBudget, by } = this.#options;
    this.#tell(
      `${phase}${more.edgeCount === undefined ? "" : ` to ${shortCount(killAt ?? more.edgeCount)}`}`,
    );
    // What the phase before left unsynced must not be written back during this one; after a kill it may.
    if (!more.isDirty && !this.#isSmall) spawnSync("sync");
    const roundMs = this.#isSmall ? 20 : 700;
    const task = { phase, path, scale, memoryBudget, by, roundMs, ...more };
    const result = await inChild(task, killAt);
    if (result.error !== undefined) throw new Error(`${phase}: ${result.error}`);
    return result;
  }
}

/** What a child sends back, with its resident memory over time; what it acknowledged where it was killed. */
function inChild(task, killAt) {
  return new Promise((resolve) => {
    const child = fork(childModule);
    const started = performance.now();
    const resident = [];
    const sampler = setInterval(() => {
      const bytes = residentOf(child.pid);
      if (bytes !== undefined) resident.push({ ms: performance.now() - started, bytes });
    }, residentSampleMs);
    let result;
    let acknowledged = 0;
    child.on("message", (message) => {
      acknowledged = message.acknowledged ?? acknowledged;
      result = message.result ?? result;
      if (killAt !== undefined && acknowledged >= killAt) child.kill("SIGKILL");
    });
    child.on("exit", (code, signal) => {
      clearInterval(sampler);
      const isMeant = killAt !== undefined && signal === "SIGKILL";
      const ended = isMeant ? { acknowledged } : { error: `ended early (${code ?? signal})` };
      resolve({ ...(result ?? ended), resident: thinned(resident) });
    });
    child.send(task);
  });
}

// So that the check itself can be seen to fail: makes one answer a wrong one.
function damage(given) {
  const name = process.env["VARVE_SCALE_FLIP"];
  if (name === "degrees" || name === "neighbors") given[name][given[name].length - 1] ^= 1;
  else if (name !== undefined) given[name] ^= 1;
}

function ingestFigures(ingest, edgeCount) {
  const { marks, ingestMs, closeMs, checkpointMs = 0, stats, writtenBytes } = ingest;
  const slices = rateSlices(marks, edgeCount);
  const log = stats.bytes.log;
  return {
    edgesPerSecond: (edgeCount / ingestMs) * 1000,
    edgesPerSecondWithClose: (edgeCount / (ingestMs + checkpointMs + closeMs)) * 1000,
    slices,
    lastToFirst: slices.at(-1).perSecond / slices[0].perSecond,
    bytesPerEdge: {
      log: log / edgeCount,
      index: stats.bytes.index / edgeCount,
      total: stats.bytes.total / edgeCount,
      onDisk: ingest.diskBytesClosed / edgeCount,
    },
    writeAmplification: {
      // What the database says it wrote, what it gave to write calls, and what the system had to write, over the log.
      counted:
        (stats.counters.bytes + stats.counters.flushedBytes + stats.counters.mergedBytes) / log,
      calls: writtenBytes && writtenBytes.calls / log,
      disk: writtenBytes && writtenBytes.disk / log,
    },
    flushes: stats.counters.flushes,
    ...ingest,
  };
}

/** Rates of each million; of each tenth where there are fewer than ten millions. */
function rateSlices(marks, edgeCount) {
  const sliceEdges = Math.min(1_000_000, Math.ceil(edgeCount / 10));
  const slices = [];
  let from = { edges: 0, ms: 0 };
  for (const mark of marks) {
    if (mark.edges - from.edges < sliceEdges && mark.edges !== edgeCount) continue;
    const ms = mark.ms - from.ms;
    slices.push({ toEdges: mark.edges, perSecond: ((mark.edges - from.edges) / ms) * 1000 });
    from = mark;
  }
  return slices;
}

function thinned(samples) {
  const step = Math.ceil(samples.length / residentSamplesMax);
  return samples.filter((_, i) => i % step === 0);
}

function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}
