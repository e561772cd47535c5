// The engine as the explorer of the published kit is told of it: transactions of every kind, what feed, graph and stored state must show, and
// that every file has one owner.
import { readState, writeState } from "../../src/database/system-state.ts";
import {
  type CrashSubject,
  type Promised,
  SimulatedDisk,
  type SimulatedPorts,
  Violation,
} from "../../src/testing/testing.ts";
import type { Database } from "../../src/varve.ts";
import {
  type Command,
  type Commit,
  CommitModel,
  edgeText,
  entryOf,
  Graph,
  lineOf,
  linked,
  marked,
  type Props,
  perform,
  type View,
} from "./commit-model.ts";
import { databasePath, type Opened, openWith, prepared } from "./crash-script.ts";
import { checkOwners } from "./file-owners.ts";
import { rest } from "./layered-script.ts";

/** A database that runs, with what its caller has been told of it. */
export interface Running extends Opened {
  /** A call was told that nobody knows whether it was done: every later one must be refused. */
  isPoisoned: boolean;
  /** Calls failed that do not any more. */
  hadFaults?: boolean;
}

export interface Met {
  poisoned: number;
  rejected: number;
  refused: number;
}

export interface DatabaseSubject extends CrashSubject<Running, Command, View> {
  /** How operations ended, over all lives. */
  readonly met: Met;
}

export interface SubjectOptions {
  readonly open?: (ports: SimulatedPorts) => Promise<Opened>;
  readonly disk?: (seed: number) => SimulatedDisk;
  readonly alphabet?: readonly Command[];
  /** Whether transactions may be rejected: then their LSNs are never used. */
  readonly hasGaps?: boolean;
  /** Whether the files of a database just opened are those of its checkpoints, where its replay did not flush. */
  readonly opensAsSaved?: boolean;
}

export function databaseSubject(options: SubjectOptions = {}): DatabaseSubject {
  const { open = openWith, opensAsSaved = true, hasGaps = false } = options;
  const model = new CommitModel(hasGaps);
  const met: Met = { poisoned: 0, rejected: 0, refused: 0 };
  return {
    met,
    open: async (ports) => {
      const opened = await openAtLast(ports, open).catch((error: unknown) => {
        met.refused += 1;
        throw error;
      });
      const { recovery, lastLsn } = opened.db;
      if (recovery.lastLsn !== lastLsn) {
        throw new Violation("O9 report", `lastLsn ${recovery.lastLsn} is ${lastLsn}`);
      }
      // In the turn the opening ends: the background has not begun.
      const { quarantined } = recovery;
      const isAsSaved = opensAsSaved && opened.db.stats().counters.flushes === 0;
      if (isAsSaved) await checkFiles(ports, { isOpen: true, quarantined });
      return { ...opened, isPoisoned: false };
    },
    close: async ({ db, ports, isPoisoned, hadFaults }) => {
      await db.close();
      // What could not be removed is removed by the next opening.
      if (!isPoisoned && !hadFaults) await checkFiles(ports, { isOpen: false, quarantined: [] });
      return "durable";
    },
    run: (running, command) => run(running, command, met),
    read: (running) => read(running, hasGaps),
    check: async ({ db }, { log }) => {
      if (log.length % 8 !== 3) return;
      const { sound, problems } = await db.verify();
      if (!sound) throw new Violation("O9 verify", JSON.stringify(problems));
    },
    initial: () => model.initial,
    apply: (view, command) => model.apply(view, command),
    alphabet: options.alphabet ?? [],
    afterwards: [linked("x", "x"), marked("again")],
    failed: (error, command) => {
      const { code, wasKnown } = error as { code?: string; wasKnown?: boolean };
      if (typeof command !== "object" || !("tx" in command)) return "rejected";
      const isSure = wasKnown === true || ["DISK_FULL", "IO", "OVERLOADED"].includes(String(code));
      return isSure ? "rejected" : "unknown";
    },
    isHonest: (error) =>
      ["DISK_FULL", "IO", "POISONED", "OVERLOADED", "CORRUPT"].includes(codeOf(error)),
    isRefusal: (error) =>
      ["CORRUPT", "FORMAT_UNSUPPORTED", "NOT_A_DATABASE"].includes(codeOf(error)),
    mended,
    // It is space, not data.
    isScratch: (path) => path.endsWith("/reserve"),
    traits: ({ db }) => traitsOf(db),
    disk: (seed) => prepared(options.disk?.(seed) ?? new SimulatedDisk({ seed, trace: "none" })),
  };
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown }).code);
}

/** A name that was busy is free on a later attempt. */
async function openAtLast(
  ports: SimulatedPorts,
  open: (ports: SimulatedPorts) => Promise<Opened>,
): Promise<Opened> {
  const { busyPercent } = ports.disk.profile;
  for (let attempt = 1; ; attempt++) {
    try {
      return await open(ports);
    } catch (error) {
      const { errno } = (error as { details?: { errno?: unknown } }).details ?? {};
      const isBusy = busyPercent > 0 && ["EBUSY", "EPERM"].includes(String(errno));
      if (!isBusy || attempt === 10) throw error;
    }
  }
}

/** Not where calls fail: what could not be removed is removed by the next opening. */
async function checkFiles(
  { disk }: SimulatedPorts,
  due: { readonly isOpen: boolean; readonly quarantined: readonly string[] },
): Promise<void> {
  const { powersafeOverwrite, syncLag, busyPercent } = disk.profile;
  if (disk.faults.length > 0 || !powersafeOverwrite || syncLag + busyPercent > 0) return;
  await checkOwners(disk.clone(), databasePath, due);
}

