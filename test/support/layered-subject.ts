// Databases over tiny budgets as the explorer of the published kit is told of them: layers that are frozen, flushed, merged and stood for by
// checkpoints, calls that fail for a while, pages of the index that go bad, and an index that is made anew.
import type { Tuning } from "../../src/database/tuning.ts";
import { PAGE_HEADER, pageMagic } from "../../src/index/page-format.ts";
import {
  type CrashSubject,
  type Promised,
  parsePlan,
  type SimulatedDisk,
  Violation,
} from "../../src/testing/testing.ts";
import { type Command, linked, small, type View } from "./commit-model.ts";
import {
  type DatabaseSubject,
  databaseSubject,
  type Met,
  type Running,
  type SubjectOptions,
} from "./database-subject.ts";
import { openLayeredWith, rest } from "./layered-script.ts";
import { loseIndex } from "./lose-index.ts";

export type LayeredCommand =
  | Command
  /** From here on calls fail as the plan says; none where it is empty. */
  | { readonly faults: string }
  /** What failed is made up for, now that nothing fails any more. */
  | "catch up"
  /** Pages of the index go bad: whoever reads them next meets that, and the index is made anew. */
  | "spoil"
  /** The index is taken away between two processes. */
  | "lose index"
  /** Everything that is stored says the same. */
  | "verify";

export interface LayeredMet {
  readonly operations: Met;
  merges: number;
  rebuilds: number;
  /** Indexes that were written whole once nothing failed any more. */
  caughtUp: number;
}

export interface LayeredSubject extends CrashSubject<Running, LayeredCommand, View> {
  /** What happened, over all lives. */
  readonly met: LayeredMet;
}

export interface LayeredOptions extends Pick<SubjectOptions, "hasGaps"> {
  readonly tuned?: Partial<Tuning>;
  readonly afterwards?: readonly LayeredCommand[];
  /** Whether only the command "verify" asks whether everything stored says the same: what went bad may lie there unread till then. */
  readonly verifiesLater?: boolean;
}

export function layeredSubject(options: LayeredOptions = {}): LayeredSubject {
  const { tuned = {}, verifiesLater = false, afterwards, ...others } = options;
  const base = databaseSubject({
    ...others,
    open: (ports) => openLayeredWith(ports, "group", tuned),
  });
  const met: LayeredMet = { operations: base.met, merges: 0, rebuilds: 0, caughtUp: 0 };
  const { check, close, traits } = base as Required<DatabaseSubject>;
  const living: Living = {
    met,
    run: base.run,
    reopened: async (running, between) => {
      await close(running, undefined);
      await between(running.ports.disk);
      Object.assign(running, await base.open(running.ports, undefined));
    },
  };
  return {
    ...base,
    met,
    close: async (running) => {
      const { index, counters } = running.db.stats();
      met.rebuilds += index.rebuilds;
      met.merges += counters.merges;
      return (await close(running, undefined)) as Promised;
    },
    run: (running, command) => patiently(() => run(living, running, command)),
    read: (running) => patiently(async () => base.read(running, undefined)),
    check: async (running, view) => {
      if (!verifiesLater) await check(running, view, undefined);
    },
    apply: (view, command) => base.apply(view, command as Command),
    isIdle: () => false,
    alphabet: [],
    afterwards: afterwards ?? [linked("x", "x"), small("again")],
    failed: (error, command) => base.failed?.(error, command as Command) ?? "unknown",
    traits: (running) => [...traits(running), ...layersOf(running)],
  };
}

interface Living {
  readonly met: LayeredMet;
  readonly run: DatabaseSubject["run"];
  /** Ends the process in order and begins another one, on what `between` makes of the disk. */
  readonly reopened: (
    running: Running,
    between: (disk: SimulatedDisk) => Promise<void>,
  ) => Promise<void>;
}

async function run(living: Living, running: Running, command: LayeredCommand): Promise<Promised> {
  const { disk } = running.ports;
  if (command === "catch up") return await catchUp(living, running);
  if (command === "spoil") {
    spoilTrees(disk);
    return "nothing";
  }
  if (command === "lose index" || command === "verify") {
    await living.reopened(running, command === "verify" ? async () => {} : loseIndex);
    // What is spoiled is found by whoever reads it, and is sound again when that has been dealt with.
    const { sound, problems } = await running.db.verify();
    if (!sound) throw new Violation("O9 verify", JSON.stringify(problems));
    return "durable";
  }
  if (typeof command === "object" && "faults" in command) {
    running.hadFaults ||= disk.faults.length > 0;
    disk.faults.length = 0;
    if (command.faults !== "") disk.faults.push(...parsePlan(command.faults).rules);
    return "nothing";
  }
  return (await living.run(running, command, undefined)) as Promised;
}

/** The stages are tried again by themselves, and a checkpoint is one of all that there is. */
async function catchUp({ met, run: base }: Living, running: Running): Promise<Promised> {
  const { db, ports } = running;
  await ports.scheduler.advance(30_000);
  await rest(running);
  try {
    await base(running, "checkpoint", undefined);
  } catch (error) {
    if ((error as { code?: unknown }).code === "POISONED") throw error;
    throw new Violation("O10 retry", String(error));
  }
  const { lag } = db.stats().checkpoint;
  if (lag !== 0) throw new Violation("O10 retry", `a checkpoint that lags ${lag} events behind`);
  met.caughtUp += 1;
  return "durable";
}

/** What `work` comes to once the index is there again. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (code !== "INDEX_REBUILDING" || attempt === 1000) throw error;
      for (let turn = 0; turn < 50; turn++) await undefined;
    }
  }
}

function layersOf({ db }: Running): string[] {
  const { index, counters } = db.stats();
  const layers = counters.flushes > 0 ? ["flushed in its replay"] : [];
  return index.rebuilds > 0 ? [...layers, "met damage"] : layers;
}

/** Changes a byte of each page of every tree, and nothing in the footers: an opening does not see it. */
function spoilTrees(disk: SimulatedDisk): void {
  for (const path of disk.listAll()) {
    if (!path.endsWith(".tree")) continue;
    const bytes = disk.readFile(path).slice();
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const end = bytes.length - PAGE_HEADER.length - 4;
    for (let at = 0; at < end && view.getUint32(at + PAGE_HEADER.magic, true) === pageMagic; ) {
      at += view.getUint32(at + PAGE_HEADER.length, true);
      bytes[at - 1]! ^= 0x55;
    }
    disk.writeFile(path, bytes);
  }
}
