// Compaction of an open database: what goes and what stays, what holds it back, and how it is paced, paused and ended.
import { describe, expect, it } from "vitest";
import { Database } from "../../src/database/database.ts";
import { openTuned } from "../../src/database/open.ts";
import type { OpenOptions } from "../../src/database/options.ts";
import type { Tuning } from "../../src/database/tuning.ts";
import { type SimulatedPorts, simulatedPorts } from "../../src/testing/simulated-ports.ts";
import { codeOf } from "./support.ts";

const small: OpenOptions = { segmentBytes: 64 * 1024, memoryBudget: 16 * 2 ** 20 };
const filler = "x".repeat(200);

async function start(
  options: OpenOptions = {},
  tuned: Partial<Tuning> = {},
  ports: SimulatedPorts = simulatedPorts({ tasks: "automatic" }),
): Promise<{ db: Database; ports: SimulatedPorts }> {
  const tuning = { activeEventsMax: 2 ** 30, mergeAbove: 2, ...tuned };
  const db = await openTuned("/db", { ...small, history: "latest", ...ports, ...options }, tuning);
  return { db, ports };
}

/** Writes every node and edge again, `rounds` times over. */
async function churn(db: Database, rounds: number, count = 200): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    await db.transact((tx) => {
      for (let i = 0; i < count; i++) {
        tx.putNode(`n${i}`, { labels: [`L${round % 3}`], props: { round, i, filler } });
      }
      for (let i = 0; i < count; i++) tx.putEdge(`n${i}`, "NEXT", `n${(i * 7) % count}`, { round });
      if (round % 2 === 1) tx.removeNode(`n${round}`);
    });
  }
}

/** Everything that reads show, but for the LSNs and ids of what came later. */
function picture(db: Database): unknown {
  return { nodes: [...db.nodes()], edges: [...db.allEdges()] };
}

async function codeOfNext(iterator: AsyncIterator<unknown>): Promise<string> {
  return await codeOf(() => iterator.next());
}

describe("compact", () => {
  it("frees what was superseded, and every read stays the same, also after reopening", async () => {
    const { db, ports } = await start();
    await churn(db, 10);
    const before = picture(db);
    const report = await db.compact();
    expect(report.horizon).toBeGreaterThan(0);
    expect(report.segments).toBeGreaterThan(3);
    expect(report.bytesAfter).toBeLessThan(report.bytesBefore / 2);
    expect(picture(db)).toEqual(before);
    expect(db.stats().index.runs).toBe(1);
    expect(db.stats().history).toMatchObject({ horizon: report.horizon, isCompacting: false });
    expect((await db.verify()).problems).toEqual([]);
    await db.close();
    const again = await start({}, {}, ports);
    expect(picture(again.db)).toEqual(before);
    expect(again.db.stats().history.horizon).toBe(report.horizon);
    await churn(again.db, 1);
    expect((await again.db.verify()).problems).toEqual([]);
    await again.db.close();
  });

  it('with history "all" merges the index and drops nothing', async () => {
    const { db } = await start({ history: undefined });
    await churn(db, 3);
    await db.checkpoint();
    await churn(db, 3);
    const events = db.stats().events;
    const report = await db.compact();
    expect(report).toMatchObject({ horizon: 0, segments: 0 });
    expect(db.stats().index.runs).toBe(1);
    expect(db.stats().events).toBe(events);
    expect(db.stats().history.heldBackBy).toEqual({ by: "policy", lsn: 0, name: undefined });
    let seen = 0;
    for await (const batch of db.changes({ live: false })) seen += batch.changes.length;
    expect(seen).toBe(events);
    await db.close();
  });

  it("is refused by a signal, after close, and for options that are none", async () => {
    const { db } = await start();
    await churn(db, 3);
    expect(await codeOf(() => db.compact({ signal: AbortSignal.abort() }))).toBe("ABORTED");
    expect(await codeOf(() => db.compact({ nonsense: 1 } as never))).toBe("TypeError");
    const compacting = codeOf(() => db.compact());
    await db.close();
    expect(await compacting).toBe("CLOSED");
    expect(await codeOf(() => db.compact())).toBe("CLOSED");
  });
});

