// What of a memory budget the pages of on-disk trees may take: what the layers in memory leave of the share of both.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openTuned } from "../../src/database/open.ts";
import { pageCacheBytesFor, tuningFor } from "../../src/database/tuning.ts";
import { KeyCache } from "../../src/index/key-cache.ts";
import { PageCache } from "../../src/index/page-cache.ts";
import { DecodedPage } from "../../src/index/page-decoded.ts";
import { SimulatedDisk } from "../../src/testing/testing.ts";
import { databasePath, prepared } from "../support/crash-script.ts";
import { layeredPorts } from "../support/layered-script.ts";

const MiB = 2 ** 20;

function pageOf(bytes: number): DecodedPage {
  return new DecodedPage(1, 0, 0, 0, false, new Uint32Array(bytes / 4 - 1024));
}

describe("memory for pages", () => {
  it("is what layers in memory leave of the share of both, and seven sixteenths of the budget in any case", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 16, max: 4096 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (budgetMiB, filled) => {
          const tuning = tuningFor(budgetMiB * MiB);
          const layerBytes = Math.floor(2 * tuning.activeBytesMax * filled);
          const pageBytes = pageCacheBytesFor(layerBytes, tuning);
          expect(pageBytes).toBeGreaterThanOrEqual(Math.floor((budgetMiB * MiB * 7) / 16));
          expect(pageBytes + layerBytes).toBe(tuning.pageCacheBytesMax);
          expect(tuning.pageCacheBytesMax).toBeLessThan(budgetMiB * MiB * 0.85);
        },
      ),
    );
    const tuning = tuningFor(16 * MiB);
    expect(pageCacheBytesFor(64 * MiB, tuning)).toBe(7 * MiB);
  });

  it("is less by what the cache of keys takes, which is a quarter of the budget at most", () => {
    const { index } = tuningFor(64 * MiB);
    const keys = new KeyCache(index.keyCacheSlots!);
    const pages = new PageCache(32 * MiB);
    keys.grown = (bytes) => pages.reserve(bytes);
    const bytes = new Uint8Array(8);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < 600_000; i++) {
      view.setUint32(0, i);
      keys.put(bytes, 0, 4, Math.imul(i, 0x9e37_79b1) >>> 0, i + 1);
    }
    expect(keys.bytes).toBe(16 * MiB);
    pages.charge(15 * MiB);
    pages.admit(pageOf(1 * MiB));
    expect(pages.pageCount).toBe(1);
    pages.admit(pageOf(1 * MiB));
    expect(pages.bytes).toBeLessThanOrEqual(16 * MiB);
  });

  it("shrinks while writes fill the active layer, and is there again after a checkpoint and at the next opening", async () => {
    const ports = layeredPorts(prepared(new SimulatedDisk({ seed: 7, trace: "none" })));
    const keys = Array.from({ length: 2000 }, (_, i) => `n${i}`);
    const index = { keyCacheSlots: 256 };
    const tuned = { index, pageBytes: 512, pageCacheBytes: 4096, pageCacheBytesMax: 2 * MiB };
    const opened = () => openTuned(databasePath, { ...ports, memoryBudget: 16 * MiB }, tuned);
    const readAll = (db: Awaited<ReturnType<typeof opened>>): number => {
      for (const key of keys) expect(db.node(key)?.key).toBe(key);
      return db.stats().bytes.pageCache;
    };
    let db = await opened();
    await db.transact((tx) => void tx.putNodes(keys));
    await db.checkpoint();
    const whole = readAll(db);
    expect(whole).toBeGreaterThan(50_000);
    for (let i = 0; db.stats().bytes.memory < 2 * MiB; i++) {
      await db.transact((tx) => {
        for (let k = 0; k < 200; k++) tx.putNode(`more ${i} ${k} ${"x".repeat(100)}`);
      });
    }
    expect(db.stats().bytes.pageCache).toBeLessThan(10_000);
    expect(readAll(db)).toBeLessThan(10_000);
    await db.checkpoint();
    expect(readAll(db)).toBeGreaterThan(50_000);
    await db.close();
    db = await opened();
    expect(readAll(db)).toBeGreaterThan(50_000);
    await db.close();
  });
});
