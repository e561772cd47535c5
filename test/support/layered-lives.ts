// Random lives over tiny budgets: layers frozen, flushed, merged and stood for by checkpoints, replays larger than memory may hold, and
// an index that is damaged and made anew; and the judge of what a crash leaves of them.
import { openTuned } from "../../src/database/open.ts";
import type { Tuning } from "../../src/database/tuning.ts";
import { PAGE_HEADER, pageMagic } from "../../src/index/page-format.ts";
import {
  dropAll,
  SimulatedClock,
  type SimulatedDisk,
  SimulatedRandom,
  simulatedPorts,
} from "../../src/testing/testing.ts";
import type { Durability } from "../../src/varve.ts";
import { recordCalls } from "./crash-explorer.ts";
import { type Death, History, type Plan, readView, Violation } from "./crash-oracle.ts";
import { databasePath, filler, marked, type Opened, small } from "./crash-script.ts";
import { checkOwners } from "./file-owners.ts";
import { randomPlan, treeWorkerOn } from "./kept-life.ts";
import { rest, tinyTuning } from "./layered-script.ts";
import { loseIndex } from "./lose-index.ts";
import type { CrashState, Place } from "./state-sweep.ts";

export interface LayeredOptions {
  readonly seed: number;
  readonly steps: number;
  /** Whether pages of the index go bad on the way. */
  readonly damages: boolean;
  readonly tuned: Partial<Tuning>;
}

export interface Layered {
  readonly history: History;
  readonly tuned: Partial<Tuning>;
  readonly isDamaged: boolean;
}

/** Budgets of a few entries: which stage has how much to do differs from life to life. */
export function tuningOf(seed: number): Partial<Tuning> {
  const random = new SimulatedRandom(seed).fork("budgets");
  const isCramped = random.below(2) === 0;
  return {
    activeEventsMax: 2 + random.below(20),
    // Less than what a segment's events take: a replay has to write runs on its way.
    ...(isCramped ? { activeBytesMax: 8 * 1024, activeEventsMax: 1000 } : {}),
    mergeAbove: 1 + random.below(4),
    pageBytes: [512, 1024][random.below(2)]!,
    pageCacheBytes: [2048, 8192][random.below(2)]!,
    pageCacheBytesMax: 8192,
    closeEventsMax: [0, 8, 1000][random.below(3)]!,
  };
}

export function keyOfLayered({ history, isDamaged }: Layered): string {
  return `${history.fingerprint} ${isDamaged}`;
}

async function openWith(disk: SimulatedDisk, tuned: Partial<Tuning>): Promise<Opened> {
  const ports = simulatedPorts({ disk, seed: 7, tasks: "automatic", clock: new SimulatedClock() });
  treeWorkerOn(ports);
  const options = { ...ports, segmentBytes: 64 * 1024, memoryBudget: 16 * 2 ** 20 };
  return { db: await openTuned(databasePath, options, { ...tinyTuning, ...tuned }), ports };
}

/** What `work` comes to once the index is there again. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (code !== "INDEX_REBUILDING" || attempt === 1000) throw error;
      for (let turn = 0; turn < 50; turn++) await undefined;
    }
  }
}

class LayeredLife {
  readonly history: History = new History();
  readonly disk: SimulatedDisk;
  readonly options: LayeredOptions;
  opened!: Opened;
  isDamaged = false;
  rebuilds = 0;
  merges = 0;
  readonly #random: SimulatedRandom;
  #written = 0;

  constructor(disk: SimulatedDisk, options: LayeredOptions) {
    this.disk = disk;
    this.options = options;
    this.#random = new SimulatedRandom(options.seed).fork("layered life");
  }

  async live(): Promise<void> {
    this.opened = await openWith(this.disk, this.options.tuned);
    for (let at = 0; at < this.options.steps; at++) {
      if (this.options.damages && at === this.options.steps >> 1) await this.#damage();
      await this.#step();
    }
    await this.#close();
  }

  async #step(): Promise<void> {
    const kind = this.#random.below(13);
    if (kind < 5) await this.#write();
    else if (kind < 7) await this.#together();
    else if (kind < 8) await this.#large();
    else if (kind < 9) await this.#durably((opened) => opened.db.checkpoint());
    else if (kind < 10) await this.#durably((opened) => opened.db.flush());
    else if (kind < 11) await rest(this.opened);
    else if (kind < 12) {
      await this.#close();
      this.opened = await openWith(this.disk, this.options.tuned);
    } else await this.opened.ports.scheduler.advance(1 + this.#random.below(2000));
  }

  async #write(): Promise<void> {
    await this.#submit(() => randomPlan(this.opened.db, this.#random));
  }

  async #large(): Promise<void> {
    const from = this.#random.below(400);
    const pads = [0, 1].map((i) => ({
      put: `big.${i}`,
      props: { pad: filler(1900, from + i * 7) },
    }));
    const value = filler(10_000 + this.#random.below(30_000), from);
    await this.#submit(() => ({ steps: [...pads, { emit: "filler", value }] }));
  }

  /** Several transactions of one turn, each as durable as it likes. */
  async #together(): Promise<void> {
    const levels: Durability[] = ["group", "os", { intervalMs: 5 }];
    const plans = Array.from({ length: 2 + this.#random.below(4) }, (): Plan => {
      const at = this.#written++;
      const durability = levels[this.#random.below(3)]!;
      return { ...(at % 5 === 0 ? marked(`m${at}`) : small(`n${at % 9}`)), durability };
    });
    await Promise.all(plans.map((plan) => this.#submit(() => plan)));
  }

  async #submit(plan: () => Plan): Promise<void> {
    await patiently(async () => {
      await this.history.submit(this.opened.db, plan());
    });
  }

  async #durably(work: (opened: Opened) => Promise<unknown>): Promise<void> {
    const count = this.history.length;
    await patiently(() => work(this.opened));
    this.history.noteDurable(count);
  }

  /** Spoils pages of the index; whoever reads them next meets that, and the index is made anew beside what follows. */
  async #damage(): Promise<void> {
    await this.#durably((opened) => opened.db.checkpoint());
    await rest(this.opened);
    spoilTrees(this.disk);
    this.isDamaged = true;
    await this.#step();
    try {
      this.history.checkGraph(this.opened.db);
    } catch (error) {
      if ((error as { code?: unknown }).code !== "INDEX_REBUILDING") throw error;
    }
  }

  async #close(): Promise<void> {
    const { index, counters } = this.opened.db.stats();
    this.rebuilds += index.rebuilds;
    this.merges += counters.merges;
    const all = this.history.length;
    await this.opened.db.close();
    this.history.noteDurable(all);
  }
}

