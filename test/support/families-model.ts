// A database of several graphs and maps, as plain objects: what is done to it, what it holds, and what a feed makes of nothing.
import type { Change } from "../../src/changes/change.ts";
import type { Transaction } from "../../src/database/transaction.ts";
import type { GraphReader } from "../../src/graph/graph-reader.ts";
import type { StoreReader } from "../../src/graph/store-reader.ts";

export interface FoldedGraph {
  nodes: Record<string, { labels: string[]; props: object }>;
  edges: Record<number, { from: string; type: string; to: string; props: object }>;
}

/** By name; what is empty is left out. */
export interface Folded {
  graphs: Record<string, FoldedGraph>;
  maps: Record<string, Record<string, unknown>>;
}

export const graphNames: readonly string[] = ["", "g1", "g2"];
export const mapNames: readonly string[] = ["g1", "m2"];
export const keys: readonly string[] = ["a", "b", "ba", "é", "k".repeat(40)];
const labels: readonly string[] = ["g1", "L", "M"];

export type FamilyOperation =
  | { do: "put"; graph: string; key: string; labels: readonly string[]; value: number }
  | { do: "patch"; graph: string; key: string; labels: readonly string[]; value: number }
  | { do: "remove"; graph: string; key: string }
  | { do: "edge"; graph: string; key: string; to: string; value: number }
  | { do: "run"; graph: string }
  | { do: "unedge"; graph: string; value: number }
  | { do: "map.put"; map: string; key: string; value: number }
  | { do: "map.delete"; map: string; key: string }
  | { do: "drop"; graph: string }
  | { do: "map.drop"; map: string };

export function emptyFolded(): Folded {
  return { graphs: {}, maps: {} };
}

export function graphOf(folded: Folded, name: string): FoldedGraph {
  folded.graphs[name] ??= { nodes: {}, edges: {} };
  return folded.graphs[name];
}

/** Takes a change in; what it drops it drops as a whole. */
export function fold(into: Folded, change: Change): void {
  switch (change.kind) {
    case "map.put":
      into.maps[change.map] ??= {};
      into.maps[change.map]![change.key] = change.value;
      break;
    case "map.delete":
      delete into.maps[change.map]![change.key];
      break;
    case "map.drop":
      delete into.maps[change.map];
      break;
    case "graph.drop":
      delete into.graphs[change.graph];
      break;
    case "event":
    case "erased":
      break;
    default:
      foldInGraph(graphOf(into, change.graph), change);
  }
}

type InGraph = Extract<Change, { kind: `node.${string}` | `edge.${string}` }>;

function foldInGraph({ nodes, edges }: FoldedGraph, change: InGraph): void {
  switch (change.kind) {
    case "node.put":
      nodes[change.key] = { labels: [...change.labels], props: { ...change.props } };
      break;
    case "node.patch": {
      const node = nodes[change.key]!;
      const kept = node.labels.filter((label) => !change.removeLabels.includes(label));
      node.labels = [...kept, ...change.addLabels.filter((label) => !kept.includes(label))];
      node.props = patched(node.props, change.props);
      break;
    }
    case "node.remove":
      delete nodes[change.key];
      break;
    case "edge.add": {
      const { from, type, to, props } = change;
      edges[change.id] = { from, type, to, props: { ...props } };
      break;
    }
    case "edge.patch":
      edges[change.id]!.props = patched(edges[change.id]!.props, change.props);
      break;
    default:
      delete edges[change.id];
  }
}

function patched(props: object, patch: object): object {
  const entries = Object.entries({ ...props, ...patch });
  return Object.fromEntries(entries.filter(([, value]) => value !== null));
}

/** Everything a reader shows, in the same form, by every way that leads to it. */
export function readAll(view: StoreReader): Folded {
  const found = emptyFolded();
  for (const name of graphNames) {
    const graph = name === "" ? view : view.graph(name);
    const { nodes, edges } = graphOf(found, name);
    for (const { key, labels, props } of graph.nodes()) nodes[key] = { labels, props };
    for (const { id, from, type, to, props } of graph.allEdges())
      edges[id] = { from, type, to, props };
    checkWays(graph, found.graphs[name]!);
    const { nodeCount, edgeCount } = graph;
    const counted = [Object.keys(nodes).length, Object.keys(edges).length];
    if (nodeCount !== counted[0] || edgeCount !== counted[1]) {
      throw new Error(`graph "${name}" counts ${nodeCount}, ${edgeCount} and has ${counted}`);
    }
    if (counted[0] === 0) delete found.graphs[name];
  }
  for (const name of mapNames) {
    const entries = [...view.map(name).range()];
    const back = [...view.map(name).range({ reverse: true })].reverse();
    if (JSON.stringify(entries) !== JSON.stringify(back)) throw new Error(`map ${name} backward`);
    for (const key of keys) {
      const value = entries.find(([each]) => each === key)?.[1];
      if (view.map(name).get(key) !== value) throw new Error(`map ${name} has another ${key}`);
    }
    if (entries.length > 0) found.maps[name] = Object.fromEntries(entries);
  }
  return found;
}

