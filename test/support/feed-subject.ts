// A database with subscribers as the explorer of the published kit is told of it: what is committed, read and acked, and what the feed must show.
import { Database } from "../../src/database/database.ts";
import {
  type CrashSubject,
  type FeedEvent,
  FeedWitness,
  type Promised,
  reopen,
  SimulatedRandom,
  type Step,
  Violation,
  wait,
} from "../../src/testing/testing.ts";
import { type Opened, openWith } from "./crash-script.ts";
import { databaseSubject } from "./database-subject.ts";
import { checkSubscribers, codeOf } from "./feed-check.ts";
import { Subscribers, turns } from "./feed-subscribers.ts";
import { batchesOf, FeedWorld, numberOf } from "./feed-world.ts";

/** One transaction of `size` events, whose numbers begin with `commit`. */
interface FeedCommit {
  readonly commit: number;
  readonly size: number;
  readonly as?: "os";
}

/** Whatever comes first in a process starts the subscribers. */
export type FeedCommand =
  | FeedCommit
  | { readonly pull: number; readonly batches: number }
  | { readonly restart: number }
  | { readonly read: "on" | "anew" }
  | { readonly ack: number }
  /** So many bytes in the projection's state, where that is new. */
  | { readonly pad: number }
  | "turns"
  | "caught up";

/** A process with a database and its subscribers. */
interface Running extends Opened {
  log: { readonly durable: number; readonly events: readonly FeedEvent[] } | undefined;
  hasProjection: boolean;
  subscribers: Subscribers | undefined;
  starting: Promise<void> | undefined;
  isPoisoned: boolean;
}

export interface FeedSubject extends CrashSubject<Running, FeedCommand, string, FeedWorld> {
  /** How calls failed, over all lives. */
  readonly met: { rejected: number; poisoned: number };
}

export function feedSubject(alphabet: readonly FeedCommand[] = []): FeedSubject {
  const plain = databaseSubject();
  const met = { rejected: 0, poisoned: 0 };
  return {
    met,
    open: async (ports, world) => {
      world.life += 1;
      const opened = await openWith(ports);
      const fresh = { log: undefined, hasProjection: false, starting: undefined };
      return { ...opened, ...fresh, subscribers: undefined, isPoisoned: false };
    },
    close: async (running) => {
      await running.db.close();
      await running.subscribers?.ended();
      const waiting = Database.waitingFeedsOf(running.db);
      if (waiting > 0) throw new Violation("O12 no leaks", `${waiting} feeds wait after a close`);
      return "durable";
    },
    run: (running, command, world) => run(running, command, world, met),
    read,
    check: async (running, _, world) => {
      const { events } = await logOf(running);
      const { db, ports } = running;
      try {
        running.hasProjection = await checkSubscribers(db, events, world);
      } catch (error) {
        if (ports.disk.faults.length === 0 || !isHonest(error)) throw error;
      }
    },
    isIdle: (command) => !isCommit(command),
    initial: () => "",
    apply: (text, command) =>
      isCommit(command) ? `${text} ${command.commit}+${command.size}` : text,
    alphabet,
    afterwards: [
      { commit: 90_000, size: 2 },
      { read: "anew" },
      { ack: 1 },
      { pull: 1, batches: 9 },
      { pull: 2, batches: 9 },
      "caught up",
    ],
    failed: (error, command) => {
      if (!isCommit(command)) return "rejected";
      const isKnown = (error as { wasKnown?: boolean }).wasKnown === true;
      return isKnown || ["DISK_FULL", "IO"].includes(codeOf(error)) ? "rejected" : "unknown";
    },
    isHonest,
    mended: (running) => plain.mended?.(running) ?? [],
    isScratch: plain.isScratch!,
    traits: (running) => plain.traits?.(running) ?? [],
    disk: plain.disk!,
    world: () => new FeedWorld(),
    copyWorld: (world) => world.copy(),
    worldText: ({ text }) => text,
  };
}

function isHonest(error: unknown): boolean {
  return ["DISK_FULL", "IO", "POISONED", "CORRUPT"].includes(codeOf(error));
}

function isCommit(command: FeedCommand): command is FeedCommit {
  return typeof command === "object" && "commit" in command;
}

async function run(
  running: Running,
  command: FeedCommand,
  world: FeedWorld,
  met: FeedSubject["met"],
): Promise<Promised> {
  const { isPoisoned } = running;
  try {
    if (running.subscribers === undefined || running.starting !== undefined) {
      await started(running, command, world);
    }
    running.subscribers?.check();
    return await performed(running, running.subscribers!, command);
  } catch (error) {
    met[codeOf(error) === "POISONED" ? "poisoned" : "rejected"] += 1;
    if (codeOf(error) !== "POISONED") throw error;
    running.isPoisoned = true;
    throw isPoisoned ? Object.assign(error as Error, { wasKnown: true }) : error;
  }
}

