// varve itself, through its public face alone, as built in dist.
import { readFileSync } from "node:fs";
import { edgeProps, edgeType, nodeProps } from "../workload.js";

const { open } = await import("../../dist/varve.js");

export const version = JSON.parse(
  readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
).version;
export const durabilityNotes = {
  os: 'durability "os"',
  durable: 'durability "group": one transact per edge; waiting ones share a sync',
};

export async function openStore(path, { durability }) {
  const db = await open(path, { durability: durability === "os" ? "os" : "group" });
  const direction = { out: { direction: "out" }, in: { direction: "in" } };
  return {
    inFlightMax: 8,
    writeNodes: ({ keys }, start, end) =>
      db.transact((tx) => {
        for (let i = start; i < end; i++) tx.putNode(keys[i], { props: nodeProps(i) });
      }),
    writeEdges: ({ keys, from, to }, start, end) =>
      db.transact((tx) => {
        for (let i = start; i < end; i++)
          tx.addEdge(keys[from[i]], edgeType, keys[to[i]], edgeProps(i));
      }),
    commitEdge: ({ keys, from, to }, i) =>
      db.transact((tx) => tx.addEdge(keys[from[i]], edgeType, keys[to[i]], edgeProps(i))),
    handleOf: (key) => db.nodeId(key),
    keyOf: (handle) => db.nodeKey(handle),
    node: (key) => db.node(key),
    propsOf: (record) => record.props,
    neighborsOut: (id) => db.neighborIds(id, direction.out),
    neighborsIn: (id) => db.neighborIds(id, direction.in),
    scanEdges: (visit) => {
      for (const { from, to, props } of db.allEdges()) visit(from, to, props.time, props.weight);
    },
    close: () => db.close(),

    // What only varve has.
    writeNodesBulk: ({ keys }) => db.transact((tx) => tx.putNodes(keys)).then((r) => r.result),
    writeEdgesByIds: (from, to) => db.transact((tx) => tx.addEdges({ type: edgeType, from, to })),
    readFeed: async () => {
      let events = 0;
      let sum = 0;
      for await (const batch of db.changes({ from: 1, live: false })) {
        for (const change of batch.changes) {
          if (change.kind === "edge.add") sum += change.props.weight;
          events++;
        }
      }
      return { events, sum };
    },
    recovery: () => db.recovery,
    stats: () => db.stats(),
  };
}
