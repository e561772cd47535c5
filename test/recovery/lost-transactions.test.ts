// Takes one transaction after the other out of a log and repairs it: each takes along what builds on it, and nothing else.
import { beforeAll, expect, it } from "vitest";
import { repair } from "../../src/database/repair.ts";
import { writeState } from "../../src/database/system-state.ts";
import type { Transaction } from "../../src/database/transaction.ts";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.ts";
import { simulatedPorts } from "../../src/testing/simulated-ports.ts";
import { takeApart } from "../corruption/crafted.ts";
import { directory, openOn, segmentBytes } from "../corruption/specimen.ts";
import { withByte } from "./rewritten.ts";

const path = "/db/0000000000000001-0001.log";

interface Step {
  readonly write: (tx: Transaction) => void;
  /** Steps behind it that make no sense without it. */
  readonly takes: readonly string[];
}

let many: Uint32Array;
const edges = { ab: 0, own: 0 };

/** Names that many use are defined first: a step takes along what builds on what it does, or on a name of its own. */
const steps: Record<string, Step> = {
  names: {
    write: (tx) => {
      tx.putNode("zero", { labels: ["L", "K"], props: { p: 0, q: 0 } });
      tx.addEdge("zero", "E", "zero", { p: 0 });
    },
    takes: [
      "a",
      "edge of a and b",
      "patch of a",
      "next patch of a",
      "a put again",
      "patch of the edge",
      "next patch of the edge",
      "the edge removed",
      "run of edges",
      "its property on an edge",
    ],
  },
  "three nodes": {
    write: (tx) => {
      many = tx.putNodes(["n0", "n1", "n2"]);
    },
    takes: [
      "run of edges",
      "its label on another",
      "its label taken away",
      "property of its own",
      "its property elsewhere",
      "its property on an edge",
      "type of its own",
      "its type elsewhere",
      "its type in a run",
    ],
  },
  a: {
    write: (tx) => tx.putNode("a", { labels: ["L"] }),
    takes: [
      "edge of a and b",
      "patch of a",
      "next patch of a",
      "a put again",
      "patch of the edge",
      "next patch of the edge",
      "the edge removed",
    ],
  },
  b: {
    write: (tx) => tx.putNode("b"),
    takes: [
      "edge of a and b",
      "patch of the edge",
      "next patch of the edge",
      "the edge removed",
      "b removed",
    ],
  },
  "edge of a and b": {
    write: (tx) => {
      edges.ab = tx.addEdge("a", "E", "b");
    },
    takes: ["patch of the edge", "next patch of the edge", "the edge removed"],
  },
  "patch of a": {
    write: (tx) => tx.patchNode("a", { props: { p: 1 } }),
    takes: ["next patch of a"],
  },
  "next patch of a": { write: (tx) => tx.patchNode("a", { props: { p: 2 } }), takes: [] },
  "a put again": { write: (tx) => tx.putNode("a", { props: { q: 1 } }), takes: [] },
  "patch of the edge": {
    write: (tx) => tx.patchEdge(edges.ab, { p: 1 }),
    takes: ["next patch of the edge"],
  },
  "next patch of the edge": { write: (tx) => tx.patchEdge(edges.ab, { p: 2 }), takes: [] },
  "the edge removed": { write: (tx) => tx.removeEdge(edges.ab), takes: ["b removed", "b anew"] },
  "b removed": { write: (tx) => tx.removeNode("b"), takes: ["b anew"] },
  "b anew": { write: (tx) => tx.putNode("b"), takes: [] },
  "run of edges": {
    write: (tx) => tx.addEdges({ type: "E", from: many, to: many.slice().reverse() }),
    takes: [],
  },
  "label of its own": {
    write: (tx) => tx.putNode("c", { labels: ["Own"] }),
    takes: [
      "its label on another",
      "its label on a new one",
      "its label taken away",
      "its node removed",
    ],
  },
  "its label on another": {
    write: (tx) => tx.patchNode("n0", { addLabels: ["Own"] }),
    takes: ["its label taken away"],
  },
  "its label on a new one": { write: (tx) => tx.putNode("d", { labels: ["Own"] }), takes: [] },
  "its label taken away": {
    write: (tx) => tx.patchNode("n0", { removeLabels: ["Own"] }),
    takes: [],
  },
  "its node removed": { write: (tx) => tx.removeNode("c"), takes: [] },
  "property of its own": {
    write: (tx) => tx.patchNode("n1", { props: { own: 1 } }),
    takes: ["its property elsewhere", "its property on an edge"],
  },
  "its property elsewhere": { write: (tx) => tx.patchNode("n2", { props: { own: 2 } }), takes: [] },
  "its property on an edge": {
    write: (tx) => {
      edges.own = tx.addEdge("n0", "E", "n1", { own: 3 });
    },
    takes: [],
  },
  "type of its own": {
    write: (tx) => tx.addEdge("n0", "OWN", "n1"),
    takes: ["its type elsewhere", "its type in a run"],
  },
  "its type elsewhere": { write: (tx) => tx.addEdge("n1", "OWN", "n2"), takes: [] },
  "its type in a run": {
    write: (tx) => tx.addEdges({ type: "OWN", from: many, to: many }),
    takes: [],
  },
  "event of its own": { write: (tx) => tx.emit("own event", {}), takes: ["its event again"] },
  "its event again": { write: (tx) => tx.emit("own event", {}), takes: [] },
  "map entry": {
    write: (tx) => tx.map("m").put("k", 1),
    takes: ["its removal", "map entry again"],
  },
  "its removal": { write: (tx) => tx.map("m").delete("k"), takes: [] },
  "map entry again": { write: (tx) => tx.map("m").put("k", 2), takes: [] },
  "state of a projection": {
    write: (tx) => {
      tx.putNode("e");
      writeState(tx, "projection\0e", { n: 1 });
      writeState(tx, "other", { n: 1 });
    },
    takes: [],
  },
  "other state gone": { write: (tx) => writeState(tx, "other", null), takes: [] },
  last: { write: (tx) => tx.putNode("last"), takes: [] },
};

