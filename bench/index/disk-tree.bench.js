// Measures the on-disk B+Trees on the adjacency of a skewed random graph. Run after a build: node bench/index/disk-tree.bench.js
// [name=value ...]; VARVE_DIST names another build folder (a file URL or a path ending in a slash).
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const dist = process.env.VARVE_DIST
  ? pathToFileURL(process.env.VARVE_DIST)
  : new URL("../../dist/", import.meta.url);
const load = (path) => import(new URL(path, dist).href);
const { NodeDisk } = await load("disk/node-disk.js");
const { DiskTree } = await load("index/disk-tree.js");
const { DiskTreeWriter } = await load("index/disk-tree-writer.js");
const { MergedWordCursor, writeAll } = await load("index/disk-tree-merge.js");
const { PageCache } = await load("index/page-cache.js");

const options = Object.fromEntries(
  process.argv.slice(2).map((argument) => {
    const [name, value] = argument.split("=");
    return [name, Number(value)];
  }),
);
const edgeCount = options.edges ?? 1_000_000;
const scaleBits = options.scale ?? 17;
const rounds = options.rounds ?? 3;
const keyCount = options.keys ?? 131_072;
const seekCount = 200_000;
const width = 7;
const adjacency = { keyBytes: false, width, payloadWords: 2, blob: false };
const keyed = { keyBytes: true, width: 4, payloadWords: 2, blob: false };
const records = { keyBytes: false, width: 4, payloadWords: 1, blob: true };

let seed = 0x9e3779b9;
function random() {
  seed ^= seed << 13;
  seed ^= seed >>> 17;
  seed ^= seed << 5;
  return (seed >>> 0) / 2 ** 32;
}

/** R-MAT with the Graph500 weights; node numbers are scrambled so that hubs do not lie together. */
function skewedEdges() {
  const edges = [];
  const mask = 2 ** scaleBits - 1;
  for (let i = 0; i < edgeCount; i++) {
    let source = 0;
    let target = 0;
    for (let bit = 0; bit < scaleBits; bit++) {
      const draw = random();
      source = source * 2 + (draw >= 0.76 ? 1 : 0);
      target = target * 2 + ((draw >= 0.57 && draw < 0.76) || draw >= 0.95 ? 1 : 0);
    }
    edges.push([
      Math.imul(source, 0x9e3779b1) & mask,
      Math.imul(target, 0x9e3779b1) & mask,
      keyCount + i,
    ]);
  }
  return edges;
}

