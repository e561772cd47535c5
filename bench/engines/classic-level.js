// LevelDB through classic-level: one key space with a prefix for nodes, outgoing and incoming edges; props as JSON.
import { edgeProps, nodeProps } from "../workload.js";
import { distinctFarEnds, edgeKey, edgeRange, farEnd, nearEnd } from "./edge-keys.js";
import { loadPeer, peerVersion } from "./load-peer.js";

const { ClassicLevel } = await loadPeer("classic-level");

export const version = peerVersion("classic-level");
export const durabilityNotes = {
  os: "batches without sync",
  durable: "one batch per edge with sync: true; LevelDB groups what waits",
};

export async function openStore(path, { durability }) {
  const sync = durability !== "os";
  const db = new ClassicLevel(path, {
    keyEncoding: "utf8",
    valueEncoding: "json",
    cacheSize: 64 * 2 ** 20,
    writeBufferSize: 16 * 2 ** 20,
  });
  await db.open();
  const edgeOperations = (operations, { keys, from, to }, i) => {
    const source = keys[from[i]];
    const target = keys[to[i]];
    operations.push(
      { type: "put", key: `o:${edgeKey(source, target, i)}`, value: edgeProps(i) },
      { type: "put", key: `i:${edgeKey(target, source, i)}`, value: 0 },
    );
    return operations;
  };
  const neighbors = async (prefix, key) => {
    const { gte, lt } = edgeRange(key);
    const found = await db.keys({ gte: prefix + gte, lt: prefix + lt }).all();
    return distinctFarEnds(found, prefix.length);
  };
  return {
    inFlightMax: 8,
    writeNodes: (workload, start, end) => {
      const operations = [];
      for (let i = start; i < end; i++)
        operations.push({ type: "put", key: `n:${workload.keys[i]}`, value: nodeProps(i) });
      return db.batch(operations, { sync });
    },
    writeEdges: (workload, start, end) => {
      const operations = [];
      for (let i = start; i < end; i++) edgeOperations(operations, workload, i);
      return db.batch(operations, { sync });
    },
    commitEdge: (workload, i) => db.batch(edgeOperations([], workload, i), { sync }),
    handleOf: (key) => key,
    keyOf: (handle) => handle,
    node: (key) => db.getSync(`n:${key}`),
    propsOf: (record) => record,
    neighborsOut: (key) => neighbors("o:", key),
    neighborsIn: (key) => neighbors("i:", key),
    scanEdges: async (visit) => {
      const iterator = db.iterator({ gte: "o:", lt: "o;" });
      for (;;) {
        const entries = await iterator.nextv(1000);
        for (const [key, { time, weight }] of entries)
          visit(nearEnd(key, 2), farEnd(key, 2), time, weight);
        if (entries.length === 0) return iterator.close();
      }
    },
    close: () => db.close(),
  };
}
