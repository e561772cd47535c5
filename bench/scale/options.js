// The arguments of `npm run scale`, read and completed.
import { parseArgs } from "node:util";
import { transactionEdges } from "../workload.js";

export const usage = `npm run scale -- [options]
  --edges N            how many edges, as 20m or 100k; default 1m
  --nodes auto|N       nodes of the R-MAT graph, a power of two; auto: 131,072 at 1m, 2^21 at 20m, 2^23 at 100m
  --memory-budget auto|N
                       bytes of the database's memoryBudget, as 256m; auto, the default: 8 an edge, and 256m at least
  --by keys|ids        keys (default): addEdge with string keys and two props, nodes made on the way, 1,000 edges a
                       transaction; ids: addEdges by numeric ids without props
  --kill-at N|never    SIGKILL during ingest, at so many edges; default 1.05 times --edges, which goes on with the same
                       database and kills three times; up to --edges it is a database of its own, killed once
  --dir PATH           where the databases are made; default tmp/ of the project
  --results PATH       where the report and the chart are written; default bench/results
  --keep               leave the databases there
  --json               the report as JSON on standard output, in place of the table`;

/** @throws RangeError in words for whoever typed it. */
export function readOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      edges: { type: "string", default: "1m" },
      nodes: { type: "string", default: "auto" },
      "memory-budget": { type: "string", default: "auto" },
      by: { type: "string", default: "keys" },
      "kill-at": { type: "string" },
      dir: { type: "string" },
      results: { type: "string" },
      keep: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const edgeCount = amount("--edges", values.edges, 1000, 10_000);
  if (edgeCount % transactionEdges !== 0)
    throw new RangeError(`--edges takes a multiple of ${transactionEdges}, not ${values.edges}`);
  if (values.by !== "keys" && values.by !== "ids") throw new RangeError("--by takes keys or ids");
  return {
    edgeCount,
    scale: scaleFor(values.nodes, edgeCount),
    memoryBudget: budgetFor(values["memory-budget"], edgeCount),
    by: values.by,
    killAt: killPoint(values["kill-at"], edgeCount),
    dir: values.dir,
    results: values.results,
    keep: values.keep,
    json: values.json,
    help: values.help,
  };
}

/** A count as people write it: 20m, 100k, 5000. */
export function shortCount(count) {
  if (count % 1e6 === 0) return `${count / 1e6}m`;
  return count % 1e3 === 0 ? `${count / 1e3}k` : String(count);
}

// Graph500 has 16 edges a node; here there are 7.6 at 1 M and, as hubs must not be the whole of it, 11.9 at 100 M.
function scaleFor(nodes, edgeCount) {
  if (nodes === "auto") return Math.max(4, 17 + Math.floor(Math.log2(edgeCount / 1e6)));
  const scale = Math.log2(amount("--nodes", nodes, 1000, 16));
  if (!Number.isInteger(scale) || scale > 30)
    throw new RangeError(`--nodes takes auto or a power of two up to 2^30, not ${nodes}`);
  return scale;
}

function budgetFor(given, edgeCount) {
  if (given === "auto") return Math.max(256 * 2 ** 20, 8 * edgeCount);
  return amount("--memory-budget", given, 1024, 1);
}

function killPoint(given, edgeCount) {
  if (given === "never") return undefined;
  if (given === undefined) return edgeCount + Math.max(10_000, Math.floor(edgeCount / 20));
  return amount("--kill-at", given, 1000, 5000);
}

function amount(name, text, thousand, min) {
  const match = /^(\d+(?:\.\d+)?)([kmg]?)$/i.exec(text);
  const power = match === null ? Number.NaN : ["", "k", "m", "g"].indexOf(match[2].toLowerCase());
  const value = match === null ? Number.NaN : Number(match[1]) * thousand ** power;
  if (Number.isSafeInteger(value) && value >= min) return value;
  throw new RangeError(`${name} takes a number from ${min}, as 500k or 20m, not ${text}`);
}
