// Covers the write operations: what they do, what they refuse, and that a refused one leaves nothing behind.
import { describe, expect, it } from "vitest";
import { VarveError } from "../../src/codec/errors.ts";
import type { GraphTransaction } from "../../src/graph/graph-transaction.ts";
import { RECORD } from "../../src/log/event-format.ts";
import { MemoryGraph } from "./support.ts";

function codeOf(run: () => unknown): string | undefined {
  try {
    run();
  } catch (error) {
    return error instanceof VarveError ? error.code : (error as Error).name;
  }
  return undefined;
}

/** Everything that reads can tell. */
function contents(graph: MemoryGraph | GraphTransaction): unknown {
  return {
    nodes: [...graph.nodes()],
    edges: [...graph.allEdges()],
    counts: [graph.nodeCount, graph.edgeCount],
  };
}

describe("a transaction", () => {
  it("does what the example of the design does", () => {
    const graph = new MemoryGraph();
    const id = graph.transact((tx) => {
      tx.putNode("ada", { labels: ["Person"], props: { name: "Ada" } });
      tx.patchNode("ada", {
        props: { born: 1815, x: null },
        addLabels: ["Poet"],
        removeLabels: [],
      });
      tx.putNode("bob");
      const id = tx.addEdge("ada", "KNOWS", "bob", { since: 1843 });
      tx.putEdge("ada", "LIKES", "bob", { n: 1 });
      tx.patchEdge(id, { since: 1842 });
      expect(tx.node("ada")?.props).toEqual({ name: "Ada", born: 1815 });
      expect(tx.edge(id)?.props).toEqual({ since: 1842 });
      return id;
    });
    expect(graph.node("ada")).toEqual({
      key: "ada",
      id: 1,
      labels: ["Person", "Poet"],
      props: { name: "Ada", born: 1815 },
      lsn: 2,
    });
    expect([...graph.edges("ada")]).toEqual([
      { id, from: "ada", type: "KNOWS", to: "bob", props: { since: 1842 }, lsn: 6 },
      { id: 5, from: "ada", type: "LIKES", to: "bob", props: { n: 1 }, lsn: 5 },
    ]);
    graph.transact((tx) => {
      expect(tx.removeEdge(id)).toBe(true);
      expect(tx.removeEdge(id)).toBe(false);
      expect(tx.removeNode("bob")).toBe(true);
      expect(tx.removeNode("bob")).toBe(false);
    });
    expect(graph.nodeCount).toBe(1);
    expect(graph.edgeCount).toBe(0);
    expect([...graph.edges("ada")]).toEqual([]);
    expect(graph.nodeKey(2)).toBeUndefined();
  });

  it("replaces labels and props of a node that is there, and keeps its id and edges", () => {
    const graph = new MemoryGraph();
    graph.transact((tx) => {
      expect(tx.putNode("a", { labels: ["X", "Y", "X"], props: { p: 1, q: null } })).toBe(1);
      tx.addEdge("a", "T", "a");
      expect(tx.putNode("a", { labels: ["Y", "Z"] })).toBe(1);
    });
    expect(graph.node("a")).toMatchObject({ id: 1, labels: ["Y", "Z"], props: {} });
    expect([...graph.nodes({ label: "X" })]).toEqual([]);
    expect([...graph.nodes({ label: "Z" })]).toHaveLength(1);
    expect(graph.degree("a", { direction: "both" })).toBe(2);
  });

  it("gives a key that was removed a new id", () => {
    const graph = new MemoryGraph();
    graph.transact((tx) => {
      tx.putNode("a", { props: { old: true } });
      tx.removeNode("a");
      expect(tx.hasNode("a")).toBe(false);
      expect(tx.putNode("a")).toBe(2);
      expect(tx.node("a")?.props).toEqual({});
    });
    expect(graph.view(1).node("a")).toMatchObject({ id: 1, props: { old: true } });
    expect(graph.view(2).node("a")).toBeUndefined();
    expect(graph.nodeId("a")).toBe(2);
  });

  it("takes no removed node for a live one, even where nothing is read in between", () => {
    const graph = new MemoryGraph();
    graph.transact((tx) => {
      tx.putNode("a");
      tx.hasNode("a");
      tx.removeNode("a");
      expect(tx.putNode("a")).toBe(2);
      tx.removeNode("a");
      expect(codeOf(() => tx.addEdge("a", "T", "a"))).toBe("NODE_NOT_FOUND");
    });
    expect(graph.nodeCount).toBe(0);
  });

  it("removes a node with all its edges, self-loops and parallel ones included", () => {
    const graph = new MemoryGraph();
    graph.transact((tx) => {
      tx.putNodes(["a", "b"]);
      tx.addEdge("a", "T", "a");
      tx.addEdge("a", "T", "b");
      tx.addEdge("a", "T", "b");
      tx.addEdge("b", "T", "a");
      tx.addEdge("b", "T", "b");
    });
    const before = graph.lastLsn;
    graph.transact((tx) => tx.removeNode("a"));
    expect(graph.lastLsn - before).toBe(5);
    expect(graph.edgeCount).toBe(1);
    expect([...graph.edges("b", { direction: "both" })].map((edge) => edge.id)).toEqual([7]);
    expect([...graph.view(before).edges("a", { direction: "both" })]).toHaveLength(4);
  });

  it("puts an edge once, then replaces its props to the letter, nulls included", () => {
    const graph = new MemoryGraph();
    const id = graph.transact((tx) => {
      tx.putNodes(["a", "b"]);
      const id = tx.putEdge("a", "T", "b", { x: 1, y: 2 });
      expect(tx.putEdge("a", "T", "b", { y: null, z: undefined, w: [] })).toBe(id);
      return id;
    });
    expect(graph.edge(id)?.props).toEqual({ y: null, w: [] });
    expect(graph.edgeCount).toBe(1);
    graph.transact((tx) => tx.putEdge("a", "T", "b"));
    expect(graph.edge(id)?.props).toEqual({});
    graph.transact((tx) => tx.addEdge("a", "T", "b"));
    expect(codeOf(() => graph.transact((tx) => tx.putEdge("a", "T", "b")))).toBe("CONFLICT");
  });

  it("adds edges in bulk with ids that follow one another", () => {
    const graph = new MemoryGraph();
    graph.transact((tx) => {
      const ids = tx.putNodes(["a", "b", "c"], {
        labels: ["N"],
        props: [{ i: 0 }, undefined, { i: 2 }],
      });
      expect(ids).toEqual(Uint32Array.of(1, 2, 3));
      const first = tx.addEdges({ type: "T", from: ids, to: Uint32Array.of(2, 3, 1) });
      expect(first).toBe(4);
      expect(tx.edge(5)).toMatchObject({ from: "b", to: "c", props: {} });
      const second = tx.addEdges({
        type: "T",
        from: ids,
        to: ids,
        props: [{ w: 1 }, undefined, { w: 3 }],
      });
      expect(second).toBe(7);
      tx.patchEdge(6, { seen: true });
    });
    expect(graph.edge(9)).toMatchObject({ from: "c", to: "c", props: { w: 3 } });
    expect(graph.edge(6)).toMatchObject({ from: "c", to: "a", props: { seen: true }, lsn: 10 });
    expect(graph.node("b")?.props).toEqual({});
    expect([...graph.allEdges({ after: 5, limit: 2 })].map((edge) => edge.id)).toEqual([6, 7]);
  });

  it("makes missing end nodes only where it may", () => {
    const graph = new MemoryGraph();
    const add = (tx: GraphTransaction): number => tx.addEdge("x", "T", "x");
    expect(codeOf(() => graph.transact(add))).toBe("NODE_NOT_FOUND");
    expect(graph.transact(add, { implicitNodes: true })).toBe(2);
    expect(graph.node("x")).toMatchObject({ labels: [], props: {}, lsn: 1 });
    expect(graph.nodeCount).toBe(1);
  });

  it("says what is missing where a patch or a bulk add has nothing to stand on", () => {
    const graph = new MemoryGraph();
    graph.transact((tx) => {
      expect(codeOf(() => tx.patchNode("no", {}))).toBe("NODE_NOT_FOUND");
      expect(codeOf(() => tx.patchEdge(7, {}))).toBe("EDGE_NOT_FOUND");
      expect(codeOf(() => tx.patchEdge(0.5, {}))).toBe("EDGE_NOT_FOUND");
      const one = Uint32Array.of(1);
      expect(codeOf(() => tx.addEdges({ type: "T", from: one, to: one }))).toBe("NODE_NOT_FOUND");
      tx.putNode("a");
      expect(codeOf(() => tx.addEdge("a", "T", "b"))).toBe("NODE_NOT_FOUND");
    });
    expect(graph.lastLsn).toBe(1);
  });

  it("stays as it was when an operation throws in the midst of its writing", () => {
    const graph = new MemoryGraph();
    graph.transact(
      (tx) => {
        tx.putNode("a", { props: { kept: 1 } });
        const before = contents(tx);
        const bad = { ok: 1, bad: () => 0 };
        expect(codeOf(() => tx.putNode("a", { props: bad }))).toBe("TypeError");
        expect(codeOf(() => tx.putNode("n", { labels: ["L"], props: bad }))).toBe("TypeError");
        expect(codeOf(() => tx.addEdge("new", "T", "new", bad))).toBe("TypeError");
        expect(codeOf(() => tx.putEdge("new", "T", "new", bad))).toBe("TypeError");
        expect(codeOf(() => tx.patchNode("a", { props: bad }))).toBe("TypeError");
        expect(codeOf(() => tx.emit("e", bad))).toBe("TypeError");
        expect(codeOf(() => tx.putNodes(["p", "p", "q"], { props: [{}, {}, bad] }))).toBe(
          "TypeError",
        );
        expect(contents(tx)).toEqual(before);
        expect(tx.addEdge("a", "T", "a")).toBe(2);
      },
      { implicitNodes: true },
    );
    expect(graph.lastLsn).toBe(2);
    expect(graph.nodeCount).toBe(1);
    graph.index.check();
  });

  it("goes back to nothing when it is rolled back, whatever it had shown itself", () => {
    const graph = new MemoryGraph();
    graph.transact((tx) => {
      tx.putNodes(["a", "b"], { labels: ["L"], props: [{ x: 1 }, {}] });
      tx.addEdge("a", "T", "b", { w: 1 });
    });
    const before = contents(graph);
    const boom = new Error("boom");
    expect(() =>
      graph.transact((tx) => {
        tx.putNode("c", { labels: ["NewLabel"] });
        tx.addEdge("c", "NEW", "a");
        tx.patchNode("a", { props: { x: 2 }, removeLabels: ["L"] });
        tx.patchEdge(3, { w: 2 });
        expect(tx.node("a")).toMatchObject({ props: { x: 2 }, labels: [] });
        tx.removeNode("b");
        expect(tx.edgeCount).toBe(1);
        throw boom;
      }),
    ).toThrow(boom);
    expect(contents(graph)).toEqual(before);
    expect(graph.names.idOf("NewLabel")).toBe(0);
    // The id that was used up stays so.
    expect(graph.transact((tx) => tx.putNode("c"))).toBe(4);
    graph.index.check();
  });

  it("cannot be used once it is over, nor through a getter of what it writes", () => {
    const graph = new MemoryGraph();
    let leaked: GraphTransaction | undefined;
    graph.transact((tx) => {
      leaked = tx;
      tx.putNode("a");
      const props = {
        get evil(): number {
          return tx.putNode("b");
        },
      };
      expect(() => tx.putNode("c", { props })).toThrow(/getter/);
      expect(tx.nodeCount).toBe(1);
    });
    const iterator = graph.transact((tx) => {
      expect(() => leaked?.putNode("x")).toThrow(/over/);
      return tx.nodes();
    });
    expect(() => leaked?.node("a")).toThrow(/over/);
    expect(() => leaked?.nodeCount).toThrow(TypeError);
    expect(() => leaked?.emit("x")).toThrow(TypeError);
    expect(() => [...iterator]).toThrow(/over/);
  });

  it("refuses to grow beyond its bytes, and goes on with what fits", () => {
    const graph = new MemoryGraph();
    graph.transact(
      (tx) => {
        tx.putNode("a");
        expect(codeOf(() => tx.putNode("b", { props: { text: "x".repeat(2000) } }))).toBe(
          "LIMIT_EXCEEDED",
        );
        const many = new Uint32Array(1000).fill(1);
        expect(codeOf(() => tx.addEdges({ type: "T", from: many, to: many }))).toBe(
          "LIMIT_EXCEEDED",
        );
        tx.addEdge("a", "T", "a");
      },
      { transactionBytesMax: 1000 },
    );
    expect([graph.nodeCount, graph.edgeCount]).toEqual([1, 1]);
  });

  it("may be empty, and may hold nothing but an event of the user's", () => {
    const graph = new MemoryGraph();
    graph.transact(() => undefined);
    expect(graph.lastLsn).toBe(0);
    graph.transact((tx) => tx.emit("signed-up", { user: "ada" }));
    expect(graph.lastLsn).toBe(1);
    expect(graph.edge(1)).toBeUndefined();
    expect([...graph.allEdges()]).toEqual([]);
  });

  it("keeps records right through many patches, small and large", () => {
    for (const size of [1, 400]) {
      const graph = new MemoryGraph();
      const expected: Record<string, unknown> = { fill: "f".repeat(size) };
      graph.transact((tx) => {
        tx.putNode("a", { props: expected });
        tx.addEdge("a", "T", "a", expected);
      });
      for (let i = 0; i < 40; i++) {
        const patch: Record<string, unknown> = { [`p${i % 7}`]: i % 3 === 0 ? null : i };
        graph.transact((tx) => {
          tx.patchNode("a", { props: patch, addLabels: [`L${i}`], removeLabels: [`L${i - 2}`] });
          tx.patchEdge(2, patch);
        });
        for (const [name, value] of Object.entries(patch)) {
          if (value === null) delete expected[name];
          else expected[name] = value;
        }
        const labels = i === 0 ? ["L0"] : [`L${i - 1}`, `L${i}`];
        expect(graph.node("a")).toMatchObject({ labels });
        expect(graph.node("a")?.props).toEqual(expected);
        expect(graph.edge(2)?.props).toEqual(expected);
      }
      // Every 16th patch has the whole state, so that reading never goes back further.
      const images = [0, 0];
      const scan = graph.log.scan(1, graph.lastLsn);
      for (let event = scan.next(); event !== undefined; event = scan.next()) {
        if (event.tag === RECORD.nodePatch && event.hasImage) images[0]!++;
        if (event.tag === RECORD.edgePatch && event.hasImage) images[1]!++;
      }
      expect(images).toEqual([2, 2]);
      const replayed = graph.replayed();
      expect(contents(replayed)).toEqual(contents(graph));
    }
  });
});

