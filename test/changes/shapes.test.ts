// The four shapes of a feed: they say the same, keep apart, and survive handlers of every sort.
import { getEventListeners } from "node:events";
import { concatMap, config, delay, from, map, of, take, toArray } from "rxjs";
import { afterEach, describe, expect, it } from "vitest";
import { Database } from "../../src/database/database.ts";
import { simulatedPorts } from "../../src/testing/simulated-ports.ts";
import type { Change, ChangeBatch, ChangeFeed } from "../../src/varve.ts";
import { codeOf, machine } from "../database/support.ts";
import { allOf, settle } from "./live-support.ts";

const automatic = () => machine({}, simulatedPorts({ tasks: "automatic" }));

async function filled(count: number): Promise<Database> {
  const { db } = await automatic();
  for (let i = 0; i < count; i++) await db.transact((tx) => tx.emit("n", i));
  return db;
}

/** Everything an observable says, in one list. */
function listen(feed: ChangeFeed): { said: unknown[]; stop: () => void } {
  const said: unknown[] = [];
  const subscription = feed.observable().subscribe({
    next: (batch) => said.push(...batch.changes.map(({ lsn }) => lsn)),
    error: (error: { code: string }) => said.push(error.code),
    complete: () => said.push("complete"),
  });
  return { said, stop: () => subscription.unsubscribe() };
}

async function until(isSo: () => boolean): Promise<void> {
  for (let i = 0; i < 1000 && !isSo(); i++) await settle();
  expect(isSo()).toBe(true);
}

describe("every shape", () => {
  it("says the same", async () => {
    const { db } = await automatic();
    for (let t = 0; t < 5; t++) {
      await db.transact((tx) => {
        for (let i = 0; i < 700; i++) tx.emit("n", i);
      });
    }
    const feed = db.changes({ live: false });
    const batches: ChangeBatch[] = [];
    for await (const batch of feed) batches.push(batch);
    expect(batches.length).toBeGreaterThan(1);
    const changes = batches.flatMap((batch) => batch.changes);
    expect(changes).toHaveLength(3500);

    const events: Change[] = [];
    for await (const change of feed.events()) events.push(change);
    expect(events).toEqual(changes);
    const observed = await new Promise<ChangeBatch[]>((resolve, reject) => {
      feed.observable().pipe(toArray()).subscribe({ next: resolve, error: reject });
    });
    expect(observed).toEqual(batches);
    const streamed: ChangeBatch[] = [];
    for await (const batch of feed.readable()) streamed.push(batch);
    expect(streamed).toEqual(batches);
    const own: ChangeBatch[] = [];
    for (let next = await feed.next(); !next.done; next = await feed.next()) own.push(next.value);
    expect(own).toEqual(batches);
    await db.close();
  });

  it("ends with CLOSED once the database closes, and with ABORTED at an abort", async () => {
    for (const end of ["CLOSED", "ABORTED"]) {
      const db = await filled(3);
      const abort = new AbortController();
      const feed = db.changes({ signal: abort.signal });
      const { said } = listen(feed);
      const events = codeOf(async () => {
        for await (const _change of feed.events());
      });
      const stream = codeOf(async () => {
        for await (const _batch of feed.readable());
      });
      await until(() => Database.waitingFeedsOf(db) === 3);
      if (end === "CLOSED") await db.close();
      else abort.abort();
      expect(await Promise.all([events, stream])).toEqual([end, end]);
      await until(() => said.includes(end));
      expect(said).toEqual([1, 2, 3, end]);
      expect(Database.waitingFeedsOf(db)).toBe(0);
      expect(getEventListeners(abort.signal, "abort")).toHaveLength(0);
      await db.close();
    }
  });
});

describe("the iterable of changes", () => {
  it("serves calls that overlap in order, and is over once returned", async () => {
    const db = await filled(5);
    const events = db.changes().events();
    const got = await Promise.all([1, 2, 3, 4, 5].map(() => events.next()));
    expect(got.map(({ value }) => value?.lsn)).toEqual([1, 2, 3, 4, 5]);
    const waiting = events.next();
    await until(() => Database.waitingFeedsOf(db) === 1);
    await events.return?.();
    expect((await waiting).done).toBe(true);
    expect((await events.next()).done).toBe(true);
    await db.close();
  });
});

