// The full check: every header, frame and footer on disk again, and every index against a replay of the log.
import { MalformedBytes } from "../codec/bytes.ts";
import { VarveError } from "../codec/errors.ts";
import type { ReadSource } from "../graph/read-source.ts";
import type { GraphIndex } from "../index/graph-index.ts";
import { readManifest } from "../log/manifest-store.ts";
import type { NameTable } from "../log/name-table.ts";
import { verifyLog } from "../recovery/verify-log.ts";
import { compareAll } from "./compare-families.ts";
import type { DatabaseCore } from "./database-core.ts";
import { SecondIndex } from "./second-index.ts";
import type { VerifyProblem, VerifyReport } from "./verify-report.ts";

/** Checks an open database as of what is durable when it begins; writes may go on meanwhile. */
export async function verifyDatabase(core: DatabaseCore): Promise<VerifyReport> {
  await core.log.flush();
  const problems: VerifyProblem[] = [];
  const { ports } = core.settings;
  const epoch = core.cuts.epoch;
  let read = { frames: 0, events: 0, lastLsn: 0 };
  const damages = await treeProblems(core);
  const second = new SecondIndex(core);
  const { index, names } = second;
  problems.push(...damages);
  // Order: what is named here is there until it is read.
  const release = core.log.rewriting?.hold();
  const segments = core.log.segments();
  try {
    problems.push(...(await manifestProblems(core)));
    read = await verifyLog(ports.disk, core.directory, segments, second.sink);
    // Whoever reads by a damaged index starts its rebuild, and learns no more than is known by now.
    if (damages.length > 0) return reported();
    const events = core.log.events;
    const replayed = fixedSource(core, index, names, read.lastLsn, epoch, events);
    const live = fixedSource(core, core.index, core.names, read.lastLsn, epoch, events);
    compareAll(live, replayed, problems);
  } catch (error) {
    problems.push(problemOf(error));
  } finally {
    release?.();
    await second.close();
  }
  return reported();

  function reported(): VerifyReport {
    const { nodeCount: nodes, edgeCount: edges } = index;
    const sound = problems.length === 0;
    return { sound, segments: segments.length, ...read, nodes, edges, problems };
  }
}

/** Every page of every tree on disk, whether a read would come by it or not. */
async function treeProblems({ runs, log, renew }: DatabaseCore): Promise<VerifyProblem[]> {
  try {
    for (;;) {
      const found = await runs.findDamage();
      if (found.length === 0 || renew === undefined) return found.map(problemOf);
      // Trees that are gone may have been the writer's to remove: a newer checkpoint names others.
      await log.flush();
      if (!(await renew())) return found.map(problemOf);
    }
  } catch (error) {
    return [problemOf(error)];
  }
}

/** Damage to either copy: the other one is enough to go on, and the next edit would hide it. */
async function manifestProblems({ settings, directory }: DatabaseCore): Promise<VerifyProblem[]> {
  const { disk } = settings.ports;
  let unsound: readonly string[] = [];
  // A copy may be read while an edit writes it: what is damaged is so twice.
  for (let attempt = 0; attempt < 2; attempt++) {
    const { damaged, missing } = await readManifest(disk, directory, false);
    unsound = [...damaged, ...missing];
    if (unsound.length === 0) return [];
  }
  return unsound.map((file) => ({
    where: file,
    message: `${file} is no sound copy of the manifest`,
    details: { file },
  }));
}

/** What a check reports instead of failing: that something on disk is not as it was written. */
const findings: ReadonlySet<string> = new Set([
  "CORRUPT",
  "FORMAT_UNSUPPORTED",
  "IO",
  "NOT_FOUND",
  "INDEX_REBUILDING",
]);

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
    graph: () => 0,
    check: (at, since) => core.source.check(at, since),
    counts: () => ({ nodes: index.nodeCount, edges: index.edgeCount }),
  };
}

/** Turns damage into a problem to report; anything else is no finding and is thrown on. */
export function problemOf(error: unknown): VerifyProblem {
  if (error instanceof MalformedBytes) return { where: "log", message: error.message, details: {} };
  if (!(error instanceof VarveError) || !findings.has(error.code)) throw error;
  const file = error.details["file"] ?? error.details["path"];
  return {
    where: typeof file === "string" ? file : "log",
    message: error.message,
    details: error.details,
  };
}
