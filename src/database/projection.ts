// Projections as users get them, and the register of those that are at work.
import type { FeedSource } from "../changes/feed-source.ts";
import { VarveError } from "../codec/errors.ts";
import type { DurableReader } from "../compaction/horizon.ts";
import { checkName, checkOptions, describe } from "../graph/arguments.ts";
import type { DatabaseCore } from "./database-core.ts";
import type { ProjectionOut } from "./projection-out.ts";
import {
  type ParkedBy,
  type ProjectionDefinition,
  ProjectionRun,
  type ProjectionStatus,
} from "./projection-run.ts";
import {
  outGroupOf,
  outIds,
  outStateName,
  projectionStateName,
  storedProjections,
} from "./projection-store.ts";
import { transactOn } from "./transact.ts";
import { Transaction } from "./transaction.ts";

/** A projection that is stored or at work. */
export interface ProjectionInfo {
  readonly name: string;
  readonly version: number;
  /** Everything up to here has been applied; of one that is not at work, the LSN that is stored. */
  readonly lsn: number;
  /** How many LSNs that is behind the durable LSN of the database. */
  readonly lag: number;
  /** `"idle"`: it is stored, and nobody has called `project` for it since the database was opened. */
  readonly status: ProjectionStatus | "idle";
}

/**
 * A projection at work. `state` and `out` are as of `lsn`, whatever that is: they can be read while it catches up, and
 * once it is parked.
 */
export class Projection<S, V = unknown> {
  readonly name: string;
  readonly version: number;
  readonly #core: DatabaseCore;
  readonly #run: ProjectionRun<S, V>;
  readonly #remove: () => Promise<boolean>;

  /** @internal `db.project` makes them. */
  constructor(core: DatabaseCore, run: ProjectionRun<S, V>, remove: () => Promise<boolean>) {
    this.name = run.name;
    this.version = run.version;
    this.#core = core;
    this.#run = run;
    this.#remove = remove;
  }

  /** The state itself, which the next change may change: never change it outside `apply`. */
  get state(): S {
    return this.#readable().state;
  }

  /** What `apply` has put there, to be read. */
  get out(): ProjectionOut<V> {
    return this.#readable().out;
  }

  /** Everything up to this LSN has been applied, and nothing beyond it. */
  get lsn(): number {
    return this.#readable().lsn;
  }

  get status(): ProjectionStatus {
    return this.#run.status;
  }

  /** The change that parked it, and what `apply` threw; undefined where it is not parked. */
  get parked(): ParkedBy | undefined {
    return this.#run.parked;
  }

  /**
   * Resolves once everything that is durable at the call has been applied.
   *
   * @throws `VarveError` PROJECTION_PARKED (`cause` is what `apply` threw, `details` has the LSN), CLOSED, and what
   *   ends a feed.
   */
  async caughtUp(): Promise<void> {
    this.#core.requireOpen("caughtUp");
    await this.#run.caughtUp();
  }

  /** Stores what has been applied and ends. `project` goes on from there. */
  close(): Promise<void> {
    return this.#run.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Ends it, and removes what it has stored. Resolves, once that is durable, to whether there was anything. */
  remove(): Promise<boolean> {
    return this.#remove();
  }

  #readable(): ProjectionRun<S, V> {
    this.#core.requireOpen("projection");
    const { status, failure } = this.#run;
    if (status === "ended" && failure?.code === "CLOSED") throw failure;
    return this.#run;
  }
}

const fields: readonly string[] = ["version", "init", "apply", "filter", "before"];

export class Projections {
  readonly #core: DatabaseCore;
  readonly #source: FeedSource;
  readonly #runs: Map<string, ProjectionRun<unknown, unknown>> = new Map();
  #nextId = 0;

  constructor(core: DatabaseCore, source: FeedSource) {
    this.#core = core;
    this.#source = source;
  }

