// Holds the disk space to its bounds while everything is overwritten and deleted again and again with history "latest".
import { describe, expect, it } from "vitest";
import type { Database } from "../../src/database/database.ts";
import { openTuned } from "../../src/database/open.ts";
import { type SimulatedPorts, simulatedPorts } from "../../src/testing/simulated-ports.ts";

const nodes = 1000;
const perTransaction = 250;
const filler = "x".repeat(2500);

async function start(ports: SimulatedPorts): Promise<Database> {
  const sizes = { segmentBytes: 256 * 1024, memoryBudget: 16 * 2 ** 20 };
  // A checkpoint for each quarter of what is live, as with two million things and what `open` uses.
  const tuned = { activeEventsMax: nodes / 2, mergeAbove: 2 };
  return await openTuned("/db", { ...ports, ...sizes, history: "latest" }, tuned);
}

/** Every node and an edge from each, new or in place of those that are there. */
async function load(db: Database, round: number, noteSize: () => void): Promise<void> {
  for (let from = 0; from < nodes; from += perTransaction) {
    await db.transact((tx) => {
      for (let i = from; i < from + perTransaction; i++) {
        // Every third one is another node with the same key, and its edges others.
        if (round > 0 && i % 3 === round % 3) tx.removeNode(`n${i}`);
        tx.putNode(`n${i}`, { labels: [`L${(i + round) % 4}`], props: { round, i, filler } });
      }
      for (let i = from; i < from + perTransaction; i++) {
        tx.putEdge(`n${i}`, "NEXT", `n${from + ((i * 7) % perTransaction)}`, { round });
      }
    });
    noteSize();
  }
}

/** Bytes of all files but the reserve, whose size is fixed. */
function bytesOf({ disk }: SimulatedPorts): number {
  const files = disk.listAll().filter((path) => !path.endsWith("/reserve"));
  return files.reduce((sum, path) => sum + disk.readFile(path).length, 0);
}

describe("churn with history latest", () => {
  it("takes at most 3 times the space of a fresh load at any moment, and 1.5 times once compacted", {
    timeout: 240_000,
  }, async () => {
    const last = 10;
    const fresh = simulatedPorts({ tasks: "automatic" });
    const loaded = await start(fresh);
    await load(loaded, 0, () => {});
    await loaded.checkpoint();
    await loaded.close();
    const freshBytes = bytesOf(fresh);

    const ports = simulatedPorts({ tasks: "automatic" });
    const db = await start(ports);
    let peak = 0;
    const noteSize = (): void => {
      peak = Math.max(peak, bytesOf(ports));
    };
    for (let round = 0; round <= last; round++) {
      await load(db, round, noteSize);
      // Time passes: what runs in the background has its share of it.
      for (let i = 0; i < 10; i++) await ports.scheduler.advance(100);
      noteSize();
    }
    const { segmentsRewritten, horizon } = db.stats().history;
    expect(segmentsRewritten).toBeGreaterThan(10);
    expect(horizon).toBeGreaterThan(0);
    await db.compact();
    noteSize();
    const compacted = bytesOf(ports);
    const { nodeCount } = db;
    expect((await db.verify()).problems).toEqual([]);
    await db.close();
    expect(nodeCount).toBe(nodes);
    process.stdout.write(`churn: fresh ${freshBytes}, peak ${peak}, compacted ${compacted}\n`);
    expect(compacted / freshBytes).toBeLessThan(1.5);
    expect(peak / freshBytes).toBeLessThan(3);
  });
});
