// The counts of superseded events, kept up by live writes and what is taken back, against a count by hand; and what is chosen by them.
import { describe, expect, it } from "vitest";
import { type Candidate, chooseNext } from "../../src/compaction/choose-segments.ts";
import { Database } from "../../src/database/database.ts";
import { openTuned } from "../../src/database/open.ts";
import { SupersededCounts } from "../../src/index/superseded-counts.ts";
import { SEGMENT_STATE } from "../../src/log/manifest-codec.ts";
import { simulatedPorts } from "../../src/testing/simulated-ports.ts";

describe("counts of superseded events", () => {
  it("add up by LSN, far apart too, and are taken back", () => {
    const counts = new SupersededCounts();
    const lsns = [1, 2, 4095, 4096, 5000, 8191, 10_000_000, 5_000_000_000];
    for (const lsn of lsns) counts.note(lsn);
    expect(counts.settledBetween(0, 2 ** 33)).toBe(0);
    counts.settle();
    expect(counts.settledBetween(0, 4095)).toBe(3);
    expect(counts.settledBetween(4096, 8191)).toBe(3);
    expect(counts.settledBetween(0, 2 ** 33)).toBe(8);
    expect(counts.settledBetween(4096, 4096 + 2047)).toBe(1.5);
    counts.undo(5000);
    counts.undo(5_000_000_000);
    counts.undo(2 ** 40);
    // What was there when the last layer ended stays until the next one does.
    expect(counts.settledBetween(0, 2 ** 41)).toBe(8);
    counts.settle();
    expect([counts.settledBetween(0, 2 ** 41), counts.total]).toEqual([6, 6]);
    counts.clear();
    expect([counts.settledBetween(0, 2 ** 41), counts.total]).toEqual([0, 0]);
  });

  it("are those of the events that puts, patches and removals have superseded, and no rejected ones", async () => {
    const db = await openTuned("/db", { ...simulatedPorts({ tasks: "automatic" }) }, {});
    const { superseded } = Database.coreOf(db).index;
    const all = (): number => {
      superseded.settle();
      return superseded.settledBetween(0, 2 ** 40);
    };
    await db.transact((tx) => {
      tx.putNode("a");
      tx.putNode("b");
    });
    expect(all()).toBe(0);
    const { result: edge } = await db.transact((tx) => tx.addEdge("a", "TO", "b", { n: 1 }));
    await db.transact((tx) => tx.putNode("a", { props: { n: 1 } }));
    await db.transact((tx) => tx.patchNode("a", { props: { n: 2 } }));
    expect(all()).toBe(2);
    await db.transact((tx) => tx.patchEdge(edge, { n: 2 }));
    expect(all()).toBe(2);
    await db.transact((tx) => tx.patchEdge(edge, { n: 3 }));
    expect(all()).toBe(3);
    const before = all();
    await expect(
      db.transact((tx) => {
        tx.putNode("a", { props: { n: 9 } });
        tx.patchEdge(edge, { n: 9 });
        tx.removeEdge(edge);
        tx.removeNode("b");
        expect(tx.hasNode("b")).toBe(false);
        throw new Error("no");
      }),
    ).rejects.toThrow("no");
    expect(all()).toBe(before);
    await db.transact((tx) => tx.removeNode("a"));
    // The put that was patched, and the edge that went with its node.
    expect(all()).toBe(before + 2);
    await db.close();
  });
});

function candidate(
  ordinal: number,
  horizon: number,
  supersededShare: number | undefined,
  mayWait = false,
): Candidate {
  const hash = { lo: 1, hi: 1 };
  const view = {
    id: ordinal,
    generation: 1,
    baseLsn: ordinal * 100 + 1,
    name: `${ordinal}`,
    state: SEGMENT_STATE.sealed,
    dataEnd: 10_000,
    lastLsn: ordinal * 100 + 100,
    eventCount: 100,
    lastHash: hash,
    closingHash: hash,
    horizon,
    erasedLsn: 0,
  };
  return { view, supersededShare, mayWait };
}

describe("the segment that is rewritten next", () => {
  const next = (candidates: Candidate[], horizon = 1000, stale = 10_000): number | undefined =>
    chooseNext(candidates, horizon, stale)?.id;

  it("is the newest of those that were never rewritten, whatever the others have", () => {
    expect(next([candidate(0, 0, undefined), candidate(1, 0, undefined)])).toBe(1);
    expect(next([candidate(0, 900, 1), candidate(1, 0, undefined), candidate(2, 900, 1)])).toBe(1);
  });

  it("is one that was never rewritten and may wait for it where that frees enough, or it has waited for long", () => {
    expect(next([candidate(0, 900, 0.4), candidate(1, 0, 0.1, true)])).toBe(0);
    expect(next([candidate(0, 900, 0.4), candidate(1, 0, 0.5, true)])).toBe(1);
    expect(next([candidate(0, 900, 0), candidate(1, 0, 0.1, true)])).toBeUndefined();
    expect(next([candidate(1, 0, 0.1, true)], 1000, 801)).toBeUndefined();
    expect(next([candidate(1, 0, 0.1, true)], 1000, 800)).toBe(1);
  });

  it("is then the one that frees most for what it costs, and none where that is too little", () => {
    expect(next([candidate(0, 900, 0.35), candidate(1, 900, 0.8), candidate(2, 900, 0.5)])).toBe(1);
    expect(next([candidate(0, 900, 0.19), candidate(1, 900, 0)])).toBeUndefined();
    expect(next([candidate(0, 900, 0.05), candidate(1, 900, undefined)])).toBe(1);
    expect(next([candidate(0, 1000, 1), candidate(1, 1000, undefined)])).toBeUndefined();
  });

  it("is one that nobody has looked through for long, for the removals in it", () => {
    expect(next([candidate(0, 300, 0), candidate(1, 950, 0)], 1000, 600)).toBe(0);
    expect(next([candidate(0, 500, 0), candidate(1, 950, 0)], 1000, 600)).toBeUndefined();
  });
});
