// Owns the runs of an index: builds them in workers, opens them, and removes their files once nothing names them any more.
import type { VarveError } from "../codec/errors.ts";
import { isMissing } from "../disk/disk-error.ts";
import type { Ports } from "../disk/ports.ts";
import { sideBySide } from "../disk/side-by-side.ts";
import { chooseMerge } from "../index/choose-merge.ts";
import type { GraphIndex } from "../index/graph-index.ts";
import type { LeftOut } from "../index/merge-erasure.ts";
import type { Retention } from "../index/merge-retention.ts";
import { PageCache } from "../index/page-cache.ts";
import { Run } from "../index/run.ts";
import { RunBuilder } from "../index/run-builder.ts";
import { haveFile, type RunRecord, type TreeFileRecord } from "../index/run-record.ts";
import { treeFileName } from "../log/file-names.ts";
import { NAME_KIND } from "../log/name-table.ts";
import { treeNamedIn } from "../recovery/recovery-base.ts";
import type { FreezePoint } from "./freeze-point.ts";
import { RunGarbage } from "./run-garbage.ts";
import type { Tuning } from "./tuning.ts";

const noIds = new Uint32Array(0);

export interface RunCounters {
  flushes: number;
  merges: number;
  /** Bytes of the files that flushes and merges have written. */
  bytesFlushed: number;
  bytesMerged: number;
}

export class RunKeeper {
  readonly cache: PageCache;
  readonly garbage: RunGarbage;
  readonly counters: RunCounters = { flushes: 0, merges: 0, bytesFlushed: 0, bytesMerged: 0 };
  /** The id that the next tree file gets. */
  nextTreeId = 1;
  /** Counts the changes of the runs. */
  version = 0;
  /** What merges may leave out: once the log is open, what it says. */
  retention: () => Omit<Retention, "isOldest"> | undefined = () => undefined;
  /** What the frozen layer stands for, and what the newest run stands for. */
  frozenPoint: FreezePoint | undefined;
  flushedPoint: FreezePoint | undefined;

  /** Gives each tree file an id of its own. */
  readonly takeTreeId: () => number;
  readonly #ports: Ports;
  readonly #directory: string;
  #databaseId: Uint8Array = new Uint8Array(16);
  readonly #index: GraphIndex;
  readonly #tuning: Tuning;
  /** Two, so that a long merge does not hold up the flush that writers wait for. */
  #flusher: RunBuilder;
  #merger: RunBuilder;
  /** Newest first, as the index has them. */
  #runs: readonly Run[] = [];
  /** Runs that the index no longer reads, whose files a checkpoint may still name. */
  #retired: RunRecord[] = [];
  readonly #merging: Set<Run> = new Set();
  readonly #merges: Set<Promise<unknown>> = new Set();
  /** What merged runs were merged with. */
  readonly #mergedTo: WeakMap<Run, string> = new WeakMap();
  /** Files with this tree id or a higher one were made since the open. */
  #ownFrom = 1;
  #isStopped = false;

  /** @param takeTreeId where ids come from instead, if another one's files are in the directory too. */
  constructor(
    ports: Ports,
    directory: string,
    index: GraphIndex,
    tuning: Tuning,
    takeTreeId?: () => number,
  ) {
    this.takeTreeId = takeTreeId ?? (() => this.nextTreeId++);
    this.#ports = ports;
    this.#directory = directory;
    this.#index = index;
    this.#tuning = tuning;
    this.cache = new PageCache(tuning.pageCacheBytes);
    index.keyCache.grown = (bytes) => this.cache.reserve(bytes);
    this.garbage = new RunGarbage(index);
    this.#flusher = this.#builder();
    this.#merger = this.#builder();
  }

  get runs(): readonly Run[] {
    return this.#runs;
  }

  get records(): readonly RunRecord[] {
    return this.#runs.map((run) => run.record);
  }

