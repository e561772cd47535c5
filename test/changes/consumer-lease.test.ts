// Who may read a consumer: one at a time, and what becomes of readers that another call has overtaken.
import { describe, expect, it } from "vitest";
import { Database } from "../../src/database/database.ts";
import { SimulatedDisk, simulatedPorts } from "../../src/testing/testing.ts";
import type { ChangeBatch, Consumer } from "../../src/varve.ts";
import { codeOf, machine } from "../database/support.ts";
import { drain, emit, fresh, infoOf } from "./consumer-support.ts";

describe("the lease", () => {
  it("is one reader's at a time; a second is refused with the holder's name", async () => {
    const { db } = await fresh();
    await emit(db, "a");
    const first = await db.consumer("c", { holder: "worker 1" });
    const second = await db.consumer("c", { holder: "worker 2" });
    const reading = first[Symbol.asyncIterator]();
    const refused = second[Symbol.asyncIterator]();
    expect(infoOf(db, "c")).toMatchObject({ holder: undefined });
    await reading.next();
    expect(infoOf(db, "c")).toMatchObject({ holder: "worker 1" });
    await expect(refused.next()).rejects.toMatchObject({
      code: "CONSUMER_BUSY",
      details: { consumer: "c", holder: "worker 1" },
    });
    expect(await refused.next()).toEqual({ done: true, value: undefined });
    const own = first[Symbol.asyncIterator]();
    expect(await codeOf(() => own.next())).toBe("CONSUMER_BUSY");
    await reading.return?.();
    expect(infoOf(db, "c")).toMatchObject({ holder: undefined });
    // What the first had read it may still ack, until someone else reads.
    await first.ack(1);
    await emit(db, "b");
    const next = second[Symbol.asyncIterator]();
    expect((await next.next()).value).toMatchObject({ firstLsn: 2 });
    await expect(first.ack(1)).rejects.toMatchObject({
      code: "CONSUMER_BUSY",
      details: { holder: "worker 2" },
    });
    await db.close();
  });

  it("ends with the loop, with an error, with the handle and with a signal", async () => {
    const { db } = await fresh();
    await emit(db, "a");
    const consumer = await db.consumer("c");
    const failing = async (): Promise<void> => {
      for await (const _ of consumer) throw new Error("mine");
    };
    await expect(failing()).rejects.toThrow("mine");
    expect(infoOf(db, "c")).toMatchObject({ holder: undefined });
    const reading = consumer[Symbol.asyncIterator]();
    await reading.next();
    await reading.next();
    const waiting = reading.next();
    consumer.close();
    expect(await waiting).toMatchObject({ done: true });
    expect(infoOf(db, "c")).toMatchObject({ holder: undefined });
    const controller = new AbortController();
    const signalled = await db.consumer("c", { signal: controller.signal });
    const third = signalled[Symbol.asyncIterator]();
    for (let i = 0; i < 2; i++) await third.next();
    const aborted = third.next();
    controller.abort();
    expect(await codeOf(() => aborted)).toBe("ABORTED");
    expect(infoOf(db, "c")).toMatchObject({ holder: undefined });
    const ended = await db.consumer("c", { live: false });
    for await (const _ of ended) expect(infoOf(db, "c")).not.toMatchObject({ holder: undefined });
    expect(infoOf(db, "c")).toMatchObject({ holder: undefined });
    await db.close();
  });

  it("an ack of the same turn counts for the next reading, even before it is written", async () => {
    const { db } = await fresh();
    await emit(db, "a");
    const [one, other] = [await db.consumer("c"), await db.consumer("c")];
    const reading = one[Symbol.asyncIterator]();
    await reading.next();
    const ack = one.ack(1);
    await reading.return?.();
    const next = await other[Symbol.asyncIterator]().next();
    expect(next.value).toMatchObject({ mark: "caught-up", firstLsn: 2 });
    await ack;
    await db.close();
  });

  it("a reader is fenced off by reset and by remove, even while it waits", async () => {
    const { db } = await fresh();
    await emit(db, "a", "b");
    const consumer = await db.consumer("c");
    const read = async (): Promise<[AsyncIterator<ChangeBatch>, Promise<unknown>]> => {
      const reading = consumer[Symbol.asyncIterator]();
      await reading.next();
      await reading.next();
      return [reading, reading.next().catch((error: { code: string }) => error.code)];
    };
    let [, waiting] = await read();
    await consumer.ack(2);
    await (await db.consumer("c")).reset();
    expect(await waiting).toBe("CONFLICT");
    expect(await codeOf(() => consumer.ack(1))).toBe("CONFLICT");
    expect(infoOf(db, "c")).toMatchObject({ lsn: 0, lag: 2 });
    [, waiting] = await read();
    expect(await (await db.consumer("c")).remove()).toBe(true);
    expect(await waiting).toBe("NOT_FOUND");
    expect(await codeOf(() => consumer.ack(1))).toBe("NOT_FOUND");
    expect(await codeOf(() => consumer[Symbol.asyncIterator]().next())).toBe("NOT_FOUND");
    expect(await codeOf(() => consumer.reset())).toBe("NOT_FOUND");
    expect(await codeOf(() => consumer.lsn)).toBe("NOT_FOUND");
    expect(await consumer.remove()).toBe(false);
    expect(db.consumers()).toEqual([]);
    await db.close();
  });

  it("reset moves the position wherever a feed may begin", async () => {
    const { db } = await fresh();
    await emit(db, "a", "b", "c");
    const consumer = await db.consumer("c", { from: "now" });
    await consumer.reset(2);
    expect(await drain(consumer)).toEqual([2, 3]);
    await consumer.reset();
    expect(await drain(consumer)).toEqual([1, 2, 3]);
    expect(await codeOf(() => consumer.reset(9))).toBe("POSITION_AHEAD");
    await consumer.reset("snapshot");
    expect(infoOf(db, "c")).toMatchObject({ snapshot: true });
    await db.close();
  });
});

