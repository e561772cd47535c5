// A small store with a checksum over everything and an index beside it, for tests of what the kit says about damage; with mistakes to plant.
import type { CrashSubject, Disk, SimulatedPorts } from "../../src/testing/testing.ts";

export type GuardedBug = "skips" | "repairs" | "trusts index" | "needs index" | "leaks";

interface Guarded {
  readonly disk: Disk;
  readonly list: number[];
}

class Refused extends Error {}

function sum(bytes: readonly number[]): number {
  return bytes.reduce((total, byte, at) => (total * 31 + byte + at + 7) % 251, 17);
}

async function bytesOf(disk: Disk, path: string): Promise<number[] | undefined> {
  if ((await disk.stat(path)) === undefined) return undefined;
  const file = await disk.open(path, "read");
  const bytes = new Uint8Array(await file.size());
  await file.read(bytes, 0);
  await file.close();
  return [...bytes];
}

async function save(disk: Disk, path: string, list: readonly number[]): Promise<void> {
  const file = await disk.open(`${path}.new`, "create");
  file.writeSync(Uint8Array.of(list.length, ...list, sum(list)), 0);
  await file.sync();
  await file.close();
  await disk.rename(`${path}.new`, path);
  await disk.syncDirectory("/");
}

/** The numbers of a file: its count, the numbers, a checksum. */
function listIn(bytes: readonly number[] | undefined): number[] | undefined {
  const list = bytes?.slice(1, -1);
  if (bytes?.[0] !== list?.length || list === undefined || bytes === undefined) return undefined;
  return bytes.at(-1) === sum(list) ? list : undefined;
}

async function opened({ disk }: SimulatedPorts, bug: GuardedBug | undefined): Promise<Guarded> {
  const kept = await bytesOf(disk, "/list");
  const index = await bytesOf(disk, "/index");
  if (kept === undefined && index === undefined) return { disk, list: [] };
  let list = listIn(kept);
  if (bug === "skips") list ??= [];
  if (bug === "trusts index") list = (index ?? kept)?.slice(1, -1);
  if (bug === "needs index" && listIn(index) === undefined) list = undefined;
  if (list !== undefined) return { disk, list };
  if (bug === "repairs") await disk.rename("/index", "/old").catch(() => {});
  if (bug === "leaks") await disk.open("/index", "read").catch(() => {});
  throw new Refused("the list is damaged");
}

export function guardedSubject(bug?: GuardedBug): CrashSubject<Guarded, number, readonly number[]> {
  return {
    open: (ports) => opened(ports, bug),
    close: async () => "durable",
    run: async ({ disk, list }, number) => {
      list.push(number);
      await save(disk, "/list", list);
      await save(disk, "/index", list);
    },
    read: ({ list }) => [...list],
    initial: () => [],
    apply: (list, number) => [...list, number],
    alphabet: [7],
    isHonest: (error) => error instanceof Refused,
    isRefusal: (error) => error instanceof Refused,
  };
}
