// Filters and `before`: what they let through and add, against a plain filter over the plain feed.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Change, ChangeBatch, ChangeFilter, NodeState } from "../../src/varve.ts";
import { codeOf, machine } from "../database/support.ts";
import {
  allOf,
  caughtUp,
  eventNames,
  Folded,
  type FoldedNode,
  keys,
  labels,
  readUntil,
  transact,
  transactions,
  types,
} from "./live-support.ts";

const kinds = [
  "node.put",
  "node.patch",
  "node.remove",
  "edge.add",
  "edge.patch",
  "edge.remove",
  "event",
  "map.put",
] as const;

/** A part of the values, mostly not given at all: a filter with every field lets nothing through. */
function some<T>(values: readonly T[], absent: number): fc.Arbitrary<T[] | undefined> {
  return fc.oneof(
    { weight: absent, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.subarray([...values]) },
  );
}

const filters: fc.Arbitrary<ChangeFilter> = fc.record({
  graphs: some(["", "other"], 8),
  maps: some(["config"], 16),
  kinds: some(kinds, 1),
  labels: some([...labels, "never used"], 2),
  types: some([...types, "never used"], 3),
  events: some(eventNames, 8),
  keyPrefix: fc.option(fc.constantFrom("", "a", "ad", "ada", "b", "é", "z"), {
    nil: undefined,
    freq: 2,
  }),
});

/** The filter as the contract says it, over a change with the state that it replaced. */
function matches(filter: ChangeFilter, change: Change, before: FoldedNode | undefined): boolean {
  const { graphs, maps, kinds, labels, types, events, keyPrefix } = filter;
  if (graphs !== undefined && !graphs.includes(change.graph)) return false;
  if (maps !== undefined) return false;
  if (kinds !== undefined && !kinds.includes(change.kind)) return false;
  if (labels !== undefined) {
    if (!change.kind.startsWith("node.")) return false;
    const folded = new Folded();
    if ("key" in change && before !== undefined) folded.nodes.set(change.key, before);
    folded.apply(change);
    const after = "key" in change ? (folded.nodes.get(change.key)?.labels ?? []) : [];
    if (!labels.some((one) => before?.labels.includes(one) || after.includes(one))) return false;
  }
  if (types !== undefined && !("type" in change && types.includes(change.type))) return false;
  if (events !== undefined && !("name" in change && events.includes(change.name))) return false;
  if (keyPrefix === undefined) return true;
  if ("key" in change) return change.key.startsWith(keyPrefix);
  return "id" in change && [change.from, change.to].some((key) => key.startsWith(keyPrefix));
}

