// The right answers, found without any engine: the generator run again, its edges counted in typed arrays. And the
// comparison with what a database answered.
import { edgeProps, edgeStream, randomFrom } from "../workload.js";
import { edgeHash } from "./edge-hash.js";

const chunkEdges = 10_000;
// Up to here every node is asked for its degrees; above, a sample and the largest hubs are.
const askAllNodesMax = 2 ** 22;
const sampledNodes = 100_000;
const sampledHubs = 1000;
const neighborNodes = 2000;
const neighborHubs = 20;
const problemsMax = 10;

/** Counts the first edges of a stream; `advance` goes on to more of them. */
export class Expected {
  #settings;
  #stream;
  #edgeCount = 0;
  #hash = 0;

  constructor({ scale, seed, by }) {
    this.#settings = { scale, seed, by };
    this.#stream = edgeStream(this.#settings);
    this.out = new Uint32Array(this.#stream.nodeCount);
    this.into = new Uint32Array(this.#stream.nodeCount);
  }

  get edgeCount() {
    return this.#edgeCount;
  }

  get hash() {
    return this.#hash;
  }

  advance(edgeCount) {
    const hasProps = this.#settings.by === "keys";
    const { out, into } = this;
    let hash = this.#hash;
    inChunks(this.#stream, this.#edgeCount, edgeCount, (source, target, i) => {
      out[source]++;
      into[target]++;
      const { time, weight } = hasProps ? edgeProps(i) : { time: 0, weight: 0 };
      hash = (hash + edgeHash(source, target, time, weight)) >>> 0;
    });
    this.#hash = hash;
    this.#edgeCount = edgeCount;
  }

  /** By keys only nodes with an edge exist; by ids all were made first. */
  isNode(node) {
    return this.#settings.by === "ids" || this.out[node] + this.into[node] > 0;
  }

  /** All nodes where they are not too many, else the largest hubs and a seeded sample. */
  nodesAskedForDegrees() {
    if (this.out.length <= askAllNodesMax) return this.out.map((_, node) => node);
    return this.#hubsAndSample(sampledHubs, sampledNodes);
  }

  nodesAskedForNeighbors() {
    return this.#hubsAndSample(neighborHubs, neighborNodes);
  }

  /** The distinct neighbours, ascending, out and in, of each of the nodes: one more run of the generator. */
  neighborsOf(nodes) {
    const sets = new Map(Array.from(nodes, (node) => [node, [new Set(), new Set()]]));
    const isAsked = new Uint8Array(this.out.length);
    for (const node of nodes) isAsked[node] = 1;
    inChunks(edgeStream(this.#settings), 0, this.#edgeCount, (source, target) => {
      if (isAsked[source] === 1) sets.get(source)[0].add(target);
      if (isAsked[target] === 1) sets.get(target)[1].add(source);
    });
    return Array.from(nodes, (node) => sets.get(node).map((set) => Uint32Array.from(set).sort()));
  }

  #hubsAndSample(hubs, sampled) {
    const { out, into } = this;
    const random = randomFrom(this.#edgeCount);
    const chosen = new Set(largest(out, into, Math.min(hubs, out.length)));
    const count = Math.min(out.length, chosen.size + sampled);
    while (chosen.size < count) chosen.add(Math.floor(random() * out.length));
    return Uint32Array.from(chosen);
  }
}

/** What differs, in words; empty where every answer is right. `given` is what answers.js gave, its files read. */
export function problemsOf(expected, given) {
  const problems = [];
  const say = (problem) => problems.length < problemsMax && problems.push(problem);
  const same = (what, value, right) => value === right || say(`${what}: ${value}, not ${right}`);

  let nodes = 0;
  for (let node = 0; node < expected.out.length; node++) if (expected.isNode(node)) nodes++;
  same("nodes", given.nodeCount, nodes);
  same("edges", given.edgeCount, expected.edgeCount);
  same("edges scanned", given.scanned, expected.edgeCount);
  same("hash of all edges and props", given.hash, expected.hash);

  const { degreesOf, degrees } = given;
  same("degrees answered", degrees.length, degreesOf.length * 2);
  let missing = 0;
  for (let i = 0; i < degreesOf.length; i++) {
    const node = degreesOf[i];
    if (!expected.isNode(node)) missing++;
    same(`degree of node ${node} out`, degrees[i * 2], expected.out[node]);
    same(`degree of node ${node} in`, degrees[i * 2 + 1], expected.into[node]);
  }
  same("nodes asked for that do not exist", given.missing, missing);

  let at = 0;
  const next = () => {
    const end = at + 1 + given.neighbors[at];
    const set = given.neighbors.slice(at + 1, end).sort();
    at = end;
    return set;
  };
  expected.neighborsOf(given.neighborsOf).forEach(([out, into], i) => {
    const node = given.neighborsOf[i];
    same(`neighbours of node ${node} out`, next().join(), out.join());
    same(`neighbours of node ${node} in`, next().join(), into.join());
  });
  return problems.map((problem) =>
    problem.length > 300 ? `${problem.slice(0, 300)}...` : problem,
  );
}

function inChunks(stream, first, end, visit) {
  const from = new Uint32Array(chunkEdges);
  const to = new Uint32Array(chunkEdges);
  for (let start = first; start < end; start += chunkEdges) {
    const size = Math.min(chunkEdges, end - start);
    stream.fill(from.subarray(0, size), to.subarray(0, size));
    for (let i = 0; i < size; i++) visit(from[i], to[i], start + i);
  }
}

// The nodes with the most edges. A counting pass finds the degree that the last of them has; of the nodes with just that
// degree the first ones are taken.
function largest(out, into, count) {
  const degree = out.map((edges, node) => edges + into[node]);
  const most = degree.reduce((a, b) => Math.max(a, b));
  const withDegree = new Uint32Array(most + 1);
  for (const edges of degree) withDegree[edges]++;
  let last = most;
  for (let found = withDegree[most]; found < count; ) found += withDegree[--last];
  const larger = [];
  const equal = [];
  degree.forEach((edges, node) => {
    if (edges > last) larger.push(node);
    else if (edges === last && equal.length < count) equal.push(node);
  });
  return [...larger, ...equal].slice(0, count);
}
