// A database that drops history and is backed up, as the explorer of the published kit is told of it.
import { handle } from "../../src/compaction/rewrite-worker.ts";
import { openTuned } from "../../src/database/open.ts";
import type { Tuning } from "../../src/database/tuning.ts";
import type { ActorHandler } from "../../src/disk/ports.ts";
import {
  type CrashSubject,
  type Promised,
  type SimulatedPorts,
  Violation,
} from "../../src/testing/testing.ts";
import type { HistoryPolicy, Snapshot } from "../../src/varve.ts";
import { type Command, linked, marked } from "./commit-model.ts";
import { databasePath, type Opened } from "./crash-script.ts";
import { databaseSubject, type Running } from "./database-subject.ts";
import { HistoryModel, type HistoryView } from "./history-model.ts";
import {
  checkBelow,
  checkCopy,
  checkFinishedCopy,
  checkReader,
  copyPath,
  emptyWorld,
  type HistoryWorld,
  horizonOf,
  openCopy,
  readerLsn,
  readerName,
  shownBy,
} from "./history-world.ts";
import { registerTreeWorker, rest, tinyTuning } from "./layered-script.ts";
import { loseIndex } from "./lose-index.ts";

/**
 * `look` opens a view of what there is, `look back` one of the horizon, `look away` closes the first of them; `ack` deals with the next
 * batch; `visit the copy` opens it and closes it again.
 */
export type HistoryCommand =
  | Command
  | "compact"
  | "look"
  | "look back"
  | "look away"
  | "ack"
  | "backup"
  | "backup beside compaction"
  | "visit the copy";

interface Living extends Running {
  readonly views: Snapshot[];
  /** Nothing above it may be dropped when the process began. */
  readonly pinned: number;
  /** Segments that were rewritten because it was asked for. */
  rewritten: number;
}

export interface HistoryMet {
  /** Segments that compaction rewrote when it was asked to, and those that it made part of others. */
  rewritten: number;
  joined: number;
  /** Segments that the background had rewritten by itself when a life was closed. */
  inBackground: number;
  /** What the worker of compaction was asked for. */
  asked: number;
}

export interface HistorySubject
  extends CrashSubject<Living, HistoryCommand, HistoryView, HistoryWorld> {
  readonly met: HistoryMet;
}

export interface HistoryOptions {
  readonly history: HistoryPolicy;
  /** Default: everything is tiny, so that layers come and go. */
  readonly tuned?: Partial<Tuning>;
  /** Events to a layer: with few, flushes and merges come all the time. */
  readonly layerEvents?: number;
  /** What each recovery goes on with. */
  readonly afterwards?: readonly HistoryCommand[];
  readonly alphabet?: readonly HistoryCommand[];
  /** Every opening finds the log alone. */
  readonly losesIndex?: boolean;
  /** Whether compaction has a worker read and judge, as where there are threads, or does that itself. */
  readonly hasWorker?: boolean;
}

export function historySubject(options: HistoryOptions): HistorySubject {
  const { history, layerEvents, losesIndex = false, hasWorker = false } = options;
  const layers = layerEvents === undefined ? {} : { activeEventsMax: layerEvents };
  const tuned = { ...(options.tuned ?? tinyTuning), ...layers };
  const model = new HistoryModel();
  const met: HistoryMet = { rewritten: 0, joined: 0, inBackground: 0, asked: 0 };
  const opened = (ports: SimulatedPorts): Promise<Opened> => {
    if (hasWorker) registerRewriteWorker(ports, met);
    return openWith(ports, history, tuned);
  };
  const base = databaseSubject({ open: opened, opensAsSaved: !losesIndex });
  let copyTraits: string[] = [];
  return {
    isHonest: base.isHonest!,
    isRefusal: base.isRefusal!,
    isScratch: base.isScratch!,
    disk: base.disk!,
    mended: (store) => (losesIndex ? [] : base.mended!(store)),
    traits: (store) => [...base.traits!(store), ...copyTraits],
    met,
    open: async (ports, world) => {
      if (losesIndex) await loseIndex(ports.disk);
      if (world.wallMs > 0) ports.clock.jump(world.wallMs - ports.clock.wallMs());
      const { pinned } = world;
      world.pinned = Number.POSITIVE_INFINITY;
      return { ...(await base.open(ports, undefined)), views: [], pinned, rewritten: 0 };
    },
    close: async (store) => {
      for (const view of store.views.splice(0)) view.close();
      met.inBackground += store.db.stats().history.segmentsRewritten - store.rewritten;
      return (await base.close!(store, undefined)) as Promised;
    },
    run: async (store, command, world) => {
      const promised = await new Doing(store, world, met).run(command, base.run);
      world.wallMs = store.ports.clock.wallMs();
      world.pinned = pinnedBy(store);
      return promised;
    },
    read: ({ db }) => shownBy(db),
    check: async (store, found, world) => {
      const { db, ports, pinned } = store;
      const horizon = found.kept?.horizon ?? 0;
      if (horizon > pinned) throw new Violation("O9 horizon", `${horizon}, held at ${pinned}`);
      checkReader(db, world, horizon);
      await checkBelow(db, horizon);
      copyTraits = world.copies.length === 0 ? [] : [`${await checkCopy(ports.disk, world)} copy`];
      if ((found.log.length + horizon) % 32 !== 3) return;
      const { sound, problems } = await db.verify();
      if (!sound) throw new Violation("O9 verify", JSON.stringify(problems));
    },
    initial: () => model.initial,
    apply: (view, command) => model.apply(view, command as Command),
    matches: (due, found) => model.matches(due, found),
    alphabet: options.alphabet ?? [],
    afterwards: options.afterwards ?? [linked("x", "x"), marked("again")],
    world: emptyWorld,
    copyWorld: (world) => ({ ...world }),
  };
}

