// The decision table of recovery over all combinations of findings, against properties stated apart from it.
import { describe, expect, it } from "vitest";
import {
  type Behind,
  decideTail,
  isBelowProven,
  type RecoveryCase,
  type ScanEnd,
  type TailFindings,
} from "../../src/recovery/recovery-case.ts";

const ends: readonly ScanEnd[] = ["sealed-end", "blank", "footer", "damaged", "misplaced"];
const behinds: readonly Behind[] = ["nothing", "bytes", "frames", "witness"];
const flags = [false, true];

const all: TailFindings[] = flags.flatMap((active) =>
  ends.flatMap((end) =>
    behinds.flatMap((behind) =>
      flags.flatMap((belowProven) =>
        flags.map((transactionOpen) => ({ active, end, behind, belowProven, transactionOpen })),
      ),
    ),
  ),
);

/** The combinations for which a property speaks; each must be some. */
function where(chosen: (found: TailFindings) => boolean): TailFindings[] {
  const some = all.filter(chosen);
  expect(some.length).toBeGreaterThan(0);
  return some;
}

function actions(found: readonly TailFindings[]): string[] {
  return [...new Set(found.map((findings) => decideTail(findings).action))].sort();
}

describe("the decision at the end of a segment, over all combinations of findings", () => {
  it("covers every combination once", () => {
    expect(all).toHaveLength(2 * 5 * 4 * 2 * 2);
  });

  it("never cuts and never accepts what lies below what is proven durable", () => {
    expect(actions(where(({ belowProven }) => belowProven))).toEqual(["refuse"]);
  });

  it("never cuts a segment that is not active: it ends where it was sealed, or it is damaged", () => {
    expect(actions(where(({ active }) => !active))).toEqual(["accept", "refuse"]);
    const short = where(({ active, end }) => !active && end !== "sealed-end");
    expect(actions(short)).toEqual(["refuse"]);
    const open = where(({ active, transactionOpen }) => !active && transactionOpen);
    expect(actions(open)).toEqual(["refuse"]);
  });

  it("refuses where a later frame testifies that the missing part was durable", () => {
    expect(actions(where(({ active, behind }) => active && behind === "witness"))).toEqual([
      "refuse",
    ]);
  });

  it("never accepts half a transaction", () => {
    expect(actions(where(({ transactionOpen }) => transactionOpen))).toEqual(["cut", "refuse"]);
  });

  it("never accepts an active segment whose frames end in damage or in a frame that does not belong there", () => {
    const damaged = where(
      ({ active, end }) => active && (end === "damaged" || end === "misplaced"),
    );
    expect(actions(damaged)).toEqual(["cut", "refuse"]);
  });

  it("never leaves bytes behind the end of an active segment, for later appends to run into", () => {
    const followed = where(
      ({ active, end, behind }) => active && end !== "footer" && behind !== "nothing",
    );
    expect(actions(followed)).toEqual(["cut", "refuse"]);
  });

  it("accepts an active segment that ends in zeros or a footer with nothing amiss", () => {
    const whole = where(
      ({ active, end, behind, belowProven, transactionOpen }) =>
        active &&
        (end === "blank" || end === "footer") &&
        behind === "nothing" &&
        !belowProven &&
        !transactionOpen,
    );
    expect(actions(whole)).toEqual(["accept"]);
  });

  it("refuses only for a reason: damage in a sealed segment, a proof, or a witness", () => {
    for (const found of all) {
      if (decideTail(found).action !== "refuse") continue;
      const { active, end, transactionOpen, belowProven, behind } = found;
      const sealedDamage = !active && (end !== "sealed-end" || transactionOpen);
      expect(sealedDamage || belowProven || behind === "witness").toBe(true);
    }
  });

  it("gives every case of the table, and to each case one action", () => {
    const actionOf: Record<RecoveryCase, string> = {
      "R0-whole": "accept",
      "R1-damage-below-proven": "refuse",
      "R2-torn-tail": "cut",
      "R3-torn-window": "cut",
      "R4-damage-with-witness": "refuse",
      "R5-sealed-damage": "refuse",
      "R8-torn-transaction": "cut",
    };
    const met = new Set<string>();
    for (const found of all) {
      const { label, action } = decideTail(found);
      expect(action, JSON.stringify(found)).toBe(actionOf[label]);
      met.add(label);
    }
    expect([...met].sort()).toEqual(Object.keys(actionOf).sort());
  });
});

describe("what is proven durable", () => {
  it.each([
    ["nothing known", 5, { markLsn: 0, markSeen: true, checkpointLsn: 0 }, false],
    ["the mark at the end", 5, { markLsn: 5, markSeen: true, checkpointLsn: 0 }, false],
    ["the mark above", 5, { markLsn: 6, markSeen: true, checkpointLsn: 0 }, true],
    ["the mark's frame of state alone", 5, { markLsn: 5, markSeen: false, checkpointLsn: 5 }, true],
    ["the checkpoint at the end", 5, { markLsn: 0, markSeen: true, checkpointLsn: 5 }, false],
    ["the checkpoint above", 5, { markLsn: 0, markSeen: true, checkpointLsn: 6 }, true],
  ] as const)("%s", (_, lastLsn, proof, lost) => {
    expect(isBelowProven(lastLsn, proof)).toBe(lost);
  });
});