it("10,000 rounds of reading, acking and leaving, in all shapes, leave nothing behind", async () => {
  const { setFlagsFromString } = await import("node:v8");
  const { runInNewContext } = await import("node:vm");
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  // A disk that keeps no trace: that would grow with every write.
  const disk = new SimulatedDisk({ trace: "none" });
  const { db } = await machine({}, simulatedPorts({ disk, tasks: "automatic" }));
  await emit(db, "a", "b");
  const kept = await db.consumer("c");
  const round = async (i: number): Promise<void> => {
    const consumer = i % 2 === 0 ? kept : await db.consumer("c", { holder: `round ${i}` });
    // Single changes come without marks: only behind a reset is there one for sure.
    const reading = readingOf(consumer, i % 10 === 1 ? 3 : (i >> 1) % 3);
    await reading.next();
    if (i % 10 === 0) await kept.reset();
    else await consumer.ack(1 + (i % 2));
    const waiting = reading.next().catch(() => {});
    if (i % 3 === 0) consumer.close();
    else await reading.return();
    await waiting;
  };
  const heap = async (from: number, to: number): Promise<number> => {
    for (let i = from; i < to; i++) await round(i);
    collect();
    return process.memoryUsage().heapUsed;
  };
  const start = await heap(0, 1000);
  const end = await heap(1000, 11_000);
  expect(Database.waitingFeedsOf(db)).toBe(0);
  expect(infoOf(db, "c")).toMatchObject({ holder: undefined });
  // The simulated disk takes some 500 bytes a write, and what stays of a reader or of an undo note takes thousands.
  expect(end - start).toBeLessThan(5_000_000);
  await db.close();
});

interface Reading {
  next(): Promise<unknown>;
  return(): Promise<unknown>;
}

/** A reading in one of the four shapes, the observable's pushes turned into answers. */
function readingOf(consumer: Consumer, shape: number): Reading {
  if (shape === 1) {
    const reader = consumer.readable().getReader();
    return { next: () => reader.read(), return: () => reader.cancel() };
  }
  if (shape !== 2) {
    const iterator = shape === 0 ? consumer[Symbol.asyncIterator]() : consumer.events();
    return { next: () => iterator.next(), return: async () => iterator.return?.() };
  }
  let answer = (): void => {};
  const subscription = consumer.observable().subscribe({
    next: () => answer(),
    error: () => answer(),
    complete: () => answer(),
  });
  return {
    next: () =>
      subscription.closed
        ? Promise.resolve()
        : new Promise<void>((resolve) => {
            answer = resolve;
          }),
    async return() {
      subscription.unsubscribe();
      answer();
    },
  };
}
