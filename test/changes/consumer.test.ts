// Durable consumers: where they begin and go on, what an ack does, who may read, and what crashes leave.
import { describe, expect, it } from "vitest";
import { dropAll, simulatedPorts } from "../../src/testing/testing.ts";
import type { Consumer } from "../../src/varve.ts";
import { codeOf, machine } from "../database/support.ts";
import { drain, emit, fresh, infoOf } from "./consumer-support.ts";

describe("a consumer", () => {
  it("goes on behind its last ack, in the same process, after a close and after a power cut", async () => {
    const { db, ports } = await fresh();
    await emit(db, "a", "b", "c");
    const consumer = await db.consumer("mailer");
    expect(await drain(consumer, false)).toEqual([1, 2, 3]);
    expect(await drain(consumer)).toEqual([1, 2, 3]);
    await emit(db, "d");
    expect(await drain(consumer)).toEqual([4]);
    await emit(db, "e");
    await db.close();
    const second = await machine({}, ports);
    expect(await drain(await second.db.consumer("mailer"))).toEqual([5]);
    await emit(second.db, "f");
    ports.disk.stop();
    const disk = ports.disk.powerCut(dropAll);
    const third = await machine({}, simulatedPorts({ disk, tasks: "automatic" }));
    expect(await drain(await third.db.consumer("mailer"))).toEqual([6]);
    await third.db.close();
  });

  it("begins where `from` says when it is made, and looks at it no more", async () => {
    const { db } = await fresh();
    await emit(db, "a", "b", "c");
    const at = (name: string) => db.consumers().find((one) => one.name === name)?.lsn;
    await db.consumer("all");
    await db.consumer("new", { from: "now" });
    await db.consumer("third", { from: 3 });
    await db.consumer("third", { from: 1 });
    expect([at("all"), at("new"), at("third")]).toEqual([0, 3, 2]);
    expect(await codeOf(() => db.consumer("ahead", { from: 5 }))).toBe("POSITION_AHEAD");
    expect(db.consumers().map(({ name }) => name)).toEqual(["all", "new", "third"]);
    const filtered = await db.consumer("all", { filter: { events: ["b"] }, live: false });
    const names: unknown[] = [];
    for await (const change of filtered.events()) names.push(change.lsn);
    expect(names).toEqual([2]);
    await db.close();
  });

  it("takes names by the rules of keys, and refuses wrong arguments", async () => {
    const { db } = await fresh();
    for (const name of ["x".repeat(1024), "nul\0nul", "\ud800", "__proto__"]) {
      const consumer = await db.consumer(name);
      expect(consumer.name).toBe(name);
    }
    expect(db.consumers()).toHaveLength(4);
    expect(await codeOf(() => db.consumer(""))).toBe("RangeError");
    expect(await codeOf(() => db.consumer("x".repeat(1025)))).toBe("RangeError");
    expect(await codeOf(() => db.consumer(7 as never))).toBe("TypeError");
    expect(await codeOf(() => db.consumer("x", { holder: 7 as never }))).toBe("TypeError");
    expect(await codeOf(() => db.consumer("x", { form: 1 } as never))).toBe("TypeError");
    const consumer = await db.consumer("x");
    expect(await codeOf(() => consumer.ack("1" as never))).toBe("TypeError");
    expect(await codeOf(() => consumer.ack(-1))).toBe("RangeError");
    expect(await codeOf(() => consumer.ack(1.5))).toBe("RangeError");
    await db.close();
  });
});

