// The one workload every engine is measured on: nodes with three props, R-MAT edges with two, all from a seed, so
// that every process makes the same. Also what the right answers are, computed from the arrays alone.

export const edgeType = "KNOWS";
export const transactionEdges = 1000;

const defaultSeed = 20_240_601;

// The epoch of the edges' times: any fixed moment does.
const timeBase = 1_600_000_000_000;
// Where the R-MAT quadrants A .57, B .19, C .19 end; D has the rest.
const endOfA = 0.57;
const endOfB = 0.76;
const endOfC = 0.95;

/** A seeded source of numbers in [0, 1): sfc32, 32-bit arithmetic only. */
export function randomFrom(seed) {
  let a = seed | 0;
  let b = 0x9e3779b9 | 0;
  let c = 0x243f6a88 | 0;
  let counter = 1;
  const next = () => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 16; i++) next();
  return next;
}

/**
 * R-MAT edges between 2^scale nodes one after the other, none of them kept: `fill` writes the next ones into two
 * arrays. The vertex numbers are shuffled, as Graph500 has it.
 */
export function edgeStream({ scale, seed = defaultSeed }) {
  const nodeCount = 2 ** scale;
  const random = randomFrom(seed);
  const names = shuffled(nodeCount, random);
  const fill = (from, to) => {
    for (let i = 0; i < from.length; i++) {
      let source = 0;
      let target = 0;
      for (let bit = 0; bit < scale; bit++) {
        const r = random();
        const right = (r >= endOfA && r < endOfB) || r >= endOfC;
        const lower = r >= endOfB;
        source = source * 2 + (lower ? 1 : 0);
        target = target * 2 + (right ? 1 : 0);
      }
      from[i] = names[source];
      to[i] = names[target];
    }
  };
  return { nodeCount, fill };
}

/** Nodes 2^scale, the first `edgeCount` edges of the stream between them. */
export function makeWorkload({ scale, edgeCount, seed = defaultSeed }) {
  const { nodeCount, fill } = edgeStream({ scale, seed });
  const from = new Uint32Array(edgeCount);
  const to = new Uint32Array(edgeCount);
  fill(from, to);
  return { scale, seed, nodeCount, edgeCount, from, to, keys: makeKeys(nodeCount) };
}

function shuffled(count, random) {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    const moved = order[i];
    order[i] = order[j];
    order[j] = moved;
  }
  return order;
}

// Made once: every engine gets the same strings, and none pays for making them.
function makeKeys(count) {
  return Array.from({ length: count }, (_, i) => keyOf(i));
}

// The last three digits, and the first ones of numbers below a million: a load asks for two keys an edge, and making them
// should not be what is measured.
const tails = Array.from({ length: 1000 }, (_, i) => String(i).padStart(3, "0"));
const heads = tails.map((digits) => `user:${digits}`);

/** The key of node number `i`: eleven characters, twelve from a million on. */
export function keyOf(i) {
  const thousands = Math.floor(i / 1000);
  return (heads[thousands] ?? `user:${thousands}`) + tails[i - thousands * 1000];
}

/** The props of node number `i`. */
export function nodeProps(i) {
  return { name: `Name of ${i}`, born: 1900 + (i % 120), score: mix(i) / 2 ** 32 };
}

/** The props of edge number `i`: its time in ms and a weight in [0, 1). */
export function edgeProps(i) {
  return { time: timeBase + i * 10, weight: mix(~i) / 2 ** 32 };
}

function mix(n) {
  let h = Math.imul(n ^ 0x9e3779b9, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** `count` node numbers, drawn uniformly or as the sources of uniformly drawn edges (so hubs weigh in). */
export function drawNodes(workload, count, byEdge) {
  const random = randomFrom(workload.seed + (byEdge ? 1 : 2));
  const range = byEdge ? workload.edgeCount : workload.nodeCount;
  return Uint32Array.from({ length: count }, () => {
    const drawn = Math.floor(random() * range);
    return byEdge ? workload.from[drawn] : drawn;
  });
}

/** The nodes whose records and neighbours are compared between the engines. */
export function checkedNodes(workload) {
  return [...drawNodes(workload, 500, true), ...drawNodes(workload, 1500, false)];
}

/** FNV-1a over a string's code units, from a start value. */
export function hashText(text, start = 0x811c9dc5) {
  let h = start;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

/** One edge's part in an order-independent hash: add these up. Weights count to the last bit. */
export function hashEdge(fromKey, toKey, time, weight) {
  return hashText(`${fromKey}>${toKey}@${time}*${weight}`);
}

/** What every engine must answer, found without any engine. */
export function rightAnswers(workload) {
  const { keys, from, to, nodeCount, edgeCount } = workload;
  const out = adjacency(from, to, nodeCount);
  const into = adjacency(to, from, nodeCount);
  let edges = 0;
  for (let i = 0; i < edgeCount; i++) {
    const { time, weight } = edgeProps(i);
    edges = (edges + hashEdge(keys[from[i]], keys[to[i]], time, weight)) >>> 0;
  }
  const checked = checkedNodes(workload);
  return {
    edgeCount,
    edges,
    nodes: hashText(checked.map((i) => recordText(keys[i], nodeProps(i))).join()),
    neighborsOut: hashText(checked.map((i) => neighborsText(out(i).map((n) => keys[n]))).join()),
    neighborsIn: hashText(checked.map((i) => neighborsText(into(i).map((n) => keys[n]))).join()),
  };
}

/** A node's record as canonical text. */
export function recordText(key, { name, born, score }) {
  return `${key}=${name}/${born}/${score}`;
}

/** A set of neighbour keys as canonical text. */
export function neighborsText(keys) {
  return [...keys].sort().join(" ");
}

// The distinct neighbours of a node, through a counting sort of the edges by their near end.
function adjacency(near, far, nodeCount) {
  const starts = new Uint32Array(nodeCount + 1);
  for (const node of near) starts[node + 1]++;
  for (let i = 0; i < nodeCount; i++) starts[i + 1] += starts[i];
  const next = starts.slice();
  const sorted = new Uint32Array(near.length);
  for (let i = 0; i < near.length; i++) sorted[next[near[i]]++] = far[i];
  return (node) => [...new Set(sorted.subarray(starts[node], starts[node + 1]))];
}
