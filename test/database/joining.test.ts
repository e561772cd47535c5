// Joined segments, seen from outside: their number stays bounded under churn, and feeds, views of the past, readers beside, backups and
// repairs go on as if nothing had happened.
import { describe, expect, it } from "vitest";
import { Database } from "../../src/database/database.ts";
import { openTuned } from "../../src/database/open.ts";
import type { OpenOptions } from "../../src/database/options.ts";
import { repair } from "../../src/database/repair.ts";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.ts";
import { type SimulatedPorts, simulatedPorts } from "../../src/testing/simulated-ports.ts";

const small: OpenOptions = { segmentBytes: 64 * 1024, memoryBudget: 16 * 2 ** 20 };
const filler = "x".repeat(150);

async function start(
  ports: SimulatedPorts = simulatedPorts({ tasks: "automatic" }),
  options: OpenOptions = {},
): Promise<{ db: Database; ports: SimulatedPorts }> {
  const all = { ...small, history: "latest", ...ports, ...options } as const;
  return { db: await openTuned("/db", all, { activeEventsMax: 400, mergeAbove: 2 }), ports };
}

/** Some things that stay as they are and many that are written again and removed. */
async function churn(db: Database, rounds: number, from = 0): Promise<void> {
  for (let round = from; round < from + rounds; round++) {
    await db.transact((tx) => {
      for (let i = 0; i < 100; i++) tx.putNode(`n${i}`, { props: { round, i, filler } });
      for (let i = 0; i < 100; i++) tx.putEdge(`n${i}`, "NEXT", `n${(i * 7) % 100}`, { round });
      tx.putNode(`stays${round}`, { props: { filler } });
      tx.removeNode(`n${round % 100}`);
    });
  }
}

function picture(db: Database): unknown {
  return { nodes: [...db.nodes()], edges: [...db.allEdges()] };
}

function segmentsOf(db: Database): number {
  return Database.coreOf(db).log.stats().segments;
}

/** More small segments than there are after a compaction, joined. */
async function joined(): Promise<{ db: Database; ports: SimulatedPorts; horizon: number }> {
  const { db, ports } = await start();
  await churn(db, 12);
  expect(segmentsOf(db)).toBeGreaterThan(3);
  const { horizon } = await db.compact();
  expect(segmentsOf(db)).toBeLessThan(4);
  return { db, ports, horizon };
}

describe("segments under churn", () => {
  it("stay few in the background, and are as few as a fresh load's once compacted", async () => {
    const { db, ports } = await start();
    const counts: number[] = [];
    for (let round = 0; round < 120; round += 10) {
      await churn(db, 10, round);
      for (let i = 0; i < 5; i++) await ports.scheduler.advance(1000);
      counts.push(segmentsOf(db));
    }
    const live = Database.coreOf(db).log.stats().bytes;
    expect(db.stats().history.segmentsRewritten).toBeGreaterThan(60);
    expect(Math.max(...counts)).toBeLessThan(20);
    const before = picture(db);
    await db.compact();
    expect(segmentsOf(db)).toBeLessThan(4);
    expect(Database.coreOf(db).log.stats().bytes).toBeLessThan(live);
    expect(picture(db)).toEqual(before);
    expect((await db.verify()).problems).toEqual([]);
    await db.close();
    const again = await start(ports);
    expect(picture(again.db)).toEqual(before);
    expect(again.db.recovery).toMatchObject({ clean: true, replayedEvents: 0, warnings: [] });
    await again.db.close();
  });

  it("leave nothing that may go behind a compaction, twice over", async () => {
    const { db, ports } = await start();
    await churn(db, 12);
    await db.compact();
    const { bytes } = Database.coreOf(db).log.stats();
    const fresh = await start(simulatedPorts({ tasks: "automatic" }));
    await fresh.db.transact((tx) => {
      for (const { key, props } of db.nodes()) tx.putNode(key, { props });
      for (const { from, type, to, props } of db.allEdges()) tx.putEdge(from, type, to, props);
    });
    expect(bytes).toBeLessThan(Database.coreOf(fresh.db).log.stats().bytes * 1.25);
    await fresh.db.close();
    const files = ports.disk.listAll();
    expect(await db.compact()).toMatchObject({ segments: 0 });
    expect(ports.disk.listAll().filter((name) => name.endsWith(".log"))).toEqual(
      files.filter((name) => name.endsWith(".log")),
    );
    await db.close();
  });
});

