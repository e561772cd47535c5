// A projection: how many edges go out of each node and into it, kept up to date as edges come and go.

/** In `out`: `{ out, in }` for each node that has edges. In the state: how many edges there are. */
export const degrees = {
  version: 1,
  filter: { kinds: ["edge.add", "edge.remove"] },
  init: () => ({ edges: 0 }),
  apply(state, change, out) {
    const step = change.kind === "edge.add" ? 1 : -1;
    state.edges += step;
    count(out, change.from, "out", step);
    count(out, change.to, "in", step);
  },
};

function count(out, key, direction, step) {
  const node = out.get(key) ?? { out: 0, in: 0 };
  node[direction] += step;
  if (node.out === 0 && node.in === 0) out.delete(key);
  else out.put(key, node);
}
