// What must hold for subscribers on any disk that a crash has left: S1 to S11 of the reliability contract.
import type { Change, ChangeBatch, Database } from "../../src/varve.ts";
import { Violation } from "./crash-oracle.ts";
import { type Known, type Sum, sums } from "./feed-life.ts";

/** Checks an open database against what was known when it crashed. */
export async function judgeFeeds(db: Database, known: Known, padBytes: number): Promise<void> {
  const log = await logOf(db);
  checkDelivered(log, known);
  if (db.durableLsn < known.durableLsn) fail("durable", `${db.durableLsn}`, known);
  await checkPositions(db);
  await checkPlain(db, log, known);
  await checkOnce(db, log);
  await checkProjection(db, log, padBytes);
}

async function logOf(db: Database): Promise<Change[]> {
  const log: Change[] = [];
  let next = 1;
  for await (const batch of db.changes({ live: false })) {
    if (batch.firstLsn !== next) fail("S3", `gap before ${batch.firstLsn}`);
    for (const change of batch.changes) {
      if (change.lsn < next) fail("S1 and S2", `LSN ${change.lsn} after ${next - 1}`);
      next = change.lsn + 1;
      log.push(change);
    }
    const end = batch.changes.at(-1);
    if (end !== undefined && end.lsn !== end.txLastLsn) fail("S4", `ends inside ${end.txLastLsn}`);
    next = batch.nextLsn;
  }
  if (next !== db.durableLsn + 1) fail("S3", `ends at ${next}, durable is ${db.durableLsn}`);
  return log;
}

/** S5 and S6: what was delivered before the crash is the log up to the cursor, which goes on from there. */
function checkDelivered(log: readonly Change[], { feeds }: Known): void {
  for (const { changes, count, cursor } of feeds) {
    for (let i = 0; i < count; i++) {
      const [was, is] = [changes[i]!, log[i]];
      if (is?.lsn !== was.lsn || is.kind !== was.kind || contentOf(is) !== contentOf(was)) {
        fail("S6", `LSN ${was.lsn} was delivered, the log has ${is?.lsn}`);
      }
    }
    const next = log[count];
    if (next !== undefined && next.lsn < cursor) fail("S5", `LSN ${next.lsn} is left out`);
  }
}

function contentOf(change: Change): unknown {
  if (change.kind === "erased") return undefined;
  if (change.kind === "event") return change.value;
  return "key" in change ? change.key : "id" in change ? change.id : undefined;
}

/** S9. */
async function checkPositions(db: Database): Promise<void> {
  try {
    db.changes({ from: db.durableLsn + 2 });
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === "POSITION_AHEAD") return;
    throw error;
  }
  fail("S9", "a position ahead is served");
}

/** An ack that had resolved is there, none is that was not asked for, and the next reading begins behind it. */
async function checkPlain(db: Database, log: readonly Change[], known: Known): Promise<void> {
  const info = db.consumers().find(({ name }) => name === "plain");
  if (info === undefined) {
    if (known.hasConsumers) fail("consumer", "is gone");
    return;
  }
  if (info.lsn < known.ackedLsn || info.lsn > known.askedLsn) {
    fail("ack", `${info.lsn} is stored, ${known.ackedLsn} to ${known.askedLsn} is due`);
  }
  const consumer = await db.consumer("plain");
  const rest = log.filter(({ lsn }) => lsn > info.lsn);
  const given: Change[] = [];
  for await (const batch of consumer) {
    given.push(...batch.changes);
    if (batch.mark === "caught-up") break;
  }
  if (!sameLsns(given, rest)) fail("S5", `the consumer gets ${given.length} of ${rest.length}`);
}

/** S11: the effects are those of the events up to the ack, none twice and none missing. */
async function checkOnce(db: Database, log: readonly Change[]): Promise<void> {
  const info = db.consumers().find(({ name }) => name === "once");
  const upTo = info?.lsn ?? 0;
  const due = log.filter(({ kind, lsn }) => kind === "event" && lsn <= upTo);
  let count = 0;
  for (const _ of db.nodes()) count++;
  if (count !== due.length) fail("S11", `${count} effects, ${due.length} are due up to ${upTo}`);
  for (const { lsn } of due) if (!db.hasNode(`effect ${lsn}`)) fail("S11", `no effect ${lsn}`);
  const puts = log.filter(({ kind }) => kind === "node.put").length;
  if (puts !== count) fail("S11", `${puts} effects were written, ${count} are there`);
}

/** S11 of the projection: what it makes of stored state and the rest of the log is what a recount makes. */
async function checkProjection(
  db: Database,
  log: readonly Change[],
  padBytes: number,
): Promise<void> {
  const stored = db.projections()[0];
  if (stored !== undefined && stored.lsn > db.durableLsn) fail("projection", "is ahead of the log");
  const projection = await db.project("sums", sums(padBytes));
  await projection.caughtUp();
  const due = recount(log, padBytes);
  const { state, out, lsn } = projection;
  if (lsn !== db.durableLsn) fail("projection", `stands at ${lsn} of ${db.durableLsn}`);
  if (state.pad !== due[0].pad) fail("S11", "the state has lost its padding");
  const made = textOf(state, [...out.range()]);
  if (made !== textOf(...due)) fail("S11", `from ${stored?.lsn}: ${made}`);
}

/** Without the padding, which is long. */
function textOf({ pad: _, ...counted }: Sum, out: readonly (readonly [string, number])[]): string {
  return JSON.stringify([counted, out]);
}

function recount(log: readonly Change[], padBytes: number): [Sum, [string, number][]] {
  const counts = new Map<string, number>();
  const state = sums(padBytes).init();
  for (const change of log) {
    if (change.kind !== "event") continue;
    const n = Number.parseInt(change.value as string, 10);
    state.count++;
    state.last = n;
    if (n % 11 === 10) counts.delete(`r${n % 7}`);
    else counts.set(`r${n % 7}`, (counts.get(`r${n % 7}`) ?? 0) + 1);
  }
  return [state, [...counts].sort(([a], [b]) => (a < b ? -1 : 1))];
}

function sameLsns(a: readonly Change[], b: readonly Change[]): boolean {
  return a.length === b.length && a.every(({ lsn }, i) => lsn === b[i]!.lsn);
}

/** Life goes on: a live reader that stands at the end gets the next commit. */
export async function judgeNext(db: Database): Promise<void> {
  const feed = db.changes({ from: "now" })[Symbol.asyncIterator]();
  await feed.next();
  const next = feed.next();
  const { lastLsn } = await db.transact((tx) => tx.emit("n", "999999"));
  const batch = (await next).value as ChangeBatch;
  if (batch.lastLsn !== lastLsn || batch.phase !== "live") fail("S3", "the next commit is missing");
  await feed.return?.();
}

function fail(what: string, words: string, known?: Known): never {
  throw new Violation(what, `${words} ${known?.fingerprint ?? ""}`);
}
