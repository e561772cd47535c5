// Walks over everything in a database or view: nodes and edges of all graphs, entries of all maps.

import { NAME_KIND } from "../log/name-table.ts";
import { EdgeScan } from "./edge-scan.ts";
import { type MapEntry, walkEntries, wholeMap } from "./map-reader.ts";
import { walkNodes } from "./node-walk.ts";
import { nameOf, type PlainEdge, type PlainNode } from "./records.ts";
import { StoreReader } from "./store-reader.ts";

const noBytes: Uint8Array = new Uint8Array(0);
const all: number = Number.POSITIVE_INFINITY;

/** A graph or a map that there is as of an LSN. */
interface Named {
  readonly number: number;
  readonly name: string;
}

/** Those of a kind that something is or was in, in the order in which they were begun. */
export function familiesOf(view: StoreReader, kind: keyof typeof NAME_KIND): Named[] {
  const source = StoreReader.sourceOf(view);
  const lsn = source.lsn("families");
  const found: Named[] = [];
  for (const family of source.index.families.all()) {
    if (family.kind !== NAME_KIND[kind]) continue;
    if (family.firstLsn > lsn || family.droppedLsn <= lsn) continue;
    found.push({ number: family.number, name: nameOf(source.names, family.number) });
  }
  return found;
}

/** Every node with the name of its graph, graph by graph, the default one first. */
export function* allNodes(
  view: StoreReader,
): Generator<readonly [graph: string, node: PlainNode], void> {
  const source = StoreReader.sourceOf(view);
  const lsn = source.lsn("nodes");
  for (const { number, name } of [{ number: 0, name: "" }, ...familiesOf(view, "graph")]) {
    const walk = { graph: number, label: 0, prefix: noBytes, after: noBytes, lsn, limit: all };
    for (const node of walkNodes(source, walk)) yield [name, node];
  }
}

/** Every entry with the name of its map. */
export function* allEntries(
  view: StoreReader,
): Generator<readonly [map: string, entry: MapEntry], void> {
  const source = StoreReader.sourceOf(view);
  const lsn = source.lsn("entries");
  for (const { number, name } of familiesOf(view, "map")) {
    for (const entry of walkEntries(source, wholeMap(number, lsn), all)) yield [name, entry];
  }
}

/** Every edge with the name of its graph, by id. */
export function* allEdges(
  view: StoreReader,
): Generator<readonly [graph: string, edge: PlainEdge], void> {
  const source = StoreReader.sourceOf(view);
  const lsn = source.lsn("edges");
  const plan = { graph: undefined, types: undefined, after: 0, lsn, limit: all };
  const scan = new EdgeScan(source, plan);
  for (const edge of scan) {
    const { family } = scan;
    yield [family === 0 ? "" : nameOf(source.names, family), edge];
  }
}