function started(running: Running, command: FeedCommand, world: FeedWorld): Promise<void> {
  if (running.starting !== undefined) return running.starting;
  const subscribers = new Subscribers(running.db, world);
  running.subscribers = subscribers;
  const pad = typeof command === "object" && "pad" in command ? command.pad : 10;
  running.starting = subscribers.start(pad, running.hasProjection).then(() => {
    running.starting = undefined;
  });
  return running.starting;
}

async function performed(
  { db }: Running,
  subscribers: Subscribers,
  command: FeedCommand,
): Promise<Promised> {
  if (command === "turns") await turns();
  else if (command === "caught up") await subscribers.caughtUp();
  else if (isCommit(command)) return await commit(db, command);
  else if ("pull" in command) subscribers.pull(command.pull, command.batches);
  else if ("restart" in command) await subscribers.restart(command.restart);
  else if ("read" in command) await subscribers.read(command.read === "anew");
  else if ("ack" in command) await subscribers.ack(command.ack);
  return "nothing";
}

async function commit(db: Database, { commit: first, size, as }: FeedCommit): Promise<Promised> {
  await db.transact(
    (tx) => {
      for (let i = 0; i < size; i++) tx.emit("n", `${first + i}${"-".repeat(100)}`);
    },
    as === undefined ? {} : { durability: as },
  );
  return as === undefined ? "durable" : "written";
}

/** The log, read once for each durable LSN. */
async function logOf(running: Running): Promise<NonNullable<Running["log"]>> {
  const { db, log } = running;
  if (log?.durable === db.durableLsn) return log;
  const durable = db.durableLsn;
  running.log = { durable, events: await FeedWitness.readAll(batchesOf(db), durable) };
  return running.log;
}

/** The transactions of the feed, by number and size of their events. */
async function read(running: Running): Promise<string> {
  const { db, ports, subscribers } = running;
  subscribers?.check();
  // Where that fails, as it does once a sync has, it says so and nothing is compared: a feed shows what is durable.
  if (db.lastLsn > db.durableLsn || ports.disk.faults.length > 0) await db.flush();
  const { events } = await logOf(running);
  let text = "";
  let [first, size, last] = [0, 0, 0];
  for (const event of events) {
    const number = numberOf(event);
    if (number === undefined) continue;
    if (event.sequence > last) {
      if (size > 0) text += ` ${first}+${size}`;
      [first, size, last] = [number, 0, event.lastSequence ?? 0];
    }
    if (event.content !== `event ${first + size}${"-".repeat(100)}`) {
      throw new Violation("O3 no phantom", `${event.sequence} is ${event.content as string}`);
    }
    size += 1;
  }
  return size > 0 ? `${text} ${first}+${size}` : text;
}

/** Lives of several sessions, one for each seed. */
export function* feedLives(firstSeed: number, stride: number): Generator<Step<FeedCommand>[]> {
  for (let seed = firstSeed; ; seed += stride) yield feedLife(seed);
}

function feedLife(seed: number): Step<FeedCommand>[] {
  const random = new SimulatedRandom(seed);
  const steps: Step<FeedCommand>[] = [{ pad: seed % 3 === 2 ? 40_000 : 10 }];
  const sessions = 1 + random.below(3);
  let number = 0;
  const next = (): FeedCommand => {
    const command = commandOf(random, number);
    if (isCommit(command)) number += command.size;
    return command;
  };
  for (let session = 1; session <= sessions; session++) {
    const length = 3 + random.below(7);
    for (let at = 0; at < length; at++) {
      if (random.below(16) === 0) steps.push(wait(1100));
      const together = random.below(2) === 0 ? 1 : 2 + random.below(4);
      steps.push(together === 1 ? next() : Array.from({ length: together }, next));
    }
    if (session < sessions) steps.push(reopen);
  }
  return steps;
}

function commandOf(random: SimulatedRandom, number: number): FeedCommand {
  const what = random.below(15);
  if (what < 6) {
    const size = random.below(60) === 0 ? 300 : 1 + random.below(4);
    return { commit: number, size, ...(random.below(4) === 0 ? { as: "os" } : {}) };
  }
  if (what < 8) return { pull: 1, batches: 1 + random.below(2) };
  if (what === 8) return { restart: 2 };
  if (what === 9) return { pull: 2, batches: 2 };
  if (what < 12) return { read: random.below(3) === 0 ? "anew" : "on" };
  return what < 14 ? { ack: random.below(3) } : "turns";
}
