// What a database may hold after a crash: every transaction as planned, and the prefix property. It knows the engine only by its face.
import { createHash } from "node:crypto";
import { Database } from "../../src/database/database.ts";
import { readState, writeState } from "../../src/database/system-state.ts";
import { Violation } from "../../src/testing/testing.ts";
import type { Change, Durability, Receipt, Transaction } from "../../src/varve.ts";
import { saysNothing } from "./definite-errors.ts";

export { Violation };

/** One write, in the oracle's own words. */
export type Step =
  | { readonly put: string; readonly props: Readonly<Record<string, unknown>> }
  | { readonly patch: string; readonly props: Readonly<Record<string, unknown>> }
  | { readonly remove: string }
  | { readonly link: readonly [string, string, string] }
  /** Removes every edge of this type between the two. */
  | { readonly unlink: readonly [string, string, string] }
  | { readonly emit: string; readonly value: unknown };

export interface Plan {
  readonly steps: readonly Step[];
  /** Stored as the database's state "mark", atomically with the steps. */
  readonly mark?: string;
  /** What the commit waits for; the database's own where it is absent. */
  readonly durability?: Durability;
}

/**
 * `open`: nobody knows yet. `durable`: acknowledged as that. `written`: acknowledged as handed to the operating system.
 * `accepted`: acknowledged at once. `rejected`: told that none of it was written. `unknown`: told that nobody knows.
 */
export type Ending = "open" | "durable" | "written" | "accepted" | "rejected" | "unknown";

interface Entry {
  readonly number: number;
  readonly token: string;
  readonly plan: Plan;
  /** What the feed must say of it. */
  readonly text: readonly string[];
  ending: Ending;
  receipt: Pick<Receipt<unknown>, "firstLsn" | "lastLsn"> | undefined;
}

/** What a reader finds in a database. */
export interface View {
  /** What lies at or below it is compacted: no feed shows it, the graph still has what it led to. */
  readonly horizon: number;
  readonly transactions: readonly { firstLsn: number; lastLsn: number; text: string[] }[];
  readonly mark: string | undefined;
}

/** How a life ended: a kill keeps what was written, a power cut only what was synced. */
export type Death = "kill" | "power";

export class History {
  #entries: Entry[] = [];
  #counter = { next: 1 };

  get length(): number {
    return this.#entries.length;
  }

  get endings(): readonly Ending[] {
    return this.#entries.map((entry) => entry.ending);
  }

  /** A copy as of now: what is told later does not change it. */
  snapshot(): History {
    const copy = new History();
    copy.#entries = this.#entries.map((entry) => ({ ...entry }));
    copy.#counter = { next: this.#counter.next };
    return copy;
  }

  /**
   * Runs a plan as one transaction and notes how it ends. Settles as the transaction does.
   *
   * @param fails the callback throws after its last step: nothing of it may ever be seen.
   */
  submit(db: Database, plan: Plan, fails = false): Promise<Receipt<unknown>> {
    let entry: Entry | undefined;
    const options = plan.durability === undefined ? {} : { durability: plan.durability };
    const committed = db.transact((tx) => {
      const made = this.#entry(plan);
      perform(tx, plan, made.token);
      if (fails) throw new Error("the callback changed its mind");
      this.#entries.push(made);
      entry = made;
    }, options);
    committed.then(
      (receipt) => {
        entry!.receipt = receipt;
        if (entry!.ending === "open") entry!.ending = levelOf(plan.durability);
      },
      (error: unknown) => {
        if (entry === undefined) return;
        const { code } = error as { code?: unknown };
        entry.ending = saysNothing.has(String(code)) ? "rejected" : "unknown";
      },
    );
    return committed;
  }

  /** `flush` has resolved: all that was accepted when it was called is durable. */
  noteDurable(count: number): void {
    for (const entry of this.#entries.slice(0, count)) {
      if (entry.ending === "written" || entry.ending === "accepted") entry.ending = "durable";
    }
  }