let disk: SimulatedDisk;

beforeAll(async () => {
  const { db, ports } = await openOn(simulatedPorts({ seed: 5 }).disk);
  for (const { write } of Object.values(steps)) await db.transact((tx) => void write(tx));
  await db.close();
  disk = ports.disk.clone();
});

async function changesOn(image: SimulatedDisk): Promise<Map<number, string>> {
  const { db } = await openOn(image);
  const found = new Map<number, string>();
  for await (const { lsn, ...change } of db.changes({ live: false }).events()) {
    found.set(lsn, JSON.stringify(change));
  }
  expect((await db.verify()).problems).toEqual([]);
  await db.close();
  return found;
}

it("a lost transaction takes along what builds on it, and all else is as it was", async () => {
  const { frames } = takeApart(disk, path);
  const names = Object.keys(steps);
  expect(frames.length).toBe(names.length);
  const before = await changesOn(disk.clone());
  for (const [at, frame] of frames.entries()) {
    const name = names[at]!;
    const damaged = withByte(disk, path, frame.at + 20);
    const options = { ...simulatedPorts({ disk: damaged, seed: 4 }), segmentBytes };
    const { lost } = await repair(directory, options);
    const isGone = (lsn: number): boolean =>
      lost.some(({ firstLsn, lastLsn }) => firstLsn <= lsn && lsn <= lastLsn);
    const gone = names.filter((_, i) => frames[i]!.eventCount > 0 && isGone(frames[i]!.firstLsn));
    const own = frame.eventCount > 0 ? [name] : [];
    expect(gone, name).toEqual([...own, ...steps[name]!.takes]);
    const left = [...before].filter(([lsn]) => !isGone(lsn));
    expect([...(await changesOn(damaged))], name).toEqual(left);
  }
});
