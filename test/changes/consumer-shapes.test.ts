// The four shapes of a consumer: they say the same, keep to its lease, and let go of it whichever way they end.
import { config, from, type Subscription, toArray } from "rxjs";
import { afterEach, describe, expect, it } from "vitest";
import type { ChangeBatch, Consumer, Database } from "../../src/varve.ts";
import { codeOf } from "../database/support.ts";
import { emit, fresh, infoOf } from "./consumer-support.ts";
import { settle } from "./live-support.ts";

afterEach(() => {
  config.onUnhandledError = null;
});

function holderOf(db: Database): string | undefined {
  return (infoOf(db, "c") as { holder: string | undefined }).holder;
}

interface Heard {
  readonly said: unknown[];
  readonly subscription: Subscription;
}

/** LSNs, then the code of an error or "complete". */
function hear(consumer: Consumer, onBatch: (batch: ChangeBatch) => void = () => {}): Heard {
  const said: unknown[] = [];
  const subscription = consumer.observable().subscribe({
    next: (batch) => {
      said.push(...batch.changes.map(({ lsn }) => lsn));
      onBatch(batch);
    },
    error: (error: { code: string }) => said.push(error.code),
    complete: () => said.push("complete"),
  });
  return { said, subscription };
}

async function until(isSo: () => boolean): Promise<void> {
  for (let i = 0; i < 1000 && !isSo(); i++) await settle();
  expect(isSo()).toBe(true);
}

describe("every shape of a consumer", () => {
  it("says the same, from behind the last ack, again and again until that is acked", async () => {
    const { db } = await fresh();
    await emit(db, ..."abcdef");
    const consumer = await db.consumer("c", { from: 2, live: false });
    const batches: ChangeBatch[] = [];
    for await (const batch of consumer) batches.push(batch);
    const changes = batches.flatMap((batch) => batch.changes);
    expect(changes.map(({ lsn }) => lsn)).toEqual([2, 3, 4, 5, 6]);

    const events: unknown[] = [];
    for await (const change of consumer.events()) events.push(change);
    expect(events).toEqual(changes);
    const all = (source: ReturnType<Consumer["observable"]>): Promise<ChangeBatch[]> =>
      new Promise((resolve, reject) => {
        source.pipe(toArray()).subscribe({ next: resolve, error: reject });
      });
    expect(await all(consumer.observable())).toEqual(batches);
    expect(await all(from(consumer))).toEqual(batches);
    const streamed: ChangeBatch[] = [];
    for await (const batch of consumer.readable()) streamed.push(batch);
    expect(streamed).toEqual(batches);

    await consumer.ack(4);
    const rest: number[] = [];
    for await (const batch of consumer.readable()) rest.push(...batch.changes.map((c) => c.lsn));
    expect(rest).toEqual([5, 6]);
    expect((await all(consumer.observable())).flatMap((batch) => batch.changes)).toHaveLength(2);
    await db.close();
  });

  it("is answered by the symbol that libraries of observables share", async () => {
    const symbol = Symbol("observable");
    Object.defineProperty(Symbol, "observable", { value: symbol, configurable: true });
    try {
      const { db } = await fresh();
      await emit(db, "a");
      const consumer = await db.consumer("c", { live: false });
      const observable = (consumer as unknown as Record<symbol, Consumer["observable"]>)[symbol]!();
      expect(await new Promise((resolve) => observable.subscribe(resolve))).toMatchObject({
        lastLsn: 1,
      });
      await db.close();
    } finally {
      Reflect.deleteProperty(Symbol, "observable");
    }
  });
});