describe("an ack", () => {
  it("backward changes nothing, beyond what was delivered is a RangeError", async () => {
    const { db } = await fresh();
    await emit(db, "a", "b", "c");
    const consumer = await db.consumer("c");
    expect(await codeOf(() => consumer.ack(1))).toBe("RangeError");
    await drain(consumer);
    expect(consumer.lsn).toBe(3);
    await consumer.ack(1);
    await consumer.ack(3);
    expect(consumer.lsn).toBe(3);
    await emit(db, "d");
    expect(await codeOf(() => consumer.ack(4))).toBe("RangeError");
    expect(consumer.lag).toBe(1);
    await db.close();
  });

  it("in the middle of a transaction counts as the end of the one before", async () => {
    const { db } = await fresh();
    await emit(db, "a");
    await db.transact((tx) => {
      for (let i = 0; i < 5; i++) tx.emit("b", i);
    });
    // Larger than a batch may be: it comes in parts, and only its end counts.
    await db.transact((tx) => {
      for (let i = 0; i < 90; i++) tx.emit("c", "-".repeat(60_000));
    });
    await emit(db, "d");
    const consumer = await db.consumer("c");
    let parts = 0;
    for await (const batch of consumer) {
      for (const { lsn, txLastLsn } of batch.changes) {
        await consumer.ack(lsn);
        const ends = lsn === txLastLsn;
        if (lsn === 1 || lsn > 96) expect(consumer.lsn).toBe(lsn);
        else if (lsn <= 6) expect(consumer.lsn).toBe(ends ? 6 : 1);
        else expect(consumer.lsn).toBe(ends ? 96 : 6);
      }
      if (batch.changes.some(({ txLastLsn }) => txLastLsn === 96)) parts++;
      if (batch.mark === "caught-up") break;
    }
    expect(parts).toBeGreaterThan(1);
    expect(consumer.lsn).toBe(97);
    await db.close();
  });

  it("shares one record with the others of its turn, and they all resolve once it is durable", async () => {
    const { db, ports } = await fresh();
    await emit(db, ..."abcdefgh");
    const consumer = await db.consumer("c");
    const feed = consumer[Symbol.asyncIterator]();
    await feed.next();
    const before = db.stats().counters.transactions;
    let done = 0;
    const acks = [1, 2, 8, 3, 5].map((lsn) =>
      consumer.ack(lsn).then(() => {
        done++;
        expect(infoOf(db, "c")).toMatchObject({ lsn: 8, durableLsn: 8, lag: 0 });
      }),
    );
    expect(done).toBe(0);
    await Promise.all(acks);
    expect(db.stats().counters.transactions).toBe(before + 1);
    // A power cut right after the ack does not bring it back.
    ports.disk.stop();
    const again = await machine({}, simulatedPorts({ disk: ports.disk.powerCut(dropAll) }));
    expect(infoOf(again.db, "c")).toMatchObject({ lsn: 8 });
    await again.db.close();
  });

  it("of what another ack has on its way resolves no sooner than that", async () => {
    const { db } = await fresh();
    await emit(db, "a", "b", "c");
    const consumer = await db.consumer("c");
    await consumer[Symbol.asyncIterator]().next();
    const first = consumer.ack(3);
    while (consumer.lsn === 0) await undefined;
    expect(infoOf(db, "c")).toMatchObject({ lsn: 3, durableLsn: 0 });
    await (await db.consumer("c")).ack(1);
    expect(infoOf(db, "c")).toMatchObject({ durableLsn: 3 });
    await first;
    await db.close();
  });

  it("takes no LSN and is no change", async () => {
    const { db } = await fresh();
    const lsn = await emit(db, "a");
    await drain(await db.consumer("c"));
    expect([db.lastLsn, db.durableLsn]).toEqual([lsn, lsn]);
    await db.close();
  });

  it("that could not be written rejects, and moves nothing", async () => {
    const { db, ports } = await fresh();
    await emit(db, "a", "b");
    const consumer = await db.consumer("c");
    const feed = consumer[Symbol.asyncIterator]();
    await feed.next();
    ports.disk.faults.push({ operation: "write", errno: "ENOSPC" });
    const ack = consumer.ack(2);
    expect(await codeOf(() => ack)).toBe("DISK_FULL");
    expect(infoOf(db, "c")).toMatchObject({ lsn: 0, durableLsn: 0 });
    await consumer.ack(2);
    expect(infoOf(db, "c")).toMatchObject({ lsn: 2, durableLsn: 2 });
    await db.close();
  });

  it("tells the durable position apart where the commit is not durable yet", async () => {
    const ports = simulatedPorts({ tasks: "automatic" });
    const { db } = await machine({ durability: { intervalMs: 1000 } }, ports);
    await emit(db, "a");
    await db.flush();
    const consumer = await db.consumer("c");
    await drain(consumer);
    expect(infoOf(db, "c")).toMatchObject({ lsn: 1, durableLsn: 0 });
    await db.flush();
    await emit(db, "b");
    await db.flush();
    await emit(db, "c");
    await db.flush();
    expect(infoOf(db, "c")).toMatchObject({ lsn: 1, durableLsn: 1, lag: 2 });
    await db.close();
  });
});

