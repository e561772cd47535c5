// Graphs of growing size on a real disk under a small memory budget, opened again at each rung; a star; and any order of loading.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Database } from "../../src/database/database.ts";
import { openTuned } from "../../src/database/open.ts";
import type { Tuning } from "../../src/database/tuning.ts";
import { SimulatedRandom } from "../../src/testing/simulated-random.ts";

const isFull = process.env["VARVE_CRASH_SECONDS"] !== undefined;
const timeoutMs = 900_000;
/** Less than a rung's index has, so that pages are evicted and read again. */
const small: Partial<Tuning> = {
  activeEventsMax: 16_384,
  pageCacheBytes: 512 * 1024,
  pageCacheBytesMax: 512 * 1024,
  mergeAbove: 3,
};

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "varve-ladder-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function openSmall(name: string): Promise<Database> {
  return openTuned(join(folder, name), { memoryBudget: 16 * 2 ** 20, durability: "os" }, small);
}

/** Every edge from `from` to `to`, once more as plain lists: what the answers are counted from. */
class Expected {
  readonly from: number[] = [];
  readonly to: number[] = [];
  readonly #out: Map<number, number[]> = new Map();
  readonly #in: Map<number, number[]> = new Map();

  add(from: number, to: number): void {
    this.from.push(from);
    this.to.push(to);
    const put = (map: Map<number, number[]>, near: number, far: number): void => {
      const list = map.get(near);
      if (list === undefined) map.set(near, [far]);
      else list.push(far);
    };
    put(this.#out, from, to);
    put(this.#in, to, from);
  }

  get edgeCount(): number {
    return this.from.length;
  }

  out(node: number): number[] {
    return this.#out.get(node) ?? [];
  }

  in(node: number): number[] {
    return this.#in.get(node) ?? [];
  }
}

const keyOf = (node: number): string => `node-${node}`;
const ascending = (numbers: Iterable<number>): number[] => [...numbers].sort((a, b) => a - b);
const distinct = (numbers: readonly number[]): number[] => ascending(new Set(numbers));

describe("the scale ladder", () => {
  const rungs = isFull ? [1e3, 1e4, 1e5, 1e6] : [1e3, 1e4, 1e5];

  it("answers as an independent count does, after a reopen at each rung", {
    timeout: timeoutMs,
  }, async () => {
    const random = new SimulatedRandom(31);
    const expected = new Expected();
    const ids: number[] = [];
    let flushes = 0;
    for (const rung of rungs) {
      let db = await openSmall("ladder");
      const nodes = rung / 10;
      while (expected.edgeCount < rung) {
        const count = Math.min(5000, rung - expected.edgeCount);
        await db.transact((tx) => {
          const keys: string[] = [];
          while (ids.length + keys.length < nodes && keys.length < count) {
            keys.push(keyOf(ids.length + keys.length));
          }
          ids.push(...tx.putNodes(keys, { labels: ["N"] }));
          const from = new Uint32Array(count);
          const to = new Uint32Array(count);
          for (let i = 0; i < count; i++) {
            const a = random.below(ids.length);
            // Some nodes have far more edges than others.
            const b = Math.min(a, random.below(1 + random.below(ids.length)));
            expected.add(a, b);
            from[i] = ids[a]!;
            to[i] = ids[b]!;
          }
          tx.addEdges({ type: "E", from, to });
        });
      }
      ({ flushes } = db.stats().counters);
      await db.close();
      db = await openSmall("ladder");
      expect(db.recovery).toMatchObject({ clean: true, rebuilt: [], warnings: [] });
      expect([db.nodeCount, db.edgeCount]).toEqual([nodes, rung]);
      const ordinals = new Map(ids.map((id, node) => [id, node]));
      for (let i = 0; i < 300; i++) {
        const node = i < 20 ? i : random.below(nodes);
        const key = keyOf(node);
        expect(db.nodeId(key)).toBe(ids[node]);
        expect(db.degree(key)).toBe(expected.out(node).length);
        expect(db.degree(key, { direction: "in" })).toBe(expected.in(node).length);
        const out = [...db.neighborIds(ids[node]!)].map((id) => ordinals.get(id)!);
        expect(distinct(out)).toEqual(distinct(expected.out(node)));
        const into = [...db.neighborIds(ids[node]!, { direction: "in" })];
        expect(distinct(into.map((id) => ordinals.get(id)!))).toEqual(distinct(expected.in(node)));
      }
      let at = 0;
      for (const { from, to } of db.allEdges()) {
        if (from !== keyOf(expected.from[at]!) || to !== keyOf(expected.to[at]!)) {
          throw new Error(`edge ${at} of ${rung}`);
        }
        at++;
      }
      expect(at).toBe(rung);
      expect(db.stats().bytes.pageCache).toBeLessThan(1024 * 1024);
      await db.close();
    }
    expect(flushes).toBeGreaterThan(1);
  });
});

describe("a star", () => {
  const edges = isFull ? 1_000_000 : 100_000;

  it(`of ${edges} edges at one node is read in part and as a whole, and removed`, {
    timeout: timeoutMs,
  }, async () => {
    let db = await openSmall("star");
    const hub = (await db.transact((tx) => tx.putNode("hub"))).result;
    const rays: number[] = [];
    for (let done = 0; done < edges; done += 10_000) {
      await db.transact((tx) => {
        const ids = tx.putNodes(Array.from({ length: 10_000 }, (_, i) => keyOf(done + i)));
        rays.push(...ids);
        tx.addEdges({ type: "RAY", from: new Uint32Array(10_000).fill(hub), to: ids });
      });
    }
    await db.close();
    db = await openSmall("star");
    expect(db.degree("hub")).toBe(edges);
    const neighbors = ascending(db.neighborIds(hub));
    expect(neighbors.length).toBe(edges);
    expect(neighbors.every((id, i) => id === rays[i])).toBe(true);
    const first = [...db.edges("hub", { limit: 10 })];
    const last = [...db.edges("hub", { limit: 10, reverse: true })];
    expect(first.map(({ to }) => to)).toEqual(Array.from({ length: 10 }, (_, i) => keyOf(i)));
    expect(last.map(({ to }) => to)).toEqual(
      Array.from({ length: 10 }, (_, i) => keyOf(edges - 1 - i)),
    );
    for (const ray of [0, 1, edges >> 1, edges - 1]) {
      expect([...db.edges(keyOf(ray), { direction: "in" })].map(({ from }) => from)).toEqual([
        "hub",
      ]);
    }
    await db.transact((tx) => expect(tx.removeNode("hub")).toBe(true));
    expect([db.nodeCount, db.edgeCount, db.hasNode("hub")]).toEqual([edges, 0, false]);
    await db.close();
    db = await openSmall("star");
    expect([db.nodeCount, db.edgeCount, db.hasNode("hub")]).toEqual([edges, 0, false]);
    expect(db.degree(keyOf(7), { direction: "both" })).toBe(0);
    await db.transact((tx) => {
      tx.putNode("hub");
      tx.addEdge("hub", "RAY", keyOf(7));
    });
    expect(db.degree("hub")).toBe(1);
    await db.close();
  });
});

describe("the order in which a graph is loaded", () => {
  it("makes no difference to the answers, as sets by key", { timeout: timeoutMs }, async () => {
    const random = new SimulatedRandom(5);
    const nodes = 300;
    const pairs = Array.from({ length: 3000 }, () => [random.below(nodes), random.below(nodes)]);
    const shuffled = (count: number): number[] => {
      const order = Array.from({ length: count }, (_, i) => i);
      for (let i = count - 1; i > 0; i--) {
        const j = random.below(i + 1);
        [order[i], order[j]] = [order[j]!, order[i]!];
      }
      return order;
    };
    const answers: string[] = [];
    for (let order = 0; order < 4; order++) {
      const db = await openTuned(
        join(folder, `order-${order}`),
        { memoryBudget: 16 * 2 ** 20, durability: "os" },
        { ...small, activeEventsMax: 200 + 300 * order, pageBytes: 512 },
      );
      const upside = order === 1;
      const nodeOrder = order < 2 ? [...Array(nodes).keys()] : shuffled(nodes);
      const edgeOrder = order < 2 ? [...pairs.keys()] : shuffled(pairs.length);
      if (upside) {
        nodeOrder.reverse();
        edgeOrder.reverse();
      }
      await db.transact((tx) => {
        for (const node of nodeOrder) {
          tx.putNode(keyOf(node), { labels: [`L${node % 3}`], props: { node } });
        }
      });
      for (let at = 0; at < edgeOrder.length; at += 100) {
        await db.transact((tx) => {
          for (const edge of edgeOrder.slice(at, at + 100)) {
            const [from, to] = pairs[edge]!;
            tx.addEdge(keyOf(from!), `T${edge % 2}`, keyOf(to!), { edge });
          }
        });
      }
      await db.checkpoint();
      answers.push(answersOf(db, nodes));
      await db.close();
    }
    for (const answer of answers) expect(answer).toBe(answers[0]);
  });
});

function answersOf(db: Database, nodes: number): string {
  const lines: string[] = [];
  for (const { key, labels, props } of db.nodes()) lines.push(JSON.stringify([key, labels, props]));
  for (const label of ["L0", "L1", "L2"]) {
    lines.push(
      [...db.nodes({ label })]
        .map(({ key }) => key)
        .sort()
        .join(),
    );
  }
  for (let node = 0; node < nodes; node++) {
    const key = keyOf(node);
    for (const direction of ["out", "in", "both"] as const) {
      const edges = [...db.edges(key, { direction })].map(({ from, type, to, props }) =>
        JSON.stringify([from, type, to, props]),
      );
      lines.push(`${key} ${direction} ${db.degree(key, { direction })} ${edges.sort().join()}`);
      lines.push([...db.neighbors(key, { direction })].sort().join());
    }
    lines.push(`${db.shortestPath(keyOf(0), key)?.length}`);
  }
  return lines.join("\n");
}
