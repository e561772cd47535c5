// SQLite through better-sqlite3: a table of nodes, a table of edges by node number, an index for each direction.
import { edgeProps, edgeType, nodeProps } from "../workload.js";
import { loadPeer, peerVersion } from "./load-peer.js";

const Database = (await loadPeer("better-sqlite3")).default;

export const version = peerVersion("better-sqlite3");
export const durabilityNotes = {
  os: "WAL, synchronous=OFF",
  durable: "WAL, synchronous=FULL, one transaction per edge",
};

const schema = `
  CREATE TABLE IF NOT EXISTS nodes(id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, name TEXT, born INTEGER, score REAL);
  CREATE TABLE IF NOT EXISTS edges(id INTEGER PRIMARY KEY, source INTEGER NOT NULL, type TEXT NOT NULL,
    target INTEGER NOT NULL, time INTEGER, weight REAL);
  CREATE INDEX IF NOT EXISTS edges_out ON edges(source, type, target);
  CREATE INDEX IF NOT EXISTS edges_in ON edges(target, type, source);`;

export async function openStore(path, { durability }) {
  const db = new Database(`${path}.sqlite`);
  db.pragma("journal_mode = WAL");
  db.pragma(`synchronous = ${durability === "os" ? "OFF" : "FULL"}`);
  db.pragma("cache_size = -131072");
  db.exec(schema);
  const addNode = db.prepare("INSERT INTO nodes(key, name, born, score) VALUES (?, ?, ?, ?)");
  const idOf = db.prepare("SELECT id FROM nodes WHERE key = ?").pluck();
  const keyOf = db.prepare("SELECT key FROM nodes WHERE id = ?").pluck();
  const addEdge = db.prepare(
    "INSERT INTO edges(source, type, target, time, weight) VALUES (?, ?, ?, ?, ?)",
  );
  const node = db.prepare("SELECT key, id, name, born, score FROM nodes WHERE key = ?");
  const out = db.prepare("SELECT DISTINCT target FROM edges WHERE source = ? AND type = ?").pluck();
  const into = db
    .prepare("SELECT DISTINCT source FROM edges WHERE target = ? AND type = ?")
    .pluck();
  const scan = db
    .prepare(
      `SELECT s.key, t.key, e.time, e.weight FROM edges e
       JOIN nodes s ON s.id = e.source JOIN nodes t ON t.id = e.target`,
    )
    .raw();
  const insertEdge = (workload, i) => {
    const { time, weight } = edgeProps(i);
    const { keys, from, to } = workload;
    addEdge.run(idOf.get(keys[from[i]]), edgeType, idOf.get(keys[to[i]]), time, weight);
  };
  return {
    inFlightMax: 1,
    writeNodes: db.transaction((workload, start, end) => {
      for (let i = start; i < end; i++) {
        const { name, born, score } = nodeProps(i);
        addNode.run(workload.keys[i], name, born, score);
      }
    }),
    writeEdges: db.transaction((workload, start, end) => {
      for (let i = start; i < end; i++) insertEdge(workload, i);
    }),
    commitEdge: db.transaction(insertEdge),
    handleOf: (key) => idOf.get(key),
    keyOf: (handle) => keyOf.get(handle),
    node: (key) => node.get(key),
    propsOf: (record) => record,
    neighborsOut: (handle) => out.all(handle, edgeType),
    neighborsIn: (handle) => into.all(handle, edgeType),
    scanEdges: (visit) => {
      for (const [source, target, time, weight] of scan.iterate())
        visit(source, target, time, weight);
    },
    close: () => db.close(),
  };
}
