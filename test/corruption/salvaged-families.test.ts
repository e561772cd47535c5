// Repairs databases of graphs and maps with one byte changed: what is kept makes sense, and is what the changes that are kept make.
import { expect, it } from "vitest";
import { repair } from "../../src/database/repair.ts";
import { simulatedPorts } from "../../src/testing/testing.ts";
import {
  emptyFolded,
  type FamilyOperation,
  fold,
  perform,
  readAll,
  withoutEmpty,
} from "../support/families-model.ts";
import { directory, openOn, segmentBytes, withFile } from "./specimen.ts";

const isFull = process.env["VARVE_CRASH_SECONDS"] !== undefined;

const transactions: readonly FamilyOperation[][] = [
  [{ do: "put", graph: "g1", key: "a", labels: ["L", "g1"], value: 1 }],
  [{ do: "map.put", map: "m2", key: "a", value: 1 }],
  [{ do: "put", graph: "g1", key: "b", labels: ["L"], value: 2 }],
  [{ do: "edge", graph: "g1", key: "a", to: "b", value: 3 }],
  [{ do: "map.put", map: "m2", key: "b", value: 2 }],
  [{ do: "put", graph: "", key: "a", labels: ["g1"], value: 4 }],
  [{ do: "drop", graph: "g1" }],
  [{ do: "put", graph: "g1", key: "a", labels: ["M"], value: 5 }],
  [{ do: "map.delete", map: "m2", key: "a" }],
  [{ do: "map.drop", map: "m2" }],
  [{ do: "map.put", map: "m2", key: "a", value: 6 }],
  [{ do: "patch", graph: "g1", key: "a", labels: ["L"], value: 7 }],
];

it("a repair keeps what makes sense of graphs and maps", { timeout: 600_000 }, async () => {
  const { disk } = simulatedPorts();
  const { db } = await openOn(disk);
  const model = emptyFolded();
  for (const operations of transactions) {
    await db.transact((tx) => {
      for (const each of operations) perform(tx, model, each);
    });
  }
  expect(readAll(db)).toEqual(withoutEmpty(model));
  await db.close();
  const log = disk.listAll().find((file) => file.endsWith(".log"))!;
  const bytes = disk.readFile(log);
  let lost = 0;
  let end = bytes.length;
  while (bytes[end - 1] === 0) end--;
  for (let at = 4096; at < end; at += isFull ? 1 : 29) {
    const damaged = Uint8Array.from(bytes);
    damaged[at]! ^= 0x55;
    const copy = withFile(disk, log, damaged);
    const report = await repair(directory, {
      ...simulatedPorts({ disk: copy, seed: 4 }),
      segmentBytes,
    });
    if (report.lost.length > 0) lost++;
    const { db: left } = await openOn(copy);
    const told = emptyFolded();
    for await (const change of left.changes({ live: false }).events()) fold(told, change);
    expect(readAll(left), `byte ${at}`).toEqual(withoutEmpty(told));
    expect((await left.verify()).problems).toEqual([]);
    await left.transact((tx) => tx.graph("g1").putNode("k", { labels: ["L"] }));
    expect(left.graph("g1").hasNode("k")).toBe(true);
    await left.close();
  }
  expect(lost).toBeGreaterThan(5);
});