describe("a log whose segments were joined", () => {
  it("has the same feed and the same past above the horizon", async () => {
    const { db, ports, horizon } = await joined();
    await churn(db, 3, 12);
    const view = await db.asOf(horizon);
    expect(view.nodeCount).toBeGreaterThan(100);
    view.close();
    await expect(db.asOf(horizon - 1)).rejects.toMatchObject({ code: "HISTORY_COMPACTED" });
    let next = horizon + 1;
    for await (const batch of db.changes({ from: next, live: false })) {
      for (const change of batch.changes) expect(change.lsn).toBe(next++);
    }
    expect(next).toBe(db.durableLsn + 1);
    await db.close();
    const again = await start(ports);
    expect(again.db.stats().history.horizon).toBe(horizon);
    await again.db.close();
  });

  it("is read on by a reader beside, and opened by another", async () => {
    const { db, ports } = await start();
    await churn(db, 12);
    await db.checkpoint();
    const beside = { ...simulatedPorts({ disk: ports.disk, tasks: "automatic" }), readOnly: true };
    const { db: reader } = await start(undefined, beside);
    await reader.flush();
    const before = picture(db);
    expect(picture(reader)).toEqual(before);
    await db.compact();
    expect(picture(reader)).toEqual(before);
    await reader.flush();
    expect(segmentsOf(reader)).toBe(segmentsOf(db));
    await churn(db, 2, 12);
    await reader.flush();
    expect(picture(reader)).toEqual(picture(db));
    const { db: late } = await start(undefined, beside);
    expect(picture(late)).toEqual(picture(db));
    expect(late.recovery.checkpointLsn).toBeGreaterThan(0);
    await late.close();
    await reader.close();
    await db.close();
  });

  it("is backed up on top of a backup from before", async () => {
    const { db, ports } = await start();
    await churn(db, 3);
    await db.backup("/copy");
    await churn(db, 12, 3);
    await db.compact();
    await db.backup("/copy");
    const again = await openTuned("/copy", { ...small, ...portsOf(ports.disk) }, {});
    expect(picture(again)).toEqual(picture(db));
    expect((await again.verify()).problems).toEqual([]);
    await again.close();
    await db.close();
  });

  it("is put together again without a manifest, also where what was joined lies about", async () => {
    const { db, ports } = await start();
    await churn(db, 12);
    await db.checkpoint();
    const { disk } = ports;
    const before = new Map(disk.listAll().map((path) => [path, disk.readFile(path)]));
    await db.compact();
    const expected = picture(db);
    const { horizon } = db.stats().history;
    await db.close();
    for (const copy of ["/db/manifest.a", "/db/manifest.b"]) disk.removeFile(copy);
    let strays = 0;
    for (const [path, bytes] of before) {
      const isFirst = path.includes("/0000000000000001-");
      if (!path.endsWith(".log") || isFirst || disk.listAll().includes(path)) continue;
      disk.writeFile(path, bytes);
      strays++;
    }
    expect(strays).toBeGreaterThan(1);
    const found = await repair("/db", { ...portsOf(disk), segmentBytes: small.segmentBytes });
    expect(found.lost).toEqual([]);
    const { db: again } = await start(portsOf(disk));
    expect(picture(again)).toEqual(expected);
    expect(again.stats().history.horizon).toBe(horizon);
    await again.close();
  });
});

function portsOf(disk: SimulatedDisk): SimulatedPorts {
  return simulatedPorts({ tasks: "automatic", disk, seed: 9 });
}
