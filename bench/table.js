// Prints the benchmark's figures as one table, engines as columns.

const rows = [
  ["nodes written /s", "nodesPerSecond", rate],
  ["edges written /s (close included)", "edgesPerSecond", rate],
  ["  by ids, 1,000 a time", "idsBy1000PerSecond", rate],
  ["  by ids, 100,000 a time", "idsBy100000PerSecond", rate],
  ["node(key) /s", "nodeReadsPerSecond", rate],
  ["neighbours out, by edge, ids /s", "neighborsByEdgePerSecond", rate],
  ["neighbours in, by edge, ids /s", "neighborsInByEdgePerSecond", rate],
  ["neighbours out, uniform, calls /s", "neighborCallsUniformPerSecond", rate],
  ["edges scanned with props /s", "scanPerSecond", rate],
  ["feed catch-up, events /s", "feedEventsPerSecond", rate],
  ["durable commits, one at a time /s", "commitsAlonePerSecond", rate],
  ["durable commits, 64 callers /s", "commitsTogetherPerSecond", rate],
  ["open, clean", "openMs", milliseconds],
  ["open after a kill", "openAfterKillMs", milliseconds],
  ["  events replayed /s", "replayedPerSecond", rate],
  ["disk, bytes an edge", "bytesPerEdge", (bytes) => bytes.toFixed(1)],
  ["event loop blocked, load, p99.9", "loopBlockedP999Ms", milliseconds],
  ["  at most", "loopBlockedMaxMs", milliseconds],
  [
    "resident memory at most, load",
    "residentMaxBytes",
    (bytes) => `${Math.round(bytes / 2 ** 20)} MiB`,
  ],
];

/** One column an engine; a figure an engine does not have is a dash. */
export function printTable(figures, { scale, edgeCount, transactionEdges }) {
  const names = Object.keys(figures);
  console.log(
    `\n${2 ** scale} nodes, ${edgeCount} R-MAT edges, ${transactionEdges} edges a transaction, written at durability "os"\n`,
  );
  printRow("", names);
  for (const [title, field, format] of rows) {
    const cells = names.map((name) => figures[name][field]);
    if (cells.some((cell) => cell !== undefined))
      printRow(
        title,
        cells.map((cell) => (cell === undefined ? "-" : format(cell))),
      );
  }
  for (const name of names)
    for (const [level, note] of Object.entries(figures[name].durabilityNotes))
      console.log(`${name} ${figures[name].version}, ${level}: ${note}`);
}

/** The same as rows of cells, the first row and column being titles. */
export function tableCells(figures) {
  const names = Object.keys(figures);
  const body = rows
    .filter(([, field]) => names.some((name) => figures[name][field] !== undefined))
    .map(([title, field, format]) => [
      title.trim(),
      ...names.map((name) => {
        const cell = figures[name][field];
        return cell === undefined ? "" : format(cell);
      }),
    ]);
  return [["", ...names], ...body];
}

export function rateText(perSecond) {
  return rate(perSecond);
}

function printRow(title, cells) {
  console.log(title.padEnd(36) + cells.map((cell) => cell.padStart(15)).join(""));
}

function rate(perSecond) {
  if (perSecond >= 1e6) return `${(perSecond / 1e6).toFixed(2)} M`;
  return perSecond >= 1e3 ? `${(perSecond / 1e3).toFixed(1)} K` : perSecond.toFixed(0);
}

function milliseconds(ms) {
  return `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
}
