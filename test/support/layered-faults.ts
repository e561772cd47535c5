// A life of many layers that goes on as far as it can while calls of its disk fail, and then without faults: every promise
// settles, writers do not hang, reads show exactly what was acknowledged, and the index catches up.
import type { SimulatedDisk } from "../../src/testing/testing.ts";
import { settles } from "./crash-faults.ts";
import { type History, type Plan, Violation } from "./crash-oracle.ts";
import { large, linked, marked, type Opened, small } from "./crash-script.ts";
import { openLayered, rest } from "./layered-script.ts";

export interface LayeredOutcome {
  refusedOpens: number;
  poisoned: number;
  overloaded: number;
  /** Calls of `checkpoint` that were rejected. */
  unsaved: number;
  /** Lives whose index caught up once the faults had ended. */
  caughtUp: number;
}

const batches: readonly (readonly Plan[])[] = [
  [small("a"), linked("b", "a"), small("c")],
  [linked("d", "b"), marked("first")],
  [{ steps: [{ unlink: ["b", "next", "a"] }, { remove: "c" }] }],
  [large("big", 40_000), small("e")],
  [linked("f", "e"), marked("second")],
  [large("wide", 24_000)],
  [linked("g", "f"), small("h")],
];

/** @param end lets the faults end. */
export async function layeredFaultyLife(
  history: History,
  disk: SimulatedDisk,
  end: () => void,
): Promise<LayeredOutcome> {
  const outcome: LayeredOutcome = {
    refusedOpens: 0,
    poisoned: 0,
    overloaded: 0,
    unsaved: 0,
    caughtUp: 0,
  };
  const opened = await openLayered(disk).catch(requireTyped);
  if (opened === undefined) {
    if (disk.openFiles > 0) throw new Violation("leak", "a refused open keeps files open");
    outcome.refusedOpens++;
    return outcome;
  }
  const { db, ports } = opened;
  for (const plans of batches) await submitAll(history, opened, plans, outcome);
  const saved = await settles("checkpoint", ports, db.checkpoint());
  if (saved.status === "rejected") {
    requireTyped(saved.reason);
    outcome.unsaved++;
  }
  await submitAll(history, opened, [linked("i", "a"), small("j")], outcome);
  const isWithFaults = disk.calls % 2 === 0;
  if (!isWithFaults) end();
  if (!history.isPoisoned) await goOn(history, opened, isWithFaults, outcome);
  const closed = await settles("close", ports, db.close());
  if (closed.status === "rejected") requireTyped(closed.reason);
  if (disk.openFiles > 0) throw new Violation("leak", `${disk.openFiles} files open after close`);
  end();
  return outcome;
}

/** Where the faults have ended, the stages are tried again by themselves, and `checkpoint` resolves. */
async function goOn(
  history: History,
  opened: Opened,
  isWithFaults: boolean,
  outcome: LayeredOutcome,
): Promise<void> {
  const { db, ports } = opened;
  if (isWithFaults) return;
  await ports.scheduler.advance(30_000);
  await rest(opened);
  const again = await settles("checkpoint", ports, db.checkpoint());
  if (again.status === "rejected") {
    const { code } = again.reason as { code?: unknown };
    if (code !== "POISONED") throw new Violation("retry", String(again.reason));
    outcome.poisoned++;
    return;
  }
  const { lag } = db.stats().checkpoint;
  if (lag !== 0) throw new Violation("retry", `a checkpoint that lags ${lag} events behind`);
  outcome.caughtUp++;
  await settles("transact", ports, history.submit(db, small("last")));
  history.checkSettled(db);
}

async function submitAll(
  history: History,
  opened: Opened,
  plans: readonly Plan[],
  outcome: LayeredOutcome,
): Promise<void> {
  const { db, ports } = opened;
  if (history.isPoisoned) return;
  const possible = plans.filter((plan) => namesOf(plan).every((key) => db.hasNode(key)));
  const results = await Promise.all(
    possible.map((plan) => settles("transact", ports, history.submit(db, plan))),
  );
  for (const result of results) {
    if (result.status === "fulfilled") continue;
    const { code } = result.reason as { code?: unknown };
    if (code === "OVERLOADED") outcome.overloaded++;
    else requireTyped(result.reason);
  }
  history.checkSettled(db);
  if (history.isPoisoned) outcome.poisoned++;
  await rest(opened);
}

/** Keys that a plan needs to be there. */
function namesOf({ steps }: Plan): string[] {
  const made = new Set<string>();
  const needed: string[] = [];
  for (const step of steps) {
    if ("put" in step) made.add(step.put);
    if ("link" in step) needed.push(step.link[0], step.link[2]);
    if ("unlink" in step) needed.push(step.unlink[0], step.unlink[2]);
    if ("patch" in step) needed.push(step.patch);
    if ("remove" in step) needed.push(step.remove);
  }
  return needed.filter((key) => !made.has(key));
}

function requireTyped(error: unknown): undefined {
  const code = (error as { code?: unknown }).code;
  if (["DISK_FULL", "IO", "POISONED"].includes(String(code))) return undefined;
  throw new Violation("typed errors", String((error as Error).stack ?? error));
}
