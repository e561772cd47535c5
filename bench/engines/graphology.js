// graphology: a graph in memory, no disk at all. What an engine with a disk has to stand beside.
import { edgeProps, nodeProps } from "../workload.js";
import { loadPeer, peerVersion } from "./load-peer.js";

const loaded = await loadPeer("graphology");
const { MultiDirectedGraph } = loaded.default?.MultiDirectedGraph ? loaded.default : loaded;

export const version = peerVersion("graphology");
export const inMemory = true;
export const durabilityNotes = { os: "none: in memory" };

export async function openStore() {
  const graph = new MultiDirectedGraph();
  return {
    inFlightMax: 1,
    writeNodes: ({ keys }, start, end) => {
      for (let i = start; i < end; i++) graph.addNode(keys[i], nodeProps(i));
    },
    writeEdges: ({ keys, from, to }, start, end) => {
      for (let i = start; i < end; i++)
        graph.addDirectedEdge(keys[from[i]], keys[to[i]], edgeProps(i));
    },
    handleOf: (key) => key,
    keyOf: (handle) => handle,
    node: (key) => graph.getNodeAttributes(key),
    propsOf: (record) => record,
    neighborsOut: (key) => graph.outNeighbors(key),
    neighborsIn: (key) => graph.inNeighbors(key),
    scanEdges: (visit) =>
      graph.forEachEdge((_edge, { time, weight }, source, target) =>
        visit(source, target, time, weight),
      ),
    close: () => {},
  };
}