describe("the observable", () => {
  const { onUnhandledError } = config;
  afterEach(() => {
    config.onUnhandledError = onUnhandledError;
  });

  it("is cold: each subscriber reads from the start, at its own pace, and hears nothing before it subscribed", async () => {
    const db = await filled(3);
    const observable = db.changes({ live: false }).observable();
    const first: number[] = [];
    let isSubscribed = false;
    const subscription = observable.subscribe((batch) => {
      expect(isSubscribed).toBe(true);
      first.push(batch.lastLsn);
    });
    isSubscribed = true;
    await until(() => subscription.closed);
    const second = await new Promise((resolve) => {
      observable.pipe(take(1)).subscribe((batch) => resolve(batch.changes.length));
    });
    expect([first, second]).toEqual([[3], 3]);
    await db.close();
  });

  it("is one for RxJS and for whoever else knows the symbol", async () => {
    const db = await filled(3);
    const feed = db.changes({ live: false });
    const seen: number[] = [];
    await new Promise<void>((resolve) => {
      from(feed as unknown as PromiseLike<ChangeBatch>)
        .pipe(map((batch) => batch.lastLsn))
        .subscribe({ next: (lsn) => seen.push(lsn), complete: resolve });
    });
    expect(seen).toEqual([3]);
    const symbol = Symbol("observable");
    Object.defineProperty(Symbol, "observable", { value: symbol, configurable: true });
    try {
      const other = db.changes({ live: false }) as unknown as Record<symbol, () => object>;
      expect(other[symbol]?.()).toHaveProperty("subscribe");
      expect(feed["@@observable"]()).toHaveProperty("subscribe");
    } finally {
      Reflect.deleteProperty(Symbol, "observable");
    }
    await db.close();
  });

  it("reads the next batch on a later task after next has returned", async () => {
    const { db, ports } = await machine();
    for (let t = 0; t < 3; t++) {
      await db.transact((tx) => {
        for (let i = 0; i < 1100; i++) tx.emit("n", i);
      });
    }
    let batches = 0;
    const counts: number[] = [];
    const subscription = db
      .changes()
      .observable()
      .subscribe(() => {
        batches++;
        ports.scheduler.task(() => counts.push(batches));
      });
    expect(batches).toBe(0);
    await settle();
    expect(batches).toBe(0);
    await ports.scheduler.runAll();
    // A task made in next runs before the next batch is read.
    expect(counts).toEqual([1, 2, 3, 4]);
    subscription.unsubscribe();
    await db.close();
  });

  it("lets a handler that throws, unsubscribes or closes the database harm nobody else", async () => {
    const db = await filled(3);
    const unhandled: unknown[] = [];
    config.onUnhandledError = (error) => unhandled.push(error);
    const good = listen(db.changes());
    const bad: number[] = [];
    const failure = new Error("in next");
    db.changes()
      .observable()
      .subscribe((batch) => {
        bad.push(batch.lastLsn);
        throw failure;
      });
    let failed: unknown;
    db.changes()
      .observable()
      .pipe(
        map(() => {
          throw failure;
        }),
      )
      .subscribe({ error: (error) => (failed = error) });
    let heard = 0;
    const leaver = db
      .changes()
      .observable()
      .subscribe(() => {
        heard++;
        leaver.unsubscribe();
      });
    // Never resolves: holds up its own subscription and nothing else.
    const stuck = (async () => {
      for await (const _batch of db.changes()) await new Promise(() => {});
    })();
    await until(() => Database.waitingFeedsOf(db) === 2);
    expect([heard, failed]).toEqual([1, failure]);
    await db.transact((tx) => tx.emit("n", 4));
    await until(() => good.said.length === 4);
    expect(good.said).toEqual([1, 2, 3, 4]);
    await until(() => bad.at(-1) === 4);

    let closing: Promise<void> | undefined;
    let closedWith = "";
    db.changes({ from: 4 })
      .observable()
      .subscribe({
        next: () => {
          closing ??= db.close();
        },
        error: (error: { code: string }) => {
          closedWith = error.code;
        },
      });
    await until(() => closing !== undefined);
    await closing;
    await until(() => good.said.length === 5);
    expect(good.said).toEqual([1, 2, 3, 4, "CLOSED"]);
    await until(() => closedWith === "CLOSED");
    expect(Database.waitingFeedsOf(db)).toBe(0);
    expect(stuck).toBeInstanceOf(Promise);
    // RxJS tells of what nobody handles on a timer of its own: the throws, and the end that the bad one did not expect.
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(unhandled.filter((error) => error === failure)).toHaveLength(bad.length);
    expect(unhandled.at(-1)).toMatchObject({ code: "CLOSED" });
  });

  it("goes through asynchronous operators in order", async () => {
    const db = await filled(20);
    const lsns = await new Promise<number[]>((resolve) => {
      db.changes({ live: false })
        .observable()
        .pipe(
          concatMap((batch) => from(batch.changes)),
          concatMap(({ lsn }) => of(lsn).pipe(delay(0))),
          toArray(),
        )
        .subscribe(resolve);
    });
    expect(lsns).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    await db.close();
  });
});

