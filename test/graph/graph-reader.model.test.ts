// Runs random histories against the model and compares the whole read face: in transactions, after them, at older LSNs, after
// rollbacks and rejections, from memory and from runs, and after replay.
import fc from "fast-check";
import { describe, it } from "vitest";
import { GraphModel } from "../support/graph-model.ts";
import { expectThrow, type Operation, operation, perform, universe } from "./operations.ts";
import { expectSame } from "./read-face.ts";
import { MemoryGraph } from "./support.ts";

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
      { numRuns: 30 },
    );
  });
});
