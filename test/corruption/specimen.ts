// Builds a small database of every kind of event on the simulated disk, and takes the digest of all that it answers.
import { createHash } from "node:crypto";
import type { Database } from "../../src/database/database.ts";
import { openTuned } from "../../src/database/open.ts";
import { writeState } from "../../src/database/system-state.ts";
import type { Tuning } from "../../src/database/tuning.ts";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.ts";
import { type SimulatedPorts, simulatedPorts } from "../../src/testing/simulated-ports.ts";
import { open } from "../../src/varve.ts";

export const directory = "/db";
export const segmentBytes: number = 64 * 1024;

export interface Opened {
  readonly db: Database;
  readonly ports: SimulatedPorts;
}

/** Opens the database on a disk, as a new process would. */
export async function openOn(disk: SimulatedDisk): Promise<Opened> {
  const ports = simulatedPorts({ disk, seed: disk.seed });
  const db = await open(directory, { ...ports, segmentBytes, memoryBudget: 16 * 2 ** 20 });
  return { db, ports };
}

/**
 * Three segments, the first two sealed early by recoveries that moved what the watermark did not cover: so every file
 * is small. Cleanly closed.
 */
export async function cleanSpecimen(seed: number): Promise<SimulatedDisk> {
  let opened = await openOn(simulatedPorts({ seed }).disk);
  await writeGraph(opened.db, seed);
  opened = await killed(opened, seed);
  await writeChanges(opened.db, seed);
  opened = await killed(opened, seed);
  await writeLarge(opened.db, seed);
  await opened.db.close();
  return opened.ports.disk.clone();
}

/** Small pages, and a run for every checkpoint. */
const tiny: Partial<Tuning> = {
  pageBytes: 512,
  pageCacheBytes: 4096,
  pageCacheBytesMax: 4096,
  mergeAbove: 100,
  closeEventsMax: 1_000_000,
};

/** As `openOn`, with an index of small pages. */
export async function openIndexed(disk: SimulatedDisk): Promise<Opened> {
  const ports = simulatedPorts({ disk, seed: disk.seed, tasks: "automatic" });
  const options = { ...ports, segmentBytes, memoryBudget: 16 * 2 ** 20 };
  return { db: await openTuned(directory, options, tiny), ports };
}

/** As `cleanSpecimen`, with a checkpoint that names three runs and has a few events behind it. Cleanly closed. */
export async function indexedSpecimen(seed: number): Promise<SimulatedDisk> {
  let opened = await openIndexed(simulatedPorts({ seed }).disk);
  await writeGraph(opened.db, seed);
  await opened.db.checkpoint();
  opened = await killed(opened, seed, openIndexed);
  await writeChanges(opened.db, seed);
  await opened.db.checkpoint();
  opened = await killed(opened, seed, openIndexed);
  await writeLarge(opened.db, seed);
  await opened.db.checkpoint();
  await opened.db.transact((tx) => tx.addEdge("ada", "KNOWS", "n1", { late: true }));
  await opened.db.close();
  return opened.ports.disk.clone();
}

/** Commits something that is written and not synced, kills the process and opens again. */
async function killed(
  { db, ports }: Opened,
  seed: number,
  reopen: (disk: SimulatedDisk) => Promise<Opened> = openOn,
): Promise<Opened> {
  await db.transact((tx) => tx.putNode(`unsynced-${seed}-${db.lastLsn}`), { durability: "os" });
  ports.scheduler.stop();
  return await reopen(ports.disk.kill());
}

