// What must hold of subscribers on any disk that a crash has left, before anybody goes on: S5, S6, S9 and S11 for all that was delivered.
import {
  checkRefused,
  type FeedEvent,
  FeedWitness,
  PositionWitness,
  Violation,
} from "../../src/testing/testing.ts";
import type { Database } from "../../src/varve.ts";
import { effectsOf } from "./feed-subscribers.ts";
import { type FeedWorld, numberOf, type Sum, sums } from "./feed-world.ts";

type Log = readonly FeedEvent[];

/** Returns whether the projection runs from now on. */
export async function checkSubscribers(db: Database, log: Log, world: FeedWorld): Promise<boolean> {
  for (const feed of world.feeds) feed.checkAfter(log);
  const readAhead = (): unknown => db.changes({ from: db.durableLsn + 2 });
  await checkRefused("S9 ahead", readAhead, (error) => codeOf(error) === "POSITION_AHEAD");
  await checkPlain(db, log, world);
  checkOnce(db, log);
  if (world.padBytes === undefined) return false;
  await checkProjection(db, log, world.padBytes);
  return true;
}

export function codeOf(error: unknown): string {
  return String((error as { code?: unknown }).code);
}

/** An ack that had resolved is there, none is that was not asked for, and the next reading begins behind it. */
async function checkPlain(db: Database, log: Log, world: FeedWorld): Promise<void> {
  const info = db.consumers().find(({ name }) => name === "plain");
  if (info === undefined) {
    if (world.hasConsumers) throw new Violation("S5 resumable", "the consumer is gone");
    return;
  }
  world.plain.checkFound(info.lsn);
  const given: { sequence: number }[] = [];
  for await (const { changes, mark } of await db.consumer("plain")) {
    for (const { lsn } of changes) given.push({ sequence: lsn });
    if (mark === "caught-up") break;
  }
  PositionWitness.checkRest(log, info.lsn, given);
}

/** The effects are those of the events up to the ack, and none was ever written twice. */
function checkOnce(db: Database, log: Log): void {
  const upTo = db.consumers().find(({ name }) => name === "once")?.lsn ?? 0;
  const events = log.filter((event) => numberOf(event) !== undefined);
  const effects = effectsOf(db);
  FeedWitness.checkEffects(events, upTo, effects);
  const puts = log.filter(({ content }) => (content as string).startsWith("node.put ")).length;
  if (puts === effects.length) return;
  throw new Violation("S11 effects once", `${puts} were written, ${effects.length} are there`);
}

/** What the projection makes of its stored state and the rest of the log is what a recount makes. */
async function checkProjection(db: Database, log: Log, padBytes: number): Promise<void> {
  const stored = db.projections()[0]?.lsn ?? 0;
  if (stored > db.durableLsn) throw new Violation("S6 durable", "a projection is ahead of the log");
  const projection = await db.project("sums", sums(padBytes));
  await projection.caughtUp();
  const { state, out, lsn } = projection;
  if (lsn !== db.durableLsn) throw new Violation("S3 no gap", `the projection stands at ${lsn}`);
  const [due, counts] = recount(log, padBytes);
  const [made, wanted] = [textOf(state, [...out.range()]), textOf(due, counts)];
  if (state.pad === due.pad && made === wanted) return;
  throw new Violation("S11 effects once", `from ${stored} on: ${made}; due is ${wanted}`);
}

/** Without the padding, which is long. */
function textOf({ pad: _, ...counted }: Sum, out: readonly (readonly [string, number])[]): string {
  return JSON.stringify([counted, out]);
}

function recount(log: Log, padBytes: number): [Sum, [string, number][]] {
  const counts = new Map<string, number>();
  const state = sums(padBytes).init();
  for (const event of log) {
    const n = numberOf(event);
    if (n === undefined) continue;
    state.count++;
    state.last = n;
    if (n % 11 === 10) counts.delete(`r${n % 7}`);
    else counts.set(`r${n % 7}`, (counts.get(`r${n % 7}`) ?? 0) + 1);
  }
  return [state, [...counts].sort(([a], [b]) => (a < b ? -1 : 1))];
}