async function run(running: Running, command: Command, met: Met): Promise<Promised> {
  const { isPoisoned } = running;
  try {
    const promised = await performed(running, command);
    const mustFail = isPoisoned && typeof command === "object" && "tx" in command;
    if (mustFail) throw new Violation("O10 poison", "a poisoned database takes a transaction");
    return promised;
  } catch (error) {
    const isKnown = codeOf(error) === "POISONED";
    if (isPoisoned && isKnown) throw Object.assign(error as Error, { wasKnown: true });
    if (isPoisoned && !(error instanceof Violation)) {
      throw new Violation("O10 poison", `a poisoned database says ${String(error)}`);
    }
    if (isKnown) {
      running.isPoisoned = true;
      met.poisoned += 1;
    } else met.rejected += 1;
    throw error;
  }
}

async function performed(running: Running, command: Command): Promise<Promised> {
  const { db, ports } = running;
  if (command === "rest") {
    await rest(running);
    return "nothing";
  }
  if (command === "checkpoint" || command === "flush") {
    await db[command]();
    return "durable";
  }
  if ("pass" in command) {
    await ports.scheduler.advance(command.pass);
    return command.pass < 2000 ? "nothing" : "durable";
  }
  return await commit(db, command);
}

async function commit(db: Database, { tx: writes, mark, as, fails }: Commit): Promise<Promised> {
  const changedItsMind = new Error("the callback changed its mind");
  const written = db.transact(
    (tx) => {
      perform(tx, writes);
      if (fails) throw changedItsMind;
      if (mark !== undefined) writeState(tx, "mark", mark);
    },
    as === undefined ? {} : { durability: as },
  );
  try {
    await written;
  } catch (error) {
    if (error === changedItsMind) return "nothing";
    throw error;
  }
  if (as === undefined || as === "group") return "durable";
  return as === "os" ? "written" : "nothing";
}

/** The feed and the stored state; throws where the graph is not what the feed adds up to. */
async function read({ db, ports, isPoisoned }: Running, hasGaps: boolean): Promise<View> {
  if (db.lastLsn > db.durableLsn && !isPoisoned && ports.disk.faults.length === 0) await db.flush();
  const told = new Graph();
  const log: string[] = [];
  let [next, first] = [1, 1];
  let lines: string[] = [];
  for await (const batch of db.changes({ live: false })) {
    if (batch.firstLsn !== next) throw new Violation("S3 no gap", `before ${batch.firstLsn}`);
    for (const change of batch.changes) {
      if (change.lsn < next) throw new Violation("S1 in order", `${change.lsn} after ${next - 1}`);
      next = change.lsn + 1;
      told.apply(change);
      lines.push(lineOf(change));
      if (change.lsn < change.txLastLsn) continue;
      const firstLsn = next - lines.length;
      if (firstLsn < first) throw new Violation("S2 once", `${firstLsn} is in two transactions`);
      log.push(entryOf(firstLsn, hasGaps, lines));
      [first, lines] = [next, []];
    }
    next = batch.nextLsn;
  }
  if (lines.length > 0) throw new Violation("O4 atomicity", `the feed ends within ${first}`);
  if (next !== db.durableLsn + 1) {
    throw new Violation("S3 no gap", `the feed ends at ${next - 1}, durable is ${db.durableLsn}`);
  }
  checkGraph(db, told);
  return { log, mark: readState(db, "mark") as string | undefined };
}

function checkGraph(db: Database, { nodes, edges }: Graph): void {
  const found = `${db.nodeCount} nodes, ${db.edgeCount} edges`;
  const due = `${nodes.size} nodes, ${edges.length} edges`;
  if (found !== due) throw new Violation("O9 reads", `${found}; due are ${due}`);
  const shown: string[] = [];
  for (const [key, props] of nodes) {
    const is = db.node(key)?.props;
    if (!hasEqual(is, props)) {
      throw new Violation("O9 reads", `${key} is ${JSON.stringify(is)?.slice(0, 200)}`);
    }
    const out = [...db.edges(key, { direction: "out" })];
    shown.push(...out.map(({ from, type, to }) => edgeText([from, type, to])));
    const [near, far] = [db.neighbors(key, { direction: "out" }), new Set(out.map(({ to }) => to))];
    if ([...near].sort().join() !== [...far].sort().join()) {
      throw new Violation("O9 reads", `the neighbours of ${key} are not those of its edges`);
    }
  }
  if (shown.sort().join() !== [...edges].sort().join()) {
    throw new Violation("O9 reads", `edges are ${shown.join()}; due are ${edges.join()}`);
  }
}

/** What is written here are numbers and texts. */
function hasEqual(is: Props | undefined, due: Props): boolean {
  if (is === undefined) return false;
  const names = Object.keys(due);
  return Object.keys(is).length === names.length && names.every((name) => is[name] === due[name]);
}

/** The reserve is space, not data: a power cut may take it. Names that were busy are left to the next opening. */
function mended({ db, ports }: Running): string[] {
  if (ports.disk.profile.busyPercent > 0) return [];
  const { clean, truncatedBytes, quarantined, rebuilt, warnings } = db.recovery;
  const found = [...quarantined, ...rebuilt.filter((name) => name !== "reserve"), ...warnings];
  if (!clean) found.push("not clean");
  if (truncatedBytes > 0) found.push(`${truncatedBytes} bytes cut`);
  return found.map(String);
}

function traitsOf({ recovery }: Database): string[] {
  const traits = [recovery.clean ? "clean" : "unclean"];
  if (recovery.checkpointLsn > 0) traits.push("from a checkpoint");
  if (recovery.truncatedBytes > 0) traits.push("tail cut");
  if (recovery.quarantined.some((name) => name.endsWith(".log"))) traits.push("segment set aside");
  return [...traits, ...recovery.rebuilt.map((name) => `rebuilt ${name}`)];
}
