// Listens to every diagnostics channel and holds each message against what happened.
import { channel, subscribe, unsubscribe } from "node:diagnostics_channel";
import { afterEach, describe, expect, it } from "vitest";
import { openTuned } from "../../src/database/open.ts";
import { simulatedPorts } from "../../src/testing/testing.ts";

const topics = ["commit", "sync", "checkpoint", "merge", "recover"] as const;
type Topic = (typeof topics)[number];

const listeners: (() => void)[] = [];
afterEach(() => {
  for (const stop of listeners.splice(0)) stop();
});

function heard(): Record<Topic, object[]> {
  const messages: Record<Topic, object[]> = {
    commit: [],
    sync: [],
    checkpoint: [],
    merge: [],
    recover: [],
  };
  for (const topic of topics) {
    const name = `varve:${topic}`;
    const listener = (message: unknown): void => {
      messages[topic].push(message as object);
    };
    subscribe(name, listener);
    listeners.push(() => unsubscribe(name, listener));
  }
  return messages;
}

describe("the diagnostics channels", () => {
  it("tell of commits, syncs, checkpoints, merges and openings", async () => {
    const messages = heard();
    const ports = simulatedPorts({ tasks: "automatic" });
    const tuned = { mergeAbove: 1, closeEventsMax: 1_000_000 };
    const db = await openTuned("/db", { ...ports, memoryBudget: 16 * 2 ** 20 }, tuned);
    const path = "/db";
    expect(messages.recover).toEqual([{ path, ...db.recovery }]);

    const { firstLsn, lastLsn } = await db.transact((tx) => tx.putNodes(["a", "b"]));
    expect(messages.commit).toEqual([{ path, firstLsn, lastLsn, bytes: expect.any(Number) }]);
    expect((messages.commit[0] as { bytes: number }).bytes).toBeGreaterThan(2);
    expect(messages.sync).toEqual([{ path, durableLsn: 2 }]);

    await db.checkpoint();
    const { counters, checkpointLsn } = db.stats();
    expect(checkpointLsn).toBe(2);
    expect(messages.checkpoint).toEqual([
      {
        path,
        number: 1,
        lsn: 2,
        bytes: expect.any(Number),
        runs: 1,
        elapsedMs: expect.any(Number),
      },
    ]);
    expect([counters.checkpoints, counters.merges, messages.merge]).toEqual([1, 0, []]);

    for (let i = 0; i < 3; i++) {
      await db.transact((tx) => tx.putNode(`n${i}`));
      await db.checkpoint();
    }
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
    const after = db.stats();
    expect(after.counters.merges).toBeGreaterThan(0);
    expect(messages.merge).toHaveLength(after.counters.merges);
    expect(messages.merge.at(-1)).toEqual({
      path,
      runs: after.index.runs,
      bytes: expect.any(Number),
      elapsedMs: expect.any(Number),
    });
    expect(messages.checkpoint).toHaveLength(after.counters.checkpoints);
    expect(messages.commit).toHaveLength(4);
    expect(messages.sync.at(-1)).toEqual({ path, durableLsn: 5 });

    await db.close();
    const again = await openTuned("/db", { ...ports, memoryBudget: 16 * 2 ** 20 }, tuned);
    expect(messages.recover[1]).toEqual({ path, ...again.recovery });
    await again.close();
  });

  it("are silent where nobody listens, and tell several databases apart", async () => {
    for (const topic of topics) expect(channel(`varve:${topic}`).hasSubscribers).toBe(false);
    const messages = heard();
    const ports = simulatedPorts();
    for (const path of ["/one", "/two"]) {
      const db = await openTuned(path, { ...ports, memoryBudget: 16 * 2 ** 20 }, {});
      await db.transact((tx) => tx.putNode("a"));
      await db.close();
    }
    for (const topic of ["recover", "commit"] as const) {
      const paths = messages[topic].map((message) => (message as { path: string }).path);
      expect(paths).toEqual(["/one", "/two"]);
    }
  });
});