  async project<S, V>(
    name: string,
    definition: ProjectionDefinition<S, V>,
  ): Promise<Projection<S, V>> {
    const core = this.#core;
    core.requireOpen("project");
    checkName("project", "name", name);
    checkDefinition(definition);
    core.requireOwner("project");
    const before = this.#runs.get(name);
    if (before?.status === "running") throw runsAlready(name);
    // What it stores last must be there before another one goes on from it.
    await before?.close();
    core.requireOpen("project");
    if (this.#runs.get(name)?.status === "running") throw runsAlready(name);
    const run = new ProjectionRun<S, V>(
      core,
      this.#source,
      name,
      { ...definition },
      () => this.#newId(),
      () => this.#leftovers(),
    );
    this.#runs.set(name, run as unknown as ProjectionRun<unknown, unknown>);
    run.start();
    return new Projection(core, run, () => this.remove(name));
  }

  list(): ProjectionInfo[] {
    const { log, state } = this.#core;
    const stored = storedProjections(state);
    const names = [...new Set([...stored.keys(), ...this.#runs.keys()])].sort();
    return names.map((name) => {
      const run = this.#runs.get(name);
      const { version = 0, lsn = 0 } = run ?? stored.get(name) ?? {};
      const lag = Math.max(0, log.durableLsn - lsn);
      return { name, version, lsn, lag, status: run?.status ?? "idle" };
    });
  }

  /** Those at work of which nothing is stored yet: they hold the history as those do that are. */
  unstored(): DurableReader[] {
    const stored = storedProjections(this.#core.state);
    const readers: DurableReader[] = [];
    for (const [name, run] of this.#runs) {
      const isHolding = run.status === "running" && !run.inSnapshot;
      if (isHolding && stored.get(name)?.id !== run.id) {
        readers.push({ kind: "projection", name, lsn: run.lsn });
      }
    }
    return readers;
  }

  /** In slices, what it is known by first: a crash in between leaves entries that the next store clears away. */
  async remove(name: string): Promise<boolean> {
    const core = this.#core;
    core.requireOwner("removeProjection");
    const run = this.#runs.get(name);
    await run?.close();
    if (this.#runs.get(name) === run) this.#runs.delete(name);
    const stored = storedProjections(core.state).get(name);
    if (stored === undefined) return run !== undefined;
    await this.#clear([projectionStateName(name)]);
    const entries = core.state.group(outGroupOf(stored.id));
    while (entries.size > 0) {
      const names: string[] = [];
      for (const key of entries.keys()) {
        if (names.push(outStateName(stored.id, key)) === 1000) break;
      }
      await this.#clear(names);
    }
    return true;
  }

  /** Begins to store what each of them has applied; nothing goes on afterwards. */
  close(): void {
    for (const run of this.#runs.values()) void run.close();
  }

  async #clear(names: readonly string[]): Promise<void> {
    const write = (tx: Transaction): void => {
      for (const name of names) Transaction.storeState(tx, name, undefined);
    };
    await transactOn(this.#core, write, { durability: "group" });
  }

  #newId(): number {
    if (this.#nextId === 0) {
      const { state } = this.#core;
      const ids = [...storedProjections(state).values()].map(({ id }) => id);
      this.#nextId = 1 + Math.max(0, ...ids, ...outIds(state));
    }
    return this.#nextId++;
  }

  /** Entries of projections that started over or are gone. */
  *#leftovers(): IterableIterator<string> {
    const { state } = this.#core;
    const used = new Set([...storedProjections(state).values()].map(({ id }) => id));
    for (const run of this.#runs.values()) used.add(run.id);
    for (const id of outIds(state)) {
      if (used.has(id)) continue;
      for (const key of state.group(outGroupOf(id)).keys()) yield outStateName(id, key);
    }
  }
}

function checkDefinition(definition: unknown): void {
  if (typeof definition !== "object" || definition === null) {
    throw new TypeError(`project: the definition must be an object, got ${describe(definition)}`);
  }
  const { version, init, apply } = checkOptions("project", definition, fields);
  if (typeof version !== "number") {
    throw new TypeError(`project: version must be a number, got ${describe(version)}`);
  }
  if (!Number.isSafeInteger(version)) {
    throw new RangeError(`project: version must be a whole number, got ${version}`);
  }
  if (typeof init !== "function") throw new TypeError("project: init must be a function");
  if (typeof apply !== "function") throw new TypeError("project: apply must be a function");
}

function runsAlready(name: string): VarveError {
  return new VarveError("CONFLICT", `project: projection ${describe(name)} is running already`, {
    details: { projection: name },
    retryable: false,
  });
}
