// Databases on a simulated machine, their backups, and the digest of all that they answer.
import type { OpenOptions } from "../../src/database/options.ts";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.ts";
import { type SimulatedPorts, simulatedPorts } from "../../src/testing/simulated-ports.ts";
import { type Database, open } from "../../src/varve.ts";
import { digestOf } from "../corruption/specimen.ts";

export const original = "/data/graph";
export const copy = "/data/copy";

export function portsOn(disk: SimulatedDisk): SimulatedPorts {
  return simulatedPorts({ disk, seed: 5, tasks: "automatic" });
}

/** Opens as a new process would. */
export async function openAt(
  disk: SimulatedDisk,
  path: string,
  options: OpenOptions = {},
): Promise<Database> {
  const sizes = { segmentBytes: 64 * 1024, memoryBudget: 16 * 2 ** 20 };
  return await open(path, { ...portsOn(disk), ...sizes, ...options });
}

/** One transaction with some of everything; `bytes` of text in it. */
export async function write(db: Database, turn: number, bytes = 200): Promise<void> {
  await db.transact((tx) => {
    tx.putNode(`n${turn}`, { labels: ["Dot"], props: { turn, text: "x".repeat(bytes) } });
    tx.putNode("hub", { props: { turn } });
    tx.addEdge(`n${turn}`, "TO", "hub", { turn });
    if (turn > 3) tx.removeNode(`n${turn - 3}`);
    tx.emit("written", { turn });
  });
}

export async function digestAt(disk: SimulatedDisk, path: string): Promise<string> {
  const db = await openAt(disk, path, { create: false });
  const digest = await digestOf(db);
  await db.close();
  return digest;
}

/** Names and lengths of what is in a directory. */
export function filesIn(disk: SimulatedDisk, directory: string): Map<string, number> {
  const paths = disk.listAll().filter((path) => path.startsWith(`${directory}/`));
  return new Map(
    paths.map((path) => [path.slice(directory.length + 1), disk.readFile(path).length]),
  );
}
