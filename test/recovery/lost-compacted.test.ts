// Damages each frame of segments that compaction has rewritten while others were not, and repairs: what is left makes sense.
import { expect, it } from "vitest";
import { repair } from "../../src/database/repair.ts";
import { simulatedPorts } from "../../src/testing/simulated-ports.ts";
import { type Database, open } from "../../src/varve.ts";
import { takeApart } from "../corruption/crafted.ts";
import { compactorOf } from "../support/compactor-of.ts";
import { manifestOf, segmentPaths, withByte } from "./rewritten.ts";

const segmentBytes: number = 64 * 1024;

async function opened(ports = simulatedPorts({ tasks: "automatic", seed: 3 })): Promise<Database> {
  return await open("/db", { ...ports, segmentBytes, memoryBudget: 16 * 2 ** 20 });
}

it("a repair of a log that is compacted in part leaves a sound one", {
  timeout: 300_000,
}, async () => {
  const ports = simulatedPorts({ tasks: "automatic", seed: 3 });
  const db = await opened(ports);
  const fill = async (): Promise<void> => {
    for (let i = 0; i < 5; i++) {
      await db.transact((tx) => tx.putNode("filler", { props: { text: "x".repeat(20_000) } }));
    }
  };
  let edges: number[] = [];
  await db.transact((tx) => {
    for (const key of ["a", "b", "c", "d"]) tx.putNode(key, { props: { p: 0 } });
    edges = [tx.addEdge("a", "E", "b"), tx.addEdge("c", "E", "d"), tx.addEdge("a", "E", "d")];
    tx.graph("g").putNode("a", { props: { p: 0 } });
  });
  await fill();
  await db.transact((tx) => {
    for (const key of ["a", "b", "c"]) tx.patchNode(key, { props: { q: 1 } });
    for (const edge of edges) tx.patchEdge(edge, { q: 1 });
    tx.putNode("d", { props: { again: 1 } });
    tx.graph("g").patchNode("a", { props: { q: 1 } });
  });
  await fill();
  await db.transact((tx) => {
    tx.patchNode("a", { props: { r: 2 } });
    tx.patchEdge(edges[0]!, { r: 2 });
    tx.removeEdge(edges[1]!);
    tx.removeNode("c");
  });
  await fill();
  await db.transact((tx) => tx.patchNode("b", { props: { r: 3 } }));
  await fill();
  await db.checkpoint();
  const compactor = compactorOf(db);
  const all = compactor.everything(db.durableLsn)!;
  expect(all.segments.length).toBeGreaterThan(3);
  // Not the oldest: what is removed later has to stay.
  await compactor.rewrite({ ...all, segments: all.segments.slice(1) });
  const keys = new Set([...db.nodes()].map(({ key }) => key));
  await db.close();
  for (const path of segmentPaths(ports.disk)) {
    for (const { at } of takeApart(ports.disk, path).frames) {
      const disk = withByte(ports.disk, path, at + 20);
      const { lost } = await repair("/db", {
        ...simulatedPorts({ tasks: "automatic", disk, seed: 4 }),
        segmentBytes,
      });
      const again = await opened(simulatedPorts({ tasks: "automatic", disk, seed: 5 }));
      const where = `${path} at ${at}`;
      expect((await again.verify()).problems, where).toEqual([]);
      const left = [...again.nodes()].map(({ key }) => key);
      // A removal that is lost brings back what it took.
      expect(
        left.filter((key) => !keys.has(key) && key !== "c"),
        where,
      ).toEqual([]);
      if (lost.length === 0) expect(left.length, where).toBe(keys.size);
      await again.close();
    }
  }
  expect(manifestOf(ports.disk).segments.some(({ horizon }) => horizon > 0)).toBe(true);
});
