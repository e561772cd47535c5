// What holds the history while it is read, and what ends the reading: closing, aborting, failed writes, rebuilds, forgetting.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { Database } from "../../src/database/database.ts";
import type { Change } from "../../src/varve.ts";
import { codeOf, machine } from "./support.ts";

/** A database with some nodes, each its own transaction. */
async function filled(count = 4) {
  const { db, ports } = await machine();
  for (let i = 0; i < count; i++) await db.transact((tx) => tx.putNode("n", { props: { i } }));
  return { db, ports, pins: Database.pinsOf(db) };
}

async function drained(iterable: AsyncIterable<Change>): Promise<number> {
  let count = 0;
  for await (const _change of iterable) count++;
  return count;
}

describe("views", () => {
  it("hold the history until they are closed, each for itself", async () => {
    const { db, pins } = await filled();
    const now = db.snapshot();
    const durable = db.snapshot({ at: "durable" });
    const past = await db.asOf(2);
    expect([pins.size, pins.lowest()]).toEqual([3, { holder: "asOf", lsn: 2 }]);
    past.close();
    past.close();
    expect([pins.size, pins.lowest()]).toEqual([2, { holder: "snapshot", lsn: 4 }]);
    now[Symbol.dispose]();
    await durable[Symbol.asyncDispose]();
    expect(pins.size).toBe(0);
    expect(await codeOf(() => past.hasNode("n"))).toBe("CLOSED");
    for (const wrong of [9, -1, "1"]) await codeOf(() => db.asOf(wrong as number));
    await codeOf(() => db.asOf(1, { signal: AbortSignal.abort() }));
    expect(pins.size).toBe(0);
    await db.close();
  });

  it("are ended by the end of the database", async () => {
    const { db, pins } = await filled();
    const past = await db.asOf(2);
    const changes = db.diff(0);
    await changes.next();
    expect(pins.size).toBe(2);
    await db.close();
    expect(pins.size).toBe(0);
    expect(await codeOf(() => past.node("n"))).toBe("CLOSED");
    expect(await codeOf(() => changes.next())).toBe("CLOSED");
    expect(await changes.next()).toEqual({ done: true, value: undefined });
    for (const call of [() => db.history("n"), () => db.diff(0), () => db.asOf(1)]) {
      expect(await codeOf(call)).toBe("CLOSED");
    }
    past.close();
  });

  it("cost nothing, 10,000 times over", async () => {
    const { db, pins } = await filled();
    const before = memory();
    for (let i = 0; i < 10_000; i++) {
      const view = db.snapshot();
      expect(view.nodeCount).toBe(1);
      view.close();
    }
    expect(pins.size).toBe(0);
    expect(memory() - before).toBeLessThan(2 * 2 ** 20);
    await db.close();
  });

  it("that nobody holds any more are given up, with their pins", async () => {
    const { db, pins } = await filled();
    for (let i = 0; i < 1000; i++) db.snapshot();
    expect(pins.size).toBe(1000);
    for (let i = 0; i < 50 && pins.size > 0; i++) {
      memory();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    // Registers and stacks may keep one alive.
    expect(pins.size).toBeLessThan(10);
    await db.close();
  });

  it("of what a failed write takes back say VIEW_ROLLED_BACK", async () => {
    const { db, ports, pins } = await filled();
    const below = await db.asOf(3);
    ports.disk.faults.push({ operation: "write", path: ".log", errno: "ENOSPC" });
    const lost = db.transact((tx) => tx.putNode("lost"));
    // The write follows at the end of this turn.
    const opened = db.asOf(5);
    const changes = db.diff(3);
    const history = db.history("lost");
    const steps = [changes.next(), history.next()];
    const unread = db.history("lost");
    const before = db.history("n", { to: 4 });
    await expect(lost).rejects.toMatchObject({ code: "DISK_FULL" });
    expect((await Promise.all(steps)).map(({ value }) => value?.lsn)).toEqual([4, 5]);
    const above = await opened;
    expect(await codeOf(() => above.hasNode("lost"))).toBe("VIEW_ROLLED_BACK");
    expect(await codeOf(() => changes.next())).toBe("VIEW_ROLLED_BACK");
    expect(await codeOf(() => history.next())).toBe("VIEW_ROLLED_BACK");
    expect(await codeOf(() => unread.next())).toBe("VIEW_ROLLED_BACK");
    expect(await drained(before)).toBe(4);
    expect(await codeOf(() => db.asOf(5))).toBe("POSITION_AHEAD");
    expect([below.node("n")?.props, pins.size]).toEqual([{ i: 2 }, 2]);
    await db.transact((tx) => tx.putNode("next"));
    // LSN 5 is nobody's: it lies between two transactions.
    const gap = await db.asOf(5);
    expect([gap.nodeCount, (await db.asOf(6)).nodeCount]).toEqual([1, 2]);
    await db.close();
  });
});

describe("iterables of changes", () => {
  it("hold what they have yet to read, from the first step to the end", async () => {
    const { db, pins } = await filled();
    const history = db.history("n", { from: 3 });
    const diff = db.diff(1, 3);
    expect(pins.size).toBe(0);
    await history.next();
    await diff.next();
    expect([pins.size, pins.lowest()]).toEqual([2, { holder: "reading", lsn: 1 }]);
    expect(await drained(diff)).toBe(1);
    expect(pins.lowest()).toEqual({ holder: "reading", lsn: 2 });
    expect(await history.return?.()).toEqual({ done: true, value: undefined });
    expect([pins.size, (await history.next()).done]).toEqual([0, true]);
    for await (const change of db.diff(0)) if (change.lsn === 2) break;
    expect(pins.size).toBe(0);
    await db.close();
  });

  it("are fixed at the call", async () => {
    const { db } = await filled();
    const iterables = [db.history("n"), db.diff(0), db.diff(new Date(0))];
    await db.transact((tx) => tx.removeNode("n"));
    expect(await Promise.all(iterables.map(drained))).toEqual([4, 4, 4]);
    expect(await drained(db.history("n"))).toBe(5);
    await db.close();
  });

  it("end with ABORTED", async () => {
    const { db, pins } = await filled();
    const controller = new AbortController();
    const { signal } = controller;
    const iterables = [db.history("n", { signal }), db.diff(0, undefined, { signal })];
    for (const iterable of iterables) await iterable.next();
    controller.abort(new Error("enough"));
    for (const iterable of iterables) {
      await expect(iterable.next()).rejects.toMatchObject({ code: "ABORTED", name: "AbortError" });
      expect((await iterable.next()).done).toBe(true);
    }
    expect(pins.size).toBe(0);
    await db.close();
  });

  it("answer overlapping calls in order", async () => {
    const { db } = await filled();
    const iterable = db.diff(0);
    const steps = await Promise.all([iterable.next(), iterable.next(), iterable.next()]);
    expect(steps.map(({ value }) => value?.lsn)).toEqual([1, 2, 3]);
    await db.close();
  });

  it("say of every change where its transaction ends, however many frames that has", async () => {
    const { db } = await filled();
    const large = "x".repeat(20_000);
    await db.transact((tx) => {
      for (let i = 0; i < 30; i++) tx.putNode(`large ${i}`, { props: { large } });
      tx.patchNode("n", { props: { i: -1 } });
    });
    const wanted: Change[] = [];
    for await (const { changes } of db.changes({ live: false })) wanted.push(...changes);
    for (let after = 0; after < 35; after += 4) {
      const found: Change[] = [];
      for await (const change of db.diff(after, 33)) found.push(change);
      expect(found).toEqual(wanted.filter(({ lsn }) => lsn > after && lsn <= 33));
    }
    for (let i = 0; i < 30; i++) {
      for await (const change of db.history(`large ${i}`)) expect(change).toEqual(wanted[4 + i]);
    }
    expect((await db.asOf(34)).lsn).toBe(4);
    expect((await db.asOf(35)).lsn).toBe(35);
    await db.close();
  });

  it("refuse what is no part of the history", async () => {
    const { db } = await filled();
    const history = (of: unknown, options?: unknown) =>
      codeOf(() => db.history(of as string, options as object));
    const diff = (a: unknown, b?: unknown, options?: unknown) =>
      codeOf(() => db.diff(a as number, b as number, options as object));
    for (const wrong of [undefined, null, 1n, {}]) expect(await history(wrong)).toBe("TypeError");
    expect(await history("")).toBe("RangeError");
    for (const wrong of [{ form: 1 }, { from: "1" }, { to: {} }, { signal: 1 }, 1]) {
      expect(await history("n", wrong)).toBe("TypeError");
    }
    for (const wrong of [{ from: 0 }, { from: -1 }, { to: 0.5 }, { from: new Date(Number.NaN) }]) {
      expect(await history("n", wrong)).toBe("RangeError");
    }
    expect(await history("n", { from: 6 })).toBe("POSITION_AHEAD");
    expect(await history("n", { to: 5 })).toBe("POSITION_AHEAD");
    expect(await diff(5)).toBe("POSITION_AHEAD");
    expect(await diff(0, { lsn: 5 })).toBe("POSITION_AHEAD");
    expect(await diff(2, 1)).toBe("RangeError");
    for (const [a, b, options] of [[undefined], ["0"], [0, "1"], [0, 1, { form: 1 }]]) {
      expect(await diff(a, b, options)).toBe("TypeError");
    }
    expect(await drained(db.history("n", { from: 5 }))).toBe(0);
    await db.close();
  });
});

/** Bytes in use once the garbage is gone. */
function memory(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed;
}