describe("the lease of an observable", () => {
  it("is taken after subscribe, refused to a second, and let go of by unsubscribing", async () => {
    const { db } = await fresh();
    await emit(db, "a", "b");
    const consumer = await db.consumer("c", { holder: "first" });
    const first = hear(consumer);
    expect([first.said, holderOf(db)]).toEqual([[], undefined]);
    await until(() => first.said.length === 2);
    expect(holderOf(db)).toBe("first");
    const second = hear(await db.consumer("c", { holder: "second" }));
    await until(() => second.said.length > 0);
    expect(second.said).toEqual(["CONSUMER_BUSY"]);
    expect(second.subscription.closed).toBe(true);

    first.subscription.unsubscribe();
    expect(holderOf(db)).toBeUndefined();
    // What it was given may still be acked, and the rest comes to who reads next.
    await consumer.ack(1);
    const third = hear(await db.consumer("c"));
    await until(() => third.said.length > 0);
    expect(third.said).toEqual([2]);
    expect(await codeOf(() => consumer.ack(2))).toBe("CONSUMER_BUSY");
    third.subscription.unsubscribe();
    await emit(db, "c");
    await settle();
    expect([first.said, third.said]).toEqual([[1, 2], [2]]);
    await db.close();
  });

  it("ends within a handler that unsubscribes, and outlives one that throws", async () => {
    const { db } = await fresh();
    await emit(db, "a");
    const thrown: unknown[] = [];
    config.onUnhandledError = (error) => thrown.push(error);
    const consumer = await db.consumer("c");
    const leaving: Heard = hear(consumer, () => leaving.subscription.unsubscribe());
    await until(() => leaving.said.length > 0);
    await settle();
    expect([leaving.said, holderOf(db)]).toEqual([[1], undefined]);

    const throwing = hear(consumer, () => {
      throw new Error("of the handler");
    });
    await until(() => throwing.said.length === 1);
    await emit(db, "b");
    await until(() => throwing.said.length === 2);
    await db.close();
    await until(() => throwing.said.length === 3);
    expect(throwing.said).toEqual([1, 2, "CLOSED"]);
    // RxJS tells of what nobody handles on a timer of its own.
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(thrown.length).toBeGreaterThan(1);
  });

  it("is taken away by reset, told as CONFLICT, and ended by the handle's close", async () => {
    const { db } = await fresh();
    await emit(db, "a");
    const consumer = await db.consumer("c");
    const fenced = hear(consumer);
    await until(() => fenced.said.length === 1);
    await consumer.reset();
    await until(() => fenced.said.length === 2);
    expect(fenced.said).toEqual([1, "CONFLICT"]);

    const closed = hear(consumer);
    await until(() => closed.said.length === 1);
    consumer.close();
    await until(() => closed.said.length === 2);
    expect([closed.said, holderOf(db)]).toEqual([[1, "complete"], undefined]);
    const early = hear(consumer);
    early.subscription.unsubscribe();
    await settle();
    expect([early.said, holderOf(db)]).toEqual([[], undefined]);
    await db.close();
  });

  it("has the next batch read on a later task, after next has returned", async () => {
    const { db, ports } = await fresh();
    for (let t = 0; t < 3; t++) {
      await db.transact((tx) => {
        for (let i = 0; i < 300; i++) tx.emit("n", i);
      });
    }
    const consumer = await db.consumer("c", { live: false });
    const delivered: number[] = [];
    const within: string[] = [];
    const heard = hear(consumer, (batch) => {
      delivered.push(batch.lastLsn);
      // What was not read yet was not delivered, and cannot be acked.
      consumer.ack(batch.lastLsn + 1).catch((error: Error) => within.push(error.name));
    });
    await until(() => heard.said.at(-1) === "complete");
    expect(delivered).toEqual([300, 600, 900]);
    expect(within).toEqual(["RangeError", "RangeError", "RangeError"]);
    expect(ports.scheduler.pending).toBeLessThan(5);
    await db.close();
  });
});

describe("the lease of a stream", () => {
  it("is taken with the first read, nothing is read ahead, and cancelling lets go of it", async () => {
    const { db } = await fresh();
    for (let t = 0; t < 2; t++) {
      await db.transact((tx) => {
        for (let i = 0; i < 300; i++) tx.emit("n", i);
      });
    }
    const consumer = await db.consumer("c", { holder: "stream" });
    const reader = consumer.readable().getReader();
    await settle();
    expect(holderOf(db)).toBeUndefined();
    expect((await reader.read()).value?.lastLsn).toBe(300);
    expect(holderOf(db)).toBe("stream");
    await settle();
    await expect(consumer.ack(301)).rejects.toThrow(RangeError);
    const other = (await db.consumer("c")).readable().getReader();
    expect(await codeOf(() => other.read())).toBe("CONSUMER_BUSY");
    await reader.cancel();
    expect(holderOf(db)).toBeUndefined();
    await consumer.ack(300);
    const rest = (await db.consumer("c")).readable().getReader();
    expect((await rest.read()).value?.firstLsn).toBe(301);
    await (await db.consumer("c")).reset();
    expect(await codeOf(() => rest.read())).toBe("CONFLICT");
    await db.close();
  });

  it("ends with the loop over it, and with the database", async () => {
    const { db } = await fresh();
    await emit(db, "a");
    const consumer = await db.consumer("c");
    for await (const batch of consumer.readable()) {
      expect(batch.lastLsn).toBe(1);
      break;
    }
    expect(holderOf(db)).toBeUndefined();
    const reader = consumer.readable().getReader();
    await reader.read();
    await reader.read();
    const waiting = codeOf(() => reader.read());
    await settle();
    await db.close();
    expect(await waiting).toBe("CLOSED");
  });
});
