// What is known outside of a database that drops history, and what it must still hold of it: the place of a consumer, open views, backups.

import { readState } from "../../src/database/system-state.ts";
import {
  type SimulatedDisk,
  type SimulatedPorts,
  simulatedPorts,
  Violation,
} from "../../src/testing/testing.ts";
import { type Database, open, VarveError } from "../../src/varve.ts";
import { entryOf, lineOf } from "./commit-model.ts";
import { graphTextOf, type HistoryView, isCopyOf, lastLsnOf } from "./history-model.ts";

export const copyPath = "/data/copy";
export const readerName = "reader";

export interface HistoryWorld {
  wallMs: number;
  /** Of the consumer: the last ack that has resolved, and the last that was asked for; undefined before it is there. */
  acked: number | undefined;
  asked: number | undefined;
  /** Of the views that are open: nothing above it may be dropped. */
  pinned: number;
  /** What a copy may show: the backup that is there, and those that were begun since. */
  copies: readonly HistoryView[];
  /** Whether a backup has come to its end. */
  isCopied: boolean;
}

export function emptyWorld(): HistoryWorld {
  return {
    wallMs: 0,
    acked: undefined,
    asked: undefined,
    pinned: Number.POSITIVE_INFINITY,
    copies: [],
    isCopied: false,
  };
}

export function horizonOf(db: Database): number {
  return db.stats().history.horizon;
}

/** Of so many states one is asked for the graph at its horizon: that takes as long as the one of now. */
const looksBack = 4;

/** What readers find. A view of the horizon keeps it there meanwhile. */
export async function shownBy(db: Database): Promise<HistoryView> {
  const view = await viewOfHorizon(db);
  try {
    const log: string[] = [];
    let next = view.lsn + 1;
    let lines: string[] = [];
    for await (const batch of db.changes({ from: next, live: false })) {
      if (batch.firstLsn !== next) throw new Violation("S3 no gap", `before ${batch.firstLsn}`);
      for (const change of batch.changes) {
        if (change.lsn !== next++) throw new Violation("S1 in order", `${change.lsn} at ${next}`);
        lines.push(lineOf(change));
        if (change.lsn < change.txLastLsn) continue;
        log.push(entryOf(next - lines.length, false, lines));
        lines = [];
      }
    }
    if (lines.length > 0) throw new Violation("O4 atomicity", `the feed ends within ${next}`);
    if (next !== db.durableLsn + 1) {
      throw new Violation("S3 no gap", `the feed ends at ${next - 1}, not at ${db.durableLsn}`);
    }
    const past = (log.length + view.lsn) % looksBack === 0 ? graphTextOf(view) : undefined;
    const kept = { horizon: view.lsn, graph: graphTextOf(db), past };
    return { log, mark: readState(db, "mark") as string | undefined, kept };
  } finally {
    view.close();
  }
}

async function viewOfHorizon(db: Database): ReturnType<Database["asOf"]> {
  for (;;) {
    const horizon = horizonOf(db);
    try {
      return await db.asOf(horizon);
    } catch (error) {
      // The background has gone on meanwhile.
      if ((error as VarveError).code !== "HISTORY_COMPACTED" || horizonOf(db) === horizon) {
        throw error;
      }
    }
  }
}

/**
 * Never a thinned history in silence: what lies below the horizon is refused, and says what is left. The background may have gone on
 * since `horizon` was it.
 */
export async function checkBelow(db: Database, horizon: number): Promise<void> {
  if (horizon === 0) return;
  const asked = refusal(() => db.changes({ from: "start" }));
  if (asked?.code !== "POSITION_COMPACTED" || !(Number(asked.details["oldest"]) > horizon)) {
    throw new Violation("O9 below", `changes: ${asked?.code} ${JSON.stringify(asked?.details)}`);
  }
  const viewed = await db.asOf(horizon - 1).then(
    () => undefined,
    (error: unknown) => error as VarveError,
  );
  if (viewed?.code !== "HISTORY_COMPACTED" || !(Number(viewed.details["oldest"]) >= horizon)) {
    throw new Violation("O9 below", `asOf: ${viewed?.code} ${JSON.stringify(viewed?.details)}`);
  }
}

function refusal(ask: () => unknown): VarveError | undefined {
  try {
    ask();
  } catch (error) {
    if (error instanceof VarveError) return error;
    throw error;
  }
  return undefined;
}

/** Where the consumer stands; everything where there is none. */
export function readerLsn(db: Database): number {
  const found = db.consumers().find(({ name }) => name === readerName);
  return found?.lsn ?? Number.POSITIVE_INFINITY;
}

/** The consumer stands where it was acked, and everything behind that is there for it. */
export function checkReader(
  db: Database,
  { acked, asked = 0 }: HistoryWorld,
  horizon: number,
): void {
  if (acked === undefined) return;
  const lsn = readerLsn(db);
  if (lsn === Number.POSITIVE_INFINITY) throw new Violation("O9 consumer", "it is gone");
  if (lsn < acked || lsn > asked) {
    throw new Violation("O9 consumer", `at ${lsn}, acked ${acked}, asked for ${asked}`);
  }
  if (horizon > lsn) throw new Violation("O9 consumer", `at ${lsn}, and ${horizon} is compacted`);
}

/** What an interrupted first backup may be taken for: nothing. */
const notThere: ReadonlySet<string> = new Set(["NOT_FOUND", "CORRUPT"]);

/** Opens the copy as a process of its own would; undefined where there is none. */
export async function openCopy(ports: SimulatedPorts): Promise<Database | undefined> {
  const sizes = { segmentBytes: 64 * 1024, memoryBudget: 16 * 2 ** 20 };
  try {
    return await open(copyPath, { ...ports, ...sizes, create: false });
  } catch (error) {
    if (error instanceof VarveError && notThere.has(error.code)) return undefined;
    throw error;
  }
}

/** What was found: `none`, `old` or `new`. */
export async function checkCopy(left: SimulatedDisk, world: HistoryWorld): Promise<string> {
  const { copies, isCopied } = world;
  const disk = left.clone();
  const db = await openCopy(simulatedPorts({ disk, seed: 5, tasks: "automatic" }));
  if (db === undefined) {
    if (isCopied) throw new Violation("O9 backup", "it is gone");
    return "none";
  }
  const found = await shownBy(db);
  disk.stop();
  const isNew = isCopyOf(found, copies.at(-1) as HistoryView);
  if (!isNew && !copies.some((copy) => isCopyOf(found, copy))) {
    throw new Violation("O9 backup", `opens as what it never was, at ${lastLsnOf(found)}`);
  }
  return isNew ? "new" : "old";
}

/** A backup that has come to its end is sound, and nothing of earlier ones is left beside it. */
export async function checkFinishedCopy(left: SimulatedDisk): Promise<void> {
  const disk = left.clone();
  const db = await openCopy(simulatedPorts({ disk, seed: 5, tasks: "automatic" }));
  if (db === undefined) throw new Violation("O9 backup", "it is not there");
  const { sound, problems } = await db.verify();
  if (!sound) throw new Violation("O9 backup", JSON.stringify(problems));
  await db.close();
  const strays = disk
    .listAll()
    .filter((path) => path.startsWith(`${copyPath}/`) && path.endsWith("backup"));
  if (strays.length > 0) throw new Violation("O12 no leaks", strays.join());
}
