// What a read costs in pages when none is cached: the height of the tree and one more, for each tree on disk that can hold what is
// asked for.
import { describe, expect, it } from "vitest";
import { openTuned } from "../../src/database/open.ts";
import { SimulatedDisk } from "../../src/testing/testing.ts";
import { databasePath, prepared } from "../support/crash-script.ts";
import { layeredPorts } from "../support/layered-script.ts";

const rounds = 5;
const perRound = 700;

describe("neighborIds with an empty page cache", () => {
  it("reads at most height + 1 pages of each tree that can hold the node, and of the others hardly any", async () => {
    const disk = prepared(new SimulatedDisk({ seed: 6, trace: "none" }));
    const open = (pageCacheBytes: number) =>
      openTuned(
        databasePath,
        { ...layeredPorts(disk), memoryBudget: 16 * 2 ** 20 },
        { pageBytes: 512, pageCacheBytes, pageCacheBytesMax: pageCacheBytes, mergeAbove: 100 },
      );
    const writer = await open(2 ** 20);
    const made: Uint32Array[] = [];
    for (let round = 0; round < rounds; round++) {
      await writer.transact((tx) => {
        const ids = tx.putNodes(Array.from({ length: perRound }, (_, i) => `n${round}-${i}`));
        made.push(ids);
        tx.addEdges({ type: "T", from: ids, to: Uint32Array.from(ids).reverse() });
      });
      await writer.checkpoint();
    }
    await writer.close();

    // No page is kept beyond the read that needed it.
    const db = await open(1);
    const { files, height } = db.stats().index.trees.out;
    expect([files, height]).toEqual([rounds, expect.any(Number)]);
    expect(height).toBeGreaterThan(1);
    let over = 0;
    for (const ids of made) {
      for (const [i, id] of ids.entries()) {
        if (i % 9 !== 0) continue;
        const before = db.stats().index.trees.out.misses;
        const found = db.neighborIds(id);
        const pages = db.stats().index.trees.out.misses - before;
        expect([...found]).toEqual([ids[ids.length - 1 - i]]);
        expect(pages).toBeGreaterThan(0);
        // A node of this round is in one tree alone, whatever a filter may take others for.
        expect(pages, `node ${id}`).toBeLessThanOrEqual(files * (height + 1));
        if (pages > height + 1) over++;
      }
    }
    expect(over).toBeLessThan((rounds * perRound) / 9 / 20);
    await db.close();
  });
});
