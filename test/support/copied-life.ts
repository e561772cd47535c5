// Backups of a database that drops history, each with the places at which it can be broken off: the first one, later ones, behind another
// compaction and beside one, and what a copy may show there.
import { Database } from "../../src/database/database.ts";
import type { SimulatedDisk } from "../../src/testing/testing.ts";
import { VarveError } from "../../src/varve.ts";
import { openAt } from "../backup/support.ts";
import { recordCalls } from "./crash-explorer.ts";
import { Violation } from "./crash-oracle.ts";
import { databasePath, type Opened } from "./crash-script.ts";
import { checkKept } from "./kept-judge.ts";
import { type Kept, KeptLife, type LifeOptions, openKept } from "./kept-life.ts";
import type { CrashState, Place } from "./state-sweep.ts";

export const copyPath = "/data/copy";

/** Everything that a database shows, as text: the graph, and each change that is kept. */
export interface Picture {
  readonly horizon: number;
  readonly lastLsn: number;
  readonly graph: string;
  readonly changes: readonly { readonly lsn: number; readonly text: string }[];
}

export interface Copied {
  readonly kept: Kept;
  /** What the copy showed before; undefined: it was not there. */
  readonly old: Picture | undefined;
  readonly new: Picture;
}

export async function pictureOf(db: Database): Promise<Picture> {
  const { horizon } = Database.coreOf(db).log;
  const changes: { lsn: number; text: string }[] = [];
  for await (const batch of db.changes({ from: horizon + 1, live: false })) {
    for (const change of batch.changes) {
      changes.push({ lsn: change.lsn, text: JSON.stringify(change) });
    }
  }
  const graph = JSON.stringify([[...db.nodes()], [...db.allEdges()]]);
  return { horizon, lastLsn: db.lastLsn, graph, changes };
}

/** Whether `found` is `due`, or what is left of it once as much more is compacted as `found` says. */
function isSame(found: Picture, due: Picture): boolean {
  if (found.horizon < due.horizon || found.lastLsn !== due.lastLsn) return false;
  if (found.graph !== due.graph) return false;
  const left = due.changes.filter(({ lsn }) => lsn > found.horizon);
  return textOf(found) === left.map(({ text }) => text).join();
}

function textOf({ changes }: Picture): string {
  return changes.map(({ text }) => text).join();
}

/** A life with its backups; `places` are those of the last one. */
export class CopiedLife {
  readonly life: KeptLife;
  readonly disk: SimulatedDisk;
  #old: Picture | undefined;

  constructor(disk: SimulatedDisk, options: LifeOptions) {
    this.disk = disk;
    this.life = new KeptLife(disk, options);
  }

  /** One backup after the other, each with what went before it. */
  async *backups(): AsyncGenerator<Place<Copied>[]> {
    const { life } = this;
    await life.fill();
    await life.compact();
    yield await this.#backup();
    await life.write();
    yield await this.#backup();
    await life.writeLarge(60_000);
    await life.writeLarge(30_000);
    await life.compact();
    yield await this.#backup();
    await life.ack();
    await life.writeLarge(60_000);
    // The copy is looked at, and has files of its own from then on.
    await (await openAt(this.disk, copyPath)).close();
    yield await this.#backup(() => life.compact());
    yield await this.#backup();
    await life.close();
  }

  async #backup(beside: () => Promise<unknown> = async () => {}): Promise<Place<Copied>[]> {
    const { life } = this;
    const { db } = life.opened;
    await db.flush();
    const old = this.#old;
    const due = await pictureOf(db);
    const places = await recordCalls(
      this.disk,
      () => ({ kept: life.known, old, new: due }),
      async () => {
        await Promise.all([db.backup(copyPath), beside()]);
      },
    );
    this.#old = await copied(this.disk.clone());
    return places;
  }
}

/** What an interrupted first backup may be taken for: nothing. */
const notThere: ReadonlySet<string> = new Set(["NOT_FOUND", "CORRUPT"]);

/** What the copy shows, or undefined where there is none. */
export async function copied(disk: SimulatedDisk): Promise<Picture | undefined> {
  let db: Database;
  try {
    db = await openAt(disk, copyPath, { create: false });
  } catch (error) {
    if (error instanceof VarveError && notThere.has(error.code)) return undefined;
    throw error;
  }
  const picture = await pictureOf(db);
  disk.stop();
  return picture;
}

/** So many states are compared for one in which the database is looked at, too, and for one in which the next backup is made. */
const [looksAtOriginal, backsUpAgain] = [5, 17];

export async function judgeCopied(
  { disk, death, known, turn }: CrashState<Copied>,
  meet: (what: string) => void,
): Promise<void> {
  const found = await copied(disk.clone());
  if (found === undefined && known.old !== undefined) {
    throw new Violation("backup", "the old one is gone");
  }
  const isNew = found !== undefined && isSame(found, known.new);
  if (found !== undefined && !isNew && !(known.old !== undefined && isSame(found, known.old))) {
    throw new Violation("backup", `opens as something that it never was, at ${found.lastLsn}`);
  }
  meet(found === undefined ? "none" : isNew ? "new" : "old");
  if (turn % looksAtOriginal === 0) {
    const original = disk.clone();
    await checkKept(await openKept(original, "all", known.kept.wallMs), death, known.kept, false);
    original.stop();
  }
  if (turn % backsUpAgain === 0) await backUpAgain(disk, known.kept);
}

async function backUpAgain(disk: SimulatedDisk, { policy, wallMs }: Kept): Promise<void> {
  const opened: Opened = await openKept(disk, policy, wallMs);
  const { db } = opened;
  await db.transact((tx) => tx.putNode("again"));
  await db.backup(copyPath);
  const due = await pictureOf(db);
  await db.close();
  if (disk.openFiles > 0) throw new Violation("leak", `${disk.openFiles} files are still open`);
  const there = await openAt(disk, copyPath, { create: false });
  if (!isSame(await pictureOf(there), due)) throw new Violation("backup", "the next one differs");
  const { sound, problems } = await there.verify();
  if (!sound) throw new Violation("verify", JSON.stringify(problems));
  await there.close();
  const strays = disk
    .listAll()
    .filter((path) => path.startsWith(`${copyPath}/`) && /backup$/.test(path));
  if (strays.length > 0) throw new Violation("leak", strays.join());
}

/** The backup that follows a crash of one, with the places at which it can be broken off. */
export async function recordNextBackup(
  { disk, known }: { readonly disk: SimulatedDisk; readonly known: Copied },
  turn: number,
): Promise<Place<Copied>[]> {
  const before = await copied(disk.clone());
  const { policy, wallMs } = known.kept;
  const { db } = await openKept(disk, policy, wallMs);
  if (turn % 2 === 0) await db.compact();
  const due = await pictureOf(db);
  const history = known.kept.history.weakened();
  const kept = { ...known.kept, history, pinned: Number.POSITIVE_INFINITY };
  const places = await recordCalls(
    disk,
    () => ({ kept, old: before, new: due }),
    async () => {
      await db.backup(copyPath);
    },
  );
  await db.close();
  return places;
}

export function keyOfCopied({ kept, old, new: due }: Copied): string {
  return `${kept.history.fingerprint} ${kept.acked} ${old?.lastLsn} ${due.lastLsn} ${due.horizon}`;
}

export { databasePath };
