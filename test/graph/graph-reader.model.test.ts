// Runs random histories against the model and compares the whole read face: in transactions, after them, at older LSNs, after
// rollbacks and rejections, from memory and from runs, and after replay.
import fc from "fast-check";
import { describe, it } from "vitest";
import type { GraphTransaction } from "../../src/graph/graph-transaction.ts";
import { GraphModel, type ModelProps } from "../support/graph-model.ts";
import { expectSame, type Universe } from "./read-face.ts";
import { MemoryGraph } from "./support.ts";

const universe: Universe = {
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

const operation = fc.oneof(
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
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      step: fc.constantFrom("commit" as const, "commit" as const, "throw" as const),
      operations: fc.array(operation, { maxLength: 12 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      step: fc.constantFrom("reject" as const, "freeze" as const, "flush" as const),
      operations: fc.constant<Operation[]>([]),
    }),
  },
);

/** Does one operation to both. */
function perform(tx: GraphTransaction<object>, model: GraphModel, operation: Operation): void {
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
  operation: Extract<Operation, { op: "addEdge" | "putEdge" }>,
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

function expectThrow(throws: boolean, run: () => unknown): void {
  try {
    run();
  } catch (error) {
    if (throws) return;
    throw error;
  }
  if (throws) throw new Error("nothing was thrown");
}

/** Defines the edge types in order, so that the model need not know how names are numbered. */
function defineTypes(graph: MemoryGraph, model: GraphModel): void {
  graph.transact((tx) => {
    tx.putNode("types", { labels: universe.types });
    tx.removeNode("types");
  });
  model.putNode("types", universe.types, {});
  model.removeNode("types");
}

describe("a graph under random histories", () => {
  it("answers as the model does, now, in transactions, in the past, after undoing, after replay", () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 8 }), fc.nat(), (steps, pick) => {
        const graph = new MemoryGraph();
        let model = new GraphModel(universe.types);
        defineTypes(graph, model);
        const past: GraphModel[] = [model];
        for (const { step, operations } of steps) {
          if (step === "freeze") {
            graph.layers.freeze();
          } else if (step === "flush") {
            graph.layers.freeze();
            graph.layers.flush();
            graph.layers.merge(0, pick % 4);
          } else if (step === "reject") {
            if (past.length > 1 && graph.rejectLast()) past.pop();
          } else {
            const next = past.at(-1)!.copy();
            const stop = new Error("stop");
            const run = (): void =>
              graph.transact(
                (tx) => {
                  for (const each of operations) perform(tx, next, each);
                  if (step === "throw") throw stop;
                },
                { implicitNodes: true },
              );
            if (step === "throw") expectThrow(true, run);
            else run();
            if (step === "commit" && next.lsn > past.at(-1)!.lsn) past.push(next);
          }
          graph.index.check();
        }
        model = past.at(-1)!;
        expectSame(graph, model, universe, true);
        const old = past[pick % past.length]!;
        expectSame(graph.view(old.lsn), old, universe, false);
        expectSame(graph.replayed(), model, universe, true);
      }),
      { numRuns: 60 },
    );
  });
});
