// Runs a life on a simulated disk, keeps a copy of the disk before and after every call that changes it, and checks
// what the next process finds on each copy.
import {
  diskFingerprint,
  dropAll,
  keepAll,
  type SimulatedDisk,
  type Survival,
  survivalFamily,
} from "../../src/testing/testing.ts";
import { type Death, type History, readView, type View, Violation } from "./crash-oracle.ts";
import { databasePath, linked, marked, type Opened, openOn } from "./crash-script.ts";
import { checkOwners } from "./file-owners.ts";
import { reportStates } from "./state-report.ts";

/** The disk and what was known at one place of a life. */
export interface CrashPoint {
  readonly label: string;
  readonly call: number;
  readonly phase: "before" | "after";
  readonly disk: SimulatedDisk;
  readonly history: History;
}

/** One run with a crash point before and after every call that changes state. */
export async function record(
  disk: SimulatedDisk,
  history: () => History,
  life: () => Promise<void>,
): Promise<CrashPoint[]> {
  const points = await recordCalls(disk, () => history().snapshot(), life);
  return points.map(({ known, ...point }) => ({ ...point, history: known }));
}

/** The same with whatever is known at each place. */
export async function recordCalls<K>(
  disk: SimulatedDisk,
  known: () => K,
  life: () => Promise<void>,
): Promise<(Omit<CrashPoint, "history"> & { readonly known: K })[]> {
  const points: (Omit<CrashPoint, "history"> & { readonly known: K })[] = [];
  disk.onCall = ({ index, operation, path, phase }) => {
    const label = `${phase} ${index} ${operation} ${path.slice(databasePath.length)}`;
    points.push({ label, call: index, phase, disk: disk.clone(), known: known() });
  };
  try {
    await life();
  } finally {
    disk.onCall = undefined;
  }
  return points;
}

/** `undefined` stands for a process kill: everything written is there, nothing is safer than before. */
export type Loss = Survival | undefined;

export function lossesAt(disk: SimulatedDisk): Loss[] {
  return [undefined, ...survivalFamily(disk)];
}

/** Every so-many-th of the family, with the two extremes and the kill always among them. */
export function someLosses(disk: SimulatedDisk, count: number, turn: number): Loss[] {
  const family = survivalFamily(disk).slice(2);
  const some: Loss[] = [undefined, dropAll, keepAll];
  for (let i = 0; i < Math.min(count, family.length); i++) {
    const at = (turn * count + i * Math.ceil(family.length / count) + turn) % family.length;
    some.push(family[at]);
  }
  return [...new Set(some)];
}

export function afterLoss(disk: SimulatedDisk, loss: Loss): { disk: SimulatedDisk; death: Death } {
  if (loss === undefined) return { disk: disk.clone(), death: "kill" };
  return { disk: disk.powerCut(loss), death: "power" };
}

/** Which crashes of a recovery are followed by a recovery that is crashed at every call as well, and how. */
export interface Deeper {
  at(): boolean;
  losses(disk: SimulatedDisk, turn: number): Loss[];
}

export interface Tally {
  /** Crash states judged, those that another one had shown to be the same included. */
  states: number;
  /** States that were opened and checked. */
  distinct: number;
  /** Recoveries that were themselves crashed at every call. */
  recoveries: number;
}

/** How the lives of an explorer are opened. */
export type Opener = (disk: SimulatedDisk) => Promise<Opened>;

export class Explorer {
  readonly tally: Tally = { states: 0, distinct: 0, recoveries: 0 };
  /** How often each way of recovering was met, by what the report says. */
  readonly seen: Map<string, number> = new Map();
  /** Names of the states that were judged. */
  readonly checked: Set<string> = new Set();
  readonly #recovered: Set<string> = new Set();
  readonly #open: Opener;
  /** Whether the files of a database just opened are those of its checkpoints, and none is a run's that none names. */
  readonly #opensAsSaved: boolean;

  /** @param opensAsSaved false where a replay may write runs of its own. */
  constructor(open: Opener = (disk) => openOn(disk), opensAsSaved = true) {
    this.#open = open;
    this.#opensAsSaved = opensAsSaved;
  }

  /** Judges one crash state, unless an equal one was judged before. */
  async check(point: CrashPoint, loss: Loss, trail: string): Promise<void> {
    this.tally.states++;
    const { disk, death } = afterLoss(point.disk, loss);
    const key = `${death} ${contentOf(disk)} ${point.history.fingerprint}`;
    if (this.checked.has(key)) return;
    this.checked.add(key);
    this.tally.distinct++;
    const which = `state ${this.tally.states}: ${trail}; ${point.label}; ${loss?.label ?? "kill"}`;
    await told(which, async () => {
      await this.#judge(disk, death, point.history);
    });
  }

