// The scripted life that the crash tests break at every call: create, append, roll, close, reopen, append, close.
import { open } from "../../src/database/open.ts";
import {
  type SimulatedDisk,
  type SimulatedPorts,
  simulatedPorts,
} from "../../src/testing/testing.ts";
import type { Database, Durability } from "../../src/varve.ts";
import type { History, Plan } from "./crash-oracle.ts";

export const databasePath = "/data/graph";

/** Small segments, so that a roll comes soon; small pressure limits stay at their defaults. */
export function openOn(disk: SimulatedDisk, durability: Durability = "group"): Promise<Opened> {
  return openWith(simulatedPorts({ disk, seed: 7, tasks: "automatic" }), durability);
}

export interface Opened {
  readonly db: Database;
  readonly ports: SimulatedPorts;
}

export async function openWith(
  ports: SimulatedPorts,
  durability: Durability = "group",
): Promise<Opened> {
  const db = await open(databasePath, {
    ...ports,
    segmentBytes: 64 * 1024,
    memoryBudget: 16 * 2 ** 20,
    durability,
  });
  return { db, ports };
}

let text = "";
for (let i = 0; text.length < 64 * 1024; i++) text += `${(i * 2654435761) % 4294967296}.`;

/** A text of so many characters that does not repeat. */
export function filler(length: number, from = 0): string {
  return text.slice(from, from + length);
}

export function small(key: string): Plan {
  return { steps: [{ put: key, props: { size: key.length } }] };
}

export function linked(key: string, to: string): Plan {
  return {
    steps: [
      { put: key, props: { n: 1 } },
      { link: [key, "next", to] },
      { patch: to, props: { linkedFrom: key } },
      { emit: "linked", value: { key, to } },
    ],
  };
}

/** One transaction of about `bytes`, over several frames where they are more than 32 KiB. */
export function large(key: string, bytes: number): Plan {
  const steps: Plan["steps"][number][] = [];
  for (let i = 0; i * 2000 < bytes; i++) {
    steps.push({ put: `${key}.${i}`, props: { pad: filler(1900, i * 7) } });
  }
  return { steps };
}

/** A transaction that writes no event, only state. */
export function marked(mark: string): Plan {
  return { steps: [], mark };
}

/** Every directory above the database exists and is durable. */
export function prepared(disk: SimulatedDisk): SimulatedDisk {
  disk.writeFile("/data/other", new Uint8Array(1));
  return disk;
}

async function refused(submitted: Promise<unknown>): Promise<void> {
  try {
    await submitted;
  } catch {
    return;
  }
  throw new Error("a transaction that had to fail did not");
}

/** The first life: create, append of every kind, roll, close. */
export async function firstLife(history: History, disk: SimulatedDisk): Promise<void> {
  const { db } = await openOn(disk);
  await Promise.all([
    history.submit(db, small("a")),
    history.submit(db, linked("b", "a")),
    history.submit(db, small("c")),
  ]);
  await refused(history.submit(db, small("never"), true));
  await history.submit(db, marked("first"));
  await Promise.all([
    history.submit(db, { steps: [{ remove: "c" }], mark: "with events" }),
    history.submit(db, marked("between")),
    history.submit(db, linked("d", "b")),
  ]);
  await history.submit(db, large("big", 40_000));
  const late = history.submit(db, linked("e", "d"));
  await Promise.resolve();
  await Promise.all([
    late,
    history.submit(db, large("medium", 22_000)),
    history.submit(db, small("f")),
  ]);
  await history.submit(db, marked("rolled"));
  await history.submit(db, linked("g", "f"));
  await db.close();
}

/** The second life: reopen, append, roll, close. */
export async function secondLife(history: History, disk: SimulatedDisk): Promise<void> {
  const { db } = await openOn(disk);
  await Promise.all([history.submit(db, linked("h", "g")), history.submit(db, marked("second"))]);
  await history.submit(db, large("wide", 36_000));
  await history.submit(db, small("i"));
  await db.close();
}

/** Both lives in the weaker durabilities, with a flush in between. */
export async function weakLives(history: History, disk: SimulatedDisk): Promise<void> {
  const { db, ports } = await openOn(disk, "os");
  const os: Durability = "os";
  const soon: Durability = { intervalMs: 20 };
  await history.submit(db, { ...small("a"), durability: os });
  await history.submit(db, { ...linked("b", "a"), durability: os });
  await history.submit(db, { ...marked("weak"), durability: os });
  const count = history.length;
  await db.flush();
  history.noteDurable(count);
  await history.submit(db, { ...small("c"), durability: soon });
  await history.submit(db, { ...linked("d", "c"), durability: soon });
  await history.submit(db, { ...large("big", 40_000), durability: os });
  const before = history.length;
  await ports.scheduler.advance(2000);
  history.noteDurable(before);
  await history.submit(db, { ...large("medium", 26_000), durability: soon });
  await history.submit(db, { ...marked("soon"), durability: soon });
  await history.submit(db, { ...small("e"), durability: os });
  const all = history.length;
  await db.close();
  history.noteDurable(all);
  const again = await openOn(disk, "os");
  await history.submit(again.db, { ...linked("f", "e"), durability: os });
  await history.submit(again.db, { ...small("g"), durability: "group" });
  history.noteDurable(history.length);
  await again.db.close();
}
