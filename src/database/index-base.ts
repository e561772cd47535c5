// What recovery fills: the index, the names and the system state, from a checkpoint and from the frames behind it.
import { ByteReader } from "../codec/bytes.ts";
import { VarveError } from "../codec/errors.ts";
import { readValue } from "../codec/values.ts";
import type { Checkpoint } from "../index/checkpoint.ts";
import { defineNames } from "../index/checkpoint-codec.ts";
import type { GraphIndex } from "../index/graph-index.ts";
import type { TreeRun } from "../index/tree-run.ts";
import type { NameTable } from "../log/name-table.ts";
import type { RecoveryBase } from "../recovery/recovery-base.ts";
import type { ReplaySink } from "../recovery/replay.ts";
import { type CountAnchors, countAnchorsName } from "./count-anchors.ts";
import { type FreezePoint, freezePoint } from "./freeze-point.ts";
import { replaySink } from "./replay-sink.ts";
import type { RunKeeper } from "./run-keeper.ts";
import type { SystemState } from "./system-values.ts";
import type { Tuning } from "./tuning.ts";

/** Fills an empty index with a checkpoint's runs, which are open. */
export function restoreIndex(
  index: GraphIndex,
  checkpoint: Checkpoint,
  runs: readonly TreeRun[],
): void {
  const { lsn: lastLsn, nextNodeId, nodeCount, edgeCount, families } = checkpoint;
  index.restore({ nextNodeId, lastLsn, nodeCount, edgeCount, families, runs });
}

/** Defines a checkpoint's names, sets its system state, and takes over the counts that it holds. */
export function restoreNames(
  checkpoint: Checkpoint,
  names: NameTable,
  state: SystemState,
  anchors: CountAnchors,
): void {
  const wrong = defineNames(names, checkpoint.names, checkpoint.scopedNames);
  if (wrong > 0) {
    throw new VarveError("CORRUPT", `checkpoint ${checkpoint.number} names ${wrong} twice`);
  }
  const { lsn, nodeCount, edgeCount } = checkpoint;
  for (const [name, bytes] of checkpoint.states) {
    const value = readValue(new ByteReader().open(bytes, 0, bytes.length));
    if (name === countAnchorsName) anchors.load(value, lsn);
    else state.set(name, value);
  }
  anchors.note(lsn, nodeCount, edgeCount);
}

export class IndexBase implements RecoveryBase, ReplaySink {
  /** The version of the runs that the checkpoint loaded names; -1 where there is none. */
  savedVersion = -1;

  readonly #index: GraphIndex;
  readonly #names: NameTable;
  readonly #state: SystemState;
  readonly #runs: RunKeeper;
  readonly #tuning: Tuning;
  readonly #anchors: CountAnchors;
  readonly #sink: ReplaySink;

  constructor(
    index: GraphIndex,
    names: NameTable,
    state: SystemState,
    runs: RunKeeper,
    tuning: Tuning,
    anchors: CountAnchors,
  ) {
    this.#index = index;
    this.#names = names;
    this.#state = state;
    this.#runs = runs;
    this.#tuning = tuning;
    this.#anchors = anchors;
    this.#sink = replaySink(index, state, anchors);
  }

  begin(databaseId: Uint8Array, nextTreeId: number): void {
    this.#runs.begin(databaseId, nextTreeId);
  }

  /** Everything as the checkpoint has it; pages of the trees are read when they are needed. */
  async load(checkpoint: Checkpoint): Promise<void> {
    restoreIndex(this.#index, checkpoint, await this.#runs.load(checkpoint.runs));
    restoreNames(checkpoint, this.#names, this.#state, this.#anchors);
    const { lsn } = checkpoint;
    this.#runs.nextTreeId = Math.max(this.#runs.nextTreeId, checkpoint.nextTreeId);
    this.#runs.flushedPoint = this.#point(lsn, { position: checkpoint.position });
    this.savedVersion = this.#runs.version;
  }

  async clear(): Promise<void> {
    await this.#runs.discard();
    this.savedVersion = -1;
    this.#index.clear();
    this.#names.truncate(1);
    this.#anchors.clear();
    this.#state.clear();
  }

  noteCompacted(lsn: number): void {
    this.#index.compactedTo = lsn;
  }

  apply(bytes: Uint8Array, from: number, to: number, firstLsn: number, timeMs: number): number {
    return this.#sink.apply(bytes, from, to, firstLsn, timeMs);
  }

  /** Fills the emptied index of an open database; the system state stands as it is, in memory, for whoever reads it meanwhile. */
  refilling(): ReplaySink {
    this.#anchors.clear();
    const sink = replaySink(this.#index, undefined, this.#anchors);
    return { ...sink, pressure: () => this.pressure() };
  }

  /** Between two frames: what the replay has built goes to disk where it is more than memory may hold. */
  pressure(): Promise<void> | undefined {
    if (this.#index.activeBytes < this.#tuning.activeBytesMax) return undefined;
    return this.#relieve();
  }

  async #relieve(): Promise<void> {
    const { lastLsn } = this.#index;
    this.#runs.freeze(this.#point(lastLsn));
    await this.#runs.flush();
    while (this.#runs.mergeIsDue) await this.#runs.merge();
  }

  #point(lsn: number, place?: Pick<FreezePoint, "position">): FreezePoint {
    return freezePoint(lsn, this.#index, this.#names, this.#state, this.#anchors, place);
  }
}
