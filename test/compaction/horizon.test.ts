// Holds the horizon to what may be dropped: every combination of what could hold it back, policies, clocks and the search by time.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type DurableReader,
  decideHorizon,
  type HorizonView,
  historyNowMs,
  lastLsnAt,
  policyLsn,
} from "../../src/compaction/horizon.ts";
import type { Pin } from "../../src/log/history-pins.ts";

/** Transactions end with every third LSN, and with the durable one. */
function endAt(lsn: number): number {
  return lsn === 12 ? 12 : lsn - (lsn % 3);
}

const levels = [0, 3, 4, 8, 12];
const lags = [0, 4, 8, 12, Number.POSITIVE_INFINITY];

function* views(): Generator<HorizonView> {
  const pins: (Pin | undefined)[] = [
    undefined,
    ...levels.map((lsn): Pin => ({ holder: "backup", lsn })),
  ];
  const readers: DurableReader[][] = [
    [],
    ...levels.map((lsn): DurableReader[] => [{ kind: "consumer", name: "c", lsn }]),
    ...levels.map((lsn): DurableReader[] => [
      { kind: "projection", name: "p", lsn },
      { kind: "consumer", name: "c", lsn: 12 - lsn },
    ]),
  ];
  for (const current of [0, 3, 9])
    for (const policy of levels)
      for (const checkpointLsn of levels)
        for (const pin of pins)
          for (const list of readers)
            for (const maxConsumerLag of lags) {
              const base = { current, durableLsn: 12, policyLsn: policy, checkpointLsn, pin };
              yield { ...base, readers: list, maxConsumerLag, transactionEndAt: endAt };
            }
}

describe("the horizon", () => {
  it("is the lowest of all that counts, at the end of a transaction, and never moves back", () => {
    const wrong: unknown[] = [];
    let count = 0;
    for (const view of views()) {
      const { horizon, target, heldBackBy, expired } = decideHorizon(view);
      const { current, durableLsn, checkpointLsn, pin, readers, maxConsumerLag } = view;
      const counting = readers.filter(({ lsn }) => durableLsn - lsn <= maxConsumerLag);
      const limits = [
        view.policyLsn,
        checkpointLsn,
        durableLsn,
        ...(pin ? [pin.lsn] : []),
        ...counting.map(({ lsn }) => lsn),
      ];
      const lowest = Math.min(...limits);
      const isRight =
        horizon === Math.max(current, endAt(lowest)) &&
        target === Math.max(current, view.policyLsn) &&
        (heldBackBy?.lsn ?? durableLsn) === lowest &&
        expired.length === readers.length - counting.length &&
        expired.every((reader) => !counting.includes(reader));
      if (!isRight) wrong.push({ view, horizon, target, heldBackBy, expired });
      count++;
    }
    expect(wrong).toEqual([]);
    expect(count).toBe(3 * 5 * 5 * 6 * 11 * 5);
  });

  const free: HorizonView = {
    current: 0,
    durableLsn: 12,
    policyLsn: 12,
    checkpointLsn: 12,
    pin: undefined,
    readers: [],
    maxConsumerLag: Number.POSITIVE_INFINITY,
    transactionEndAt: endAt,
  };

  it("says what holds it back, by name, and the policy first of several", () => {
    expect(decideHorizon(free).heldBackBy).toBeUndefined();
    expect(decideHorizon({ ...free, checkpointLsn: 6 }).heldBackBy).toEqual({
      by: "checkpoint",
      lsn: 6,
      name: undefined,
    });
    const pin: Pin = { holder: "snapshot", lsn: 5 };
    expect(decideHorizon({ ...free, pin, checkpointLsn: 6 }).heldBackBy?.by).toBe("snapshot");
    const readers: DurableReader[] = [
      { kind: "consumer", name: "far", lsn: 7 },
      { kind: "projection", name: "slow", lsn: 4 },
    ];
    const held = decideHorizon({ ...free, pin, readers }).heldBackBy;
    expect(held).toEqual({ by: "projection", lsn: 4, name: "slow" });
    expect(decideHorizon({ ...free, readers, policyLsn: 4 }).heldBackBy?.by).toBe("policy");
    const lagging = decideHorizon({ ...free, readers, maxConsumerLag: 5 });
    expect(lagging.heldBackBy?.name).toBe("far");
    expect(lagging.expired.map(({ name }) => name)).toEqual(["slow"]);
  });

  it("asks for the end of a transaction only above where it is", () => {
    const transactionEndAt = (lsn: number): number => {
      expect(lsn).toBeGreaterThan(9);
      return endAt(lsn);
    };
    expect(decideHorizon({ ...free, current: 9, policyLsn: 4, transactionEndAt }).horizon).toBe(9);
    expect(decideHorizon({ ...free, current: 9, policyLsn: 10, transactionEndAt }).horizon).toBe(9);
  });
});

describe("a policy", () => {
  const never = (): number => {
    throw new Error("no time was asked for");
  };

  it("names the last LSN that may go", () => {
    expect(policyLsn("all", 12, 0, never)).toBe(0);
    expect(policyLsn("latest", 12, 0, never)).toBe(12);
    expect(policyLsn({ keepEvents: 0 }, 12, 0, never)).toBe(12);
    expect(policyLsn({ keepEvents: 5 }, 12, 0, never)).toBe(7);
    expect(policyLsn({ keepEvents: 13 }, 12, 0, never)).toBe(0);
    expect(policyLsn({ keepMs: 100 }, 12, 1000, (time) => time / 100)).toBe(9);
    expect(policyLsn({ keepMs: 0 }, 12, 5000, (time) => time / 100)).toBe(12);
  });

  it("is not hurried by a jump of the wall clock, and waits for one that went back", () => {
    const opened = { wallMs: 1_000_000, monotonicMs: 50 };
    expect(historyNowMs(opened, { wallMs: 1_000_400, monotonicMs: 450 })).toBe(1_000_400);
    expect(historyNowMs(opened, { wallMs: 9_000_000, monotonicMs: 450 })).toBe(1_000_400);
    expect(historyNowMs(opened, { wallMs: 900_000, monotonicMs: 450 })).toBe(900_000);
  });
});

describe("the search for an LSN by time", () => {
  it("finds the last one at or before it", () => {
    const steps = fc.array(fc.nat({ max: 2 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(steps, fc.nat({ max: 90 }), fc.nat({ max: 10 }), (gaps, time, above) => {
        const times: number[] = [];
        for (const gap of gaps) times.push((times.at(-1) ?? 0) + gap);
        const from = Math.min(above, times.length);
        const asked: number[] = [];
        const found = lastLsnAt(time, from, times.length, (lsn) => {
          asked.push(lsn);
          return times[lsn - 1]!;
        });
        let expected = from;
        for (let lsn = from + 1; lsn <= times.length && times[lsn - 1]! <= time; lsn++) {
          expected = lsn;
        }
        expect(found).toBe(expected);
        expect(asked.every((lsn) => lsn > from && lsn <= times.length)).toBe(true);
        expect(asked.length).toBeLessThanOrEqual(6);
      }),
    );
  });
});