describe("filters", () => {
  it("let through what a plain filter over the whole feed does, and pass the rest", async () => {
    let delivered = 0;
    let keptBack = 0;
    await fc.assert(
      fc.asyncProperty(transactions, fc.array(filters, { minLength: 4 }), async (all, some) => {
        const { db } = await machine();
        const live = some.map((filter) => db.changes({ filter })[Symbol.asyncIterator]());
        await Promise.all(live.map((feed) => readUntil(feed, caughtUp)));
        for (const ops of all) await transact(db, ops);
        const whole = await allOf(db.changes({ live: false }));
        const befores = new Map<Change, FoldedNode | undefined>();
        const folded = new Folded();
        for (const change of whole) {
          befores.set(change, "key" in change ? folded.nodes.get(change.key) : undefined);
          folded.apply(change);
        }
        for (const [i, filter] of some.entries()) {
          const expected = whole.filter((change) => matches(filter, change, befores.get(change)));
          const batches: ChangeBatch[] = [];
          for await (const batch of db.changes({ live: false, filter })) batches.push(batch);
          expect(batches.flatMap(({ changes }) => changes)).toEqual(expected);
          expect(batches.at(-1)?.lastLsn ?? 0).toBe(db.durableLsn);
          if (db.durableLsn > 0) {
            const end = (batch: ChangeBatch): boolean => batch.lastLsn === db.durableLsn;
            const heard = await readUntil(live[i]!, end);
            expect(heard.flatMap(({ changes }) => changes)).toEqual(expected);
            expect(heard.every(({ phase }) => phase === "live")).toBe(true);
          }
          delivered += expected.length;
          keptBack += whole.length - expected.length;
        }
        await db.close();
      }),
      { numRuns: 60 },
    );
    expect(delivered).toBeGreaterThan(200);
    expect(keptBack).toBeGreaterThan(200);
  });

  it("let through the nodes and edges of a snapshot in the same way", async () => {
    await fc.assert(
      fc.asyncProperty(transactions, filters, async (all, filter) => {
        const { db } = await machine();
        for (const ops of all) await transact(db, ops);
        const whole = await allOf(db.changes({ from: "snapshot", live: false }));
        const expected = whole.filter((change) => matches(filter, change, undefined));
        const filtered = await allOf(db.changes({ from: "snapshot", live: false, filter }));
        expect(filtered).toEqual(expected);
        await db.close();
      }),
      { numRuns: 60 },
    );
  });

  it("know names that are used for the first time after the feed began, and take back none", async () => {
    const { db, ports } = await machine();
    const filter = { types: ["LATER"] };
    const feed = db.changes({ filter })[Symbol.asyncIterator]();
    await readUntil(feed, caughtUp);
    await db.transact((tx) => tx.putNodes(["a", "b"]));
    const mark = (await feed.next()).value;
    expect(mark).toMatchObject({ mark: "progress", changes: [], lastLsn: 2, nextLsn: 3 });
    // A name of a rejected transaction: its number goes to another name afterwards.
    ports.disk.faults.push({ operation: "write", path: "segments", errno: "ENOSPC" });
    ports.disk.faults.push({ operation: "write", errno: "ENOSPC" });
    await db.transact((tx) => tx.addEdge("a", "LATER", "b")).catch(() => {});
    ports.disk.faults.length = 0;
    await db.transact((tx) => tx.addEdge("a", "OTHER", "b"));
    expect((await feed.next()).value).toMatchObject({ mark: "progress", changes: [] });
    await db.transact((tx) => tx.addEdge("b", "LATER", "a", { n: 1 }));
    expect((await feed.next()).value).toMatchObject({ changes: [{ type: "LATER", from: "b" }] });
    await db.close();
  });

  it("say how far they came while nothing matches", async () => {
    const { db, ports } = await machine();
    const text = "x".repeat(1000);
    for (let t = 0; t < 4; t++) {
      await db.transact((tx) => {
        for (let i = 0; i < 900; i++) tx.putNode(`${t}/${i}`, { props: { text } });
      });
    }
    const seen: ChangeBatch[] = [];
    const filter = { kinds: ["event"] as const };
    const reading = (async () => {
      for await (const batch of db.changes({ filter, live: false })) seen.push(batch);
    })();
    await ports.scheduler.until(reading);
    expect(seen.length).toBeGreaterThan(1);
    expect(seen.every(({ mark, changes }) => mark === "progress" && changes.length === 0)).toBe(
      true,
    );
    let next = 1;
    for (const { firstLsn, lastLsn, nextLsn } of seen) {
      expect(firstLsn).toBe(next);
      expect(lastLsn).toBe(nextLsn - 1);
      next = nextLsn;
    }
    expect(next).toBe(3601);
    await db.close();
  });

  it("give changes the LSN at which their transaction ends, let through or not", async () => {
    const { db } = await machine();
    await db.transact((tx) => {
      tx.putNodes(["a", "b"]);
      tx.emit("left", 1);
    });
    const some = await allOf(db.changes({ live: false, filter: { keyPrefix: "a" } }));
    expect(some.map(({ lsn, txLastLsn }) => [lsn, txLastLsn])).toEqual([[1, 3]]);
    await db.close();
  });

  it("are refused where they say what there is not", async () => {
    const { db } = await machine();
    const wrong: [unknown, string][] = [
      [null, "TypeError"],
      ["labels", "TypeError"],
      [["labels"], "TypeError"],
      [{ label: ["x"] }, "TypeError"],
      [{ labels: "x" }, "TypeError"],
      [{ labels: [1] }, "TypeError"],
      [{ labels: [""] }, "RangeError"],
      [{ types: ["x".repeat(1025)] }, "RangeError"],
      [{ kinds: ["node.puts"] }, "RangeError"],
      [{ keyPrefix: 1 }, "TypeError"],
      [{ keyPrefix: "x".repeat(1025) }, "RangeError"],
    ];
    for (const [filter, error] of wrong) {
      expect(await codeOf(() => db.changes({ filter: filter as never }))).toBe(error);
    }
    expect(await allOf(db.changes({ filter: {}, live: false }))).toEqual([]);
    await db.close();
  });
});

describe("before", () => {
  it("is the state that each change replaced", async () => {
    await fc.assert(
      fc.asyncProperty(transactions, async (all) => {
        const { db } = await machine();
        for (const ops of all) await transact(db, ops);
        const plain = await allOf(db.changes({ live: false }));
        const withBefore = await allOf(db.changes({ live: false, before: true }));
        expect(withBefore).toHaveLength(plain.length);
        const folded = new Folded();
        const lastLsns = new Map<string | number, number>();
        for (const [i, change] of withBefore.entries()) {
          const expected = folded.stateBefore(change);
          const { before, ...rest } = change as { before?: NodeState };
          expect(rest).toEqual(plain[i]);
          if (expected === undefined) expect(before).toBeUndefined();
          else expect(normal(before)).toMatchObject(normal(expected) as object);
          const who = "key" in change ? change.key : "id" in change ? change.id : "";
          if (before !== undefined) expect(before.lsn).toBe(lastLsns.get(who));
          lastLsns.set(who, change.lsn);
          folded.apply(change);
        }
        await db.close();
      }),
      { numRuns: 60 },
    );
  });

  it("is not there unless it is asked for", async () => {
    const { db } = await machine();
    await db.transact((tx) => tx.putNode(keys[0]!));
    const [plain] = await allOf(db.changes({ live: false }));
    expect("before" in plain!).toBe(false);
    expect(await codeOf(() => db.changes({ before: 1 as never }))).toBe("TypeError");
    await db.close();
  });
});

function normal(state: object | undefined): unknown {
  if (state === undefined || !("labels" in state)) return state;
  return { ...state, labels: [...(state.labels as string[])].sort() };
}
