// The index of a read-only handle: the newest checkpoint's trees with what came behind in memory, and newer trees once that is much.
import type { Ports } from "../disk/ports.ts";
import type { Checkpoint } from "../index/checkpoint.ts";
import { GraphIndex } from "../index/graph-index.ts";
import type { GraphIndexOptions } from "../index/graph-layers.ts";
import type { Run } from "../index/run.ts";
import { RECORD } from "../log/event-format.ts";
import { EventReader } from "../log/event-reader.ts";
import type { FollowCompanion } from "../log/follow-options.ts";
import type { FollowedLog } from "../log/followed-log.ts";
import type { FollowSink } from "../log/log-tail.ts";
import { compactedToOf, type Manifest } from "../log/manifest-codec.ts";
import type { NameTable } from "../log/name-table.ts";
import type { Segment } from "../log/segment.ts";
import { segmentsUpTo } from "../recovery/passed-log.ts";
import { isStart, isUnloadable, readCheckpoints } from "../recovery/recovery-base.ts";
import type { CountAnchors } from "./count-anchors.ts";
import { restoreIndex, restoreNames } from "./index-base.ts";
import { replaySink } from "./replay-sink.ts";
import type { RunKeeper } from "./run-keeper.ts";
import type { SystemState } from "./system-values.ts";
import type { Tuning } from "./tuning.ts";

export interface FollowerParts {
  readonly ports: Ports;
  readonly directory: string;
  readonly index: GraphIndex;
  readonly names: NameTable;
  readonly state: SystemState;
  readonly anchors: CountAnchors;
  readonly runs: RunKeeper;
  readonly tuning: Tuning;
}

/** Applying so much takes some milliseconds; then others get a turn. */
const bytesPerTurn = 256 * 1024;
/** Trees that the writer has removed take space while they are open here: for so long at most, where there are newer ones. */
const renewAfterMs = 30_000;

export class Follower implements FollowCompanion {
  /** The LSN of the checkpoint whose trees are read; 0 where none are. */
  checkpointLsn = 0;
  /** Whether the index is being made anew after damage: what comes then is read again by whoever does that. */
  isUnusable: () => boolean = () => false;
  readonly sink: FollowSink;
  readonly #parts: FollowerParts;
  /** The number of that checkpoint. */
  #number = 0;
  #renewedMs = 0;
  /** The newest checkpoint whose trees could not be taken over. */
  #refused = 0;
  /** A tree proved to be damaged: no other is taken over unread. */
  #isWary = false;
  #log: FollowedLog | undefined;
  #renewing: Promise<boolean> | undefined;
  #isEnded = false;

  constructor(parts: FollowerParts) {
    this.#parts = parts;
    this.sink = this.#sinkOf();
  }

  /** Loads the newest checkpoint that can be used; resolves to the segments up to its position. */
  async begin(manifest: Manifest): Promise<readonly Segment[] | undefined> {
    const { ports, directory, runs, index, names, state, anchors } = this.#parts;
    runs.begin(manifest.databaseId, 1);
    index.compactedTo = compactedToOf(manifest.segments);
    for (const checkpoint of await this.#checkpoints(manifest)) {
      try {
        restoreIndex(index, checkpoint, await runs.load(checkpoint.runs));
        restoreNames(checkpoint, names, state, anchors);
        const { position } = checkpoint;
        this.#note(checkpoint);
        return isStart(checkpoint)
          ? []
          : await segmentsUpTo(ports.disk, directory, manifest, position);
      } catch (error) {
        await this.clear();
        if (!isUnloadable(error)) throw error;
      }
    }
    return undefined;
  }

  /** Goes back to an empty index. */
  async clear(): Promise<void> {
    const { runs, index, names, state, anchors } = this.#parts;
    this.#note(undefined);
    await runs.exchange([]);
    index.clear();
    names.truncate(1);
    anchors.clear();
    state.clear();
  }

  /** Follows this log from now on. */
  attach(log: FollowedLog): void {
    this.#log = log;
    log.companion = this;
    this.refreshed();
  }