/** The same nodes by key, by label and by id, and the same edges from their ends. */
function checkWays(graph: GraphReader, { nodes, edges }: FoldedGraph): void {
  const must = (holds: boolean, what: string): void => {
    if (!holds) throw new Error(`the graph has another ${what}`);
  };
  for (const key of keys) {
    const id = graph.nodeId(key);
    must((id !== undefined) === key in nodes && graph.hasNode(key) === key in nodes, `node ${key}`);
    if (id === undefined) continue;
    must(graph.nodeKey(id) === key, `key of ${key}`);
    const out = [...graph.edges(key)].map((edge) => edge.id).sort((a, b) => a - b);
    const known = Object.entries(edges).filter(([, { from }]) => from === key);
    must(`${out}` === `${known.map(([edge]) => edge)}`, `edges of ${key}`);
    must(graph.edgeIds(id).length === out.length, `edge ids of ${key}`);
    must(graph.neighborIds(id).length === new Set(known.map(([, { to }]) => to)).size, "neighbour");
    for (const edge of out) must(graph.edge(edge)?.from === key, `edge ${edge}`);
  }
  for (const label of labels) {
    const found = [...graph.nodes({ label })].map(({ key }) => key).sort();
    const known = Object.keys(nodes).filter((key) => nodes[key]!.labels.includes(label));
    must(`${found}` === `${known.sort()}`, `set of ${label}`);
  }
}

/** Leaves out what is empty, as reads do. */
export function withoutEmpty(folded: Folded): Folded {
  const graphs = Object.entries(folded.graphs).filter(([, { nodes }]) => Object.keys(nodes).length);
  const maps = Object.entries(folded.maps).filter(([, map]) => Object.keys(map).length > 0);
  return { graphs: Object.fromEntries(graphs), maps: Object.fromEntries(maps) };
}

/** Does an operation to both. */
export function perform(tx: Transaction, model: Folded, operation: FamilyOperation): void {
  if ("map" in operation) {
    performOnMap(tx, model, operation);
    return;
  }
  const { graph: name } = operation;
  const graph = name === "" ? tx : tx.graph(name);
  const { nodes, edges } = graphOf(model, name);
  switch (operation.do) {
    case "put":
      graph.putNode(operation.key, { labels: operation.labels, props: { n: operation.value } });
      nodes[operation.key] = { labels: [...operation.labels], props: { n: operation.value } };
      break;
    case "patch": {
      const { key, labels: addLabels, value } = operation;
      if (!(key in nodes)) break;
      graph.patchNode(key, { addLabels, props: { [`p${value % 3}`]: value, n: null } });
      const props = { [`p${value % 3}`]: value, n: null };
      const patch = { kind: "node.patch", key, addLabels, removeLabels: [], props };
      foldInGraph({ nodes, edges }, patch as unknown as InGraph);
      break;
    }
    case "remove":
      graph.removeNode(operation.key);
      delete nodes[operation.key];
      for (const [id, { from, to }] of Object.entries(edges)) {
        if (from === operation.key || to === operation.key) delete edges[Number(id)];
      }
      break;
    case "edge": {
      const { key, to, value } = operation;
      if (!(key in nodes && to in nodes)) break;
      const id = graph.addEdge(key, "T", to, { w: value });
      edges[id] = { from: key, type: "T", to, props: { w: value } };
      break;
    }
    case "run": {
      const all = Object.keys(nodes);
      const ids = Uint32Array.from(all, (key) => graph.nodeId(key)!);
      const first = graph.addEdges({ type: "R", from: ids, to: ids });
      for (const [i, key] of all.entries()) {
        edges[first + i] = { from: key, type: "R", to: key, props: {} };
      }
      break;
    }
    case "unedge": {
      const ids = Object.keys(edges);
      const id = Number(ids[operation.value % Math.max(1, ids.length)] ?? 0);
      if (operation.value % 2 === 0 && ids.length > 0) {
        graph.patchEdge(id, { w: operation.value });
        edges[id]!.props = { ...edges[id]!.props, w: operation.value };
      } else {
        graph.removeEdge(id);
        delete edges[id];
      }
      break;
    }
    default:
      if (name === "") break;
      tx.dropGraph(name);
      delete model.graphs[name];
  }
}

function performOnMap(
  tx: Transaction,
  model: Folded,
  operation: Extract<FamilyOperation, { map: string }>,
): void {
  const { map } = operation;
  model.maps[map] ??= {};
  const entries = model.maps[map];
  if (operation.do === "map.put") {
    tx.map(map).put(operation.key, operation.value);
    entries[operation.key] = operation.value;
  } else if (operation.do === "map.delete") {
    const isThere = tx.map(map).delete(operation.key);
    if (isThere !== operation.key in entries) throw new Error(`delete said ${isThere}`);
    delete entries[operation.key];
  } else {
    tx.dropMap(map);
    delete model.maps[map];
  }
}
