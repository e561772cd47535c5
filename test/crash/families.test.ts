// Breaks a life of graphs and maps, with layers, checkpoints and a compaction, before and after every call of its disk.
import { expect, it } from "vitest";
import {
  type CrashSubject,
  checkSnapshotStart,
  explore,
  reopen,
  type Step,
  Violation,
} from "../../src/testing/testing.ts";
import type { Change, Transaction } from "../../src/varve.ts";
import { compactAll } from "../support/compacted-script.ts";
import { filler, type Opened } from "../support/crash-script.ts";
import { databaseSubject } from "../support/database-subject.ts";
import { expectSound, shrinks } from "../support/expect-sound.ts";
import {
  emptyFolded,
  type FamilyOperation,
  type Folded,
  fold,
  graphOf,
  readAll,
  withoutEmpty,
} from "../support/families-model.ts";
import { openLayeredWith } from "../support/layered-script.ts";

/** Set by `npm run test:crash`: then every place is broken, in several ways. */
const isThorough = process.env["VARVE_CRASH_SECONDS"] !== undefined;

type Operation = Extract<
  FamilyOperation,
  { do: "put" | "edge" | "remove" | "drop" } | { map: string }
>;

/** A transaction; one that fills a segment has more room behind its own. */
interface Commit {
  readonly tx: readonly Operation[];
  readonly fills?: true;
}

type Command = Commit | "checkpoint" | "compact";

const put = (graph: string, key: string, value = 1): Operation => ({
  do: "put",
  graph,
  key,
  labels: ["L"],
  value,
});
const edge = (graph: string, key: string, to: string): Operation => ({
  do: "edge",
  graph,
  key,
  to,
  value: 1,
});
const entry = (map: string, key: string, value: number): Operation => ({
  do: "map.put",
  map,
  key,
  value,
});

const life: readonly Step<Command>[] = [
  { tx: [put("", "a"), put("g1", "a"), entry("m2", "a", 1)] },
  { tx: [put("g1", "b"), edge("g1", "a", "b"), entry("m2", "b", 2)] },
  { tx: [entry("m2", "a", 3), entry("g1", "a", 4)], fills: true },
  { tx: [put("g2", "b", 7), edge("", "a", "a"), { do: "map.delete", map: "m2", key: "b" }] },
  { tx: [{ do: "drop", graph: "g1" }, put("g1", "b", 8)], fills: true },
  "checkpoint",
  { tx: [{ do: "map.drop", map: "m2" }, entry("m2", "ba", 9)] },
  { tx: [put("g1", "a", 3), edge("g1", "a", "b"), put("", "a", 4)], fills: true },
  "checkpoint",
  "compact",
  reopen,
  {
    tx: [
      { do: "remove", graph: "g1", key: "b" },
      { do: "drop", graph: "g2" },
    ],
  },
];

function perform(tx: Transaction, operation: Operation): void {
  if ("map" in operation) {
    const { map } = operation;
    if (operation.do === "map.put") tx.map(map).put(operation.key, operation.value);
    else if (operation.do === "map.delete") tx.map(map).delete(operation.key);
    else tx.dropMap(map);
    return;
  }
  const graph = operation.graph === "" ? tx : tx.graph(operation.graph);
  const { do: what, ...of } = operation as { do: string; key: string; to: string; value: number };
  if (what === "put") graph.putNode(of.key, { labels: ["L"], props: { n: of.value } });
  else if (what === "edge") graph.addEdge(of.key, "T", of.to, { w: of.value });
  else if (what === "remove") graph.removeNode(of.key);
  else tx.dropGraph(operation.graph);
}

/** The same on plain objects. Edges are numbered as they come. */
function applied(state: Folded, { tx }: Commit): Folded {
  const next = structuredClone(state);
  for (const operation of tx) {
    if ("map" in operation) {
      const { map } = operation;
      next.maps[map] ??= {};
      if (operation.do === "map.put") next.maps[map][operation.key] = operation.value;
      else if (operation.do === "map.delete") delete next.maps[map][operation.key];
      else delete next.maps[map];
    } else if (operation.do === "drop") delete next.graphs[operation.graph];
    else applyTo(graphOf(next, operation.graph), operation);
  }
  return numbered(next);
}

function applyTo(
  { nodes, edges }: ReturnType<typeof graphOf>,
  operation: Extract<Operation, { do: "put" | "edge" | "remove" }>,
): void {
  const { key } = operation;
  if (operation.do === "put") nodes[key] = { labels: ["L"], props: { n: operation.value } };
  else if (operation.do === "edge") {
    const { to, value } = operation;
    edges[Object.keys(edges).length] = { from: key, type: "T", to, props: { w: value } };
  } else {
    delete nodes[key];
    for (const [id, { from, to }] of Object.entries(edges)) {
      if (from === key || to === key) delete edges[Number(id)];
    }
  }
}

/** Without what is empty, and with edges numbered from 0, in the order of their ids. */
function numbered(folded: Folded): Folded {
  const { graphs, maps } = withoutEmpty(folded);
  const renumbered = Object.entries(graphs).map(([name, { nodes, edges }]) => {
    return [name, { nodes, edges: Object.fromEntries(Object.values(edges).entries()) }];
  });
  return { graphs: Object.fromEntries(renumbered), maps };
}

interface FamiliesSubject extends CrashSubject<Opened, Command, Folded> {
  /** Segments that were rewritten, over all lives. */
  compacted: number;
}

function familiesSubject(): FamiliesSubject {
  const plain = databaseSubject();
  const subject: FamiliesSubject = {
    compacted: 0,
    open: (ports) => openLayeredWith(ports),
    close: async ({ db }) => {
      await db.close();
      return "durable";
    },
    run: async (opened, command) => {
      if (command === "compact") {
        subject.compacted += await compactAll(opened);
        return "nothing";
      }
      if (command === "checkpoint") await opened.db.checkpoint();
      else {
        await opened.db.transact((tx) => {
          for (const operation of command.tx) perform(tx, operation);
          if (command.fills) for (let i = 0; i < 24; i++) tx.emit("pad", filler(1900, i));
        });
      }
      return "durable";
    },
    read: ({ db }) => numbered(readAll(db)),
    check: async ({ db }, state) => {
      const changes = db.changes({ from: "snapshot", live: false }).events();
      const add = (told: Folded, change: Change): Folded => {
        fold(told, change);
        return told;
      };
      await checkSnapshotStart(changes, emptyFolded(), add, numbered, state);
      const { sound, problems } = await db.verify();
      if (!sound) throw new Violation("O9 verify", JSON.stringify(problems));
    },
    initial: emptyFolded,
    apply: (state, command) => (typeof command === "string" ? state : applied(state, command)),
    isIdle: (command) => typeof command === "string",
    alphabet: [],
    afterwards: [{ tx: [put("g1", "after"), entry("m2", "after", 1)] }],
    disk: plain.disk!,
    isScratch: plain.isScratch!,
  };
  return subject;
}

it("a crash before and after every disk call of a life of graphs and maps leaves whole transactions, and no fewer than were acknowledged", {
  timeout: 600_000,
}, async () => {
  const subject = familiesSubject();
  const report = await explore(subject, {
    scripts: [life],
    sequenceLength: 0,
    crashes: 1,
    placeStride: isThorough ? 1 : 5,
    survivals: isThorough ? 1 : "one",
    afterwardsStride: isThorough ? 1 : 4,
    seed: 3,
    shrinks,
  });
  expectSound("a life of graphs and maps", report);
  expect(subject.compacted).toBeGreaterThan(0);
  expect(report.places).toBeGreaterThan(isThorough ? 200 : 40);
});
