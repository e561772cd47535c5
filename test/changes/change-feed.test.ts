// The feed over the durable log: what it delivers for each kind of event, in which order, from which positions.
import { describe, expect, it } from "vitest";
import type { Database } from "../../src/database/database.ts";
import { writeState } from "../../src/database/system-state.ts";
import type { Change, ChangesOptions } from "../../src/varve.ts";
import { codeOf, machine } from "../database/support.ts";

async function changesOf(db: Database, options: Partial<ChangesOptions> = {}): Promise<Change[]> {
  const all: Change[] = [];
  for await (const { changes } of db.changes({ live: false, ...options })) all.push(...changes);
  return all;
}

describe("changes", () => {
  it("says every kind of event as it was written", async () => {
    const { db, ports } = await machine();
    const graph = "";
    ports.clock.advance(1000);
    const first = await db.transact((tx) => {
      tx.putNode("ada", { labels: ["Person"], props: { n: 1, __proto__: 2 } });
      tx.putNode("bob");
      tx.addEdge("ada", "KNOWS", "bob", { since: 1843 });
    });
    const second = await db.transact((tx) => {
      tx.patchNode("ada", {
        props: { n: null, m: 2 },
        addLabels: ["Poet"],
        removeLabels: ["Person"],
      });
      tx.patchEdge(3, { since: null, to: 5 });
      tx.emit("signed-up", { user: "ada" });
      tx.removeNode("bob");
    });
    const ends = { id: 3, from: "ada", type: "KNOWS", to: "bob" };
    const a = { at: first.at, graph, txLastLsn: 3 };
    const b = { at: second.at, graph, txLastLsn: 8 };
    expect(await changesOf(db)).toEqual([
      { kind: "node.put", lsn: 1, ...a, key: "ada", labels: ["Person"], props: { n: 1 } },
      { kind: "node.put", lsn: 2, ...a, key: "bob", labels: [], props: {} },
      { kind: "edge.add", lsn: 3, ...a, ...ends, props: { since: 1843 } },
      {
        kind: "node.patch",
        lsn: 4,
        ...b,
        key: "ada",
        addLabels: ["Poet"],
        removeLabels: ["Person"],
        props: { n: null, m: 2 },
      },
      { kind: "edge.patch", lsn: 5, ...b, ...ends, props: { since: null, to: 5 } },
      { kind: "event", lsn: 6, ...b, name: "signed-up", value: { user: "ada" } },
      { kind: "edge.remove", lsn: 7, ...b, ...ends },
      { kind: "node.remove", lsn: 8, ...b, key: "bob", labels: [] },
    ]);
    await db.close();
  });

  it("delivers each edge of a run as an edge.add of its own, from any position in it", async () => {
    const { db } = await machine();
    await db.transact((tx) => {
      const ids = tx.putNodes(["a", "b", "c"]);
      tx.addEdges({ type: "NEXT", from: ids, to: Uint32Array.from(ids).reverse() });
    });
    const all = await changesOf(db);
    expect(all.map(({ lsn }) => lsn)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(all[4]).toMatchObject({ kind: "edge.add", id: 5, from: "b", type: "NEXT", to: "b" });
    for (let from = 1; from <= 7; from++) {
      expect(await changesOf(db, { from })).toEqual(all.slice(from - 1));
    }
    await db.close();
  });

  it("keeps order and transactions over frames, batches, segments and a reopening", async () => {
    const { db, ports } = await machine({ segmentBytes: 64 * 1024 });
    const lastLsns: number[] = [];
    for (let t = 0; t < 12; t++) {
      const { firstLsn, lastLsn } = await db.transact((tx) => {
        for (let i = 0; i < 150 * (t % 4) + 1; i++) {
          tx.putNode(`n${t}/${i}`, { props: { text: "x".repeat(t === 7 ? 500 : 20) } });
        }
      });
      for (let lsn = firstLsn; lsn <= lastLsn; lsn++) lastLsns.push(lastLsn);
    }
    expect(db.stats().segments).toBeGreaterThan(1);
    const check = async (db: Database): Promise<void> => {
      let next = 1;
      for await (const batch of db.changes({ live: false })) {
        expect(batch.firstLsn).toBe(next);
        expect(batch.changes.at(-1)?.lsn).toBe(batch.lastLsn);
        expect(batch.nextLsn).toBe(batch.lastLsn + 1);
        expect(batch.phase).toBe("catch-up");
        // Whole transactions only.
        expect(batch.changes.at(-1)?.txLastLsn).toBe(batch.lastLsn);
        for (const { lsn, txLastLsn } of batch.changes) {
          expect(lsn).toBe(next++);
          expect(txLastLsn).toBe(lastLsns[lsn - 1]);
        }
      }
      expect(next).toBe(db.lastLsn + 1);
    };
    await check(db);
    await db.close();
    const again = await machine({}, ports);
    await check(again.db);
    const tail = await changesOf(again.db, { from: 1000 });
    expect(tail).toEqual((await changesOf(again.db)).slice(999));
    await again.db.close();
  });

  it("ends a transaction whose last frame would hold system records alone", async () => {
    const { db } = await machine();
    await db.transact((tx) => {
      for (let i = 0; i < 9; i++) tx.putNode(`n${i}`, { props: { text: "x".repeat(4000) } });
      writeState(tx, "large", "s".repeat(40_000));
      writeState(tx, "larger", "s".repeat(40_000));
    });
    await db.transact((tx) => tx.putNode("next"));
    const all = await changesOf(db);
    expect(all.map(({ txLastLsn }) => txLastLsn)).toEqual([...Array(9).fill(9), 10]);
    await db.close();
  });

  it("ends at the durable LSN of the call: nothing that a crash can take back", async () => {
    const { db } = await machine();
    await db.transact((tx) => tx.putNode("durable"));
    await db.transact((tx) => tx.putNode("not yet"), { durability: "os" });
    const feed = db.changes({ live: false });
    await db.flush();
    const seen: string[] = [];
    for await (const { changes } of feed) {
      for (const change of changes) if (change.kind === "node.put") seen.push(change.key);
    }
    expect(seen).toEqual(["durable"]);
    expect((await changesOf(db)).length).toBe(2);
    await db.close();
  });
});

describe("positions", () => {
  it("from start, now, an LSN up to the end; beyond is POSITION_AHEAD", async () => {
    const { db } = await machine();
    expect(await changesOf(db, { from: "start" })).toEqual([]);
    await db.transact((tx) => tx.putNodes(["a", "b"]));
    expect(await changesOf(db, { from: "start" })).toHaveLength(2);
    expect(await changesOf(db, { from: "now" })).toEqual([]);
    expect(await changesOf(db, { from: undefined })).toHaveLength(2);
    expect(await changesOf(db, { from: 2 })).toHaveLength(1);
    expect(await changesOf(db, { from: 3 })).toEqual([]);
    const ahead = async (): Promise<unknown> => await changesOf(db, { from: 4 });
    await expect(ahead()).rejects.toMatchObject({ code: "POSITION_AHEAD", retryable: false });
    for (const bad of [0, -1, 1.5, Number.NaN]) {
      expect(await codeOf(() => changesOf(db, { from: bad }))).toBe("RangeError");
    }
    expect(await codeOf(() => changesOf(db, { from: "end" as never }))).toBe("TypeError");
    expect(await codeOf(() => changesOf(db, { unknown: 1 } as never))).toBe("TypeError");
    expect(await codeOf(() => db.changes({ live: 1 } as never))).toBe("TypeError");
    await db.close();
  });

  it("an abort throws ABORTED, and leaving early is fine", async () => {
    const { db } = await machine();
    await db.transact((tx) => tx.putNodes(Array.from({ length: 3000 }, (_, i) => `n${i}`)));
    for await (const { changes } of db.changes({ live: false })) {
      expect(changes.length).toBeGreaterThan(0);
      break;
    }
    const signal = AbortSignal.abort();
    const aborted = changesOf(db, { signal });
    await expect(aborted).rejects.toMatchObject({ code: "ABORTED", name: "AbortError" });
    await db.close();
  });
});
