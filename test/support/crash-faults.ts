// A life that goes on as far as it can while calls of its disk fail, and checks after each step that every promise
// settles, that reads show exactly what was acknowledged, and that a poisoned database stays so.
import type { SimulatedDisk, SimulatedPorts } from "../../src/testing/testing.ts";
import type { Database } from "../../src/varve.ts";
import { type History, type Plan, Violation } from "./crash-oracle.ts";
import { large, linked, marked, openOn, small } from "./crash-script.ts";

export interface Outcome {
  /** Lives that could not be opened at all. */
  refusedOpens: number;
  poisoned: number;
  rejected: number;
}

/** Batches of transactions that are submitted together; a life ends, cleanly closed, behind each list. */
const batches: readonly (readonly (readonly Plan[])[])[] = [
  [
    [small("a"), linked("b", "a"), small("c")],
    [marked("first")],
    [{ steps: [{ remove: "c" }], mark: "with events" }, marked("between")],
    [large("big", 40_000)],
    [small("d"), large("medium", 22_000)],
    [marked("rolled")],
    [linked("e", "d")],
  ],
  [[linked("f", "e"), marked("second")], [large("wide", 36_000)], [small("g")]],
];

/** Resolves as `work` does; throws where it has not settled long after everything that could run has run. */
export async function settles<T>(
  what: string,
  ports: SimulatedPorts,
  work: Promise<T>,
): Promise<PromiseSettledResult<T>> {
  let result: PromiseSettledResult<T> | undefined;
  work.then(
    (value) => {
      result = { status: "fulfilled", value };
    },
    (reason: unknown) => {
      result = { status: "rejected", reason };
    },
  );
  for (let turn = 0; turn < 4000 && result === undefined; turn++) await undefined;
  for (let wait = 0; wait < 20 && result === undefined; wait++) {
    await ports.scheduler.advance(500);
    for (let turn = 0; turn < 2000 && result === undefined; turn++) await undefined;
  }
  if (result === undefined) throw new Violation("hang", `${what} never settles`);
  return result;
}

/** Runs every batch that can be run. Transactions that fail are tried once more, as a caller would. */
export async function faultyLife(history: History, disk: SimulatedDisk): Promise<Outcome> {
  const outcome: Outcome = { refusedOpens: 0, poisoned: 0, rejected: 0 };
  for (const life of batches) {
    let opened: Awaited<ReturnType<typeof openOn>>;
    try {
      opened = await openOn(disk);
    } catch (error) {
      requireTyped(error);
      outcome.refusedOpens++;
      if (disk.openFiles > 0) throw new Violation("leak", "a refused open keeps files open");
      continue;
    }
    const { db, ports } = opened;
    for (const plans of life) {
      for (let attempt = 0; attempt < 2; attempt++) {
        const missing = plans.filter((plan) => possible(db, plan));
        const results = await Promise.all(
          missing.map((plan) => settles("transact", ports, history.submit(db, plan))),
        );
        for (const result of results) if (result.status === "rejected") requireTyped(result.reason);
        history.checkSettled(db);
        if (results.every(({ status }) => status === "fulfilled")) break;
        if (history.isPoisoned) break;
        outcome.rejected++;
      }
      if (history.isPoisoned) await requirePoisoned(db, ports);
    }
    await settles("flush", ports, db.flush());
    const known = history.isPoisoned;
    if (known) outcome.poisoned++;
    const closed = await settles("close", ports, db.close());
    if (closed.status === "rejected") requireTyped(closed.reason);
    if (disk.openFiles > 0) throw new Violation("leak", `${disk.openFiles} files open after close`);
    if (known) return outcome;
  }
  return outcome;
}

/** A plan that names nodes of one that failed cannot be submitted. */
function possible(db: Database, plan: Plan): boolean {
  const made = new Set<string>();
  for (const step of plan.steps) {
    if ("put" in step) made.add(step.put);
    const needed =
      "link" in step ? [step.link[0], step.link[2]] : "patch" in step ? [step.patch] : [];
    if ("remove" in step) needed.push(step.remove);
    if (needed.some((key) => !made.has(key) && !db.hasNode(key))) return false;
  }
  return true;
}

async function requirePoisoned(db: Database, ports: SimulatedPorts): Promise<void> {
  const calls: (() => Promise<unknown>)[] = [
    () => db.transact((tx) => tx.putNode("late")),
    () => db.flush(),
    () => db.whenDurable(db.lastLsn),
  ];
  for (const [i, call] of calls.entries()) {
    const result = await settles("a call after poisoning", ports, call());
    const isDurable = i === 2 && db.lastLsn <= db.durableLsn;
    if (isDurable) continue;
    const code = result.status === "rejected" ? (result.reason as { code?: unknown }).code : "none";
    if (code !== "POISONED") throw new Violation("poison", `call ${i} got ${String(code)}`);
  }
}

function requireTyped(error: unknown): void {
  const code = (error as { code?: unknown }).code;
  const known = ["DISK_FULL", "IO", "POISONED"].includes(String(code));
  if (!known) throw new Violation("typed errors", String((error as Error).stack ?? error));
}