const rewriteWorker = new URL("../../src/compaction/rewrite-worker.ts", import.meta.url);

function registerRewriteWorker({ workers }: SimulatedPorts, met: HistoryMet): void {
  const counting: ActorHandler = (message, disk) => {
    met.asked += 1;
    return handle(message, disk);
  };
  workers.register(rewriteWorker, { handle: counting }, { asThread: true });
}

async function openWith(
  ports: SimulatedPorts,
  history: HistoryPolicy,
  tuned: Partial<Tuning>,
): Promise<Opened> {
  registerTreeWorker(ports);
  const sizes = { segmentBytes: 64 * 1024, memoryBudget: 16 * 2 ** 20 };
  const db = await openTuned(databasePath, { ...ports, ...sizes, history }, tuned);
  return { db, ports };
}

function pinnedBy({ views }: Living): number {
  return Math.min(Number.POSITIVE_INFINITY, ...views.map(({ lsn }) => lsn));
}

/** One command of a life. */
class Doing {
  readonly #store: Living;
  readonly #world: HistoryWorld;
  readonly #met: HistoryMet;

  constructor(store: Living, world: HistoryWorld, met: HistoryMet) {
    this.#store = store;
    this.#world = world;
    this.#met = met;
  }

  async run(
    command: HistoryCommand,
    others: CrashSubject<Running, Command, unknown>["run"],
  ): Promise<Promised> {
    const { db, ports, views } = this.#store;
    switch (command) {
      case "compact":
        return await this.#compact();
      case "look":
        views.push(db.snapshot());
        return "nothing";
      case "look back":
        views.push(horizonOf(db) > 0 ? await db.asOf(horizonOf(db)) : db.snapshot());
        return "nothing";
      case "look away":
        views.shift()?.close();
        return "nothing";
      case "ack":
        return await this.#ack();
      case "backup":
        return await this.#backUp(async () => {});
      case "backup beside compaction":
        return await this.#backUp(() => this.#compact());
      case "visit the copy":
        await (await openCopy({ ...ports }))?.close();
        return "nothing";
      case "rest":
        await this.#rest();
        return "nothing";
      default:
        return (await others(this.#store, command, undefined)) as Promised;
    }
  }

  async #compact(): Promise<Promised> {
    const { db } = this.#store;
    const [before, segments] = [horizonOf(db), db.stats().segments];
    const report = await db.compact();
    this.#met.rewritten += report.segments;
    this.#store.rewritten += report.segments;
    this.#met.joined += Math.max(0, segments - db.stats().segments);
    this.#checkHorizon(before);
    return "durable";
  }

  async #rest(): Promise<void> {
    const { db } = this.#store;
    const before = horizonOf(db);
    await rest(this.#store);
    this.#checkHorizon(before);
  }

  /** Open views and the consumer keep what they need. */
  #checkHorizon(before: number): void {
    const { db } = this.#store;
    const horizon = horizonOf(db);
    const { acked = Number.POSITIVE_INFINITY, asked = acked } = this.#world;
    // An ack that a crash cut off may have arrived: only then does it count where the reader says that it stands.
    const reader = Math.min(asked, Math.max(acked, readerLsn(db)));
    const held = Math.min(pinnedBy(this.#store), reader);
    if (horizon <= Math.max(before, held)) return;
    throw new Violation("O9 horizon", `${horizon}, held at ${held}`);
  }

  /** Deals with the next batch, if there is one. */
  async #ack(): Promise<Promised> {
    const { db } = this.#store;
    const world = this.#world;
    const consumer = await db.consumer(readerName);
    world.acked ??= 0;
    world.asked ??= 0;
    if (world.asked >= db.durableLsn) return "nothing";
    for await (const batch of consumer) {
      world.asked = Math.max(world.asked, batch.lastLsn);
      await consumer.ack(batch.lastLsn);
      world.acked = world.asked;
      break;
    }
    return "nothing";
  }

  async #backUp(beside: () => Promise<unknown>): Promise<Promised> {
    const { db, ports } = this.#store;
    await db.flush();
    const due = await shownBy(db);
    this.#world.copies = [...this.#world.copies, due];
    await Promise.all([db.backup(copyPath), beside()]);
    this.#world.copies = [due];
    this.#world.isCopied = true;
    await checkFinishedCopy(ports.disk);
    return "durable";
  }
}