/** The entries (source, type, target, edge high, edge low, 0, 0) of edges, sorted. */
function entriesOf(edges) {
  const sorted = [...edges].sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
  const words = new Uint32Array(sorted.length * width);
  sorted.forEach(([source, target, edge], i) => {
    words.set([source, 1, target, 0, edge, 0, 0], i * width);
  });
  return words;
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

const disk = new NodeDisk();
const folder = mkdtempSync(join(tmpdir(), "varve-disk-tree-"));
const files = [];
let fileCount = 0;
let sink = 0;
const sizes = new Map();

async function makeTree(shape, fill, cache) {
  const file = await disk.open(join(folder, `t${fileCount++}`), "create");
  const pageBytes = options.page ?? 16_384;
  const writer = new DiskTreeWriter(file, {
    shape,
    databaseId: new Uint8Array(16),
    treeId: fileCount,
    pageBytes,
  });
  files.push(file);
  const written = fill(writer) ?? writer.finish();
  return { tree: DiskTree.open(file, written.fileBytes, cache), written, file };
}

function describe(name, { entryCount, fileBytes, pageCount, height, filterBytes }) {
  sizes.set(
    name,
    `${(fileBytes / entryCount).toFixed(2)} B/entry, of it filter ${(filterBytes / entryCount).toFixed(2)}; ` +
      `${pageCount} pages, height ${height}`,
  );
}

async function wordRound(entries, picks) {
  const cache = new PageCache(2 ** 30);
  const { tree, written, file } = await makeTree(
    adjacency,
    (writer) =>
      note("build, runs", edgeCount, () => {
        writer.addRun(entries, 0, entries.length);
        return writer.finish();
      }),
    cache,
  );
  describe("adjacency", written);
  await makeTree(
    adjacency,
    (writer) =>
      note("build, one by one", edgeCount, () => {
        for (let at = 0; at < entries.length; at += width) writer.add(entries, at);
        return writer.finish();
      }),
    cache,
  );
  const cursor = tree.cursor();
  const probe = new Uint32Array(width);
  const scan = () => {
    for (let more = cursor.seek(probe, 0); more; more = cursor.nextLeaf()) {
      const { words, leafEnd } = cursor;
      for (let base = cursor.base; base < leafEnd; base += width) sink += words[base + 2];
    }
  };
  probe.fill(0);
  note("scan, cold", edgeCount, scan);
  for (let i = 0; i < 5; i++) note("scan, warm", edgeCount, scan);
  note("next, warm", edgeCount, () => {
    for (let more = cursor.seek(probe, 0); more; more = cursor.next()) sink++;
  });
  note("seek, warm", seekCount, () => {
    for (let i = 0; i < seekCount; i++) {
      probe[0] = picks[i];
      probe[1] = 1;
      if (cursor.seek(probe, 2)) sink += cursor.words[cursor.base];
    }
  });
  note("neighbours, warm (edges)", countNeighbours(cursor, probe, picks), () =>
    countNeighbours(cursor, probe, picks),
  );
  note("filter, present", seekCount, () => {
    for (let i = 0; i < seekCount; i++) if (tree.mayContain(picks[i])) sink++;
  });
  note("open", 100, () => {
    for (let i = 0; i < 100; i++) sink += DiskTree.open(file, written.fileBytes, cache).height;
  });
  const small = new PageCache(0);
  const cold = DiskTree.open(file, written.fileBytes, small);
  const coldCursor = cold.cursor();
  note("seek, no cache", 1000, () => {
    for (let i = 0; i < 1000; i++) {
      probe[0] = picks[i];
      probe[1] = 1;
      if (coldCursor.seek(probe, 2)) sink += coldCursor.words[coldCursor.base];
    }
  });
}

function countNeighbours(cursor, probe, picks) {
  let count = 0;
  for (let i = 0; i < 20_000; i++) {
    const node = picks[i];
    probe[0] = node;
    for (let more = cursor.seek(probe, 1); more; more = cursor.nextLeaf()) {
      const { words, leafEnd } = cursor;
      let base = cursor.base;
      for (; base < leafEnd && words[base] === node; base += width) count++;
      if (base < leafEnd) break;
    }
  }
  return count;
}

async function mergeRound(parts) {
  const cache = new PageCache(2 ** 30);
  const trees = [];
  for (const part of parts) {
    const made = await makeTree(adjacency, (writer) => writer.addRun(part, 0, part.length), cache);
    trees.push(made.tree);
  }
  const merged = new MergedWordCursor(
    trees.map((tree) => tree.cursor()),
    width,
    5,
  );
  const target = await disk.open(join(folder, `t${fileCount++}`), "create");
  files.push(target);
  const writer = new DiskTreeWriter(target, {
    shape: adjacency,
    databaseId: new Uint8Array(16),
    treeId: fileCount,
  });
  note(`merge of ${parts.length}, cold`, edgeCount, () => {
    merged.seek(new Uint32Array(width), 0);
    writeAll(merged, writer, adjacency);
    writer.finish();
  });
  note(`merged scan of ${parts.length}`, edgeCount, () => {
    for (let more = merged.seek(new Uint32Array(width), 0); more; more = merged.nextLeaf()) sink++;
  });
}

async function keyRound(keys, order) {
  const cache = new PageCache(2 ** 30);
  const words = new Uint32Array(4);
  const { tree, written } = await makeTree(
    keyed,
    (writer) =>
      note("build, keys", keyCount, () => {
        keys.forEach((key, i) => {
          writer.setKey(key, 0, key.length);
          words[1] = order[i] + 1;
          words[2] = order[i] + 1;
          writer.add(words, 0);
        });
        return writer.finish();
      }),
    cache,
  );
  describe("keys", written);
  const cursor = tree.keyCursor();
  note("scan, keys, cold", keyCount, () => {
    for (let more = cursor.seek(keys[0], 0, 0); more; more = cursor.nextLeaf()) sink++;
  });
  note("seek, keys, warm", keyCount, () => {
    for (let i = 0; i < keyCount; i++) {
      const key = keys[order[i]];
      if (cursor.seek(key, 0, key.length)) sink += cursor.words[cursor.base + 2];
    }
  });
  note("filter, keys", keyCount, () => {
    for (let i = 0; i < keyCount; i++) {
      const key = keys[order[i]];
      if (tree.mayContainKey(key, 0, key.length)) sink++;
    }
  });
  const made = await makeTree(
    records,
    (writer) =>
      note("build, records of 40 bytes", keyCount, () => {
        for (let i = 0; i < keyCount; i++) {
          words[0] = i;
          words[2] = i;
          const key = keys[i];
          writer.setBlob(key.length < 8 ? key : recordOf(key), 0, 40);
          writer.add(words, 0);
        }
        return writer.finish();
      }),
    cache,
  );
  describe("records of 40 bytes", made.written);
}

const record = new Uint8Array(40);
function recordOf(key) {
  record.set(key);
  return record;
}

const edges = skewedEdges();
const entries = entriesOf(edges);
const parts = [0, 1, 2, 3].map((part) => entriesOf(edges.filter((_, i) => i % 4 === part)));
const picks = Uint32Array.from(
  { length: seekCount },
  () => edges[Math.floor(random() * edgeCount)][0],
);
const keys = Array.from({ length: keyCount }, (_, i) =>
  new TextEncoder().encode(`person/${i * 37}`),
);
keys.sort((a, b) => Buffer.compare(a, b));
const order = Uint32Array.from(keys.keys());
for (let i = keyCount - 1; i > 0; i--) {
  const j = Math.floor(random() * (i + 1));
  [order[i], order[j]] = [order[j], order[i]];
}
try {
  for (let round = 0; round < rounds; round++) {
    await wordRound(entries, picks);
    await mergeRound(parts);
    await keyRound(keys, order);
    for (const file of files.splice(0)) await file.close();
  }
} finally {
  rmSync(folder, { recursive: true });
}
console.log(`node ${process.version}, ${JSON.stringify(options)}`);
for (const [name, size] of sizes) console.log(`${name.padEnd(32)} ${size}`);
for (const [name, all] of figures) {
  const sorted = [...all].sort((a, b) => a - b);
  const median = sorted[sorted.length >> 1] / 1e6;
  const best = sorted[sorted.length - 1] / 1e6;
  console.log(
    `${name.padEnd(32)} ${median.toFixed(3).padStart(9)} M/s (best ${best.toFixed(3)}, ${sorted.length} rounds)`,
  );
}
if (sink < 0) console.log(sink);
