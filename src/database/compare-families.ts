// Compares everything beside the default graph: the graphs and maps that there are, and what is in them.
import { allEdges, familiesOf } from "../graph/everything.ts";
import { walkEntries, wholeMap } from "../graph/map-reader.ts";
import type { ReadSource } from "../graph/read-source.ts";
import { StoreReader } from "../graph/store-reader.ts";
import type { EdgeRecord } from "../graph/types.ts";
import { NAME_KIND } from "../log/name-table.ts";
import { compareEdges, compareGraphs, compareNodes } from "./compare-graphs.ts";
import type { VerifyProblem } from "./verify-report.ts";

/** Adds a problem for each difference between the live indexes and a replay. */
export function compareAll(
  live: ReadSource,
  replayed: ReadSource,
  problems: VerifyProblem[],
): void {
  const found = new StoreReader(live);
  const expected = new StoreReader(replayed);
  const graphs = namesOf([found, expected], "graph");
  if (graphs.size === 0) {
    compareGraphs(found, expected, problems);
  } else {
    compareNodes(found, expected, problems, false);
    for (const name of graphs) {
      compareNodes(found.graph(name), expected.graph(name), problems, true);
      compareCounts(found.graph(name), expected.graph(name), name, problems);
    }
    // One scan of the log for all of them.
    compareEdges(edgesOf(found), edgesOf(expected), problems);
  }
  for (const name of namesOf([found, expected], "map")) {
    compareMap(live, replayed, name, problems);
  }
}

type Counted = Pick<StoreReader, "nodeCount" | "edgeCount">;

function compareCounts(
  live: Counted,
  replayed: Counted,
  name: string,
  problems: VerifyProblem[],
): void {
  if (live.nodeCount === replayed.nodeCount && live.edgeCount === replayed.edgeCount) return;
  const message = `graph ${name} counts other nodes or edges than the log has`;
  problems.push({ where: "graph", message, details: { graph: name } });
}

function compareMap(
  live: ReadSource,
  replayed: ReadSource,
  name: string,
  problems: VerifyProblem[],
): void {
  const [found, expected] = [live, replayed].map((source) => entriesOf(source, name));
  for (;;) {
    const a = found!.next();
    const b = expected!.next();
    if (a.done === true && b.done === true) return;
    if (a.done !== true && b.done !== true) {
      if (a.value.key === b.value.key && a.value.lsn === b.value.lsn) continue;
    }
    const key = (b.value ?? a.value)?.key;
    const message = `map ${name} has another entry ${key} than the log`;
    problems.push({ where: "map", message, details: { map: name } });
    return;
  }
}

function entriesOf(source: ReadSource, name: string): ReturnType<typeof walkEntries> {
  const lsn = source.lsn("verify");
  const map = source.index.familyNamed(NAME_KIND.map, name, lsn);
  return walkEntries(
    source,
    wholeMap(Math.max(map, 0), lsn),
    map < 0 ? 0 : Number.POSITIVE_INFINITY,
  );
}

function* edgesOf(view: StoreReader): Generator<EdgeRecord, void> {
  for (const [, edge] of allEdges(view)) yield edge as EdgeRecord;
}

function namesOf(views: readonly StoreReader[], kind: "graph" | "map"): Set<string> {
  return new Set(views.flatMap((view) => familiesOf(view, kind).map(({ name }) => name)));
}
