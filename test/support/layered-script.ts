// The life that the crash tests of the index break: everything small, so that layers are frozen, flushed, merged and stood for by
// checkpoints all the time, with rolls of the log between them.
import { openTuned } from "../../src/database/open.ts";
import type { Tuning } from "../../src/database/tuning.ts";
import { handle } from "../../src/index/tree-worker.ts";
import {
  type SimulatedDisk,
  type SimulatedPorts,
  simulatedPorts,
} from "../../src/testing/testing.ts";
import type { Durability } from "../../src/varve.ts";
import { tinyTrees } from "../graph/support.ts";
import type { History, Plan } from "./crash-oracle.ts";
import { databasePath, large, linked, marked, type Opened, small } from "./crash-script.ts";

/** A few events to a layer, a few entries to a page, three runs at most. */
export const tinyTuning: Partial<Tuning> = {
  index: tinyTrees,
  activeEventsMax: 5,
  pageCacheBytes: 8 * 1024,
  pageCacheBytesMax: 8 * 1024,
  pageBytes: 512,
  closeEventsMax: 0,
  mergeAbove: 2,
  sealBytesMin: 16 * 1024,
};

const treeWorker = new URL("../../src/index/tree-worker.ts", import.meta.url);

/** The worker's module is there without an import, whose time nobody controls: equal lives make equal calls. */
export function registerTreeWorker({ workers }: SimulatedPorts): void {
  workers.register(treeWorker, { handle });
}

export function layeredPorts(disk: SimulatedDisk): SimulatedPorts {
  const ports = simulatedPorts({ disk, seed: 7, tasks: "automatic" });
  registerTreeWorker(ports);
  return ports;
}

export function openLayered(
  disk: SimulatedDisk,
  durability: Durability = "group",
  tuned: Partial<Tuning> = {},
): Promise<Opened> {
  return openLayeredWith(layeredPorts(disk), durability, tuned);
}

export async function openLayeredWith(
  ports: SimulatedPorts,
  durability: Durability = "group",
  tuned: Partial<Tuning> = {},
): Promise<Opened> {
  registerTreeWorker(ports);
  const options = { ...ports, segmentBytes: 64 * 1024, memoryBudget: 16 * 2 ** 20, durability };
  const db = await openTuned(databasePath, options, { ...tinyTuning, ...tuned });
  return { db, ports };
}

/** Lets the background go on until it has nothing left to do. */
export async function rest({ db }: Opened, turns = 6000): Promise<void> {
  const seen = (): string => JSON.stringify(db.stats().counters);
  let [before, calm] = [seen(), 0];
  for (let turn = 0; turn < turns / 2 && calm < 400; turn++) {
    for (let i = 0; i < 40; i++) await undefined;
    const now = seen();
    calm = now === before ? calm + 40 : 0;
    before = now;
  }
}

/** Transactions of every kind: flushes and merges come by themselves, checkpoints also when asked for. */
export async function layeredLife(
  history: History,
  disk: SimulatedDisk,
  durability: Durability = "group",
): Promise<void> {
  const opened = await openLayered(disk, durability);
  const { db } = opened;
  const submit = (plan: Plan): Promise<unknown> => history.submit(db, { ...plan, durability });
  await Promise.all([submit(small("a")), submit(linked("b", "a")), submit(small("c"))]);
  await rest(opened);
  await submit({ steps: [{ remove: "c" }, { link: ["a", "knows", "b"] }], mark: "first" });
  await submit({ steps: [{ unlink: ["b", "next", "a"] }, { patch: "a", props: { n: 2 } }] });
  await Promise.all([submit(marked("between")), submit(linked("d", "b"))]);
  await rest(opened);
  await submit(large("big", 40_000));
  await Promise.all([submit(linked("e", "d")), submit(large("medium", 22_000))]);
  await rest(opened);
  await submit({ steps: [{ unlink: ["a", "knows", "b"] }, { link: ["e", "knows", "a"] }] });
  const wanted = history.length;
  await db.checkpoint();
  history.noteDurable(wanted);
  await submit(small("f"));
  await submit(marked("behind"));
  const all = history.length;
  await db.close();
  history.noteDurable(all);

  const again = await openLayered(disk, durability);
  const next = (plan: Plan): Promise<unknown> => history.submit(again.db, { ...plan, durability });
  await next(linked("g", "f"));
  await next({ steps: [{ remove: "big.3" }, { unlink: ["e", "knows", "a"] }] });
  await rest(again);
  await next(small("h"));
  const last = history.length;
  await again.db.close();
  history.noteDurable(last);
}
