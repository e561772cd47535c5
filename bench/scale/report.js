// Prints a scale run as a table, with the figure to reach beside each that has one.
import { rateText } from "../table.js";

// What the project set itself, from so many edges on.
const goals = {
  edgesPerSecondAt100m: 250_000,
  lastToFirst: 0.7,
  residentBytes: 900 * 2 ** 20,
  residentBytesAt100m: 1.5 * 2 ** 30,
  bytesPerEdge: 50,
  writeAmplification: 6,
  loopP999Ms: 20,
  openMs: 50,
  openAfterKillMs: 1000,
  nodesPerSecond: 700_000,
  neighborsPerSecond: 20e6,
  scanPerSecond: 2e6,
};

export function printReport(report) {
  const { settings } = report;
  console.log(
    `\n${settings.edgeCount} R-MAT edges, ${settings.nodeCount} nodes, by ${settings.by}, ` +
      `memory budget ${mebibytes(settings.memoryBudget)}, durability "os"\n`,
  );
  // Below that a run tests the measurement, and its figures say nothing.
  const isMeasured = settings.edgeCount >= 1_000_000;
  for (const [title, text, goal, isReached] of rowsOf(report)) {
    const verdict =
      goal === undefined || !isMeasured ? "" : `  ${isReached ? "reached" : "MISSED"}: ${goal}`;
    console.log(`${title.padEnd(44)}${text.padStart(16)}${verdict}`);
  }
}

function rowsOf({ settings, ingest, open, kills, reads }) {
  const isLargest = settings.edgeCount >= 100e6;
  const meanGoal = isLargest ? goals.edgesPerSecondAt100m : undefined;
  const residentGoal = isLargest ? goals.residentBytesAt100m : goals.residentBytes;
  // Of tenths of a million the first one mostly shows the compiler of Node at work.
  const lastToFirstGoal = settings.edgeCount >= 10e6 ? goals.lastToFirst : undefined;
  const { slices, eventLoop, bytesPerEdge, writeAmplification, traces } = ingest;
  const killed = { openMs: worst(kills, "openMs"), replayed: worst(kills, "replayedEvents") };
  const { cold, warm, scan } = reads;
  return [
    atLeast("edges written /s", rateText, ingest.edgesPerSecond, meanGoal),
    ["  with checkpoint and close", rateText(ingest.edgesPerSecondWithClose)],
    ["  first slice", rateText(slices[0].perSecond)],
    ["  last slice", rateText(slices.at(-1).perSecond)],
    atLeast("  last to first", ratio, ingest.lastToFirst, lastToFirstGoal),
    ["  the generator's share of the time", ratio(ingest.generatorMs / ingest.ingestMs)],
    atMost("resident memory at most, ingest", mebibytes, ingest.residentMaxBytes, residentGoal),
    ["  before the database was opened", mebibytes(ingest.residentBefore.bytes)],
    atMost("event loop blocked, ingest, p99.9", milliseconds, eventLoop.p999Ms, goals.loopP999Ms),
    ["  p99", milliseconds(eventLoop.p99Ms)],
    ["  at most", milliseconds(eventLoop.maxMs)],
    ["  at most, checkpoint and close", milliseconds(ingest.eventLoopAtEnd.maxMs)],
    ["disk, bytes an edge: log", bytesPerEdge.log.toFixed(1)],
    ["  indexes", bytesPerEdge.index.toFixed(1)],
    atMost("  all, after checkpoint", bytes, bytesPerEdge.total, goals.bytesPerEdge),
    ["  all files, after close", bytesPerEdge.onDisk.toFixed(1)],
    ["written over log bytes: as counted", ratio(writeAmplification.counted)],
    atMost("  in write calls", ratio, writeAmplification.calls, goals.writeAmplification),
    ["  by the system", ratio(writeAmplification.disk)],
    ["checkpoints", traceText(traces.checkpoint)],
    ["flushes", count(ingest.flushes)],
    ["merges", traceText(traces.merge)],
    ["checkpoint asked for at the end", milliseconds(ingest.checkpointMs)],
    ["close", milliseconds(ingest.closeMs)],
    atMost("open, clean", milliseconds, open.medianMs, goals.openMs),
    ["  events replayed", count(open.replayedEvents)],
    atMost("open after a kill, the longest", milliseconds, killed.openMs, goals.openAfterKillMs),
    ["  events replayed, the most", count(killed.replayed)],
    ["neighborIds cold, median", milliseconds(cold.medianMs)],
    ["  p99", milliseconds(cold.p99Ms)],
    ["  pages read a call", cold.pagesPerCall === undefined ? "-" : cold.pagesPerCall.toFixed(2)],
    ["  pages read, at most", count(cold.pagesMax)],
    atLeast("node(key) warm /s", rateText, warm.nodesPerSecond, goals.nodesPerSecond),
    atLeast(
      "neighborIds warm, by edge, ids /s",
      rateText,
      warm.neighborsByEdgePerSecond,
      goals.neighborsPerSecond,
    ),
    ["neighborIds warm, uniform, calls /s", rateText(warm.neighborCallsUniformPerSecond)],
    atLeast("edges scanned with props /s", rateText, scan.warm.perSecond, goals.scanPerSecond),
    ["  the first time", rateText(scan.first.perSecond)],
  ];
}

function atLeast(title, format, value, goal) {
  const goalText = goal === undefined ? undefined : `at least ${format(goal)}`;
  return [title, format(value), value === undefined ? undefined : goalText, value >= goal];
}

function atMost(title, format, value, goal) {
  const goalText = goal === undefined ? undefined : `at most ${format(goal)}`;
  return [title, format(value), value === undefined ? undefined : goalText, value <= goal];
}

function worst(kills, field) {
  const values = kills.map((kill) => kill[field]).filter((value) => value !== undefined);
  return values.length === 0 ? undefined : Math.max(...values);
}

function traceText(trace) {
  return trace === undefined ? "-" : `${trace.count} in ${milliseconds(trace.totalMs)}`;
}

function mebibytes(value) {
  return `${Math.round(value / 2 ** 20)} MiB`;
}

function milliseconds(ms) {
  return ms === undefined ? "-" : `${ms.toFixed(ms < 10 ? 2 : 0)} ms`;
}

function ratio(value) {
  return value === undefined ? "-" : value.toFixed(2);
}

function bytes(value) {
  return value.toFixed(1);
}

function count(value) {
  return value === undefined ? "-" : value.toLocaleString("en");
}
