// What the database answers about the graph, to be compared with expected.js: degrees of nodes, sets of neighbours, and
// every edge with its props. Runs in the process that holds the database; long answers go through files.
import { readFileSync, writeFileSync } from "node:fs";
import { keyOf } from "../workload.js";
import { edgeHash } from "./edge-hash.js";

const out = { direction: "out" };
const into = { direction: "in" };

/**
 * `files` names what is asked (`degreesOf`, `neighborsOf`: node numbers) and where the answers go (`degrees`: out and
 * in of each node, one after the other; `neighbors`: per node the count and then the numbers, first out and then in).
 */
export function answers(db, { files, by }) {
  const degreesOf = readNumbers(files.degreesOf);
  const degrees = new Uint32Array(degreesOf.length * 2);
  let missing = 0;
  degreesOf.forEach((node, i) => {
    const key = keyOf(node);
    if (!db.hasNode(key)) missing++;
    degrees[i * 2] = db.degree(key, out);
    degrees[i * 2 + 1] = db.degree(key, into);
  });
  writeNumbers(files.degrees, degrees);

  const neighbors = [];
  for (const node of readNumbers(files.neighborsOf)) {
    for (const direction of [out, into]) {
      const id = db.nodeId(keyOf(node));
      const ends = id === undefined ? [] : db.neighborIds(id, direction);
      neighbors.push(ends.length);
      for (const end of ends) neighbors.push(numberOf(db.nodeKey(end)));
    }
  }
  writeNumbers(files.neighbors, Uint32Array.from(neighbors));

  const { edgeCount, nodeCount } = db;
  return { edgeCount, nodeCount, missing, ...scan(db, by === "keys") };
}

function scan(db, hasProps) {
  let scanned = 0;
  let hash = 0;
  for (const { from, to, props } of db.allEdges()) {
    const time = hasProps ? props.time : 0;
    const weight = hasProps ? props.weight : 0;
    hash = (hash + edgeHash(numberOf(from), numberOf(to), time, weight)) >>> 0;
    scanned++;
  }
  return { scanned, hash };
}

/** The number in a key; one that no node has where the key is of another form. */
function numberOf(key) {
  const number = Number(key?.slice(5));
  return key === keyOf(number) ? number : 0xffffffff;
}

export function readNumbers(path) {
  const bytes = readFileSync(path);
  return new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

export function writeNumbers(path, numbers) {
  writeFileSync(path, new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength));
}