describe("a consumer from a snapshot", () => {
  it("cannot ack before the snapshot is complete, and begins a new one until it does", async () => {
    const { db } = await fresh();
    await db.transact((tx) => {
      for (let i = 0; i < 1500; i++) tx.putNode(`n${i}`);
    });
    const consumer = await db.consumer("c", { from: "snapshot" });
    const reading = consumer[Symbol.asyncIterator]();
    const first = (await reading.next()).value!;
    expect(first).toMatchObject({ phase: "snapshot", lastLsn: 1500 });
    expect(await codeOf(() => consumer.ack(1500))).toBe("SNAPSHOT_UNFINISHED");
    await reading.return?.();
    await db.transact((tx) => tx.removeNode("n0"));
    const again = consumer[Symbol.asyncIterator]();
    let count = 0;
    for (;;) {
      const { value } = await again.next();
      count += value!.changes.length;
      if (value!.phase !== "snapshot") break;
      expect(value!.lastLsn).toBe(1501);
      expect(await codeOf(() => consumer.ack(1501))).toBe("SNAPSHOT_UNFINISHED");
    }
    expect(count).toBe(1499);
    await consumer.ack(1400);
    expect(infoOf(db, "c")).toMatchObject({ snapshot: true });
    await consumer.ack(1501);
    expect(infoOf(db, "c")).toMatchObject({ snapshot: false, lsn: 1501 });
    await again.return?.();
    expect(await drain(consumer)).toEqual([]);
    await db.close();
  });

  it("of an empty graph is complete at once", async () => {
    const { db } = await fresh();
    const consumer = await db.consumer("c", { from: "snapshot" });
    expect(await drain(consumer)).toEqual([]);
    expect(infoOf(db, "c")).toMatchObject({ snapshot: false, lsn: 0 });
    await db.close();
  });
});

describe("tx.ack", () => {
  it("is written with the transaction, or not at all", async () => {
    const { db } = await fresh();
    await emit(db, "a", "b");
    const consumer = await db.consumer("c", { filter: { events: ["a", "b"] } });
    const reading = consumer[Symbol.asyncIterator]();
    await reading.next();
    const thrown = db.transact((tx) => {
      tx.ack("c", 2);
      throw new RangeError("mine");
    });
    await expect(thrown).rejects.toThrow("mine");
    expect(consumer.lsn).toBe(0);
    await db.transact((tx) => {
      tx.ack(consumer, 1);
      expect(() => tx.ack(consumer, 3)).toThrow(RangeError);
      tx.ack("c", 2);
      tx.ack(consumer, 1);
      tx.emit("done", 0);
    });
    expect(consumer.lsn).toBe(2);
    const { firstLsn, lastLsn } = await db.transact((tx) => tx.ack("c", 1));
    expect(lastLsn).toBe(firstLsn - 1);
    expect(await codeOf(() => db.transact((tx) => tx.ack("nobody", 1)))).toBe("NOT_FOUND");
    expect(await codeOf(() => db.transact((tx) => tx.ack(7 as never, 1)))).toBe("TypeError");
    await db.close();
  });

  it("refuses a reader that was fenced off, so that its effects are not written twice", async () => {
    const { db } = await fresh();
    await emit(db, "a");
    const [stale, other] = [await db.consumer("c"), await db.consumer("c")];
    const reading = stale[Symbol.asyncIterator]();
    await reading.next();
    await reading.return?.();
    await other[Symbol.asyncIterator]().next();
    const effect = (by: Consumer) =>
      db.transact((tx) => {
        tx.putNode("effect");
        tx.ack(by, 1);
      });
    await effect(other);
    expect(await codeOf(() => effect(stale))).toBe("CONSUMER_BUSY");
    await db.close();
  });
});

describe("a consumer and the database's end", () => {
  it("waiting readers and later calls are told CLOSED", async () => {
    const { db } = await fresh();
    await emit(db, "a");
    const consumer = await db.consumer("c");
    const reading = consumer[Symbol.asyncIterator]();
    for (let i = 0; i < 2; i++) await reading.next();
    const waiting = reading.next();
    const closing = db.close();
    expect(await codeOf(() => waiting)).toBe("CLOSED");
    await closing;
    const calls = [
      () => consumer.ack(1),
      () => consumer.reset(),
      () => consumer.remove(),
      () => consumer.lsn,
      () => consumer[Symbol.asyncIterator]().next(),
      () => db.consumer("c"),
      () => db.consumers(),
    ];
    for (const call of calls) expect(await codeOf(call), String(call)).toBe("CLOSED");
    consumer.close();
  });

  it("may be closed in the middle of its own loop", async () => {
    const { db } = await fresh();
    await emit(db, "a");
    const consumer = await db.consumer("c");
    const run = async (): Promise<void> => {
      for await (const _ of consumer) await db.close();
    };
    expect(await codeOf(run)).toBe("CLOSED");
  });
});
