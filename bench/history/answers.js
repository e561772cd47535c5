// What a view of the past has to answer, from the workload's arrays alone, and what the present has to after later writes.
import {
  checkedNodes,
  edgeProps,
  hashEdge,
  hashText,
  neighborsText,
  recordText,
  rightAnswers,
} from "../workload.js";

/** Throws where a view differs from the workload as it was loaded. */
export function checkView(view, w) {
  const right = rightAnswers(w);
  let edges = 0;
  let edgeCount = 0;
  for (const { from, to, props } of view.allEdges()) {
    edges = (edges + hashEdge(from, to, props.time, props.weight)) >>> 0;
    edgeCount++;
  }
  const checked = checkedNodes(w).map((i) => w.keys[i]);
  const sets = (direction) =>
    hashText(checked.map((key) => neighborsText(view.neighbors(key, { direction }))).join());
  const answers = {
    edgeCount,
    edges,
    nodes: hashText(checked.map((key) => recordText(key, view.node(key).props)).join()),
    neighborsOut: sets("out"),
    neighborsIn: sets("in"),
  };
  for (const [name, value] of Object.entries(right)) {
    if (answers[name] !== value) throw new Error(`as of LSN ${view.lsn}: ${name} is wrong`);
  }
  if (view.edgeCount !== w.edgeCount || view.nodeCount !== w.nodeCount) {
    throw new Error(`as of LSN ${view.lsn}: the counts are wrong`);
  }
}

/** Throws where the present lacks what was written later, or has what was removed. */
export function checkWritten(db, w, { removed, patched }) {
  for (const [node, visits] of patched) {
    if (db.node(w.keys[node]).props.visits !== visits) throw new Error(`${w.keys[node]} is wrong`);
  }
  for (const edge of removed) {
    const id = w.nodeCount + edge + 1;
    if (db.edge(id) !== undefined) throw new Error(`edge ${id} is still there`);
    const { time } = edgeProps(edge);
    if (
      ![...db.edges(w.keys[w.from[edge]], { to: w.keys[w.to[edge]] })].every((e) => e.id !== id)
    ) {
      throw new Error(`the edge of ${time} is still there`);
    }
  }
}
