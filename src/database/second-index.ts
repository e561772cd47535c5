// A second index of an open database, made of its log for a check: what memory may not hold goes to tree files of its own, which go
// when the check is over, and after a crash when the database is opened.
import { limits } from "../codec/limits.ts";
import { GraphIndex } from "../index/graph-index.ts";
import { NameTable } from "../log/name-table.ts";
import type { ReplaySink } from "../recovery/replay.ts";
import { CountAnchors } from "./count-anchors.ts";
import type { DatabaseCore } from "./database-core.ts";
import { IndexBase } from "./index-base.ts";
import { replaySink } from "./replay-sink.ts";
import { RunKeeper } from "./run-keeper.ts";
import { SystemState } from "./system-values.ts";
import { type Tuning, tuningFor } from "./tuning.ts";

export class SecondIndex {
  readonly index: GraphIndex;
  readonly names: NameTable = new NameTable();
  /** Takes the replay of the log. */
  readonly sink: ReplaySink;
  readonly #runs: RunKeeper;

  constructor(core: DatabaseCore) {
    const { settings, directory, runs, log, tuning } = core;
    const own = secondTuning(settings.memoryBudget, tuning);
    const state = new SystemState();
    const anchors = new CountAnchors(own.countAnchorEvents);
    this.index = new GraphIndex(this.names, own.index);
    this.#runs = new RunKeeper(settings.ports, directory, this.index, own, runs.takeTreeId);
    this.#runs.begin(log.databaseId, runs.nextTreeId);
    const base = new IndexBase(this.index, this.names, state, this.#runs, own, anchors);
    // Who opened it to read alone writes nothing: then all of it stays in memory.
    this.sink = settings.readOnly
      ? replaySink(this.index, state)
      : {
          noteCompacted: (lsn) => base.noteCompacted(lsn),
          apply: (bytes, from, to, firstLsn, timeMs) =>
            base.apply(bytes, from, to, firstLsn, timeMs),
          pressure: () => base.pressure()?.then(() => this.#runs.removeRetired(this.#runs.records)),
        };
  }

  /** Removes its files. */
  async close(): Promise<void> {
    await this.#runs.discard();
    await this.#runs.close();
  }
}

/** A quarter of what the database itself may use, and no less than the least that one may; nothing larger than there. */
function secondTuning(memoryBudget: number, tuning: Tuning): Tuning {
  const own = tuningFor(Math.max(limits.memoryBudgetBytesMin, memoryBudget / 4));
  const index = { ...own.index, ...tuning.index };
  const caches = ["keyCacheSlots", "keyStringSlots", "chunkBytes", "stagingCapacity"] as const;
  const smaller = caches.map((name) => [
    name,
    Math.min(own.index[name] ?? Infinity, index[name] ?? Infinity),
  ]);
  return {
    ...own,
    index: { ...index, ...Object.fromEntries(smaller) },
    activeBytesMax: Math.min(own.activeBytesMax, tuning.activeBytesMax),
    pageBytes: tuning.pageBytes,
    mergeAbove: tuning.mergeAbove,
  };
}
