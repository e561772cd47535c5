// A database that is damaged, as the explorer of the published kit is told of it: its one command is a repair, and what it is before one is a
// refusal.
import {
  type CrashSubject,
  type SimulatedDisk,
  type SimulatedPorts,
  simulatedPorts,
  Violation,
} from "../../src/testing/testing.ts";
import { type Database, open, repair, VarveError } from "../../src/varve.ts";
import { directory, imageOf, sameImage, segmentBytes } from "../corruption/specimen.ts";

const refused = "refused";

interface Damaged {
  readonly ports: SimulatedPorts;
  /** Undefined while it is refused. */
  db: Database | undefined;
}

/** @param damaged is not changed. */
export async function repairSubject(
  damaged: SimulatedDisk,
): Promise<CrashSubject<Damaged, "repair", string>> {
  const whole: Damaged = {
    ports: simulatedPorts({ disk: damaged.clone(), seed: 4 }),
    db: undefined,
  };
  await repaired(whole);
  const due = await textOf(whole.db as Database);
  return {
    open: async (ports) => ({ ports, db: await strictly(ports) }),
    close: async ({ db }) => {
      await db?.close();
      return "durable";
    },
    run: (store) => repaired(store),
    read: async ({ db }) => (db === undefined ? refused : await textOf(db)),
    check: async ({ ports: { disk }, db }) => {
      if (db === undefined) return;
      const { sound, problems } = await db.verify();
      if (!sound) throw new Violation("O9 verify", JSON.stringify(problems));
      const isKept = disk.listAll().some((path) => /quarantine\/salvage\.\d+$/.test(path));
      if (!isKept) throw new Violation("O9 report", "no report was kept");
    },
    initial: () => refused,
    apply: () => due,
    alphabet: ["repair"],
    traits: ({ db }) => [db === undefined ? refused : "opened"],
    disk: () => damaged.clone(),
  };
}

async function repaired(store: Damaged): Promise<void> {
  await store.db?.close();
  store.db = undefined;
  await repair(directory, { ...store.ports, segmentBytes });
  store.db = await strictly(store.ports);
}

/** As a strict opening has it: one that refuses leaves everything as it was. */
async function strictly(ports: SimulatedPorts): Promise<Database | undefined> {
  const before = imageOf(ports.disk);
  try {
    return await open(directory, { ...ports, segmentBytes, memoryBudget: 16 * 2 ** 20 });
  } catch (error) {
    if (!(error instanceof VarveError) || error.code !== "CORRUPT") throw error;
    if (sameImage(before, imageOf(ports.disk))) return undefined;
    throw new Violation("O13 refusal is harmless", error.message);
  }
}

async function textOf(db: Database): Promise<string> {
  const found: string[] = [];
  for await (const { changes } of db.changes({ live: false })) {
    for (const { lsn, kind } of changes) found.push(`${lsn} ${kind}`);
  }
  const edges = [...db.allEdges()].map(({ id }) => id);
  return [...found, ...[...db.nodes()].map(({ key }) => key), ...edges].join();
}