  refreshed(): void {
    const newest = this.#log?.checkpoints[0]?.number ?? 0;
    if (newest <= Math.max(this.#number, this.#refused) || this.isUnusable()) return;
    const { index, tuning, ports } = this.#parts;
    const isMuch = index.activeBytes >= tuning.activeBytesMax / 2;
    const isLong = ports.clock.monotonicMs() - this.#renewedMs >= renewAfterMs;
    // What it fails with, the next read tells, or the next checkpoint mends.
    if (isMuch || isLong) this.renew().catch(() => {});
  }

  async ended(): Promise<void> {
    this.#isEnded = true;
    await this.#renewing?.catch(() => {});
  }

  /**
   * Has the index read the newest checkpoint's trees, and what comes behind from memory, while reads go on; resolves to
   * whether it did not yet.
   */
  renew(): Promise<boolean> {
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  /** Makes the index anew: from a checkpoint that holds, else from the whole log, which stays in memory then. */
  async refill(): Promise<void> {
    await this.#renewing?.catch(() => {});
    this.#isWary = true;
    const { index } = this.#parts;
    const log = this.#log!;
    await log.refresh();
    for (const checkpoint of await this.#checkpoints(log.manifest)) {
      try {
        if (await this.#build(checkpoint, () => index.clear())) return;
      } catch (error) {
        if (!isLost(error)) throw error;
      }
    }
    await this.#build(undefined, () => index.clear());
  }

  async #renew(): Promise<boolean> {
    const log = this.#log!;
    for (const checkpoint of await this.#checkpoints(log.manifest)) {
      const { number } = checkpoint;
      if (number <= this.#number) return false;
      this.#refused = number;
      return await this.#build(checkpoint, () => {});
    }
    return false;
  }

  /** Builds a second index beside the one that serves, and has this one take it over in one turn. */
  async #build(checkpoint: Checkpoint | undefined, before: () => void): Promise<boolean> {
    const { runs: keeper, index, names, tuning } = this.#parts;
    const records = checkpoint?.runs ?? [];
    const runs = await keeper.openAll(records);
    try {
      if (this.#isWary) await keeper.requireSound(records);
      const next = new GraphIndex(names, smallCaches(tuning.index));
      next.compactedTo = compactedToOf(this.#log!.manifest.segments);
      if (checkpoint !== undefined) restoreIndex(next, checkpoint, runs);
      await next.replaying(() => this.#catchUp(next));
      if (this.#isEnded) {
        await closeAll(runs);
        return false;
      }
      // Nothing comes between the last frame and this: what follows goes into what is taken over.
      before();
      index.adopt(next);
      this.#note(checkpoint);
    } catch (error) {
      await closeAll(runs);
      throw error;
    }
    return await keeper.exchange(runs);
  }

  #note(checkpoint: Checkpoint | undefined): void {
    this.checkpointLsn = checkpoint?.lsn ?? 0;
    this.#number = checkpoint?.number ?? 0;
    this.#renewedMs = this.#parts.ports.clock.monotonicMs();
  }

  async #catchUp(index: GraphIndex): Promise<void> {
    const log = this.#log!;
    const { scheduler } = this.#parts.ports;
    for (let bytes = 0; index.lastLsn < log.durableLsn && !this.#isEnded; ) {
      const frame = log.frameAtOrAfter(index.lastLsn + 1);
      if (frame === undefined) throw new Error(`no frame behind LSN ${index.lastLsn}`);
      index.apply(frame.bytes, frame.from, frame.to, frame.firstLsn);
      bytes += frame.to - frame.from;
      if (bytes < bytesPerTurn) continue;
      bytes = 0;
      await new Promise<void>((resolve) => scheduler.task(resolve));
    }
  }

  async #checkpoints(manifest: Manifest): Promise<readonly Checkpoint[]> {
    const { ports, directory } = this.#parts;
    const { candidates } = await readCheckpoints(ports.disk, directory, manifest);
    return candidates.map(({ checkpoint }) => checkpoint);
  }

  #sinkOf(): FollowSink {
    const { index, names, state, anchors } = this.#parts;
    const whole = replaySink(index, state, anchors);
    const reader = new EventReader();
    const withoutTrees = replaySink(
      {
        ...noCounts,
        names,
        clear() {},
        apply(bytes, from, to, firstLsn) {
          reader.open(bytes, from, to, firstLsn);
          while (reader.next()) {
            if (reader.tag === RECORD.name) names.define(reader.nameId, reader.body.text());
            else if (reader.tag === RECORD.scopedName) {
              const { nameId, flags, family } = reader;
              names.defineScoped(nameId, flags, family, reader.body.text());
            }
          }
        },
      },
      state,
    );
    return {
      noteCompacted: whole.noteCompacted,
      restart: () => {
        this.#note(undefined);
        whole.restart();
      },
      apply: (bytes, from, to, firstLsn, timeMs) => {
        if (!this.isUnusable()) {
          try {
            return whole.apply(bytes, from, to, firstLsn, timeMs);
          } catch (error) {
            if (!this.isUnusable()) throw error;
          }
        }
        return withoutTrees.apply(bytes, from, to, firstLsn, timeMs);
      },
    };
  }
}

const noCounts = { compactedTo: 0, lastLsn: 0, nodeCount: 0, edgeCount: 0 };

/** The caches of an index that is taken over stay those of the one that takes it over. */
function smallCaches(options: GraphIndexOptions): GraphIndexOptions {
  return { ...options, keyCacheSlots: 1024, keyStringSlots: 512, liveIdPages: 64 };
}

function isLost(error: unknown): boolean {
  return isUnloadable(error) || (error as { code?: unknown }).code === "INDEX_REBUILDING";
}

async function closeAll(runs: readonly Run[]): Promise<void> {
  await Promise.allSettled(runs.map((run) => run.close()));
}
