// What reads of an open database stand on. A class and no literal: one with a getter is kept as a dictionary, and all reads would look
// its parts up by their names' hashes.
import type { Counts, ReadSource } from "../graph/read-source.ts";
import type { GraphIndex } from "../index/graph-index.ts";
import { HeldPin } from "../log/held-pin.ts";
import type { Log } from "../log/log.ts";
import type { NameTable } from "../log/name-table.ts";
import type { HistoryCuts } from "./history-cuts.ts";
import { compacted } from "./history-point.ts";
import type { IndexRebuild } from "./index-rebuild.ts";

export interface LiveParts {
  readonly index: GraphIndex;
  readonly names: NameTable;
  readonly log: Log;
  readonly cuts: HistoryCuts;
  readonly rebuild: IndexRebuild;
  /** Whether nothing would be compacted away under a reader. */
  readonly isKept: boolean;
  /** Throws CLOSED once the database is not open. */
  readonly requireOpen: (method: string) => void;
  readonly counts: () => Counts;
}

export class LiveSource implements ReadSource {
  readonly index: GraphIndex;
  readonly names: NameTable;
  readonly events: Log["events"];
  readonly hold: ReadSource["hold"];
  readonly counts: () => Counts;
  readonly #log: Log;
  readonly #cuts: HistoryCuts;
  readonly #rebuild: IndexRebuild;
  readonly #requireOpen: (method: string) => void;

  constructor({ index, names, log, cuts, rebuild, isKept, requireOpen, counts }: LiveParts) {
    this.index = index;
    this.names = names;
    this.events = log.events;
    this.hold = isKept
      ? undefined
      : (owner, lsn) => {
          const pin = new HeldPin(owner, log.pins, "reading", lsn);
          return () => pin.release();
        };
    this.counts = counts;
    this.#log = log;
    this.#cuts = cuts;
    this.#rebuild = rebuild;
    this.#requireOpen = requireOpen;
  }

  get epoch(): number {
    return this.#cuts.epoch;
  }

  lsn(method: string): number {
    this.#requireOpen(method);
    this.#rebuild.require();
    return this.#log.acceptedLsn;
  }

  check(lsn: number, epoch: number): void {
    this.#requireOpen("iteration");
    this.#rebuild.require();
    this.#cuts.check(lsn, epoch);
    const { horizon } = this.#log;
    if (lsn < horizon) throw compacted("iteration", lsn, horizon);
  }

  graph(): number {
    return 0;
  }
}