describe("compaction in the background", () => {
  it("goes on by itself, stops while it is paused, and changes no read", async () => {
    const { db, ports } = await start({}, { activeEventsMax: 200 });
    const { compaction } = Database.coreOf(db).background;
    compaction.pause();
    await churn(db, 6);
    await ports.scheduler.advance(70_000);
    expect(db.stats().history).toMatchObject({ horizon: 0, segmentsRewritten: 0 });
    const before = picture(db);
    compaction.resume();
    for (let i = 0; i < 100; i++) await ports.scheduler.advance(1000);
    const { history } = db.stats();
    expect(history.segmentsRewritten).toBeGreaterThan(2);
    expect(history.eventsDropped).toBeGreaterThan(500);
    expect(history.bytesFreed).toBeGreaterThan(50_000);
    expect(picture(db)).toEqual(before);
    expect((await db.verify()).problems).toEqual([]);
    await db.close();
  });

  it("rewrites no puts for their own sake, but what only a rewrite makes whole", async () => {
    const { db, ports } = await start({}, { activeEventsMax: 20 });
    const write = async (prefix: string, isPatched: boolean): Promise<void> => {
      for (let i = 0; i < 100; i++) {
        await db.transact((tx) => {
          tx.putNode(`${prefix}${i}`, { props: { text: filler.repeat(10) } });
          if (isPatched) tx.patchNode(`${prefix}${i}`, { props: { i } });
        });
        await ports.scheduler.advance(1000);
      }
    };
    await write("put", false);
    expect(db.stats().segments).toBeGreaterThan(3);
    expect(db.stats().history).toMatchObject({ segmentsRewritten: 0, horizon: 0 });
    await write("patched", true);
    expect(db.stats().history.eventsDropped).toBeGreaterThan(50);
    await db.close();
  });
});

describe("the horizon of an open database", () => {
  it("keeps as many events as it is told to", async () => {
    const { db } = await start({ history: { keepEvents: 1500 } });
    await churn(db, 10);
    const { horizon } = await db.compact();
    expect(db.lastLsn - horizon).toBeGreaterThanOrEqual(1500);
    expect(db.lastLsn - horizon).toBeLessThan(2000);
    expect(db.stats().history.heldBackBy?.by).toBe("policy");
    await db.close();
  });

  it("keeps what was committed within the time, whatever the wall clock says", async () => {
    const { db, ports } = await start({ history: { keepMs: 1000 } });
    await churn(db, 4);
    const early = db.lastLsn;
    await ports.scheduler.advance(600);
    await churn(db, 4);
    ports.clock.jump(1_000_000);
    expect((await db.compact()).horizon).toBe(0);
    await ports.scheduler.advance(500);
    expect((await db.compact()).horizon).toBe(early);
    await db.close();
  });

  it("waits for a consumer, by name, until that is too far behind", async () => {
    const { db, ports } = await start();
    const consumer = await db.consumer("slow");
    await churn(db, 2);
    for await (const batch of consumer) {
      await consumer.ack(batch.lastLsn);
      break;
    }
    const acked = consumer.lsn;
    await churn(db, 8);
    const { horizon } = await db.compact();
    expect(horizon).toBe(acked);
    const { history } = db.stats();
    expect(history).toMatchObject({ heldBackBy: { by: "consumer", name: "slow", lsn: acked } });
    expect(history.target).toBe(db.durableLsn);
    // What it has yet to read is all there.
    let next = acked + 1;
    for await (const batch of db.changes({ from: next, live: false })) {
      for (const change of batch.changes) expect(change.lsn).toBe(next++);
    }
    expect(next).toBe(db.durableLsn + 1);
    await db.close();

    const later = await start({ maxConsumerLag: 100 }, {}, ports);
    expect(later.db.stats().history.expired).toEqual(["slow"]);
    const further = await later.db.compact();
    expect(further.horizon).toBeGreaterThan(acked);
    const again = await later.db.consumer("slow");
    expect(again.lsn).toBe(acked);
    expect(await codeOfNext(again[Symbol.asyncIterator]())).toBe("POSITION_COMPACTED");
    await again.reset("now");
    await later.db.close();
  });

  it("waits for a view", async () => {
    const { db } = await start();
    await churn(db, 4);
    const view = db.snapshot();
    await churn(db, 6);
    expect((await db.compact()).horizon).toBe(view.lsn);
    expect(db.stats().history.heldBackBy).toMatchObject({ by: "snapshot", lsn: view.lsn });
    view.close();
    expect((await db.compact()).horizon).toBeGreaterThan(view.lsn);
    expect(() => view.nodeCount).toThrow(expect.objectContaining({ code: "CLOSED" }));
    await db.close();
  });

  it("waits for an iteration that is under way, and not for one that has not begun", async () => {
    const { db } = await start();
    await churn(db, 4);
    const { lastLsn } = db;
    const expected = [...db.nodes()];
    const begun = db.nodes();
    const first = begun.next();
    const late = db.allEdges();
    await churn(db, 6);
    expect((await db.compact()).horizon).toBe(lastLsn);
    expect(db.stats().history.heldBackBy).toMatchObject({ by: "reading", lsn: lastLsn });
    expect([first.value, ...begun]).toEqual(expected);
    expect((await db.compact()).horizon).toBeGreaterThan(lastLsn);
    expect(() => late.next()).toThrow(expect.objectContaining({ code: "HISTORY_COMPACTED" }));
    expect(Database.coreOf(db).log.pins.size).toBe(0);
    await db.close();
  });
});

