// What views of the past, histories and diffs promise besides their answers: arguments, ends, pins, and what failures do to them.
import { describe, expect, it, vi } from "vitest";
import { SegmentLog } from "../../src/log/segment-log.ts";
import { codeOf, type Machine, machine } from "./support.ts";

/** Three transactions, a second apart: LSNs 1 to 3, 4 to 6, 7. */
async function history(): Promise<Machine & { readonly times: number[] }> {
  const { db, ports } = await machine();
  const times: number[] = [];
  const put = async (write: Parameters<typeof db.transact>[0]): Promise<void> => {
    times.push((await db.transact(write)).at);
    await ports.scheduler.advance(1000);
  };
  await put((tx) => {
    tx.putNode("ada", { labels: ["Person"], props: { name: "Ada" } });
    tx.putNode("bob");
    tx.addEdge("ada", "KNOWS", "bob", { since: 1843 });
  });
  await put((tx) => {
    tx.patchEdge(3, { since: 1842 });
    tx.patchNode("ada", { props: { born: 1815 } });
    tx.removeEdge(3);
  });
  await put((tx) => tx.removeNode("ada"));
  return { db, ports, times };
}

async function listOf<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const one of iterable) list.push(one);
  return list;
}

describe("asOf", () => {
  it("shows the last whole transaction at or before an LSN", async () => {
    const { db } = await history();
    const seen: unknown[] = [];
    for (let lsn = 0; lsn <= 7; lsn++) {
      const view = await db.asOf(lsn);
      seen.push([view.lsn, view.nodeCount, view.edgeCount, view.node("ada")?.props]);
      view.close();
    }
    const first = [3, 2, 1, { name: "Ada" }];
    const none = [0, 0, 0, undefined];
    const second = [6, 2, 0, { name: "Ada", born: 1815 }];
    expect(seen).toEqual([none, none, none, first, first, first, second, [7, 1, 0, undefined]]);
    expect(db.stats().lastLsn).toBe(7);
    await db.close();
  });

  it("takes a time, and shows what was committed at or before it", async () => {
    const { db, times } = await history();
    const at = async (ms: number): Promise<number> => {
      using view = await db.asOf(new Date(ms));
      return view.lsn;
    };
    const [a = 0, b = 0, c = 0] = times;
    const wanted = [a - 1, a, a + 999, b, b + 1, c - 1, c, c + 1e9];
    expect(await Promise.all(wanted.map(at))).toEqual([0, 3, 3, 6, 6, 6, 7, 7]);
    await db.close();
  });

  it("refuses what is no point of the history", async () => {
    const { db } = await history();
    const code = (point: unknown, options?: object) =>
      codeOf(() => db.asOf(point as number, options));
    expect(await code(8)).toBe("POSITION_AHEAD");
    await expect(db.asOf(8)).rejects.toMatchObject({
      retryable: false,
      details: { lsn: 8, lastLsn: 7, nearest: 7 },
    });
    for (const wrong of [-1, 1.5, Number.NaN, 2 ** 60, new Date(Number.NaN)]) {
      expect(await code(wrong)).toBe("RangeError");
    }
    for (const wrong of ["1", 1n, undefined, null, {}, { lsn: 1 }]) {
      expect(await code(wrong)).toBe("TypeError");
    }
    expect(await code(1, { at: 1 })).toBe("TypeError");
    expect(await code(1, { signal: 1 })).toBe("TypeError");
    expect(await code(1, { signal: AbortSignal.abort() })).toBe("ABORTED");
    await db.close();
    expect(await code(1)).toBe("CLOSED");
  });
});

describe("history", () => {
  it("is all that happened to a key or an edge, as the feed has it", async () => {
    const { db } = await history();
    await db.transact((tx) => tx.putNode("ada", { labels: ["Again"] }));
    const feed = await listOf(db.changes({ live: false }).events());
    const lsns = async (of: string | number, options = {}) => {
      const changes = await listOf(db.history(of, options));
      expect(changes).toEqual(feed.filter(({ lsn }) => changes.some((one) => one.lsn === lsn)));
      return changes.map(({ lsn }) => lsn);
    };
    expect(await lsns("ada")).toEqual([1, 5, 7, 8]);
    expect(await lsns("bob")).toEqual([2]);
    expect(await lsns(3)).toEqual([3, 4, 6]);
    expect(await lsns("ada", { from: 5, to: 7 })).toEqual([5, 7]);
    expect(await lsns("ada", { from: 8 })).toEqual([8]);
    expect(await lsns("ada", { from: 9 })).toEqual([]);
    expect(await lsns("ada", { to: 0 })).toEqual([]);
    expect(await lsns(3, { from: 4 })).toEqual([4, 6]);
    for (const unknown of ["no one", 1, 4, 0, -3, 3.5, Number.NaN, 2 ** 60]) {
      expect(await lsns(unknown)).toEqual([]);
      expect(await lsns(unknown, { from: 5 })).toEqual([]);
    }
    await db.close();
  });
});

describe("diff", () => {
  it("is every change behind one point up to another", async () => {
    const { db, times } = await history();
    const feed = await listOf(db.changes({ live: false }).events());
    for (let a = 0; a <= 7; a++) {
      for (let b = a; b <= 7; b++) {
        expect(await listOf(db.diff(a, b))).toEqual(feed.filter(({ lsn }) => lsn > a && lsn <= b));
      }
    }
    const past = await db.asOf(4);
    expect(await listOf(db.diff(past))).toEqual(feed.slice(3));
    expect(await listOf(db.diff(past, new Date(times[1] as number)))).toEqual(feed.slice(3, 6));
    expect(await codeOf(() => db.diff(5, 4))).toBe("RangeError");
    await db.close();
  });
});

describe("what was compacted", () => {
  it("is HISTORY_COMPACTED, with the oldest state that can be had", async () => {
    const { db, times } = await history();
    const old = await db.asOf(3);
    const begun = db.diff(3);
    const horizon = vi.spyOn(SegmentLog.prototype, "horizon", "get").mockReturnValue(6);
    try {
      const calls = [
        () => db.asOf(5),
        () => db.asOf(0),
        () => db.asOf(new Date((times[1] as number) - 1)),
        () => db.history("ada"),
        () => db.history(3, { from: 6 }),
        () => db.diff(5),
        () => db.diff(old),
        () => old.node("ada"),
        () => [...old.nodes()],
        () => begun.next(),
      ];
      for (const call of calls) {
        await expect((async () => call())()).rejects.toMatchObject({
          code: "HISTORY_COMPACTED",
          retryable: false,
          details: { oldest: 6 },
        });
      }
      const view = await db.asOf(6);
      expect([view.nodeCount, view.edgeCount, view.hasNode("ada")]).toEqual([2, 0, true]);
      expect(await listOf(db.diff(6))).toHaveLength(1);
      expect(await listOf(db.history("ada", { from: 7 }))).toHaveLength(1);
    } finally {
      horizon.mockRestore();
    }
    expect(old.nodeCount).toBe(2);
    await db.close();
  });
});