  /** Bytes of the index's files. */
  get bytes(): number {
    return this.#runs.reduce((sum, run) => sum + run.bytes, 0);
  }

  /** Names the database whose files these are, and the first free id; before anything is built or loaded. */
  begin(databaseId: Uint8Array, nextTreeId: number): void {
    this.#databaseId = databaseId;
    this.nextTreeId = nextTreeId;
    this.#ownFrom = nextTreeId;
    this.#flusher = this.#builder();
    this.#merger = this.#builder();
  }

  /** Opens the runs of a checkpoint. Throws CORRUPT for what is not as it was written. */
  async load(records: readonly RunRecord[]): Promise<readonly Run[]> {
    this.#runs = await this.openAll(records);
    return this.#runs;
  }

  /** Has others take the place of the runs, which are closed; false where the end has come, and the others are closed. */
  async exchange(runs: readonly Run[]): Promise<boolean> {
    const given = this.#isStopped ? runs : this.#runs;
    if (!this.#isStopped) {
      this.#runs = runs;
      this.version++;
    }
    await Promise.allSettled(given.map((run) => run.close()));
    return !this.#isStopped;
  }

  /** Opens runs that the index does not read yet. Throws CORRUPT for what is not as it was written. */
  async openAll(records: readonly RunRecord[]): Promise<readonly Run[]> {
    const opening = records.map((record) => this.#open(record));
    try {
      return await sideBySide(opening);
    } catch (error) {
      for (const opened of await Promise.allSettled(opening)) {
        if (opened.status === "fulfilled") await opened.value.close();
      }
      throw error;
    }
  }

  /** Freezes what the index holds; everything accepted is in the trees, and nothing else. */
  freeze(point: FreezePoint): void {
    this.#index.freeze();
    this.frozenPoint = point;
    this.#index.superseded.settle();
    this.garbage.noteFrozen(point.lsn);
  }

  /** Writes the index's frozen layer to disk, reads it back, and has the index read it there. */
  async flush(): Promise<void> {
    const layer = this.#index.frozen;
    if (layer === undefined) return;
    const run = await this.#checked(this.#flusher, this.#flusher.flush(layer, this.takeTreeId));
    // The merger may have changed the runs meanwhile, and put its own behind what comes now.
    if (run !== undefined) this.#runs = [run, ...this.#runs];
    this.#index.install(this.#runs, true);
    this.version++;
    this.flushedPoint = this.frozenPoint;
    this.frozenPoint = undefined;
    this.counters.flushes++;
    this.counters.bytesFlushed += run?.bytes ?? 0;
  }

  get isMerging(): boolean {
    return this.#merging.size > 0;
  }

  /** Whether runs should be merged now. */
  get mergeIsDue(): boolean {
    return !this.#isStopped && this.#chosen() !== undefined;
  }

  /** Merges the runs that should be, if any, and has the index read the result; resolves to the bytes written. */
  async merge(): Promise<number | undefined> {
    const isOutgrown = this.#isOutgrown;
    const merged = this.#chosen();
    if (merged === undefined || this.#isStopped) return undefined;
    const merge = (): Promise<number> => this.#merge(merged);
    return await (isOutgrown ? this.garbage.going(merge) : merge());
  }

  /**
   * Merges all runs there are into one, once the merges under way are over; resolves to the bytes written.
   *
   * @param erased ids of nodes of which nothing is kept.
   */
  async mergeAll(erased?: Uint32Array): Promise<number> {
    while (this.#merges.size > 0) await Promise.allSettled(this.#merges);
    const [only, ...more] = this.#runs;
    const isMerged = more.length === 0 && this.#mergedTo.get(only!) === this.#compactedTo;
    if (only === undefined || this.#isStopped) return 0;
    if (isMerged && erased === undefined) return 0;
    return await this.#merge(this.#runs, erased);
  }

  #merge(merged: readonly Run[], erased?: Uint32Array): Promise<number> {
    for (const run of merged) this.#merging.add(run);
    const merge = this.#mergeRuns(merged, erased).finally(() => {
      for (const run of merged) this.#merging.delete(run);
      this.#merges.delete(merge);
    });
    this.#merges.add(merge);
    return merge;
  }

  /** Changes when compaction has gone further. */
  get #compactedTo(): string {
    return this.retention()?.compacted.join() ?? "";
  }