describe("feeds of compacted history", () => {
  it("are refused below the horizon, with the nearest position, and whole above it", async () => {
    const { db } = await start();
    await churn(db, 10);
    const { horizon } = await db.compact();
    for (const from of ["start", 1, horizon] as const) {
      const error = await Promise.resolve()
        .then(() => db.changes({ from }))
        .catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        code: "POSITION_COMPACTED",
        retryable: false,
        details: { oldest: horizon + 1, nearest: horizon + 1 },
      });
    }
    expect(await codeOf(() => db.consumer("new"))).toBe("POSITION_COMPACTED");
    const consumer = await db.consumer("new", { from: "snapshot" });
    expect(consumer.name).toBe("new");
    let next = horizon + 1;
    for await (const batch of db.changes({ from: horizon + 1, live: false })) {
      for (const change of batch.changes) expect(change.lsn).toBe(next++);
    }
    expect(next).toBe(db.durableLsn + 1);
    await db.close();
  });

  it("end a reader that lags, and leave one that does not alone", async () => {
    const { db } = await start();
    await churn(db, 2);
    const slow = db.changes()[Symbol.asyncIterator]();
    await slow.next();
    const quick = db.changes({ from: "now" })[Symbol.asyncIterator]();
    await churn(db, 8);
    for (let lsn = 0; lsn < db.durableLsn; ) lsn = (await quick.next()).value!.lastLsn;
    await db.compact();
    expect(await codeOfNext(slow)).toBe("POSITION_COMPACTED");
    await churn(db, 1);
    const { value } = await quick.next();
    expect(value?.changes.length).toBeGreaterThan(0);
    await quick.return?.();
    await db.close();
  });

  it("a projection with another version begins with the graph as it is", async () => {
    const { db, ports } = await start();
    const definition = {
      init: () => ({ puts: 0, edges: 0 }),
      apply: (state: { puts: number; edges: number }, change: { kind: string }) => {
        if (change.kind === "node.put") state.puts++;
        if (change.kind === "edge.add") state.edges++;
        return undefined;
      },
    };
    const first = await db.project("counts", { version: 1, ...definition });
    await churn(db, 10);
    await first.caughtUp();
    await first.close();
    const { horizon } = await db.compact();
    expect(horizon).toBeGreaterThan(0);
    const second = await db.project("counts", { version: 2, ...definition });
    await second.caughtUp();
    expect(second.state).toEqual({ puts: db.nodeCount, edges: db.edgeCount });
    expect(second.lsn).toBe(db.durableLsn);
    const { puts } = second.state;
    await churn(db, 1, 10);
    await second.caughtUp();
    expect(second.state.puts).toBe(puts + 10);
    await db.close();
    const again = await start({}, {}, ports);
    const third = await again.db.project("counts", { version: 2, ...definition });
    expect(third.state.puts).toBe(puts + 10);
    await again.db.close();
  });
});
