// Compares two graphs node by node and edge by edge, through everything that reads go through.
import { ByteWriter } from "../codec/bytes.ts";
import { compareBytes } from "../codec/text.ts";
import { writeValue } from "../codec/values.ts";
import type { GraphReader } from "../graph/graph-reader.ts";
import type { EdgeRecord } from "../graph/types.ts";
import type { VerifyProblem } from "./verify-report.ts";

const problemsMax = 100;

/** Adds a problem for each node or edge that differs between the live indexes and a replay. */
export function compareGraphs(
  live: GraphReader,
  replayed: GraphReader,
  problems: VerifyProblem[],
): void {
  compareNodes(live, replayed, problems, false);
  compareEdges(live.allEdges(), replayed.allEdges(), problems);
}

/**
 * The same for the records and adjacency of nodes.
 * @param isSparse whether only some of the ids that were given out are of this graph.
 */
export function compareNodes(
  live: GraphReader,
  replayed: GraphReader,
  problems: VerifyProblem[],
  isSparse: boolean,
): void {
  const labels = new Set<string>();
  const ids: number[] = [];
  let lastId = 0;
  const liveNodes = live.nodes()[Symbol.iterator]();
  for (const expected of replayed.nodes()) {
    const found = liveNodes.next();
    const key = found.done ? undefined : found.value.key;
    if (key !== expected.key) {
      report(problems, "node key index", `expected node ${expected.key}, found ${key}`);
      return;
    }
    if (found.value.id !== expected.id || found.value.lsn !== expected.lsn) {
      report(problems, "node index", `node ${key} has another version than the log`);
    }
    if (found.value.labels.join("\0") !== expected.labels.join("\0")) {
      report(problems, "node index", `node ${key} has other labels than in the log`);
    }
    if (!sameProps(found.value.props, expected.props)) {
      report(problems, "node index", `node ${key} has other props than in the log`);
    }
    lastId = Math.max(lastId, expected.id);
    if (isSparse) ids.push(expected.id);
    for (const label of expected.labels) labels.add(label);
    if (problems.length >= problemsMax) return;
  }
  const order = isSparse ? Uint32Array.from(ids).sort() : upTo(lastId);
  compareAdjacency(live, replayed, order, problems);
  for (const label of labels) compareLabel(live, replayed, label, problems);
  const extra = liveNodes.next();
  if (!extra.done) report(problems, "node key index", `node ${extra.value.key} is not in the log`);
}

/** In the order of ids, in which the entries lie: in that of keys every node would cost pages of its own. */
function compareAdjacency(
  live: GraphReader,
  replayed: GraphReader,
  ids: Iterable<number>,
  problems: VerifyProblem[],
): void {
  for (const id of ids) {
    if (problems.length >= problemsMax) return;
    for (const direction of ["out", "in"] as const) {
      const a = live.edgeIds(id, { direction });
      if (sameIds(a, replayed.edgeIds(id, { direction }))) continue;
      const key = replayed.nodeKey(id);
      report(problems, `${direction} index`, `edges of node ${key} differ from the log`);
    }
  }
}

/** Which edges there are and which version of each; its props are in the log alone. */
export function compareEdges(
  live: Iterable<EdgeRecord>,
  replayed: Iterable<EdgeRecord>,
  problems: VerifyProblem[],
): void {
  const found = live[Symbol.iterator]();
  for (const { id, lsn, from, type, to } of replayed) {
    const next = found.next();
    const edge = next.done ? undefined : next.value;
    const isSame = edge?.id === id && edge.from === from && edge.type === type && edge.to === to;
    if (isSame && edge.lsn === lsn) continue;
    report(problems, "edge index", `edge ${id} is missing or has another version than the log`);
    if (!isSame || problems.length >= problemsMax) return;
  }
  if (!found.next().done) report(problems, "edge index", "there are edges that are not in the log");
}

/** By way of the label index, where the nodes are few enough for it to be used. */
function compareLabel(
  live: GraphReader,
  replayed: GraphReader,
  label: string,
  problems: VerifyProblem[],
): void {
  const found = live.nodes({ label })[Symbol.iterator]();
  for (const expected of replayed.nodes({ label })) {
    const next = found.next();
    if (!next.done && next.value.key === expected.key) continue;
    report(problems, "label index", `nodes with label ${label} differ from the log`);
    return;
  }
  if (!found.next().done) report(problems, "label index", `too many nodes with label ${label}`);
}

function* upTo(lastId: number): Generator<number, void> {
  for (let id = 1; id <= lastId; id++) yield id;
}

function report(problems: VerifyProblem[], where: string, message: string): void {
  problems.push({ where, message, details: {} });
}

const liveProps = new ByteWriter(256);
const replayedProps = new ByteWriter(256);

function sameProps(a: object, b: object): boolean {
  for (const [writer, props] of [
    [liveProps, a],
    [replayedProps, b],
  ] as const) {
    writer.reset();
    writeValue(writer, props);
  }
  const { position } = liveProps;
  return (
    position === replayedProps.position &&
    compareBytes(liveProps.bytes, 0, position, replayedProps.bytes, 0, position) === 0
  );
}

function sameIds(a: Float64Array, b: Float64Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
