// LMDB through lmdb-js: nodes by key, edges by (source, type, target, number) with their props, and the reverse.
import { edgeProps, nodeProps } from "../workload.js";
import { distinctFarEnds, edgeKey, edgeRange, farEnd, nearEnd } from "./edge-keys.js";
import { loadPeer, peerVersion } from "./load-peer.js";

const { open } = await loadPeer("lmdb");

export const version = peerVersion("lmdb");
export const durabilityNotes = {
  os: "noSync, synchronous transactions",
  durable:
    "overlappingSync off, asynchronous puts: both of an edge in one turn, so in one transaction; lmdb-js groups what waits",
};

export async function openStore(path, { durability }) {
  const db = open({
    path,
    maxDbs: 4,
    mapSize: 8 * 2 ** 30,
    noSync: durability === "os",
    overlappingSync: false,
  });
  const nodes = db.openDB({ name: "nodes", sharedStructuresKey: Symbol.for("structures") });
  const out = db.openDB({ name: "out", sharedStructuresKey: Symbol.for("structures") });
  const into = db.openDB({ name: "in", encoding: "binary" });
  const nothing = Buffer.alloc(0);
  const keysOf = (store, near) => {
    const { gte, lt } = edgeRange(near);
    return store.getKeys({ start: gte, end: lt });
  };
  // Endpoints are looked up, as every engine here refuses an edge between missing nodes.
  const mustExist = (key) => {
    if (!nodes.doesExist(key)) throw new Error(`no node ${key}`);
    return key;
  };
  const putEdge = (put, { keys, from, to }, i) => {
    const source = mustExist(keys[from[i]]);
    const target = mustExist(keys[to[i]]);
    put(out, edgeKey(source, target, i), edgeProps(i));
    return put(into, edgeKey(target, source, i), nothing);
  };
  const putNow = (store, key, value) => store.putSync(key, value);
  const put = (store, key, value) => store.put(key, value);
  return {
    inFlightMax: 1,
    writeNodes: (workload, start, end) =>
      db.transactionSync(() => {
        for (let i = start; i < end; i++) nodes.putSync(workload.keys[i], nodeProps(i));
      }),
    writeEdges: (workload, start, end) =>
      db.transactionSync(() => {
        for (let i = start; i < end; i++) putEdge(putNow, workload, i);
      }),
    commitEdge: (workload, i) => putEdge(put, workload, i),
    handleOf: (key) => key,
    keyOf: (handle) => handle,
    node: (key) => nodes.get(key),
    propsOf: (record) => record,
    neighborsOut: (key) => distinctFarEnds(keysOf(out, key)),
    neighborsIn: (key) => distinctFarEnds(keysOf(into, key)),
    scanEdges: (visit) => {
      for (const { key, value } of out.getRange({}))
        if (typeof key === "string") visit(nearEnd(key), farEnd(key), value.time, value.weight);
    },
    close: () => db.close(),
  };
}
