// The full check finds every damaged page of every tree, whether a read would come by it or not, and starts no rebuild.
import { describe, expect, it } from "vitest";
import { compareGraphs } from "../../src/database/compare-graphs.ts";
import { openTuned } from "../../src/database/open.ts";
import type { VerifyProblem } from "../../src/database/verify-report.ts";
import type { GraphReader } from "../../src/graph/graph-reader.ts";
import { PAGE_HEADER, pageMagic } from "../../src/index/page-format.ts";
import { keepAll, type SimulatedDisk, simulatedPorts } from "../../src/testing/testing.ts";
import { openIndexed, withFile } from "../corruption/specimen.ts";
import { tinyTrees } from "../graph/support.ts";
import { checkOwners } from "../support/file-owners.ts";

/** Where the pages and filter blocks of a tree begin. */
function pagesOf(bytes: Buffer): number[] {
  const offsets: number[] = [];
  for (let at = 0; bytes.readUInt32LE(at + PAGE_HEADER.magic) === pageMagic; ) {
    offsets.push(at);
    at += bytes.readUInt32LE(at + PAGE_HEADER.length);
  }
  return offsets;
}

describe("verify", () => {
  it("names file and offset of every damaged page, and goes on behind each", async () => {
    const { db, ports } = await openIndexed(simulatedPorts({ seed: 3 }).disk);
    await db.transact((tx) => {
      const ids = tx.putNodes(
        Array.from({ length: 300 }, (_, i) => `n${i}`),
        { labels: ["N"] },
      );
      tx.addEdges({ type: "E", from: ids, to: Uint32Array.from(ids).reverse() });
      for (let id = 301; id < 500; id++) tx.patchEdge(id, { patched: true });
    });
    await db.checkpoint();
    expect(await db.verify()).toMatchObject({ sound: true, problems: [] });
    await db.close();
    const disk = ports.disk.clone();
    let trees = 0;
    let manyPages = 0;
    for (const path of disk.listAll().filter((name) => name.endsWith(".tree"))) {
      const bytes = Buffer.from(disk.readFile(path));
      // The pages above name these: a damaged one would hide them.
      const damaged = pagesOf(bytes).filter((at) => bytes[at + PAGE_HEADER.level] === 0);
      for (const at of damaged) bytes[at + PAGE_HEADER.count]! ^= 1;
      const opened = await openIndexed(withFile(disk, path, bytes));
      const { sound, problems } = await opened.db.verify();
      expect(sound).toBe(false);
      const found = problems.map(({ where, details }) => [where, details["offset"]]);
      expect(found).toEqual(expect.arrayContaining(damaged.map((at) => [path, at])));
      expect(found).toHaveLength(damaged.length);
      expect(opened.db.stats().index.rebuilds).toBe(0);
      await opened.db.close();
      trees++;
      if (damaged.length > 2) manyPages++;
    }
    expect(trees).toBe(6);
    expect(manyPages).toBeGreaterThan(2);
  });

  it("builds its second index in files where memory may not hold it, and leaves none of them", async () => {
    const tuned = {
      index: tinyTrees,
      activeBytesMax: 48 * 1024,
      pageBytes: 512,
      pageCacheBytes: 4096,
      pageCacheBytesMax: 4096,
      mergeAbove: 3,
    };
    const ports = simulatedPorts({ seed: 5, tasks: "automatic" });
    const options = { ...ports, memoryBudget: 16 * 2 ** 20 };
    const db = await openTuned("/db", options, tuned);
    for (let round = 0; round < 12; round++) {
      await db.transact((tx) => {
        for (let i = 0; i < 100; i++) tx.putNode(`n${round}-${i}`, { labels: ["N"], props: { i } });
        for (let i = 0; i < 100; i++)
          tx.addEdge(`n${round}-${i}`, "T", `n${round}-${(i * 3) % 100}`, { i });
        tx.removeNode(`n${round}-7`);
      });
    }
    await db.checkpoint();
    const files = ports.disk.listAll();
    let created = 0;
    let most = 0;
    let crashed: SimulatedDisk | undefined;
    ports.disk.onCall = ({ operation, path, phase }) => {
      if (phase === "before" || !path.endsWith(".tree")) return;
      if (operation === "create") created++;
      most = Math.max(most, ports.disk.listAll().length - files.length);
      if (created === 30 && crashed === undefined) crashed = ports.disk.clone();
    };
    expect((await db.verify()).problems).toEqual([]);
    ports.disk.onCall = undefined;
    expect(created).toBeGreaterThan(60);
    expect(most).toBeLessThan(60);
    // A writer's own trees get other ids than those of the check.
    const check = db.verify();
    await db.transact((tx) => tx.putNodes(Array.from({ length: 500 }, (_, i) => `late${i}`)));
    await db.checkpoint();
    expect((await check).problems).toEqual([]);
    expect((await db.verify()).sound).toBe(true);
    await db.close();
    await checkOwners(ports.disk, "/db", { isOpen: false, quarantined: [] });
    expect(crashed!.listAll().length).toBeGreaterThan(files.length);
    const left = simulatedPorts({ disk: crashed!.powerCut(keepAll) });
    const again = await openTuned("/db", { ...left, memoryBudget: 16 * 2 ** 20 }, tuned);
    await checkOwners(left.disk, "/db", { isOpen: true, quarantined: [] });
    await again.close();
  });

  it("finds what differs between sound trees and the log", async () => {
    const seeds = [1, 2].map(async (seed) => {
      const { db } = await openIndexed(simulatedPorts({ seed }).disk);
      await db.transact((tx) => {
        tx.putNode("a", { labels: ["L"], props: { seed: 1 } });
        tx.putNode("b", { props: { seed } });
        const edge = tx.addEdge("a", "T", "b");
        tx.addEdge("b", "T", "a");
        if (seed === 2) tx.patchEdge(edge, { more: 1 });
        else tx.patchNode("a", {});
      });
      return db;
    });
    const [one, two] = await Promise.all(seeds);
    const problems: VerifyProblem[] = [];
    compareGraphs(one as GraphReader, two as GraphReader, problems);
    expect(problems.map(({ where }) => where)).toEqual(["node index", "node index", "edge index"]);
    await one!.close();
    await two!.close();
  });
});
