// Holds `transact` to its rules: when callbacks run, what they see, what a failure leaves, and when promises settle.
import { describe, expect, it } from "vitest";
import { codeOf, machine } from "./support.ts";

describe("a callback", () => {
  it("runs inside the call, in call order, and its result is in the receipt", async () => {
    const { db } = await machine();
    const order: string[] = [];
    const first = db.transact((tx) => {
      order.push("first");
      return tx.putNode("a");
    });
    order.push("between");
    const second = db.transact((tx) => {
      order.push("second");
      tx.putNode("b");
      tx.putNode("c");
      return "result";
    });
    expect(order).toEqual(["first", "between", "second"]);
    expect(await first).toMatchObject({ firstLsn: 1, lastLsn: 1 });
    expect(await second).toMatchObject({ firstLsn: 2, lastLsn: 3, result: "result" });
    await db.close();
  });

  it("that throws writes nothing and rejects with that very error", async () => {
    const { db, ports } = await machine();
    const own = new Error("mine");
    const before = ports.disk.calls;
    const failed = db.transact((tx) => {
      tx.putNode("gone", { labels: ["NeverSeen"] });
      // Reads bring the trees up to date: what they were told must go again.
      expect(tx.node("gone")?.labels).toEqual(["NeverSeen"]);
      expect([...tx.nodes({ label: "NeverSeen" })]).toHaveLength(1);
      throw own;
    });
    await expect(failed).rejects.toBe(own);
    const notAnError = { anything: true };
    await expect(
      db.transact(() => {
        throw notAnError;
      }),
    ).rejects.toBe(notAnError);
    expect([db.lastLsn, db.nodeCount, db.hasNode("gone")]).toEqual([0, 0, false]);
    expect([...db.nodes()]).toEqual([]);
    expect(ports.disk.calls).toBe(before);
    await db.transact((tx) => tx.putNode("kept"));
    expect(db.lastLsn).toBe(1);
    await db.close();
    const again = await machine({}, ports);
    expect([...again.db.nodes()].map(({ key }) => key)).toEqual(["kept"]);
    await again.db.close();
  });

  it("that returns a promise is a TypeError and writes nothing", async () => {
    const { db } = await machine();
    const call = db.transact(async (tx) => {
      tx.putNode("async");
    });
    await expect(call).rejects.toThrow(TypeError);
    await expect(
      db.transact(() => Promise.reject(new Error("nobody listens to this one"))),
    ).rejects.toThrow(TypeError);
    expect(db.nodeCount).toBe(0);
    await db.close();
  });

  it("cannot begin another transaction, and its handle is of no use afterwards", async () => {
    const { db } = await machine();
    let nested: Promise<unknown> = Promise.resolve();
    let leaked: { putNode(key: string): number } | undefined;
    await db.transact((tx) => {
      leaked = tx;
      nested = db.transact((inner) => inner.putNode("inner"));
      nested.catch(() => {});
      tx.putNode("outer");
    });
    await expect(nested).rejects.toThrow(TypeError);
    expect(() => leaked?.putNode("late")).toThrow(TypeError);
    expect([...db.nodes()].map(({ key }) => key)).toEqual(["outer"]);
    await db.close();
  });

  it("may catch a failing operation: the transaction is as before it", async () => {
    const { db, ports } = await machine();
    await db.transact((tx) => {
      tx.putNode("a", { props: { n: 1 } });
      expect(() => tx.patchNode("missing", { props: { x: 1 } })).toThrow();
      expect(() => tx.addEdge("a", "KNOWS", "missing")).toThrow();
      expect(() => tx.putNode("a", { props: { bad: (): void => {} } })).toThrow(TypeError);
      expect(tx.node("a")?.props).toEqual({ n: 1 });
      tx.putNode("b");
    });
    expect([db.nodeCount, db.edgeCount, db.lastLsn]).toEqual([2, 0, 2]);
    await db.close();
    const again = await machine({}, ports);
    expect(again.db.node("a")?.props).toEqual({ n: 1 });
    expect((await again.db.verify()).sound).toBe(true);
    await again.db.close();
  });

  it("that writes nothing gets an empty receipt, at once", async () => {
    const { db, ports } = await machine();
    await db.transact((tx) => tx.putNode("a"));
    const before = ports.disk.calls;
    expect(await db.transact((tx) => tx.hasNode("a"))).toMatchObject({
      result: true,
      firstLsn: 2,
      lastLsn: 1,
    });
    expect(ports.disk.calls).toBe(before);
    await db.close();
  });
});