describe("arguments of writes", () => {
  const graph = new MemoryGraph();
  const refused: [string, (tx: GraphTransaction<object>) => unknown, RegExp][] = [
    ["a number as a key", (tx) => tx.putNode(7 as never), /putNode: key must be a string, got 7/],
    ["an empty key", (tx) => tx.putNode(""), /putNode: key must have 1 to 1024 bytes, got 0/],
    ["a key of 1,025 bytes", (tx) => tx.putNode(`${"é".repeat(512)}x`), /got 1025/],
    ["an unknown option", (tx) => tx.putNode("a", { label: "X" } as never), /"label"/],
    ["a label list that is none", (tx) => tx.putNode("a", { labels: "X" } as never), /labels/],
    ["a number as a label", (tx) => tx.putNode("a", { labels: [1] } as never), /labels\[0\]/],
    ["an empty name of a prop", (tx) => tx.putNode("a", { props: { "": 1 } }), /name in props/],
    ["props that are an array", (tx) => tx.putNode("a", { props: [] } as never), /props/],
    ["props that are a map", (tx) => tx.addEdge("a", "T", "a", new Map() as never), /Map/],
    ["a number as a type", (tx) => tx.addEdge("a", 1 as never, "a"), /type/],
    ["an id that is a string", (tx) => tx.removeEdge("1" as never), /removeEdge: id/],
    ["a patch that is missing", (tx) => tx.patchNode("a", undefined as never), /patch/],
    [
      "a label both ways",
      (tx) => tx.patchNode("a", { addLabels: ["L"], removeLabels: ["L"] }),
      /L/,
    ],
    ["keys that are no array", (tx) => tx.putNodes("ab" as never), /keys/],
    ["too few props", (tx) => tx.putNodes(["a", "b"], { props: [{}] }), /2 elements, got 1/],
    [
      "plain arrays of ids",
      (tx) => tx.addEdges({ type: "T", from: [1], to: [1] } as never),
      /from must be a Uint32Array/,
    ],
    [
      "columns of different lengths",
      (tx) => tx.addEdges({ type: "T", from: Uint32Array.of(1), to: Uint32Array.of() }),
      /1 and 0/,
    ],
    ["an event without a name", (tx) => tx.emit("", 1), /name/],
  ];

  it.each(refused)("refuse %s, naming it", (_title, run, message) => {
    graph.transact((tx) => {
      expect(() => run(tx)).toThrow(message);
      expect(codeOf(() => run(tx))).toMatch(/^(Type|Range)Error$/);
    });
    expect(graph.lastLsn).toBe(0);
  });
});
