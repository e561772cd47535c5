// Compares the whole read face of a graph with the model's, call by call.
import { expect } from "vitest";
import type { GraphReader } from "../../src/graph/graph-reader.ts";
import type { GraphModel, ModelChoice } from "../support/graph-model.ts";

const directions = [undefined, "out", "in", "both"] as const;

export interface Universe {
  readonly keys: readonly string[];
  readonly labels: readonly string[];
  readonly types: readonly string[];
}

/** @param withCounts false for views, whose counts the test fake does not have. */
export function expectSame(
  graph: GraphReader<object>,
  model: GraphModel,
  universe: Universe,
  withCounts: boolean,
): void {
  if (withCounts) {
    expect([graph.nodeCount, graph.edgeCount]).toEqual([model.nodes.length, model.edgeList.length]);
  }
  const choices: ModelChoice[] = directions.flatMap((direction) =>
    [undefined, ...universe.types, "UNKNOWN", universe.types].map((type) => ({ direction, type })),
  );
  for (const key of [...universe.keys, "no such key"]) {
    expectSameNode(graph, model, key);
    for (const choice of choices) expectSameAround(graph, model, universe, key, choice);
  }
  expectSameLists(graph, model, universe);
  for (let id = 0; id <= model.lsn + 1; id++) expect(graph.edge(id)).toEqual(model.edge(id));
}

function expectSameNode(graph: GraphReader<object>, model: GraphModel, key: string): void {
  const node = model.node(key);
  expect(graph.node(key)).toEqual(node);
  expect(graph.hasNode(key)).toBe(node !== undefined);
  expect(graph.nodeId(key)).toBe(node?.id);
  if (node !== undefined) expect(graph.nodeKey(node.id)).toBe(key);
}

function expectSameAround(
  graph: GraphReader<object>,
  model: GraphModel,
  universe: Universe,
  key: string,
  choice: ModelChoice,
): void {
  const edges = model.edges(key, choice);
  expect([...graph.edges(key, choice)]).toEqual(edges);
  expect([...graph.edges(key, { ...choice, reverse: true, limit: 3 })]).toEqual(
    [...edges].reverse().slice(0, 3),
  );
  const to = universe.keys[0];
  expect([...graph.edges(key, { ...choice, to, limit: 2 })]).toEqual(
    model.edges(key, { ...choice, to }).slice(0, 2),
  );
  expect([...graph.neighbors(key, choice)]).toEqual(model.neighbors(key, choice));
  expect(graph.degree(key, choice)).toBe(model.degree(key, choice));
  const id = model.node(key)?.id ?? 4_000_000_000;
  expect([...graph.neighborIds(id, choice)]).toEqual(model.neighborIds(key, choice));
  expect([...graph.edgeIds(id, choice)]).toEqual(edges.map((edge) => edge.id));
  expectSameSearches(graph, model, universe, key, choice);
}

function expectSameSearches(
  graph: GraphReader<object>,
  model: GraphModel,
  universe: Universe,
  key: string,
  choice: ModelChoice,
): void {
  const distances = model.distances(key, choice);
  const visits = [...graph.traverse(key, choice)];
  expect(new Map(visits.map(({ key, depth }) => [key, depth]))).toEqual(distances);
  expect(visits).toHaveLength(distances.size);
  const depths = visits.map(({ depth }) => depth);
  expect(depths).toEqual([...depths].sort((a, b) => a - b));
  for (const { key: reached, depth, via } of visits) {
    if (via === undefined) expect([reached, depth]).toEqual([key, 0]);
    else expectLeadsTo(model, via, reached, depth, distances);
  }
  const near = [...distances].filter(([, depth]) => depth <= 1).map(([key]) => key);
  const nearVisits = [...graph.traverse(key, { ...choice, depth: 1 })].map(({ key }) => key);
  expect(new Set(nearVisits)).toEqual(new Set(near));
  for (const to of universe.keys) {
    const path = graph.shortestPath(key, to, choice);
    const distance = distances.get(to);
    expect(path === undefined ? undefined : path.length - 1).toBe(distance);
    for (const [i, step] of (path ?? []).entries()) {
      if (i === 0) expect(step).toBe(key);
      else expect(model.neighbors(path?.[i - 1] ?? "", choice)).toContain(step);
    }
    if (path !== undefined) expect(path.at(-1)).toBe(to);
  }
}

/** The edge that led to a node ends there, and begins one step nearer to the start. */
function expectLeadsTo(
  model: GraphModel,
  via: number,
  reached: string,
  depth: number,
  distances: ReadonlyMap<string, number>,
): void {
  const edge = model.edge(via);
  expect([edge?.from, edge?.to]).toContain(reached);
  const other = edge?.from === reached ? edge.to : (edge?.from ?? "");
  expect(distances.get(other)).toBe(depth - 1);
}

function expectSameLists(graph: GraphReader<object>, model: GraphModel, universe: Universe): void {
  expect([...graph.nodes()]).toEqual(model.nodesWhere());
  for (const label of universe.labels) {
    expect([...graph.nodes({ label })]).toEqual(model.nodesWhere({ label }));
  }
  const after = universe.keys[1] ?? "";
  for (const prefix of ["", after.slice(0, 1), after]) {
    expect([...graph.nodes({ prefix, limit: 2 })]).toEqual(
      model.nodesWhere({ prefix }).slice(0, 2),
    );
    const label = universe.labels[0] ?? "";
    expect([...graph.nodes({ label, prefix, after })]).toEqual(
      model.nodesWhere({ label, prefix, after }),
    );
    expect([...graph.nodes({ prefix, after })]).toEqual(model.nodesWhere({ prefix, after }));
  }
  expect([...graph.allEdges()]).toEqual(model.allEdges());
  const middle = Math.floor(model.lsn / 2);
  for (const type of [undefined, universe.types[0], universe.types.slice(1)]) {
    const choice = { type, after: middle };
    expect([...graph.allEdges({ ...choice, limit: 3 })]).toEqual(
      model.allEdges(choice).slice(0, 3),
    );
  }
}
