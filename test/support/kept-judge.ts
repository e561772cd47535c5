// Judges a crash state of a life that drops history: nothing is lost, states and changes at and above the horizon are whole, those below
// are refused, every file has one owner, and compaction goes on to the same state.
import type { Database } from "../../src/database/database.ts";
import { dropAll, type SimulatedDisk } from "../../src/testing/testing.ts";
import { VarveError } from "../../src/varve.ts";
import { type Death, type History, readView, Violation } from "./crash-oracle.ts";
import { databasePath, linked, type Opened } from "./crash-script.ts";
import { checkOwners } from "./file-owners.ts";
import { type Kept, openKept, readerName } from "./kept-life.ts";
import { loseIndex } from "./lose-index.ts";
import type { CrashState } from "./state-sweep.ts";

/** So many states are only opened and compared for one that lives on. */
const livesOn = 23;
/** So many are looked at for one of which the past is, too. */
const looksBack = 4;

export class KeptJudge {
  /** Segments that compaction rewrote once it went on after a crash. */
  rewritten = 0;
  readonly #meet: (what: string) => void;

  constructor(meet: (what: string) => void) {
    this.#meet = meet;
  }

  async judge({ disk, death, known, turn }: CrashState<Kept>): Promise<void> {
    const opened = await openKept(disk, "all", known.wallMs);
    await checkOwners(disk, databasePath, {
      isOpen: true,
      quarantined: opened.db.recovery.quarantined,
    });
    this.#count(opened.db);
    const kept = await checkKept(opened, death, known, turn % looksBack === 0);
    if (turn % livesOn > 0) {
      disk.stop();
      return;
    }
    const next = disk.powerCut(dropAll);
    disk.stop();
    await this.#goOn(next, { ...known, history: kept }, turn / livesOn);
  }

  /** What was recovered is durable; compaction goes on and changes nothing that anybody may still ask for. */
  async #goOn(disk: SimulatedDisk, known: Kept, turn: number): Promise<void> {
    const opened = await openKept(disk, known.policy, known.wallMs);
    const { db } = opened;
    const { history } = known;
    await history.submit(db, linked("x", "x"));
    await db.compact();
    this.rewritten += db.stats().history.segmentsRewritten;
    const free = { ...known, pinned: Number.POSITIVE_INFINITY };
    const kept = await checkKept(opened, "power", free);
    await db.close();
    if (disk.openFiles > 0) throw new Violation("leak", `${disk.openFiles} files are still open`);
    await checkOwners(disk, databasePath, { isOpen: false, quarantined: [] });
    const next = disk.powerCut(dropAll);
    disk.stop();
    // The compacted log alone makes the same as the index of before.
    if (turn % 2 === 0) await loseIndex(next);
    const again = await openKept(next, "all", known.wallMs);
    await checkKept(again, "power", { ...free, history: kept });
    const { sound, problems } = await again.db.verify();
    if (!sound) throw new Violation("verify", JSON.stringify(problems));
    next.stop();
  }

  #count({ recovery }: Database): void {
    this.#meet(recovery.clean ? "clean" : "unclean");
    if (recovery.checkpointLsn > 0) this.#meet("from a checkpoint");
    if (recovery.truncatedBytes > 0) this.#meet("tail cut");
    if (recovery.quarantined.some((name) => name.endsWith(".log"))) this.#meet("segment set aside");
    for (const name of recovery.rebuilt) this.#meet(`rebuilt ${name}`);
  }
}

/** Everything that an open database shows against what was known; returns what all later lives must hold. */
export async function checkKept(
  { db }: Opened,
  death: Death,
  known: Kept,
  isPastToo = true,
): Promise<History> {
  const view = await readView(db);
  const kept = known.history.checkAfter(death, view);
  kept.checkGraph(db);
  const { horizon } = view;
  if (horizon > known.pinned) {
    throw new Violation("horizon", `${horizon}, beyond an open view of ${known.pinned}`);
  }
  checkReader(db, known, horizon);
  if (horizon > 0 && isPastToo) await checkBelow(db, kept, horizon);
  return kept;
}

/** The consumer stands where it was acked, and everything behind that is there for it. */
function checkReader(db: Database, { acked, asked }: Kept, horizon: number): void {
  const found = db.consumers().find(({ name }) => name === readerName);
  if (found === undefined) {
    if (acked !== undefined) throw new Violation("consumer", "it is gone");
    return;
  }
  if (acked === undefined) return;
  if (found.lsn < acked || found.lsn > (asked ?? 0)) {
    throw new Violation("consumer", `at ${found.lsn}, acked ${acked}, asked for ${asked}`);
  }
  if (horizon > found.lsn) {
    throw new Violation("consumer", `at ${found.lsn}, and ${horizon} is compacted`);
  }
}

/** Never a thinned history in silence: what lies below the horizon is refused, and says what is left. */
async function checkBelow(db: Database, kept: History, horizon: number): Promise<void> {
  const asked = refusal(() => db.changes({ from: "start" }));
  if (asked?.code !== "POSITION_COMPACTED" || asked.details["oldest"] !== horizon + 1) {
    throw new Violation("below", `changes: ${asked?.code} ${JSON.stringify(asked?.details)}`);
  }
  const viewed = await db.asOf(horizon - 1).then(
    () => undefined,
    (error: unknown) => error as VarveError,
  );
  if (viewed?.code !== "HISTORY_COMPACTED" || viewed.details["oldest"] !== horizon) {
    throw new Violation("below", `asOf: ${viewed?.code} ${JSON.stringify(viewed?.details)}`);
  }
  const past = await db.asOf(horizon);
  kept.checkGraphAt(past, horizon);
  past.close();
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
