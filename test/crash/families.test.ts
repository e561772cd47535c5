// Breaks a life of graphs and maps, with layers, checkpoints and a compaction, before and after every call of its disk.
import { describe, expect, it } from "vitest";
import { dropAll, keepAll, SimulatedDisk } from "../../src/testing/testing.ts";
import { compactAll } from "../support/compacted-script.ts";
import { afterLoss, recordCalls, someLosses } from "../support/crash-explorer.ts";
import { filler, type Opened, prepared } from "../support/crash-script.ts";
import {
  emptyFolded,
  type FamilyOperation,
  type Folded,
  fold,
  perform,
  readAll,
  withoutEmpty,
} from "../support/families-model.ts";
import { openLayered } from "../support/layered-script.ts";

/** Set by `npm run test:crash`: then every point is broken in several ways. */
const isThorough = process.env["VARVE_CRASH_SECONDS"] !== undefined;

const put = (graph: string, key: string, value = 1): FamilyOperation => ({
  do: "put",
  graph,
  key,
  labels: ["L"],
  value,
});
const edge = (graph: string, key: string, to: string): FamilyOperation => ({
  do: "edge",
  graph,
  key,
  to,
  value: 1,
});
const entry = (map: string, key: string, value: number): FamilyOperation => ({
  do: "map.put",
  map,
  key,
  value,
});

/** What each transaction does; one that fills a segment has more room behind its own. */
const transactions: readonly { operations: FamilyOperation[]; fills?: true }[] = [
  { operations: [put("", "a"), put("g1", "a"), entry("m2", "a", 1)] },
  { operations: [put("g1", "b"), edge("g1", "a", "b"), entry("m2", "b", 2)] },
  { operations: [entry("m2", "a", 3), entry("g1", "a", 4)], fills: true },
  {
    operations: [put("g2", "b", 7), edge("", "a", "a"), { do: "map.delete", map: "m2", key: "b" }],
  },
  { operations: [{ do: "drop", graph: "g1" }, put("g1", "b", 8)], fills: true },
  { operations: [{ do: "map.drop", map: "m2" }, entry("m2", "ba", 9)] },
  { operations: [put("g1", "a", 3), edge("g1", "a", "b"), put("", "a", 4)], fills: true },
  {
    operations: [
      { do: "remove", graph: "g1", key: "b" },
      { do: "drop", graph: "g2" },
    ],
  },
];

class Life {
  /** What is there after so many transactions. */
  readonly models: Folded[] = [emptyFolded()];
  acknowledged = 0;

  async commit({ db }: Opened, from: number, to: number): Promise<void> {
    for (const { operations, fills } of transactions.slice(from, to)) {
      const model = structuredClone(this.models.at(-1)!);
      const done = db.transact((tx) => {
        for (const each of operations) perform(tx, model, each);
        if (fills === true) for (let i = 0; i < 24; i++) tx.emit("pad", filler(1900, i));
      });
      this.models.push(model);
      await done;
      this.acknowledged++;
    }
  }

  async run(disk: SimulatedDisk): Promise<void> {
    let opened = await openLayered(disk);
    await this.commit(opened, 0, 5);
    await opened.db.checkpoint();
    await this.commit(opened, 5, 7);
    await opened.db.checkpoint();
    expect(await compactAll(opened)).toBeGreaterThan(0);
    await opened.db.close();
    opened = await openLayered(disk);
    await this.commit(opened, 7, transactions.length);
    await opened.db.close();
  }
}

describe("a crash before and after every disk call of a life of graphs and maps", () => {
  it("leaves what a number of whole transactions left, and no fewer than were acknowledged", {
    timeout: 600_000,
  }, async () => {
    const disk = prepared(new SimulatedDisk({ seed: 3, trace: "none" }));
    const life = new Life();
    const points = await recordCalls(
      disk,
      () => [life.acknowledged, life.models.length - 1] as const,
      () => life.run(disk),
    );
    expect(points.length).toBeGreaterThan(200);
    const step = isThorough ? 1 : 5;
    for (let turn = 0; turn < points.length; turn += step) {
      const point = points[turn]!;
      const all = [undefined, dropAll, keepAll, ...someLosses(point.disk, 1, turn)];
      for (const loss of isThorough ? all : [all[turn % all.length]]) {
        const { disk } = afterLoss(point.disk, loss);
        const { db } = await openLayered(disk);
        const [least, most] = point.known;
        const found = JSON.stringify(sorted(readAll(db)));
        const possible = life.models
          .slice(least, most + 1)
          .map((model) => sorted(withoutEmpty(model)));
        expect(
          possible.map((model) => JSON.stringify(model)),
          `${point.label}; ${loss?.label ?? "kill"}`,
        ).toContain(found);
        if (turn % (10 * step) === 0) {
          const told = emptyFolded();
          const from = "snapshot";
          for await (const change of db.changes({ from, live: false }).events()) fold(told, change);
          expect(JSON.stringify(sorted(withoutEmpty(told)))).toBe(found);
          expect((await db.verify()).problems).toEqual([]);
        }
        await db.close();
      }
    }
  });
});

/** The same in one order of names. */
function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, part]) => [name, sorted(part)]));
}