  async #mergeRuns(merged: readonly Run[], erased: Uint32Array | undefined): Promise<number> {
    const compactedTo = this.#compactedTo;
    const allowed = this.retention();
    const isOldest = merged.at(-1) === this.#runs.at(-1);
    if (merged.length === this.#runs.length) this.garbage.noteAll(allowed?.horizon ?? 0);
    const retention = allowed && { ...allowed, isOldest };
    const records = merged.map(({ record }) => record);
    const leftOut = this.#leftOut(
      erased,
      allowed?.horizon ?? 0,
      merged.length === this.#runs.length,
    );
    const merging = this.#merger
      .merge(records, this.takeTreeId, retention, leftOut)
      .catch((error: unknown) => {
        // Perhaps no read comes by the damage for long, and no merge gets past it.
        throw haveFile(records, treeNamedIn(error)) ? this.cache.damaged(error) : error;
      });
    const run = await this.#checked(this.#merger, merging);
    this.#replace(merged, run);
    if (run !== undefined) this.#mergedTo.set(run, compactedTo);
    this.counters.merges++;
    const bytes = run?.bytes ?? 0;
    this.counters.bytesMerged += bytes;
    return bytes;
  }

  /**
   * What was erased, and what belongs to graphs and maps that were dropped at or below the horizon: of graphs only where all runs
   * are merged, since edges do not say their graph, and nodes in another run could not tell.
   */
  #leftOut(nodes: Uint32Array = noIds, horizon: number, isAll: boolean): LeftOut | undefined {
    const families: number[] = [];
    const maps: number[] = [];
    for (const { number, kind, droppedLsn } of this.#index.families.all()) {
      const isMap = kind === NAME_KIND.map;
      if (isMap) maps.push(number);
      if (droppedLsn <= horizon && (isMap || isAll)) families.push(number);
    }
    if (nodes.length === 0 && families.length === 0) return undefined;
    return { nodes, families: Uint32Array.from(families), maps: Uint32Array.from(maps) };
  }

  /** Reads every page of these runs; throws for the first that is damaged. */
  async requireSound(records: readonly RunRecord[]): Promise<void> {
    for (const record of records) await this.#flusher.verify(record);
  }

  /** Reads every page of every run; resolves to an error for each that is damaged. */
  async findDamage(): Promise<VarveError[]> {
    const found: VarveError[] = [];
    for (const run of this.#runs) {
      const damages = await this.#flusher.findDamage(run.record);
      // A merge may have replaced it meanwhile, and its files are gone.
      if (this.#runs.includes(run)) found.push(...damages);
    }
    return found;
  }

  /** Removes the files of runs that neither the index reads nor a checkpoint names, best effort: the next open finds the rest. */
  async removeRetired(named: readonly RunRecord[]): Promise<void> {
    const kept = new Set(named.flatMap((record) => record.trees.map((tree) => tree.treeId)));
    await this.#remove(({ trees }) => !trees.some((tree) => kept.has(tree.treeId)));
  }

  /** Tries again to remove what nothing needs any more; resolves to how many runs' files are left. */
  async removeLeft(): Promise<number> {
    await this.removeRetired(this.records);
    return this.#retired.length;
  }

  /** Forgets the runs, and removes the files that were made since the open and that no checkpoint can name. */
  async discard(): Promise<void> {
    await this.forget();
    await this.#remove(({ trees }) => trees.every((tree) => tree.treeId >= this.#ownFrom));
  }

  async #remove(isGone: (record: RunRecord) => boolean): Promise<void> {
    const gone = this.#retired.filter(isGone);
    this.#retired = this.#retired.filter((record) => !gone.includes(record));
    for (const record of gone) {
      let isLeft = false;
      for (const tree of record.trees) if (!(await this.#unlink(tree))) isLeft = true;
      if (isLeft) this.#retired.push(record);
    }
  }

  /** Whether the file is gone. */
  async #unlink({ treeId, name }: TreeFileRecord): Promise<boolean> {
    const { disk } = this.#ports;
    const path = disk.join(this.#directory, treeFileName(treeId, name));
    try {
      await disk.unlink(path);
      return true;
    } catch (error) {
      return isMissing(error);
    }
  }

  /** Forgets the runs: their files stay until no checkpoint names them. */
  async forget(): Promise<void> {
    const runs = this.#runs;
    this.#runs = [];
    this.version++;
    this.frozenPoint = undefined;
    this.flushedPoint = undefined;
    this.#retired.push(...runs.map((run) => run.record));
    this.garbage.clear();
    for (const run of runs) await run.close();
  }

  /** Ends the work under way, which rejects. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#merger.stop();
    // One that was done by then is opened and read from: whoever asks next is to find it among the runs, or gone.
    await Promise.allSettled(this.#merges);
  }

  async close(): Promise<void> {
    await this.stop();
    await this.#flusher.stop();
    await sideBySide(this.#runs.map((run) => run.close()));
  }

  /** The runs to merge next. While old ones are being merged, newer ones may be as well. */
  #chosen(): readonly Run[] | undefined {
    if (this.#isOutgrown) return this.#runs;
    const busy = this.#runs.findIndex((run) => this.#merging.has(run));
    const runs = busy < 0 ? this.#runs : this.#runs.slice(0, busy);
    const choice = chooseMerge(
      runs.map(({ bytes, record }) => ({
        bytes,
        entries: record.trees.reduce((sum, tree) => sum + tree.entries, 0),
        firstLsn: record.firstLsn,
        lastLsn: record.lastLsn,
      })),
      { runsMax: this.#tuning.mergeAbove },
    );
    return choice === undefined ? undefined : runs.slice(choice.from, choice.to);
  }

  /** Whether so much that compaction let go is still in the runs that merging all of them is worth it. */
  get #isOutgrown(): boolean {
    const allowed = this.retention();
    const isWhole = allowed !== undefined && this.#runs.length > 1 && !this.isMerging;
    return isWhole && this.garbage.isEnough(allowed.horizon);
  }

  #builder(): RunBuilder {
    const { pageBytes } = this.#tuning;
    return new RunBuilder(this.#ports, this.#directory, this.#databaseId, { pageBytes });
  }

  #open(record: RunRecord): Promise<Run> {
    return Run.open(this.#ports.disk, this.#directory, record, this.#databaseId, this.cache);
  }

  /** Opens what was built, once every page of it was read back; nothing where it has no entries. */
  async #checked(builder: RunBuilder, built: Promise<RunRecord>): Promise<Run | undefined> {
    const record = await built;
    if (record.trees.length === 0) return undefined;
    try {
      await builder.verify(record);
      return await this.#open(record);
    } catch (error) {
      // No checkpoint can name it: where a close ended the reading, none comes that would have it removed.
      this.#retired.push(record);
      await this.#remove((each) => each === record);
      throw error;
    }
  }

  #replace(merged: readonly Run[], run: Run | undefined): void {
    const at = this.#runs.indexOf(merged[0]!);
    if (at < 0) {
      // What was merged was given up meanwhile.
      if (run !== undefined) {
        this.#retired.push(run.record);
        void run.close().catch(() => {});
      }
      return;
    }
    const runs = [...this.#runs];
    runs.splice(at, merged.length, ...(run === undefined ? [] : [run]));
    this.#runs = runs;
    this.#index.install(runs, false);
    this.version++;
    this.#retired.push(...merged.map(({ record }) => record));
    for (const old of merged) void old.close().catch(() => {});
  }
}
