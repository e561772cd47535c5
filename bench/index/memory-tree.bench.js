// Measures the in-memory B+Trees on the entries of a skewed random graph. Run after a build: node bench/index/memory-tree.bench.js
// [name=value ...]; VARVE_DIST names another build folder (a file URL or a path ending in a slash).
import { pathToFileURL } from "node:url";

const dist = process.env.VARVE_DIST
  ? pathToFileURL(process.env.VARVE_DIST)
  : new URL("../../dist/", import.meta.url);
const { WordTree } = await import(new URL("index/word-tree.js", dist).href);
const { KeyTree } = await import(new URL("index/key-tree.js", dist).href);

const options = Object.fromEntries(
  process.argv.slice(2).map((argument) => {
    const [name, value] = argument.split("=");
    return [name, Number(value)];
  }),
);
const edgeCount = options.edges ?? 1_000_000;
const scaleBits = options.scale ?? 17;
const rounds = options.rounds ?? 5;
const keyCount = options.keys ?? 131_072;

let seed = 0x9e3779b9;
function random() {
  seed ^= seed << 13;
  seed ^= seed >>> 17;
  seed ^= seed << 5;
  return (seed >>> 0) / 2 ** 32;
}

/** R-MAT with the Graph500 weights; node numbers are scrambled so that hubs do not lie together. */
function skewedEdges() {
  const edges = new Uint32Array(edgeCount * 2);
  const mask = 2 ** scaleBits - 1;
  for (let i = 0; i < edgeCount; i++) {
    let source = 0;
    let target = 0;
    for (let bit = 0; bit < scaleBits; bit++) {
      const draw = random();
      source = source * 2 + (draw >= 0.76 ? 1 : 0);
      target = target * 2 + ((draw >= 0.57 && draw < 0.76) || draw >= 0.95 ? 1 : 0);
    }
    edges[2 * i] = Math.imul(source, 0x9e3779b1) & mask;
    edges[2 * i + 1] = Math.imul(target, 0x9e3779b1) & mask;
  }
  return edges;
}

const figures = new Map();
function note(name, count, work) {
  const start = performance.now();
  const result = work();
  const perSecond = count / ((performance.now() - start) / 1000);
  if (!figures.has(name)) figures.set(name, []);
  figures.get(name).push(perSecond);
  return result;
}

const treeOptions = {};
if (options.leaf) treeOptions.leafCapacity = options.leaf;
if (options.inner) treeOptions.innerCapacity = options.inner;
if (options.staging) treeOptions.stagingCapacity = options.staging;

let sink = 0;
let described = "";
let settleMsMax = 0;

function wordRound(edges, random) {
  const tree = new WordTree({ width: 7, payloadWords: 2, ...treeOptions });
  const { probe } = tree;
  const settle = tree.settle.bind(tree);
  tree.settle = () => {
    const start = performance.now();
    settle();
    settleMsMax = Math.max(settleMsMax, performance.now() - start);
  };
  note("word insert", edgeCount, () => {
    for (let i = 0; i < edgeCount; i++) {
      probe[0] = edges[2 * i];
      probe[1] = 1;
      probe[2] = edges[2 * i + 1];
      probe[3] = 0;
      probe[4] = i;
      probe[5] = 0;
      probe[6] = i;
      tree.insert();
    }
    tree.settle();
  });
  delete tree.settle;
  const cursor = tree.cursor();
  note("word scan, words", edgeCount * 7, () => {
    if (cursor.seek(probe, 0)) {
      do {
        const { words, leafEnd } = cursor;
        for (let base = cursor.base; base < leafEnd; base += 7) sink += words[base + 2];
      } while (cursor.nextLeaf());
    }
  });
  note("word next", edgeCount, () => {
    for (let more = cursor.seek(probe, 0); more; more = cursor.next())
      sink += cursor.words[cursor.base];
  });
  note("word seek", 300_000, () => {
    for (let i = 0; i < 300_000; i++) {
      probe[0] = edges[2 * random[i]];
      probe[1] = 1;
      if (cursor.seek(probe, 2)) sink += cursor.words[cursor.base];
    }
  });
  described = `leaves ${tree.leafCount}, height ${tree.height}, ${(tree.bytes / edgeCount).toFixed(1)} B/entry`;
}

function ascendingRound() {
  const tree = new WordTree({ width: 4, payloadWords: 3, ...treeOptions });
  const { probe } = tree;
  note("word ascending insert", edgeCount, () => {
    for (let i = 0; i < edgeCount; i++) {
      probe[0] = i;
      probe[2] = i;
      tree.insert();
    }
    tree.settle();
  });
  const small = new WordTree({ width: 4, payloadWords: 3, ...treeOptions });
  const cursor = small.cursor();
  note("word insert + seek, one by one", 200_000, () => {
    for (let i = 0; i < 200_000; i++) {
      small.probe[0] = Math.imul(i, 0x9e3779b1);
      small.insert();
      if (cursor.seek(small.probe, 1)) sink++;
    }
  });
}

function keyRound(keys, order) {
  const tree = new KeyTree(treeOptions);
  note("key insert", keyCount, () => {
    for (let i = 0; i < keyCount; i++) {
      const key = keys[order[i]];
      tree.insert(key, 0, key.length, i, i, 0);
    }
  });
  note("key find, hit", keyCount, () => {
    for (let i = 0; i < keyCount; i++) {
      const key = keys[order[keyCount - 1 - i]];
      if (tree.find(key, 0, key.length, 2 ** 40)) sink += tree.foundId;
    }
  });
  note("key find, miss", keyCount, () => {
    for (let i = 0; i < keyCount; i++) {
      const key = keys[order[keyCount - 1 - i]];
      if (tree.find(key, 0, key.length - 1, 2 ** 40)) sink += tree.foundId;
    }
  });
}

const edges = skewedEdges();
const picks = new Uint32Array(300_000).map(() => Math.floor(random() * edgeCount));
const keys = Array.from({ length: keyCount }, (_, i) =>
  new TextEncoder().encode(`person/${i * 37}`),
);
const order = Uint32Array.from(keys.keys());
for (let i = keyCount - 1; i > 0; i--) {
  const j = Math.floor(random() * (i + 1));
  [order[i], order[j]] = [order[j], order[i]];
}
for (let round = 0; round < rounds; round++) {
  if (!options.onlyKeys) wordRound(edges, picks);
  if (!options.onlyKeys) ascendingRound();
  if (!options.onlyWords) keyRound(keys, order);
}
console.log(
  `node ${process.version}, ${JSON.stringify(options)}; ${described}; longest settle ${settleMsMax.toFixed(1)} ms`,
);
for (const [name, all] of figures) {
  const sorted = all.toSorted ? all.toSorted((a, b) => a - b) : [...all].sort((a, b) => a - b);
  const median = sorted[sorted.length >> 1] / 1e6;
  console.log(
    `${name.padEnd(32)} ${median.toFixed(2).padStart(8)} M/s (best ${(sorted[sorted.length - 1] / 1e6).toFixed(2)})`,
  );
}
if (sink < 0) console.log(sink);
