// Live feeds: the hand-over from catch-up, nothing above the durable LSN, ends of every sort, and large transactions.
import { getEventListeners } from "node:events";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Database } from "../../src/database/database.ts";
import { writeState } from "../../src/database/system-state.ts";
import { simulatedPorts } from "../../src/testing/simulated-ports.ts";
import type { Change, ChangeBatch } from "../../src/varve.ts";
import { codeOf, machine } from "../database/support.ts";
import {
  allOf,
  caughtUp,
  Folded,
  readUntil,
  settle,
  transact,
  transactions,
} from "./live-support.ts";

const mib = 2 ** 20;

function lsns(batches: readonly ChangeBatch[]): number[] {
  return batches.flatMap(({ changes }) => changes.map(({ lsn }) => lsn));
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

interface Heard {
  readonly lsn: number;
  readonly isQuiet: boolean;
  readonly from: number;
  readonly seen: number[];
  readonly marks: number[];
}

/** Reads until 20 events behind the hand-over. */
async function hear(db: Database, one: Heard, count: number): Promise<void> {
  for await (const batch of db.changes({ from: one.from })) {
    const due = one.from + one.seen.length;
    if (batch.firstLsn !== due) throw new Error(`${batch.firstLsn} instead of ${due}`);
    for (const change of batch.changes) one.seen.push(change.lsn);
    if (batch.mark !== undefined) one.marks.push(batch.lastLsn);
    if (batch.lastLsn >= Math.min(one.lsn + 20, count) && one.marks.length > 0) break;
  }
}

describe("a live feed", () => {
  it("catches up, says so once, and goes on with what becomes durable", async () => {
    const { db } = await machine();
    await db.transact((tx) => tx.putNodes(["a", "b"]));
    const feed = db.changes()[Symbol.asyncIterator]();
    expect((await feed.next()).value).toMatchObject({
      changes: [{ key: "a" }, { key: "b" }],
      firstLsn: 1,
      lastLsn: 2,
      nextLsn: 3,
      phase: "catch-up",
    });
    const mark = { changes: [], firstLsn: 3, lastLsn: 2, nextLsn: 3, phase: "live" };
    expect((await feed.next()).value).toEqual({ ...mark, mark: "caught-up" });
    const next = feed.next();
    const following = feed.next();
    await settle();
    expect(Database.waitingFeedsOf(db)).toBe(1);
    await db.transact((tx) => tx.putNode("c"));
    const live = { firstLsn: 3, lastLsn: 3, nextLsn: 4, phase: "live", changes: [{ key: "c" }] };
    expect((await next).value).toMatchObject(live);
    expect((await next).value).not.toHaveProperty("mark");
    await db.transact((tx) => tx.putNode("d"));
    expect((await following).value).toMatchObject({ changes: [{ key: "d" }] });
    await db.close();
  });

  it("from now: what is durable at the call is not in it, what becomes so is", async () => {
    const { db } = await machine();
    await db.transact((tx) => tx.putNode("before"));
    await db.transact((tx) => tx.putNode("accepted"), { durability: "os" });
    const feed = db.changes({ from: "now" });
    await db.transact((tx) => tx.putNode("after"));
    const batches = await readUntil(feed[Symbol.asyncIterator](), ({ lastLsn }) => lastLsn === 3);
    expect(lsns(batches)).toEqual([2, 3]);
    await db.close();
  });

  it("hands over without gap or repeat at every LSN of a log of 1,000 events", async () => {
    const { db } = await machine({}, simulatedPorts({ tasks: "automatic" }));
    const count = 1000;
    const readings: Promise<void>[] = [];
    const heard: Heard[] = [];
    const read = (lsn: number, isQuiet: boolean): void => {
      const one = { lsn, isQuiet, from: Math.max(1, lsn - (lsn % 5)), seen: [], marks: [] };
      heard.push(one);
      readings.push(hear(db, one, count));
    };
    for (let lsn = 0; lsn < count; lsn++) {
      // Its catch-up ends at this very LSN.
      read(lsn, true);
      await settle();
      // This one's ends in some turn of the next commit, from the call to the wake of the feeds, and in every order with them.
      const committed = db.transact((tx) => tx.putNode(`n${lsn + 1}`));
      for (let turn = 0; turn < lsn % 61; turn++) await undefined;
      read(lsn, false);
      await committed;
    }
    read(count, true);
    await Promise.all(readings);
    expect(Database.waitingFeedsOf(db)).toBe(0);
    const overtaken = new Set<number>();
    for (const { lsn, isQuiet, from, seen, marks } of heard) {
      const last = seen.at(-1) ?? 0;
      if (seen.join() !== range(from, last).join()) expect(seen).toEqual(range(from, last));
      expect(last).toBeGreaterThanOrEqual(Math.min(lsn + 20, count));
      expect(marks).toHaveLength(1);
      if (isQuiet) expect(marks[0]).toBe(lsn);
      else overtaken.add(marks[0]! - lsn);
    }
    expect([...overtaken].sort()).toEqual([0, 1]);
    await db.close();
  });

  it("delivers nothing before its sync is over, and nothing whose sync fails: POISONED", async () => {
    const { db, ports } = await machine();
    const feed = db.changes()[Symbol.asyncIterator]();
    await readUntil(feed, caughtUp);
    const open: { release: () => void } = { release: () => {} };
    ports.disk.delay = (operation) =>
      operation === "sync"
        ? new Promise((resolve) => {
            open.release = resolve;
          })
        : Promise.resolve();
    let got: ChangeBatch | undefined;
    const next = feed.next().then(({ value }) => {
      got = value;
    });
    const commit = db.transact((tx) => tx.putNode("slow"));
    await settle();
    expect([db.lastLsn, db.durableLsn, got]).toEqual([1, 0, undefined]);
    open.release();
    await Promise.all([commit, next]);
    expect(got).toMatchObject({ changes: [{ key: "slow" }] });

    ports.disk.delay = undefined;
    ports.disk.faults.push({ operation: "sync", errno: "EIO" });
    const last = codeOf(() => feed.next());
    expect(await codeOf(() => db.transact((tx) => tx.putNode("lost")))).toBe("POISONED");
    expect(await last).toBe("POISONED");
    expect((await feed.next()).done).toBe(true);
    expect((await allOf(db.changes({ live: false }))).map(({ lsn }) => lsn)).toEqual([1]);
    await db.close().catch(() => {});
  });

  it("passes over what was rejected: it is never delivered, what follows is", async () => {
    const { db, ports } = await machine();
    const feed = db.changes()[Symbol.asyncIterator]();
    await readUntil(feed, caughtUp);
    const next = feed.next();
    ports.disk.faults.push({ operation: "write", errno: "ENOSPC" });
    expect(await codeOf(() => db.transact((tx) => tx.putNode("rejected")))).toBe("DISK_FULL");
    ports.disk.faults.length = 0;
    await db.transact((tx) => tx.putNode("kept"));
    expect((await next).value).toMatchObject({ firstLsn: 1, changes: [{ key: "kept", lsn: 2 }] });
    await db.close();
  });

  it("waits at LSNs that no event has, though what lies behind them is written already", async () => {
    const { db, ports } = await machine();
    await db.transact((tx) => tx.putNode("first"));
    ports.disk.faults.push({ operation: "write", errno: "ENOSPC" });
    await db.transact((tx) => tx.putNodes(["r1", "r2", "r3"])).catch(() => {});
    ports.disk.faults.length = 0;
    // A transaction without events does not make the rejected LSNs durable ones.
    await db.transact((tx) => writeState(tx, "mark", 1));
    expect(db.durableLsn).toBe(1);
    const feed = db.changes({ from: 2 })[Symbol.asyncIterator]();
    const open: { release: () => void } = { release: () => {} };
    ports.disk.delay = (operation) =>
      operation === "sync"
        ? new Promise((resolve) => {
            open.release = resolve;
          })
        : Promise.resolve();
    const commit = db.transact((tx) => tx.putNode("behind"));
    await settle();
    // The gap is not passed either: after a crash its LSNs may be given out again.
    expect((await feed.next()).value).toMatchObject({ mark: "caught-up", nextLsn: 2 });
    let got: ChangeBatch | undefined;
    const next = feed.next().then(({ value }) => {
      got = value;
    });
    await settle();
    expect(got).toBeUndefined();
    ports.disk.delay = undefined;
    open.release();
    await Promise.all([commit, next]);
    expect(got).toMatchObject({ firstLsn: 2, lastLsn: 5, changes: [{ key: "behind" }] });
    await db.close();
  });

  it("starts from a snapshot: the graph as it stands, then every change from there on", async () => {
    await fc.assert(
      fc.asyncProperty(transactions, transactions, async (first, second) => {
        const { db } = await machine();
        for (const ops of first) await transact(db, ops);
        await db.transact((tx) => tx.putNode("pending"), { durability: "os" });
        const lsn = db.durableLsn;
        const feed = db.changes({ from: "snapshot" })[Symbol.asyncIterator]();
        const atStart = Folded.ofDatabase(db.snapshot({ at: "durable" }));
        const reading = readUntil(feed, ({ changes }) => {
          return changes.some((change) => change.kind === "event" && change.name === "end");
        });
        for (const ops of second) await transact(db, ops);
        await db.transact((tx) => tx.emit("end", 0));
        const batches = await reading;
        const snapshot = batches.filter(({ phase }) => phase === "snapshot");
        const tail = batches.filter(({ phase }) => phase !== "snapshot");
        const begun = snapshot.flatMap(({ changes }) => changes);
        expect(Folded.of(begun).plain()).toEqual(atStart.plain());
        const kinds = begun.map(({ kind }) => kind).join(" ");
        expect(kinds).toMatch(/^(node\.put ?)*(edge\.add ?)*$/);
        for (const change of begun) expect([change.lsn, change.txLastLsn]).toEqual([lsn, lsn]);
        for (const batch of snapshot) {
          expect([batch.lastLsn, batch.nextLsn]).toEqual([lsn, lsn + 1]);
        }
        expect(lsns(tail)).toEqual(range(lsn + 1, tail.at(-1)!.lastLsn));
        const all = [...begun, ...tail.flatMap(({ changes }) => changes)];
        expect(Folded.of(all).plain()).toEqual(Folded.ofDatabase(db).plain());
        await db.close();
      }),
      { numRuns: 40 },
    );
  });

  it("costs nothing while nobody asks it, however far it lags", async () => {
    const { db } = await machine({}, simulatedPorts({ tasks: "automatic" }));
    const feed = db.changes()[Symbol.asyncIterator]();
    await readUntil(feed, caughtUp);
    const { frameHits, frameMisses } = db.stats().counters;
    for (let t = 0; t < 200; t++) {
      await db.transact((tx) => {
        for (let i = 0; i < 100; i++) tx.emit("tick", t);
      });
      expect(Database.waitingFeedsOf(db)).toBe(0);
    }
    // Nothing was read for it, so nothing can be kept for it.
    expect(db.stats().counters).toMatchObject({ frameHits, frameMisses });
    let next = 1;
    while (next <= db.durableLsn) {
      const { value } = await feed.next();
      expect(value!.firstLsn).toBe(next);
      expect(value!.changes.length).toBeLessThan(8192);
      next = value!.nextLsn;
    }
    await db.close();
  });
});

describe("the end of a live feed", () => {
  it("comes by return, even while a next waits", async () => {
    const { db } = await machine();
    const feed = db.changes()[Symbol.asyncIterator]();
    await readUntil(feed, caughtUp);
    const waiting = [feed.next(), feed.next()];
    await settle();
    expect(Database.waitingFeedsOf(db)).toBe(1);
    expect(await feed.return?.()).toEqual({ done: true, value: undefined });
    expect(Database.waitingFeedsOf(db)).toBe(0);
    for (const { done } of await Promise.all(waiting)) expect(done).toBe(true);
    expect((await feed.next()).done).toBe(true);
    await db.close();
  });

  it("comes by an abort, with ABORTED, the reason as its cause, and no listener left", async () => {
    const { db } = await machine();
    const abort = new AbortController();
    const feed = db.changes({ signal: abort.signal })[Symbol.asyncIterator]();
    await readUntil(feed, caughtUp);
    const waiting = feed.next();
    await settle();
    expect(getEventListeners(abort.signal, "abort")).toHaveLength(1);
    const reason = new Error("enough");
    abort.abort(reason);
    await expect(waiting).rejects.toMatchObject({
      code: "ABORTED",
      name: "AbortError",
      retryable: false,
      cause: reason,
    });
    expect((await feed.next()).done).toBe(true);
    expect(getEventListeners(abort.signal, "abort")).toHaveLength(0);
    expect(Database.waitingFeedsOf(db)).toBe(0);
    await db.close();
  });

  it("comes with the database, with CLOSED, whether it waits or not", async () => {
    const { db } = await machine();
    const waits = db.changes()[Symbol.asyncIterator]();
    const idles = db.changes()[Symbol.asyncIterator]();
    await readUntil(waits, caughtUp);
    await readUntil(idles, caughtUp);
    const waiting = codeOf(() => waits.next());
    await settle();
    await db.close();
    expect(await waiting).toBe("CLOSED");
    expect(await codeOf(() => idles.next())).toBe("CLOSED");
    expect((await idles.next()).done).toBe(true);
    expect(Database.waitingFeedsOf(db)).toBe(0);
  });

  it("comes at once for a position that there is not", async () => {
    const { db } = await machine();
    await db.transact((tx) => tx.putNode("a"));
    await db.transact((tx) => tx.putNode("b"), { durability: "os" });
    expect(() => db.changes({ from: 3 })).toThrow(
      expect.objectContaining({
        code: "POSITION_AHEAD",
        retryable: false,
        details: { from: 3, durableLsn: 1, nearest: 2 },
      }),
    );
    const feed = db.changes({ from: 2 })[Symbol.asyncIterator]();
    expect((await feed.next()).value).toMatchObject({ mark: "caught-up", nextLsn: 2 });
    await db.close();
  });
});

describe("a large transaction", () => {
  async function write(bytes: number) {
    const { db, ports } = await machine();
    const text = "x".repeat(1000);
    await db.transact((tx) => tx.putNode("before"));
    await db.transact((tx) => {
      for (let i = 0; i * 1000 < bytes; i++) tx.emit("part", `${i} ${text}`);
    });
    await db.transact((tx) => tx.putNode("after"));
    const read = async (from: number): Promise<ChangeBatch[]> => {
      const feed = db.changes({ from })[Symbol.asyncIterator]();
      return await ports.scheduler.until(readUntil(feed, caughtUp));
    };
    return { db, read };
  }

  it("of up to 4 MiB is whole in one batch", async () => {
    const { db, read } = await write(3.8 * mib);
    const lastLsn = db.lastLsn - 1;
    const all = await read(1);
    const inside = all.filter(({ changes }) => changes.some(({ txLastLsn: l }) => l === lastLsn));
    expect(inside).toHaveLength(1);
    expect(lsns(all)).toEqual(range(1, db.lastLsn));
    await db.close();
  });

  it("beyond that comes in parts whose changes all say where it ends, from any place in it", async () => {
    const { db, read } = await write(13 * mib);
    const lastLsn = db.lastLsn - 1;
    for (const from of [1, 2, 3, 5000, lastLsn, lastLsn + 1]) {
      const all = await read(from);
      expect(lsns(all)).toEqual(range(from, db.lastLsn));
      const ends = all.flatMap(({ changes }): number[][] =>
        changes.map(({ lsn, txLastLsn }) => [lsn, txLastLsn]),
      );
      for (const [lsn, txLastLsn] of ends) {
        if (lsn !== 1 && lsn !== db.lastLsn) expect(txLastLsn).toBe(lastLsn);
        else expect(txLastLsn).toBe(lsn);
      }
      let next = from;
      for (const batch of all) {
        expect(batch.firstLsn).toBe(next);
        next = batch.nextLsn;
      }
      if (from === 1) expect(all.length).toBeGreaterThan(4);
    }
    await db.close();
  });
});

describe("shared live batches", () => {
  it("are the same for all who stand at the end, and safe from each of them", async () => {
    const { db } = await machine();
    const feeds = [0, 1, 2].map(() => db.changes()[Symbol.asyncIterator]());
    for (const feed of feeds) await readUntil(feed, caughtUp);
    const other = db.changes({ before: true })[Symbol.asyncIterator]();
    await readUntil(other, caughtUp);
    const next = [...feeds, other].map((feed) => feed.next());
    await db.transact((tx) => tx.putNode("a", { labels: ["L"], props: { n: 1 } }));
    const [a, b, c, d] = (await Promise.all(next)).map(({ value }) => value!);
    expect(a).toBe(b);
    expect(a).toBe(c);
    expect(d).not.toBe(a);
    expect(d).toMatchObject({ changes: [{ key: "a", before: undefined }] });
    const change = a!.changes[0] as Change & { labels: string[]; props: Record<string, unknown> };
    expect(() => (a!.changes as Change[]).pop()).toThrow(TypeError);
    expect(() => change.labels.push("M")).toThrow(TypeError);
    expect(() => Object.assign(change.props, { n: 2 })).toThrow(TypeError);
    expect(() => Object.assign(change, { lsn: 7 })).toThrow(TypeError);
    await db.close();
  });
});
