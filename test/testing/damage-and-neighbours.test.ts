// What the kit says of damaged files (O11, O13) and of subscribers that disturb each other (S10): nothing of sound stores, and each planted
// mistake by its name.
import { describe, expect, it } from "vitest";
import {
  type CrashSubject,
  checkIsolation,
  exploreDamage,
  type Subscribe,
} from "../../src/testing/testing.ts";
import { type GuardedBug, guardedSubject } from "./guarded-subject.ts";

const steps = [7, 8, 9, 200];
const isDerived = (path: string): boolean => path === "/index";

describe("damage to any file of a store", () => {
  it("is answered as before or refused, and a refusal changes nothing", async () => {
    const report = await exploreDamage(guardedSubject(), { steps, isDerived });
    expect(report.failures).toEqual([]);
    expect(report.cases).toBeGreaterThan(30);
    expect([report.same, report.refused].every((count) => count > 10)).toBe(true);
    expect(report.same + report.refused).toBe(report.cases);
  });

  it.each<[GuardedBug, string]>([
    ["skips", "O11 damage is visible"],
    ["trusts index", "O11 damage is visible"],
    ["needs index", "O11 damage is visible"],
    ["repairs", "O13 refusal is harmless"],
    ["leaks", "O12 no leaks"],
  ])("is told of a store that %s", async (bug, property) => {
    const { failures } = await exploreDamage(guardedSubject(bug), { steps, isDerived });
    expect(failures[0]?.violation.property).toBe(property);
    expect(failures[0]?.damage).toMatch(/^\/(list|index) /);
  });
});

type Bug = "stalls together" | "falls together" | "skips the next";

interface Hub {
  readonly log: number[];
  readonly subscribers: ((batch: unknown) => void | Promise<void>)[];
  tail: Promise<void>;
}

/** A store of numbers in memory that tells them to subscribers. */
function hubSubject(bug?: Bug): CrashSubject<Hub, number, readonly number[]> {
  const tell = async (hub: Hub, number: number): Promise<void> => {
    const list = bug === "skips the next" ? hub.subscribers : [...hub.subscribers];
    for (const deliver of list) {
      const delivered = (async () => deliver(number))();
      if (bug === "stalls together") await delivered.catch(() => {});
      else if (bug === "falls together") await Promise.race([delivered, undefined]);
      else delivered.catch(() => {});
      await Promise.resolve();
    }
  };
  return {
    open: async () => ({ log: [], subscribers: [], tail: Promise.resolve() }),
    run: async (hub, number) => {
      hub.log.push(number);
      hub.tail = hub.tail.then(() => tell(hub, number));
      hub.tail.catch(() => {});
    },
    read: ({ log }) => [...log],
    initial: () => [],
    apply: (log, number) => [...log, number],
    alphabet: [1],
  };
}

const subscribe: Subscribe<Hub> = ({ subscribers }, deliver) => {
  subscribers.push(deliver);
  return () => {
    const at = subscribers.indexOf(deliver);
    if (at >= 0) subscribers.splice(at, 1);
  };
};

describe("a subscriber that throws, stalls or leaves", () => {
  it("makes no difference to another one", async () => {
    await checkIsolation(hubSubject(), subscribe, { steps });
  });

  it.each<[Bug, string]>([
    ["stalls together", "one that stalls"],
    ["falls together", "one that throws"],
    ["skips the next", "one that leaves"],
  ])("is told of where it does: %s", async (bug, neighbour) => {
    await expect(checkIsolation(hubSubject(bug), subscribe, { steps })).rejects.toThrow(
      `S10 isolation: beside ${neighbour}`,
    );
  });
});
