// Random operations on a graph, done to the engine and to the model alike.
import fc from "fast-check";
import type { GraphTransaction } from "../../src/graph/graph-transaction.ts";
import type { GraphModel, ModelProps } from "../support/graph-model.ts";
import { expectSame, type Universe } from "./read-face.ts";

export const universe: Universe = {
  keys: ["a", "ab", "__proto__", "\ud83d", "\ud83d\ude00", "nul\u0000", "k".repeat(300)],
  labels: ["L1", "L2", "constructor"],
  types: ["T1", "T2", "T3"],
};

const key = fc.constantFrom(...universe.keys);
const type = fc.constantFrom(...universe.types);
const labels = fc.array(fc.constantFrom(...universe.labels), { maxLength: 3 });
const value = fc.oneof(
  fc.constant(null),
  fc.constant(undefined),
  fc.integer(),
  fc.string(),
  fc.constant("x".repeat(300)),
  fc.bigInt(),
  fc.array(fc.boolean(), { maxLength: 3 }),
);
const props: fc.Arbitrary<ModelProps> = fc
  .array(fc.tuple(fc.constantFrom("p", "q", "r", "__proto__"), value), { maxLength: 4 })
  .map((entries) => Object.fromEntries(entries));

interface EdgeOperation {
  readonly op: "addEdge" | "putEdge";
  readonly key: string;
  readonly type: string;
  readonly to: string;
  readonly props: ModelProps;
}

export type Operation =
  | { op: "putNode"; key: string; labels: string[]; props: ModelProps }
  | { op: "patchNode"; key: string; labels: string[]; remove: string[]; props: ModelProps }
  | { op: "removeNode" | "read"; key: string }
  | EdgeOperation
  | { op: "patchEdge"; pick: number; props: ModelProps }
  | { op: "removeEdge"; pick: number }
  | { op: "addEdges"; type: string; count: number; pick: number }
  | { op: "bad"; key: string; to: string; type: string; pick: number };

export const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ op: fc.constant("putNode" as const), key, labels, props }),
  fc.record({ op: fc.constant("patchNode" as const), key, labels, remove: labels, props }),
  fc.record({ op: fc.constant("removeNode" as const), key }),
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constant("addEdge" as const), key, type, to: key, props }),
  },
  fc.record({ op: fc.constant("putEdge" as const), key, type, to: key, props }),
  fc.record({ op: fc.constant("patchEdge" as const), pick: fc.nat(), props }),
  fc.record({ op: fc.constant("removeEdge" as const), pick: fc.nat() }),
  fc.record({ op: fc.constant("addEdges" as const), type, count: fc.nat(12), pick: fc.nat() }),
  fc.record({ op: fc.constant("bad" as const), key, to: key, type, pick: fc.nat() }),
  fc.record({ op: fc.constant("read" as const), key }),
);

/** Does one operation to both. */
export function perform(
  tx: GraphTransaction<object>,
  model: GraphModel,
  operation: Operation,
): void {
  switch (operation.op) {
    case "putNode":
      tx.putNode(operation.key, { labels: operation.labels, props: operation.props });
      model.putNode(operation.key, operation.labels, operation.props);
      return;
    case "patchNode": {
      const { key, labels: addLabels, props } = operation;
      const removeLabels = operation.remove.filter((label) => !addLabels.includes(label));
      const known = model.patchNode(key, props, addLabels, removeLabels);
      expectThrow(!known, () => tx.patchNode(key, { props, addLabels, removeLabels }));
      return;
    }
    case "removeNode":
      if (tx.removeNode(operation.key) !== model.removeNode(operation.key))
        throw new Error("removeNode");
      return;
    case "addEdge":
    case "putEdge":
      performEdge(tx, model, operation);
      return;
    case "patchEdge": {
      const id = pickEdge(model, operation.pick);
      const known = model.patchEdge(id, operation.props);
      expectThrow(!known, () => tx.patchEdge(id, operation.props));
      return;
    }
    case "removeEdge": {
      const id = pickEdge(model, operation.pick);
      if (tx.removeEdge(id) !== model.removeEdge(id)) throw new Error("removeEdge");
      return;
    }
    case "addEdges":
      performRun(tx, model, operation);
      return;
    case "bad":
      performBad(tx, model, operation);
      return;
    case "read":
      expectSame(tx, model, { ...universe, keys: [operation.key, "ab"] }, true);
  }
}

function performEdge(
  tx: GraphTransaction<object>,
  model: GraphModel,
  operation: EdgeOperation,
): void {
  const { key, type, to, props } = operation;
  const existing = model.between(key, type, to);
  if (operation.op === "putEdge" && existing.length > 1) {
    expectThrow(true, () => tx.putEdge(key, type, to, props));
    return;
  }
  for (const end of [key, to]) if (model.node(end) === undefined) model.putNode(end, [], {});
  if (operation.op === "putEdge" && existing[0] !== undefined) {
    model.replaceEdge(existing[0], props);
    if (tx.putEdge(key, type, to, props) !== existing[0].id) throw new Error("putEdge");
  } else if (tx[operation.op](key, type, to, props) !== model.addEdge(key, type, to, props)) {
    throw new Error("edge id");
  }
}

function performRun(
  tx: GraphTransaction<object>,
  model: GraphModel,
  { type, count, pick }: Extract<Operation, { op: "addEdges" }>,
): void {
  const { nodes } = model;
  if (nodes.length === 0) return;
  const ends = Array.from({ length: count }, (_, i) => nodes[(pick + i * i) % nodes.length]!);
  const from = Uint32Array.from(ends, (node) => node.id);
  const first = tx.addEdges({ type, from, to: from.slice().reverse() });
  if (first !== model.lsn + 1) throw new Error("first edge id");
  ends.forEach((node, i) => {
    model.addEdge(node.key, type, ends[count - 1 - i]!.key, {});
  });
}

/** An operation that fails late: it may use up ids, and nothing else. */
function performBad(
  tx: GraphTransaction<object>,
  model: GraphModel,
  { key, to, type, pick }: Extract<Operation, { op: "bad" }>,
): void {
  const props = { p: 1, bad: () => 0 };
  const missing = new Set([key, to].filter((each) => model.node(each) === undefined));
  switch (pick % 3) {
    case 0:
      expectThrow(true, () => tx.putNode(key, { labels: ["L1"], props }));
      if (missing.has(key)) model.counters.nextNodeId++;
      return;
    case 1:
      expectThrow(true, () => tx.addEdge(key, type, to, props));
      model.counters.nextNodeId += missing.size;
      return;
    default:
      expectThrow(true, () => tx.putNodes([key, to], { props: [{}, props] }));
      model.counters.nextNodeId += missing.size;
  }
}

function pickEdge(model: GraphModel, pick: number): number {
  // Now and then an id that is no live edge's.
  if (pick % 5 === 0 || model.edgeList.length === 0) return pick % (model.lsn + 3);
  return model.edgeList[pick % model.edgeList.length]!.id;
}

export function expectThrow(throws: boolean, run: () => unknown): void {
  try {
    run();
  } catch (error) {
    if (throws) return;
    throw error;
  }
  if (throws) throw new Error("nothing was thrown");
}