describe("reads", () => {
  it("see an accepted transaction at once, while it waits for its sync, and so does the next callback", async () => {
    const { db, ports } = await machine();
    let release: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    ports.disk.delay = async (operation) => {
      if (operation === "sync") await held;
    };
    let settled = false;
    const waiting = db
      .transact((tx) => tx.putNode("a", { props: { n: 1 } }))
      .then(() => {
        settled = true;
      });
    expect(db.node("a")?.props).toEqual({ n: 1 });
    const accepted = db.snapshot();
    const durable = db.snapshot({ at: "durable" });
    const next = db.transact((tx) => tx.patchNode("a", { props: { n: 2, seen: tx.hasNode("a") } }));
    for (let i = 0; i < 50; i++) await undefined;
    expect(settled).toBe(false);
    expect([db.lastLsn, db.durableLsn]).toEqual([2, 0]);
    expect(db.node("a")?.props).toEqual({ n: 2, seen: true });
    expect(accepted.node("a")?.props).toEqual({ n: 1 });
    expect([accepted.lsn, accepted.nodeCount]).toEqual([1, 1]);
    expect([durable.lsn, durable.nodeCount, durable.hasNode("a")]).toEqual([0, 0, false]);
    release();
    await Promise.all([waiting, next]);
    expect([settled, db.durableLsn]).toEqual([true, 2]);
    expect(durable.hasNode("a")).toBe(false);
    await db.close();
  });

  it("of a view above a failed write say VIEW_ROLLED_BACK, and what was built on it is rejected too", async () => {
    const { db, ports } = await machine();
    await db.transact((tx) => tx.putNode("kept"));
    const below = db.snapshot();
    ports.disk.faults.push({ operation: "write", path: ".log", errno: "ENOSPC" });
    const first = db.transact((tx) => tx.putNode("lost"));
    const above = db.snapshot();
    const second = db.transact((tx) => tx.addEdge("kept", "ON", "lost"));
    expect(above.hasNode("lost")).toBe(true);
    await expect(first).rejects.toMatchObject({ code: "DISK_FULL", retryable: true });
    await expect(second).rejects.toMatchObject({ code: "DISK_FULL" });
    expect(() => above.hasNode("lost")).toThrow(
      expect.objectContaining({ code: "VIEW_ROLLED_BACK" }),
    );
    expect([...below.nodes()].map(({ key }) => key)).toEqual(["kept"]);
    expect([db.hasNode("lost"), db.nodeCount, db.edgeCount, db.lastLsn]).toEqual([false, 1, 0, 1]);
    // LSNs of what was rejected are not given again in this open.
    expect(await db.transact((tx) => tx.putNode("after"))).toMatchObject({ firstLsn: 4 });
    expect((await db.verify()).sound).toBe(true);
    await db.close();
  });
});