  /** Crashes the recovery of one crash state before and after each of its calls. */
  async checkRecovery(
    point: CrashPoint,
    loss: Loss,
    lossesOf: (disk: SimulatedDisk, turn: number) => Loss[],
    trail = "",
    deeper?: Deeper,
  ): Promise<void> {
    const { disk, death } = afterLoss(point.disk, loss);
    const key = `${death} ${contentOf(disk)} ${point.history.fingerprint}`;
    if (this.#recovered.has(key)) return;
    this.#recovered.add(key);
    this.tally.recoveries++;
    const path = `${trail}${point.label}; ${loss?.label ?? "kill"}`;
    let known = death === "power" ? point.history.weakened() : point.history.snapshot();
    const points = await told(path, () =>
      record(
        disk,
        () => known,
        async () => {
          const { db } = await this.#open(disk);
          known = known.checkAfter(death, await readView(db));
          await known.submit(db, linked("x", "x"));
          await known.submit(db, marked("recovered"));
          await db.close();
        },
      ),
    );
    for (const [turn, second] of points.entries()) {
      for (const next of lossesOf(second.disk, turn)) {
        await this.check(second, next, path);
        if (deeper?.at() === true) {
          await this.checkRecovery(second, next, deeper.losses, `${path}; `);
        }
      }
    }
  }

  async #judge(disk: SimulatedDisk, death: Death, history: History): Promise<void> {
    if (this.tally.distinct % 3 === 0) await this.#judgeTidiness(disk.clone());
    const { db } = await this.#open(disk);
    this.#count(db.recovery);
    await this.#checkOpened(disk.clone(), db.recovery.quarantined);
    const known = history.checkAfter(death, await readView(db));
    known.checkGraph(db);
    if (db.recovery.lastLsn !== db.lastLsn) {
      throw new Violation("report", `lastLsn ${db.recovery.lastLsn} is ${db.lastLsn}`);
    }
    await known.submit(db, linked("x", "x"));
    await known.submit(db, marked("again"));

    // Life goes on, and what it did survives the next power cut.
    const next = disk.powerCut(dropAll);
    disk.stop();
    const second = await this.#open(next);
    const still = known.checkAfter("power", await readView(second.db));
    still.checkGraph(second.db);
    if (this.tally.distinct % 16 === 0) {
      const { sound, problems } = await second.db.verify();
      if (!sound) throw new Violation("verify", JSON.stringify(problems));
    }
    const { lastLsn } = second.db;
    await second.db.close();
    if (next.openFiles > 0) throw new Violation("leak", `${next.openFiles} files are still open`);
    await checkOwners(next, databasePath, { isOpen: false, quarantined: [] });

    // Recovering again finds the same, and nothing to do.
    const quiet = next.powerCut(dropAll);
    still.checkAfter("power", await this.#judgeQuiet(quiet, lastLsn));
    quiet.stop();
  }

  /** What one recovery and a clean close leave is in order: nothing is left for the next one to cut. */
  async #judgeTidiness(disk: SimulatedDisk): Promise<void> {
    const { db } = await this.#open(disk);
    await db.transact((tx) => tx.putNode("tidy"));
    const { lastLsn } = db;
    await db.close();
    await checkOwners(disk, databasePath, { isOpen: false, quarantined: [] });
    await this.#judgeQuiet(disk, lastLsn);
    disk.stop();
  }

  async #judgeQuiet(quiet: SimulatedDisk, lastLsn: number): Promise<View> {
    const third = await this.#open(quiet);
    await this.#checkOpened(quiet.clone(), []);
    const { clean, truncatedBytes, quarantined, warnings } = third.db.recovery;
    // The reserve is space, not data: a power cut may take it.
    const rebuilt = third.db.recovery.rebuilt.filter((name) => name !== "reserve");
    const report = {
      clean,
      truncatedBytes,
      quarantined,
      rebuilt,
      warnings,
      lastLsn: third.db.lastLsn,
    };
    const due = {
      clean: true,
      truncatedBytes: 0,
      quarantined: [],
      rebuilt: [],
      warnings: [],
      lastLsn,
    };
    if (JSON.stringify(report) !== JSON.stringify(due)) {
      throw new Violation("idempotence", `after a clean close: ${JSON.stringify(report)}`);
    }
    return await readView(third.db);
  }

  /** In the turn the opening ends: the background has not begun. */
  async #checkOpened(disk: SimulatedDisk, quarantined: readonly string[]): Promise<void> {
    if (this.#opensAsSaved) await checkOwners(disk, databasePath, { isOpen: true, quarantined });
  }

  #count(report: {
    readonly clean: boolean;
    readonly checkpointLsn: number;
    readonly truncatedBytes: number;
    readonly quarantined: readonly string[];
    readonly rebuilt: readonly string[];
  }): void {
    const traits = [report.clean ? "clean" : "unclean"];
    if (report.checkpointLsn > 0) traits.push("from a checkpoint");
    if (report.truncatedBytes > 0) traits.push("tail cut");
    if (report.quarantined.some((name) => name.endsWith(".log"))) traits.push("segment set aside");
    traits.push(...report.rebuilt.map((name) => `rebuilt ${name}`));
    for (const trait of traits) this.seen.set(trait, (this.seen.get(trait) ?? 0) + 1);
  }
}

/** Says on the terminal how much was explored. */
export function report(what: string, { tally, seen, checked }: Explorer, startedMs: number): void {
  const seconds = (performance.now() - startedMs) / 1000;
  const names = { oracle: "graph", names: checked };
  reportStates(what, { ...tally, seconds, traits: Object.fromEntries(seen) }, names);
}

async function told<T>(where: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { name, message, stack } = error as Error;
    throw new Error(`${where}\n${name}: ${message}`, {
      cause: name === "Violation" ? message : stack,
    });
  }
}

/** Equal disks have equal contents: everything visible, and everything that a power cut may still take. */
export function contentOf(disk: SimulatedDisk): string {
  return diskFingerprint(disk, isReserve);
}

/** It is space, not data. */
function isReserve(path: string): boolean {
  return path.endsWith("/reserve");
}
