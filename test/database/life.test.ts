// The end of a database's life, the handles it holds, and what a full check finds while it lives.
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Database } from "../../src/database/database.ts";
import { open } from "../../src/varve.ts";
import { codeOf, machine } from "./support.ts";

describe("after close", () => {
  it("every call says CLOSED, views and iterators too, and closing again is fine", async () => {
    const { db, ports } = await machine();
    await db.transact((tx) => tx.addEdge(keyOf(tx.putNode("a")), "T", keyOf(tx.putNode("a"))));
    const view = db.snapshot();
    const nodes = db.nodes()[Symbol.iterator]();
    const feed = db.changes({ live: false });
    const before = ports.disk.openFiles;
    expect(before).toBeGreaterThan(0);
    await Promise.all([db.close(), db.close()]);
    await db.close();
    const calls: (() => unknown)[] = [
      () => db.transact((tx) => tx.putNode("b")),
      () => db.flush(),
      () => db.whenDurable(1),
      () => db.verify(),
      () => db.stats(),
      () => db.flushAllocation(),
      () => db.snapshot(),
      () => db.changes({ live: false }),
      () => db.node("a"),
      () => db.hasNode("a"),
      () => [...db.edges("a")],
      () => view.node("a"),
      () => nodes.next(),
      () => feed.next(),
    ];
    for (const call of calls) expect(await codeOf(call), String(call)).toBe("CLOSED");
    expect(ports.disk.openFiles).toBe(0);
    view.close();
  });

  it("the dispose symbols do the same", async () => {
    const { db } = await machine();
    const view = db.snapshot();
    view[Symbol.dispose]();
    expect(await codeOf(() => view.hasNode("a"))).toBe("CLOSED");
    await db[Symbol.asyncDispose]();
    expect(await codeOf(() => db.hasNode("a"))).toBe("CLOSED");
  });

  it("no handle stays open even where the clean mark could not be written", async () => {
    const { db, ports } = await machine();
    await db.transact((tx) => tx.putNode("a"));
    ports.disk.faults.push({ operation: "sync", path: "watermark", errno: "EIO" });
    expect(await codeOf(() => db.close())).toBe("IO");
    expect(ports.disk.openFiles).toBe(0);
    const again = await machine({}, ports);
    expect(again.db.hasNode("a")).toBe(true);
    await again.db.close();
  });

  it("a refused opening leaves no handle and no lock", async () => {
    const { db, ports } = await machine();
    await db.transact((tx) => tx.putNode("a"));
    await db.close();
    const bytes = ports.disk.readFile("/db/0000000000000001-0001.log");
    bytes[4100]! ^= 1;
    ports.disk.writeFile("/db/0000000000000001-0001.log", bytes);
    for (let i = 0; i < 2; i++) expect(await codeOf(() => machine({}, ports))).toBe("CORRUPT");
    expect(ports.disk.openFiles).toBe(0);
  });
});

function keyOf(_id: number): string {
  return "a";
}

function descriptorCount(): number {
  return readdirSync("/proc/self/fd").length;
}

describe("open handles", () => {
  it("stay constant over 100,000 operations on the real disk, through rolls and reads of old segments", {
    timeout: 120_000,
  }, async () => {
    const folder = mkdtempSync(join(tmpdir(), "varve-handles-"));
    const idle = descriptorCount();
    const db: Database = await open(join(folder, "db"), { segmentBytes: 64 * 1024 });
    try {
      await db.transact((tx) => tx.putNode("hub"));
      const edges: number[] = [];
      let operations = 0;
      let most = 0;
      let afterWarmUp = 0;
      while (operations < 100_000) {
        const { result } = await db.transact((tx) => {
          let last = 0;
          for (let i = 0; i < 500; i++) {
            tx.putNode(`n${operations + i}`, { props: { i } });
            last = tx.addEdge("hub", "T", `n${operations + i}`, { i });
          }
          return last;
        });
        edges.push(result);
        // Events all over the log: sealed segments are read again and again.
        for (let i = 0; i < 20; i++) db.edge(edges[(i * 31) % edges.length]!);
        operations += 1020;
        most = Math.max(most, descriptorCount());
        if (operations < 30_000) afterWarmUp = most;
      }
      expect(db.stats().segments).toBeGreaterThan(20);
      // What the engine holds: two manifest copies, watermark, allocation, reserve, active segment, lock, and a bounded
      // cache of sealed segments.
      expect(most - idle).toBeLessThanOrEqual(8 + 32);
      expect(most - afterWarmUp).toBeLessThanOrEqual(32);
    } finally {
      await db.close();
      rmSync(folder, { recursive: true, force: true });
    }
    expect(descriptorCount()).toBeLessThanOrEqual(idle);
  });
});

describe("verify", () => {
  it("is sound for an undamaged database, and counts what it read", async () => {
    const { db } = await machine({ segmentBytes: 64 * 1024 });
    for (let i = 0; i < 40; i++) {
      await db.transact((tx) => tx.putNode(`n${i}`, { props: { text: "x".repeat(4000) } }));
    }
    expect(await db.verify()).toMatchObject({
      sound: true,
      segments: db.stats().segments,
      events: 40,
      nodes: 40,
      lastLsn: 40,
      problems: [],
    });
    expect(db.stats().segments).toBeGreaterThan(2);
    await db.close();
  });

  it("finds damage made to any file of the log while the database is open", async () => {
    const { db, ports } = await machine({ segmentBytes: 64 * 1024 });
    for (let i = 0; i < 20; i++) {
      await db.transact((tx) => tx.putNode(`n${i}`, { props: { text: "x".repeat(4000) } }));
    }
    const { disk } = ports;
    const paths = disk.listAll().filter((path) => /\.log$|manifest/.test(path));
    expect(paths).toHaveLength(4);
    for (const path of paths) {
      const bytes = disk.readFile(path);
      const last = path.endsWith(".log") ? 8000 : bytes.length;
      for (const at of [0, 9, 40, 100, 4096, 4105, 4150, last - 1]) {
        if (at >= bytes.length) continue;
        bytes[at]! ^= 0x20;
        disk.writeFile(path, bytes);
        bytes[at]! ^= 0x20;
        const report = await db.verify();
        expect(report.sound, `${path} ${at}`).toBe(false);
        expect(report.problems).toMatchObject([{ where: path.slice(4) }]);
      }
      // The open handle is on the file that goes: it must not keep the damage.
      disk.writeFile(path, bytes);
      disk.removeFile(path);
      expect(await db.verify(), `${path} removed`).toMatchObject({ sound: false });
      disk.writeFile(path, bytes);
    }
    expect((await db.verify()).sound).toBe(true);
    await db.close();
  });
});