describe("options of a transaction", () => {
  it("expectLsn is a CONFLICT unless it is the last accepted LSN", async () => {
    const { db } = await machine();
    await db.transact((tx) => tx.putNode("a"), { expectLsn: 0 });
    const stale = db.transact((tx) => tx.putNode("b"), { expectLsn: 0 });
    await expect(stale).rejects.toMatchObject({
      code: "CONFLICT",
      details: { expectLsn: 0, lastLsn: 1 },
    });
    await db.transact((tx) => tx.putNode("b"), { expectLsn: 1 });
    expect(await codeOf(() => db.transact(() => {}, { expectLsn: -1 }))).toBe("RangeError");
    expect(await codeOf(() => db.transact(() => {}, { expectLsn: "1" as never }))).toBe(
      "TypeError",
    );
    await db.close();
  });

  it("signal counts until the callback starts", async () => {
    const { db } = await machine();
    const controller = new AbortController();
    const { signal } = controller;
    await db.transact(
      (tx) => {
        controller.abort();
        tx.putNode("late abort");
      },
      { signal },
    );
    expect(db.hasNode("late abort")).toBe(true);
    let ran = false;
    const aborted = db.transact(
      () => {
        ran = true;
      },
      { signal },
    );
    await expect(aborted).rejects.toMatchObject({ code: "ABORTED", name: "AbortError" });
    expect(ran).toBe(false);
    await db.close();
  });

  it("take undefined, and nothing unknown", async () => {
    const { db } = await machine();
    const none = { durability: undefined, expectLsn: undefined, signal: undefined };
    await db.transact((tx) => tx.putNode("a"), none);
    expect(await codeOf(() => db.transact(() => {}, { durable: true } as never))).toBe("TypeError");
    expect(await codeOf(() => db.transact(() => {}, { durability: "fast" as never }))).toBe(
      "TypeError",
    );
    expect(await codeOf(() => db.transact(undefined as never))).toBe("TypeError");
    await db.close();
  });

  it("durability: os resolves before any sync, an interval at once, and both are synced in time", async () => {
    const { db, ports } = await machine({ syncIntervalMs: 200 });
    const syncs = (): number => db.stats().counters.syncs;
    const before = syncs();
    await db.transact((tx) => tx.putNode("os"), { durability: "os" });
    await db.transact((tx) => tx.putNode("interval"), { durability: { intervalMs: 50 } });
    expect([syncs() - before, db.durableLsn]).toEqual([0, 0]);
    await ports.scheduler.advance(50);
    expect([syncs() - before, db.durableLsn]).toEqual([1, 2]);
    await db.transact((tx) => tx.putNode("os2"), { durability: "os" });
    await ports.scheduler.advance(200);
    expect(db.durableLsn).toBe(3);
    await db.transact((tx) => tx.putNode("flushed"), { durability: "os" });
    await db.flush();
    expect(db.durableLsn).toBe(4);
    await db.whenDurable(4);
    expect(await codeOf(() => db.whenDurable(5))).toBe("RangeError");
    await db.close();
  });
});

describe("pressure", () => {
  it("makes callbacks wait their turn, in order, and beyond maxPendingBytes is OVERLOADED", async () => {
    const { db, ports } = await machine({ maxPendingBytes: 16_384 });
    let release: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    ports.disk.delay = async (operation) => {
      if (operation === "sync") await held;
    };
    const ran: number[] = [];
    const outcomes: Promise<string>[] = [];
    for (let i = 0; i < 12; i++) {
      const call = db.transact((tx) => {
        ran.push(i);
        tx.putNode(`n${i}`, { props: { text: "x".repeat(4000) } });
      });
      outcomes.push(
        call.then(
          () => "done",
          (error: { code: string }) => error.code,
        ),
      );
    }
    expect(ran).toEqual([0, 1, 2]);
    expect(db.stats().pressure.waiting).toBeGreaterThan(0);
    ports.disk.delay = undefined;
    release();
    const settled = await Promise.all(outcomes);
    const done = settled.lastIndexOf("done");
    expect(settled.slice(0, done + 1).every((outcome) => outcome === "done")).toBe(true);
    expect(settled.slice(done + 1).every((outcome) => outcome === "OVERLOADED")).toBe(true);
    expect(settled).toContain("OVERLOADED");
    expect(ran).toEqual(Array.from({ length: done + 1 }, (_, i) => i));
    await db.close();
  });

  it("does not outlive the database: what waits is CLOSED, what was accepted ends well", async () => {
    const { db, ports } = await machine({ maxPendingBytes: 8192 });
    const call = (i: number): Promise<unknown> =>
      db.transact((tx) => tx.putNode(`n${i}`, { props: { text: "x".repeat(4500) } }));
    const accepted = call(0);
    const waiting = call(1);
    const closing = db.close();
    await expect(waiting).rejects.toMatchObject({ code: "CLOSED" });
    await accepted;
    await closing;
    const again = await machine({}, ports);
    expect([...again.db.nodes()].map(({ key }) => key)).toEqual(["n0"]);
    await again.db.close();
  });
});