  /** Checks what is found after a death, and returns the history that all later lives must hold. */
  checkAfter(death: Death, view: View): History {
    const alive = this.#entries.filter((entry) => entry.ending !== "rejected");
    const kept = prefixOf(alive, view);
    let must = -1;
    for (const [i, { ending }] of alive.entries()) {
      if (ending === "durable" || (death === "kill" && ending === "written")) must = i;
    }
    if (must >= kept) {
      const lost = alive[must]!;
      throw new Violation(
        "durability",
        `transaction ${lost.number} (${lost.token}), acknowledged as ${lost.ending}, is lost; ${kept} of ${alive.length} are there`,
      );
    }
    const next = new History();
    next.#entries = alive.slice(0, kept).map((entry) => ({ ...entry, ending: "durable" }));
    checkLsns(next.#entries, view);
    next.#counter = { next: this.#counter.next };
    return next;
  }

  /**
   * A write or a sync may have failed: what was acknowledged as less than durable and is not to be seen any more has
   * the ending `as`. Without a database that can still be read nobody knows.
   */
  noteVanished(db: Database | undefined, as: Ending = "rejected"): void {
    for (const entry of this.#entries) {
      if (entry.ending !== "written" && entry.ending !== "accepted") continue;
      if (db === undefined) entry.ending = "unknown";
      else if (!isVisible(db, entry.plan)) entry.ending = as;
    }
  }

  /** The graph that the transactions make. */
  checkGraph(db: Database): void {
    checkGraph(db, this.#entries);
  }

  #entry(plan: Plan): Entry {
    const number = this.#counter.next++;
    const content = JSON.stringify([plan.steps, plan.mark]);
    const hash = createHash("sha256").update(content).digest("hex").slice(0, 16);
    const token = `t.${number}.${hash}`;
    const text = plan.steps.map((step) => textOf(step, token));
    return { number, token, plan, text, ending: "open", receipt: undefined };
  }
}

function isVisible(db: Database, plan: Plan): boolean {
  return plan.steps.every((step) => {
    if ("put" in step) return db.hasNode(step.put);
    if (!("link" in step)) return true;
    const [from, type, to] = step.link;
    return [...db.neighbors(from, { type })].includes(to);
  });
}

function levelOf(durability: Durability | undefined): Ending {
  if (durability === undefined || durability === "group") return "durable";
  return durability === "os" ? "written" : "accepted";
}

function perform(tx: Transaction, plan: Plan, token: string): void {
  for (const step of plan.steps) {
    if ("put" in step) tx.putNode(step.put, { labels: ["T"], props: { ...step.props, token } });
    else if ("patch" in step) tx.patchNode(step.patch, { props: { ...step.props, token } });
    else if ("remove" in step) tx.removeNode(step.remove);
    else if ("link" in step) tx.addEdge(...step.link, { token });
    else if ("unlink" in step) removeEdges(tx, step.unlink);
    else tx.emit(step.emit, [token, step.value]);
  }
  if (plan.mark !== undefined) writeState(tx, "mark", `${plan.mark} ${token}`);
}

function removeEdges(tx: Transaction, [from, type, to]: readonly [string, string, string]): void {
  const found = [...tx.edges(from, { direction: "out", type })].filter((edge) => edge.to === to);
  for (const { id } of found) tx.removeEdge(id);
}

function textOf(step: Step, token: string): string {
  if ("put" in step) return line("node.put", step.put, ["T"], { ...step.props, token });
  if ("patch" in step) return line("node.patch", step.patch, { ...step.props, token });
  if ("remove" in step) return line("node.remove", step.remove, ["T"]);
  if ("link" in step) return line("edge.add", ...step.link, { token });
  if ("unlink" in step) return line("edge.remove", ...step.unlink);
  return line("event", step.emit, [token, step.value]);
}

function line(...parts: unknown[]): string {
  return JSON.stringify(parts);
}

/** Reads everything the oracle judges by. */
export async function readView(db: Database): Promise<View> {
  const transactions: { firstLsn: number; lastLsn: number; text: string[] }[] = [];
  let open: { firstLsn: number; lastLsn: number; text: string[] } | undefined;
  const { horizon } = Database.coreOf(db).log;
  let lastLsn = horizon;
  for await (const batch of db.changes({ from: horizon + 1, live: false })) {
    for (const change of batch.changes) {
      if (change.lsn <= lastLsn) throw new Violation("order", `LSN ${change.lsn} after ${lastLsn}`);
      lastLsn = change.lsn;
      if (open?.lastLsn !== change.txLastLsn) {
        open = { firstLsn: change.lsn, lastLsn: change.txLastLsn, text: [] };
        transactions.push(open);
      }
      open.text.push(changeText(change));
    }
  }
  if (open !== undefined && lastLsn !== open.lastLsn) {
    throw new Violation(
      "atomicity",
      `the last transaction ends at ${lastLsn}, not ${open.lastLsn}`,
    );
  }
  if (lastLsn !== db.lastLsn || lastLsn !== db.durableLsn) {
    throw new Violation(
      "feed",
      `ends at ${lastLsn}; last LSN ${db.lastLsn}, durable ${db.durableLsn}`,
    );
  }
  return { horizon, transactions, mark: readState(db, "mark") as string | undefined };
}

function changeText(change: Change): string {
  switch (change.kind) {
    case "node.put":
      return line(change.kind, change.key, change.labels, change.props);
    case "node.patch":
      return line(change.kind, change.key, change.props);
    case "node.remove":
      return line(change.kind, change.key, change.labels);
    case "edge.add":
      return line(change.kind, change.from, change.type, change.to, change.props);
    case "edge.remove":
      return line(change.kind, change.from, change.type, change.to);
    case "event":
      return line(change.kind, change.name, change.value);
    default:
      return line(change.kind);
  }
}

/** How many of `alive`, from the first on, are what the view shows: whole, in order, nothing else. */
function prefixOf(alive: readonly Entry[], view: View): number {
  let at = 0;
  while (isCompacted(alive, at, view)) at++;
  for (const { text, firstLsn } of view.transactions) {
    while (alive[at]?.text.length === 0) at++;
    const expected = alive[at];
    if (expected === undefined) {
      throw new Violation(
        "phantom",
        `nothing more was accepted, but LSN ${firstLsn} is ${text[0]}`,
      );
    }
    if (text.length !== expected.text.length || text.some((t, i) => t !== expected.text[i])) {
      throw new Violation(
        "prefix",
        `at LSN ${firstLsn} transaction ${expected.number} of ${expected.text.length} changes was due (${expected.text[0]}), found ${text.length} (${text[0]?.slice(0, 200)})`,
      );
    }
    at++;
  }
  const markedBy = alive.findIndex(
    ({ plan, token }) => plan.mark !== undefined && `${plan.mark} ${token}` === view.mark,
  );
  const kept = Math.max(at, markedBy + 1);
  const prefix = alive.slice(0, kept);
  const lastMark = prefix.filter(({ plan }) => plan.mark !== undefined).at(-1);
  const due = lastMark === undefined ? undefined : `${lastMark.plan.mark} ${lastMark.token}`;
  if (due !== view.mark) throw new Violation("prefix", `state is ${view.mark}, due is ${due}`);
  if (prefix.slice(at).some(({ text }) => text.length > 0)) {
    throw new Violation("prefix", `state ${view.mark} is ahead of the events`);
  }
  return kept;
}

/** Whether a transaction, or one behind it, ends at or below the horizon: only what is durable is ever compacted. */
function isCompacted(alive: readonly Entry[], at: number, { horizon }: View): boolean {
  return alive.slice(at).some((entry) => isBelow(entry, horizon));
}

function isBelow({ text, receipt }: Entry, horizon: number): boolean {
  return text.length > 0 && receipt !== undefined && receipt.lastLsn <= horizon;
}

/** Transactions that were never told their LSNs get those that they have: compaction may pass them from now on. */
function checkLsns(kept: readonly Entry[], view: View): void {
  const withEvents = kept.filter((entry) => entry.text.length > 0 && !isBelow(entry, view.horizon));
  for (const [i, entry] of withEvents.entries()) {
    const found = view.transactions[i]!;
    entry.receipt ??= found;
    const { receipt } = entry;
    if (found.firstLsn !== receipt.firstLsn || found.lastLsn !== receipt.lastLsn) {
      throw new Violation(
        "identity",
        `transaction ${entry.number} was ${receipt.firstLsn}-${receipt.lastLsn}, is ${found.firstLsn}-${found.lastLsn}`,
      );
    }
  }
}

type GraphFace = Pick<Database, "nodeCount" | "edgeCount" | "node" | "neighbors">;

/** Compares reads with a fold over plain maps. */
function checkGraph(db: GraphFace, entries: readonly { plan: Plan; token: string }[]): void {
  const nodes = new Map<string, Record<string, unknown>>();
  const links = new Map<string, string[]>();
  let edges = 0;
  for (const { plan, token } of entries) {
    for (const step of plan.steps) {
      if ("put" in step) nodes.set(step.put, { ...step.props, token });
      else if ("patch" in step) {
        nodes.set(step.patch, { ...nodes.get(step.patch), ...step.props, token });
      } else if ("remove" in step) nodes.delete(step.remove);
      else if ("unlink" in step) {
        const [from, , to] = step.unlink;
        const before = links.get(from) ?? [];
        const after = before.filter((other) => other !== to);
        edges -= before.length - after.length;
        links.set(from, after);
      } else if ("link" in step) {
        edges++;
        links.set(step.link[0], [...(links.get(step.link[0]) ?? []), step.link[2]]);
      }
    }
  }
  const found = `${db.nodeCount} nodes, ${db.edgeCount} edges`;
  const due = `${nodes.size} nodes, ${edges} edges`;
  if (found !== due) throw new Violation("reads", `${found}; due are ${due}`);
  for (const [key, props] of nodes) {
    const node = db.node(key);
    if (sorted(node?.props) !== sorted(props)) {
      throw new Violation("reads", `node ${key} is ${sorted(node?.props)?.slice(0, 200)}`);
    }
  }
  for (const [from, to] of links) {
    const neighbors = [...db.neighbors(from, { direction: "out" })].sort();
    if (neighbors.join() !== [...new Set(to)].sort().join()) {
      throw new Violation("reads", `neighbors of ${from} are ${neighbors.join()}`);
    }
  }
}

function sorted(props: Readonly<Record<string, unknown>> | undefined): string | undefined {
  if (props === undefined) return undefined;
  return JSON.stringify(Object.entries(props).sort(([a], [b]) => (a < b ? -1 : 1)));
}