async function writeGraph(db: Database, seed: number): Promise<void> {
  await db.transact((tx) => {
    tx.putNode("ada", { labels: ["Person"], props: { name: "Ada", born: 1815, seed } });
    tx.putNode("bob", { labels: ["Person", "Poet"], props: { zero: -0, nan: Number.NaN } });
    tx.putNode("__proto__", { props: { big: 2n ** 70n, when: new Date(seed), lone: "\ud800" } });
    tx.addEdge("ada", "KNOWS", "bob", { since: 1843, weights: [0.5, -1, null] });
    tx.addEdge("ada", "KNOWS", "bob");
    tx.addEdge("bob", "LIKES", "bob", { bytes: new Uint8Array([0, 1, seed]) });
  });
  await db.transact((tx) => {
    const ids = tx.putNodes(
      Array.from({ length: 12 }, (_, i) => `n${i}`),
      { labels: ["Dot"] },
    );
    tx.addEdges({ type: "NEXT", from: ids, to: Uint32Array.from(ids).reverse() });
    writeState(tx, "specimen", { seed });
  });
}

async function writeChanges(db: Database, seed: number): Promise<void> {
  for (let i = 0; i < 18; i++) {
    await db.transact((tx) => {
      tx.patchNode("ada", { props: { turn: i }, addLabels: i === 3 ? ["Patched"] : [] });
      if (i % 3 === 0) tx.patchEdge(4, { turn: i, since: null });
    });
  }
  await db.transact((tx) => {
    tx.removeEdge(5);
    tx.removeNode("n3");
    tx.putNode("n3", { labels: ["Again"] });
    tx.putEdge("bob", "LIKES", "ada", { n: seed });
    tx.emit("signed-up", { user: "ada", seed });
  });
}

async function writeLarge(db: Database, seed: number): Promise<void> {
  await db.transact((tx) => {
    for (let i = 0; i < 12; i++) {
      tx.putNode(`large-${i}`, {
        props: { text: `${seed}`.padEnd(2900, String.fromCharCode(97 + i)) },
      });
    }
  });
  await db.transact((tx) => tx.addEdge("large-0", "NEXT", "large-1", { last: true }));
}

/** A text that is the same for the same value, and for no other. */
function textOf(value: unknown): string {
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "undefined";
  if (value instanceof Date) return `date ${value.getTime()}`;
  if (value instanceof Uint8Array) return `bytes ${value.join()}`;
  if (Array.isArray(value)) return `[${value.map(textOf).join()}]`;
  const fields = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${textOf((value as Record<string, unknown>)[key])}`);
  return `{${fields.join()}}`;
}

/** A hash over everything that the read face and the feed say. */
export async function digestOf(db: Database): Promise<string> {
  const hash = createHash("sha256");
  const add = (value: unknown): void => {
    hash.update(textOf(value));
  };
  add([db.lastLsn, db.durableLsn, db.nodeCount, db.edgeCount]);
  const nodes = [...db.nodes()];
  add(nodes);
  add([...db.allEdges()]);
  for (const { key, id } of nodes) {
    add([...db.edges(key, { direction: "both" })]);
    add([...db.neighborIds(id, { direction: "in" })]);
  }
  for (const label of ["Person", "Poet", "Dot", "Patched", "Again"]) {
    add([...db.nodes({ label })].map(({ key }) => key));
  }
  add(db.shortestPath("ada", "bob"));
  for await (const batch of db.changes({ live: false })) add(batch.changes);
  return hash.digest("hex");
}

/** A copy of a disk in which one file has other bytes. */
export function withFile(disk: SimulatedDisk, path: string, bytes: Uint8Array): SimulatedDisk {
  const copy = disk.clone();
  copy.writeFile(path, bytes);
  return copy;
}

/** A copy of a disk without one file. */
export function withoutFile(disk: SimulatedDisk, path: string): SimulatedDisk {
  const copy = disk.clone();
  copy.removeFile(path);
  return copy;
}

export function sameImage(a: Map<string, Buffer>, b: Map<string, Buffer>): boolean {
  return a.size === b.size && [...a].every(([path, bytes]) => b.get(path)?.equals(bytes) === true);
}

/** Every file of a disk but the lock's, which names a holder and holds no data. */
export function imageOf(disk: SimulatedDisk): Map<string, Buffer> {
  const paths = disk.listAll().filter((path) => !path.endsWith("/lock"));
  return new Map(paths.map((path) => [path, Buffer.from(disk.readFile(path))]));
}