describe("the stream", () => {
  it("reads when it is pulled and none ahead, and lets go when it is cancelled", async () => {
    const db = await filled(3);
    const stream = db.changes().readable();
    await settle();
    const reader = stream.getReader();
    expect((await reader.read()).value?.changes).toHaveLength(3);
    expect((await reader.read()).value?.mark).toBe("caught-up");
    await settle();
    expect(Database.waitingFeedsOf(db)).toBe(0);
    const waiting = reader.read();
    await until(() => Database.waitingFeedsOf(db) === 1);
    await reader.cancel();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(Database.waitingFeedsOf(db)).toBe(0);
    await db.close();
  });
});

describe("subscribing and leaving", () => {
  it("leaves nothing behind after 10,000 rounds: no waiting feed, no listener, a flat heap", async () => {
    const { setFlagsFromString } = await import("node:v8");
    const { runInNewContext } = await import("node:vm");
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const { db, ports } = await machine();
    await db.transact((tx) => tx.putNodes(["a", "b"]));
    const abort = new AbortController();
    const feed = db.changes({ from: "now", signal: abort.signal });
    const round = async (i: number): Promise<void> => {
      const batches = feed[Symbol.asyncIterator]();
      await batches.next();
      const waiting = batches.next();
      const subscription = feed.observable().subscribe();
      await ports.scheduler.runAll();
      const reader = feed.readable().getReader();
      await reader.read();
      const streamed = reader.read();
      const events = db.changes({ signal: abort.signal }).events();
      await events.next();
      if (i % 100 === 0) {
        await settle();
        expect(Database.waitingFeedsOf(db)).toBe(3);
      }
      await Promise.all([batches.return?.(), reader.cancel(), events.return?.()]);
      subscription.unsubscribe();
      await Promise.all([waiting, streamed]);
    };
    const heap = async (from: number, to: number): Promise<number> => {
      for (let i = from; i < to; i++) await round(i);
      collect();
      return process.memoryUsage().heapUsed;
    };
    const start = await heap(0, 1000);
    const end = await heap(1000, 11_000);
    expect(Database.waitingFeedsOf(db)).toBe(0);
    expect(ports.scheduler.pending).toBeLessThan(5);
    expect(getEventListeners(abort.signal, "abort")).toHaveLength(0);
    // Less than 100 bytes a round; a feed that stays takes thousands.
    expect(end - start).toBeLessThan(1_000_000);
    await db.close();
  }, 60_000);

  it("wakes 1,000 subscribers for one batch that is read once", async () => {
    const { db } = await automatic();
    const { signal } = new AbortController();
    const feeds = Array.from({ length: 1000 }, () =>
      db.changes({ signal })[Symbol.asyncIterator](),
    );
    for (const feed of feeds) await feed.next();
    const before = db.stats().counters.frameMisses;
    const next = feeds.map((feed) => feed.next());
    await settle();
    expect(Database.waitingFeedsOf(db)).toBe(1000);
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    await db.transact((tx) => tx.putNode("a"));
    const batches = new Set((await Promise.all(next)).map(({ value }) => value));
    expect(batches.size).toBe(1);
    expect(db.stats().counters.frameMisses - before).toBe(1);
    expect(Database.waitingFeedsOf(db)).toBe(0);
    expect(await allOf(db.changes({ live: false }))).toHaveLength(1);
    await db.close();
  });
});