/** Changes a byte of each page of every tree, and nothing in the footers: an opening does not see it. */
function spoilTrees(disk: SimulatedDisk): void {
  for (const path of disk.listAll()) {
    if (!path.endsWith(".tree")) continue;
    const bytes = disk.readFile(path).slice();
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const end = bytes.length - PAGE_HEADER.length - 4;
    for (let at = 0; at < end && view.getUint32(at + PAGE_HEADER.magic, true) === pageMagic; ) {
      at += view.getUint32(at + PAGE_HEADER.length, true);
      bytes[at - 1]! ^= 0x55;
    }
    disk.writeFile(path, bytes);
  }
}

/** A life with every place at which it can be broken. */
export async function recordLayered(
  disk: SimulatedDisk,
  options: LayeredOptions,
): Promise<{
  readonly life: { readonly rebuilds: number; readonly merges: number };
  readonly places: Place<Layered>[];
}> {
  const life = new LayeredLife(disk, options);
  const { tuned } = options;
  const places = await recordCalls(
    disk,
    () => ({ history: life.history.snapshot(), tuned, isDamaged: life.isDamaged }),
    () => life.live(),
  );
  return { life, places };
}

/** What follows a crash, with its places: the recovery, a checkpoint beside a write, and a close. */
export async function recordLayeredRecovery(
  disk: SimulatedDisk,
  death: Death,
  known: Layered,
): Promise<Place<Layered>[]> {
  let { history } = known;
  if (death === "power") history = history.weakened();
  return await recordCalls(
    disk,
    () => ({ ...known, history: history.snapshot() }),
    async () => {
      const opened = await openWith(disk, known.tuned);
      history = await patiently(() => checkLayered(opened, death, history));
      await patiently(() => history.submit(opened.db, small("recovered")));
      await patiently(() => opened.db.checkpoint());
      await opened.db.close();
    },
  );
}

async function checkLayered({ db }: Opened, death: Death, history: History): Promise<History> {
  const kept = history.checkAfter(death, await readView(db));
  kept.checkGraph(db);
  return kept;
}

/** So many states are only opened and compared for one that lives on. */
const livesOn = 11;

export async function judgeLayered(
  { disk, death, known, turn }: CrashState<Layered>,
  meet: (what: string) => void,
): Promise<void> {
  const { tuned } = known;
  const opened = await openWith(disk, tuned);
  const { recovery } = opened.db;
  const hasRuns = opened.db.stats().counters.flushes > 0;
  if (hasRuns) meet("flushed in its replay");
  else {
    await checkOwners(disk, databasePath, { isOpen: true, quarantined: recovery.quarantined });
  }
  meet(recovery.checkpointLsn > 0 ? "from a checkpoint" : "from the log alone");
  const kept = await patiently(() => checkLayered(opened, death, known.history));
  if (opened.db.stats().index.rebuilds > 0) meet("met damage");
  const next = disk.powerCut(dropAll);
  disk.stop();
  if (turn % livesOn === 0) await liveOn(next, kept, tuned, turn / livesOn);
}

/** What was recovered is durable, and what follows is so again; at the end nothing is left that nobody owns. */
async function liveOn(
  disk: SimulatedDisk,
  kept: History,
  tuned: Partial<Tuning>,
  turn: number,
): Promise<void> {
  const opened = await openWith(disk, tuned);
  const { db } = opened;
  const known = await patiently(() => checkLayered(opened, "power", kept));
  await patiently(() => known.submit(db, small("again")));
  await patiently(() => db.checkpoint());
  await rest(opened);
  await db.close();
  if (disk.openFiles > 0) throw new Violation("leak", `${disk.openFiles} files are still open`);
  await checkOwners(disk, databasePath, { isOpen: false, quarantined: [] });
  if (turn % 3 === 0) await loseIndex(disk);
  const again = await openWith(disk, tuned);
  await checkLayered(again, "kill", known);
  const { sound, problems } = await again.db.verify();
  if (!sound) throw new Violation("verify", JSON.stringify(problems));
  disk.stop();
}
