// The full check: every header, frame and footer on disk again, and every index against a replay of the log.
import { MalformedBytes } from "../codec/bytes.ts";
import { VarveError } from "../codec/errors.ts";
import { GraphReader } from "../graph/graph-reader.ts";
import type { ReadSource } from "../graph/read-source.ts";
import { GraphIndex } from "../index/graph-index.ts";
import { NameTable } from "../log/name-table.ts";
import { verifyLog } from "../recovery/verify-log.ts";
import { compareGraphs } from "./compare-graphs.ts";
import type { DatabaseCore } from "./database-core.ts";
import { replaySink } from "./replay-sink.ts";
import { SystemState } from "./system-values.ts";
import type { VerifyProblem, VerifyReport } from "./verify-report.ts";

/** Checks an open database as of what is durable when it begins; writes may go on meanwhile. */
export async function verifyDatabase(core: DatabaseCore): Promise<VerifyReport> {
  await core.log.flush();
  const problems: VerifyProblem[] = [];
  const names = new NameTable();
  const index = new GraphIndex(names);
  const sink = replaySink(index, new SystemState());
  const { ports } = core.settings;
  const segments = core.log.segments();
  const epoch = core.cuts.epoch;
  let read = { frames: 0, events: 0, lastLsn: 0 };
  try {
    read = await verifyLog(ports.disk, core.directory, segments, sink);
    const events = core.log.events;
    const replayed = fixedSource(core, index, names, read.lastLsn, epoch, events);
    const live = fixedSource(core, core.index, core.names, read.lastLsn, epoch, events);
    compareGraphs(new GraphReader(live), new GraphReader(replayed), problems);
  } catch (error) {
    problems.push(problemOf(error));
  }
  return {
    sound: problems.length === 0,
    segments: segments.length,
    ...read,
    nodes: index.nodeCount,
    edges: index.edgeCount,
    problems,
  };
}

function fixedSource(
  core: DatabaseCore,
  index: GraphIndex,
  names: NameTable,
  lsn: number,
  epoch: number,
  events: ReadSource["events"],
): ReadSource {
  return {
    index,
    names,
    events,
    epoch,
    lsn: (method) => {
      core.source.lsn(method);
      return lsn;
    },
    check: (at, since) => core.source.check(at, since),
    counts: () => ({ nodes: index.nodeCount, edges: index.edgeCount }),
  };
}

/** Turns damage into a problem to report; anything else is no finding and is thrown on. */
export function problemOf(error: unknown): VerifyProblem {
  if (error instanceof MalformedBytes) return { where: "log", message: error.message, details: {} };
  const known = error instanceof VarveError && (error.code === "CORRUPT" || error.code === "IO");
  if (!known) throw error;
  const { file } = error.details;
  return {
    where: typeof file === "string" ? file : "log",
    message: error.message,
    details: error.details,
  };
}
