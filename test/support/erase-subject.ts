// A database that is to forget a node, as the explorer of the published kit is told of it: what is found is whole, it is still known what is
// to go, and the next compaction leaves no byte of it.
import {
  type CrashSubject,
  type Promised,
  SimulatedDisk,
  type SimulatedPorts,
  Violation,
} from "../../src/testing/testing.ts";
import type { Change, Database, Transaction } from "../../src/varve.ts";
import { type Opened, prepared } from "./crash-script.ts";
import { databaseSubject, type Running } from "./database-subject.ts";
import { filesWith } from "./erased-bytes.ts";
import { openLayered, openLayeredWith, rest } from "./layered-script.ts";
import { loseIndex } from "./lose-index.ts";

const secret = "Zq-forget-me";
const secrets = ["forget-me", "of-mine"];

export type EraseCommand = "erase" | "compact";

export interface EraseState {
  readonly isLive: boolean;
  /** Everything of the others, without what the erasure does to the feed. */
  readonly others: string;
}

export interface EraseWorld {
  /** Whether somebody was told that nothing of it is left. */
  isGone: boolean;
}

export type EraseSubject = CrashSubject<Running, EraseCommand, EraseState, EraseWorld>;

async function fill({ db, ports }: Opened): Promise<void> {
  await db.transact((tx) => {
    tx.putNode("a", { labels: ["T"], props: { n: 1 } });
    tx.putNode(secret, { labels: ["T"], props: { text: "of-mine".repeat(60) } });
    tx.addEdge("a", "knows", secret, { note: "of-mine" });
    // In a graph beside it, and in one that is no more.
    for (const name of ["other", "dropped"]) {
      const graph = tx.graph(name);
      graph.putNode("a");
      graph.putNode(secret, { labels: ["T"], props: { text: "of-mine" } });
      graph.addEdge(secret, "knows", "a", { note: "of-mine" });
      graph.addEdge("a", "knows", "a", { note: "stays" });
    }
    tx.map("entries").put("a", 1);
  });
  await db.transact((tx) => tx.dropGraph("dropped"));
  await db.transact((tx) => tx.putNode("pad", { props: { text: "z".repeat(50_000) } }));
  await db.transact((tx) => {
    tx.patchNode(secret, { props: { more: "of-mine" } });
    tx.putNode("b", { labels: ["T"] });
    tx.addEdge("a", "knows", "b", { note: "stays" });
    tx.addEdge(secret, "knows", "b");
  });
  await rest({ db, ports });
}

async function readAll(db: Database): Promise<EraseState> {
  const other = db.graph("other");
  const nodes = [...db.nodes(), ...other.nodes()].filter(({ key }) => key !== secret);
  const edges = [...db.allEdges(), ...other.allEdges()].filter(
    ({ from, to }) => from !== secret && to !== secret,
  );
  const counts = [db.map("entries").get("a"), db.stats().graphs.length];
  const changes: Change[] = [];
  for await (const batch of db.changes({ live: false })) changes.push(...batch.changes);
  const others = changes.filter(
    (change) => change.kind !== "erased" && !JSON.stringify(change).includes(secret),
  );
  const told = others.map(({ txLastLsn: _, ...change }) => change);
  const isLive = db.hasNode(secret);
  if (other.hasNode(secret) !== isLive) throw new Violation("O9 erasure", "in one graph of two");
  return { isLive, others: JSON.stringify([nodes, edges, counts, told]) };
}

/** @param losesIndex every opening finds the log alone. */
export async function eraseSubject(losesIndex = false): Promise<EraseSubject> {
  const filled = prepared(new SimulatedDisk({ seed: 3, trace: "none" }));
  const opened = await openLayered(filled);
  await fill(opened);
  const initial = await readAll(opened.db);
  await opened.db.close();
  const open = (ports: SimulatedPorts): Promise<Opened> => openLayeredWith(ports);
  const base = databaseSubject({ open, opensAsSaved: !losesIndex });
  return {
    isScratch: base.isScratch!,
    disk: () => filled.clone(),
    mended: (store) => (losesIndex ? [] : base.mended!(store)),
    traits: (store) => [...base.traits!(store), stageOf(store.db)],
    open: async (ports) => {
      if (losesIndex) await loseIndex(ports.disk);
      return await base.open(ports, undefined);
    },
    close: async (store) => (await base.close!(store, undefined)) as Promised,
    run,
    read: ({ db }) => readAll(db),
    check,
    initial: () => initial,
    apply: (state, command) => (command === "erase" ? { ...state, isLive: false } : state),
    alphabet: ["erase", "compact"],
    afterwards: ["erase", "compact"],
    world: () => ({ isGone: false }),
  };
}

function erase(tx: Transaction): void {
  for (const graph of [tx, tx.graph("other"), tx.graph("dropped")]) graph.erase(secret);
}

function stageOf(db: Database): string {
  if (db.hasNode(secret)) return "live";
  return db.stats().history.pendingErasures === 0 ? "gone" : "waiting";
}

async function run(
  { db, ports }: Running,
  command: EraseCommand,
  world: EraseWorld,
): Promise<undefined> {
  if (command === "erase") {
    if (db.hasNode(secret)) await db.transact(erase);
    return undefined;
  }
  const { pendingErasures } = await db.compact();
  if (pendingErasures > 0) throw new Violation("O9 erasure", `${pendingErasures} are still due`);
  if (stageOf(db) === "live") return undefined;
  requireNoByte(ports.disk);
  world.isGone = true;
  return undefined;
}

async function check({ db, ports }: Running, _: EraseState, { isGone }: EraseWorld): Promise<void> {
  const stage = stageOf(db);
  if (isGone && stage !== "gone") throw new Violation("O9 erasure", `${stage} once it was gone`);
  const { pendingErasures } = db.stats().history;
  if (stage === "live" && pendingErasures > 0) {
    throw new Violation("O9 erasure", "it is due before it was asked for");
  }
  // What is not waited for any more is gone already.
  if (stage === "gone") requireNoByte(ports.disk);
  const { sound, problems } = await db.verify();
  if (!sound) throw new Violation("O9 verify", JSON.stringify(problems));
}

function requireNoByte(disk: SimulatedDisk): void {
  const files = filesWith(disk, secrets);
  if (files.length > 0) throw new Violation("O9 erasure", `still in ${files.join()}`);
}
