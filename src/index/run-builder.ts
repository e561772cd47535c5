// Writes, merges and verifies runs: hands the work to a worker in short requests, and cleans up behind what failed.

import { VarveError } from "../codec/errors.ts";
import { actorGoneError, isActorGone, siblingModule } from "../disk/actor-module.ts";
import type { Ports, WorkerActor } from "../disk/ports.ts";
import { treeFileName } from "../log/file-names.ts";
import type { EntrySource } from "./disk-tree-merge.ts";
import { buffersOf, type EntryBatch, takeBatch } from "./entry-batch.ts";
import type { LeftOut } from "./merge-erasure.ts";
import type { Retention } from "./merge-retention.ts";
import { isTreeDamage } from "./page-reader.ts";
import { treeAddress } from "./run.ts";
import type { RunRecord, TreeFileRecord } from "./run-record.ts";
import type { TreeFileAddress } from "./tree-file.ts";
import { type TreeName, treeNames, treeShapes } from "./tree-kind.ts";
import type { FinishedTree, FoundDamage, TreePlan, TreeRequest } from "./tree-messages.ts";

/** What a frozen layer gives to be written. It must not change while it is. */
export interface FrozenSource {
  readonly firstLsn: number;
  readonly lastLsn: number;
  /** Entries of `out` that tell of a removal. */
  readonly removals: number;
  count(name: TreeName): number;
  /** On the first entry, in the shape that `treeShapes` names. */
  source(name: TreeName): EntrySource;
}

export interface RunBuilderOptions {
  /** Where a page of a tree is closed; default 4 KiB. */
  readonly pageBytes?: number;
}

const noIds = new Uint32Array(0);

interface LsnRange {
  readonly firstLsn: number;
  readonly lastLsn: number;
}

/** Copying a frozen layer out may take so much of a turn. */
const copyMsMax = 2;
/** Shares of work in one request to a thread: it hardly ever waits for the next one, and a stop not long for it. */
const threadShares = 8;
/** Batches kept for the next flush, half a megabyte each. */
const writtenMax = 4;

/** Runs any number of operations at a time; their requests take turns in one worker. */
export class RunBuilder {
  readonly #ports: Ports;
  readonly #directory: string;
  readonly #databaseId: Uint8Array;
  readonly #pageBytes: number | undefined;
  readonly #running = new Set<Promise<unknown>>();
  /** Batches that came back, to be filled again: garbage of that size is collected all the time. */
  readonly #written: EntryBatch[] = [];
  #actor: WorkerActor | undefined;
  #stopped = false;

  constructor(
    ports: Ports,
    directory: string,
    databaseId: Uint8Array,
    options: RunBuilderOptions = {},
  ) {
    this.#ports = ports;
    this.#directory = directory;
    this.#databaseId = databaseId;
    this.#pageBytes = options.pageBytes;
  }

  /**
   * Writes a frozen layer as a run, its files synced; their names become durable with the directory, which is synced by
   * whoever names the run. When it rejects, what it began was removed, best effort.
   */
  flush(layer: FrozenSource, nextTreeId: () => number): Promise<RunRecord> {
    return this.#building(async (begin) => {
      const trees: TreeFileRecord[] = [];
      let finishing: Promise<TreeFileRecord> | undefined;
      for (const name of treeNames) {
        if (layer.count(name) === 0) continue;
        const plan = begin(name, nextTreeId(), layer);
        await this.#fill(plan, layer.source(name), this.#begun({ ask: "write", plan }));
        if (finishing !== undefined) trees.push(await finishing);
        // It is waited for once the next one is filled.
        finishing = this.#finish(plan).then((finished) => recordOf(plan, finished));
        finishing.catch(() => {});
      }
      if (finishing !== undefined) trees.push(await finishing);
      this.#written.splice(writtenMax);
      const { firstLsn, lastLsn, removals } = layer;
      return { firstLsn, lastLsn, removals, trees };
    });
  }

  /**
   * Writes runs that follow one another, newest first, as one; of entries with the same key the newest is kept, and with
   * `retention` only what that lets a merge keep, and nothing of `leftOut`. Otherwise as `flush`: the runs that were merged stay
   * as they are.
   */
  merge(
    runs: readonly RunRecord[],
    nextTreeId: () => number,
    retention?: Retention,
    leftOut?: LeftOut,
  ): Promise<RunRecord> {
    const range = rangeOf(runs);
    return this.#building(async (begin) => {
      const trees: TreeFileRecord[] = [];
      let removals = 0;
      let without = leftOut;
      for (const name of treeNames) {
        const inputs = runs.flatMap((run) => this.#addresses(run, name));
        if (inputs.length === 0) continue;
        const plan = begin(name, nextTreeId(), range);
        const begun = this.#begun({ ask: "merge", plan, inputs, retention, leftOut: without });
        await this.#steps(plan.path, begun);
        const finished = await this.#finish(plan);
        removals += finished.removals;
        without = withNodes(without, finished.nodesFound);
        if (finished.entries === 0) await this.#remove(plan.path);
        else trees.push(recordOf(plan, finished));
      }
      return { ...range, removals, trees };
    });
  }

  /** Reads every page of a run back; throws CORRUPT (see `isTreeDamage`) for the first that is not what was written. */
  async verify(run: RunRecord): Promise<void> {
    const [first] = await this.findDamage(run);
    if (first !== undefined) throw first;
  }

  /** Reads every page of a run back; resolves to an error for each that cannot be read or is not what was written. */
  findDamage(run: RunRecord): Promise<VarveError[]> {
    return this.#tracked(async () => {
      const found: VarveError[] = [];
      let reading: Promise<readonly VarveError[]> = Promise.resolve([]);
      for (const address of this.#addresses(run)) {
        // The one before is waited for while this one is being read.
        const [before, next] = [reading, this.#damagesOf(address)];
        reading = next;
        // Nobody waits for it yet, and it may fail sooner than the one before.
        next.catch(() => {});
        try {
          found.push(...(await before));
        } catch (error) {
          await next.catch(() => {});
          throw error;
        }
      }
      found.push(...(await reading));
      return found;
    });
  }

  async #damagesOf(address: TreeFileAddress): Promise<readonly VarveError[]> {
    const { path } = address;
    try {
      await this.#steps(path, this.#begun({ ask: "verify", address }));
      const damages = (await this.#request({ ask: "damages", path })) as FoundDamage[];
      return damages.map(
        ({ code, message, details }) => new VarveError(code, message, { details }),
      );
    } catch (error) {
      if (!isTreeDamage(error)) throw error;
      return [error as VarveError];
    } finally {
      await this.#close([path]);
    }
  }

  /** Ends what runs, which rejects with IO at its next step and cleans up, and then the worker. Nothing can be begun after. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.allSettled(this.#running);
    await this.#actor?.stop();
    this.#actor = undefined;
  }

  #addresses(run: RunRecord, name?: TreeName): TreeFileAddress[] {
    return run.trees
      .filter((tree) => name === undefined || tree.name === name)
      .map((tree) => treeAddress(this.#ports.disk, this.#directory, run, tree, this.#databaseId));
  }

  /** Runs an operation that makes files, and removes them when it fails. */
  #building(
    work: (
      begin: (name: TreeName, treeId: number, range: LsnRange) => TreePlan,
    ) => Promise<RunRecord>,
  ): Promise<RunRecord> {
    return this.#tracked(async () => {
      const paths: string[] = [];
      const begin = (name: TreeName, treeId: number, range: LsnRange): TreePlan => {
        const path = this.#ports.disk.join(this.#directory, treeFileName(treeId, name));
        paths.push(path);
        const { firstLsn, lastLsn } = range;
        const databaseId = this.#databaseId;
        return { path, name, treeId, databaseId, pageBytes: this.#pageBytes, firstLsn, lastLsn };
      };
      try {
        return await work(begin);
      } catch (error) {
        await this.#close(paths);
        for (const path of paths) await this.#remove(path);
        throw error;
      }
    });
  }

  async #tracked<T>(work: () => Promise<T>): Promise<T> {
    // Cleaning up would start another worker, which nobody stops.
    if (this.#stopped) throw actorGoneError("stopped");
    const running = work();
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  /**
   * Begins a job; what it is asked for next stands in line behind it. Waiting for an answer in between would leave the thread without
   * work for a turn of this one, which is long where there is much to do.
   */
  #begun(request: TreeRequest): Promise<unknown> {
    const begun = this.#request(request);
    begun.catch(() => {});
    return begun;
  }

  /** Copies a source out in slices, so that no turn is long, and keeps two of them on their way. */
  async #fill(
    { path, name }: TreePlan,
    source: EntrySource,
    begun: Promise<unknown>,
  ): Promise<void> {
    const shape = treeShapes[name];
    const { clock } = this.#ports;
    let before = begun;
    while (source.isValid) {
      const beganMs = clock.monotonicMs();
      const sending: Promise<unknown>[] = [];
      do {
        const batch = takeBatch(source, shape, this.#written.pop());
        if (batch === undefined) break;
        sending.push(this.#append(path, batch));
      } while (this.#isThread && clock.monotonicMs() - beganMs < copyMsMax);
      const sent = Promise.all(sending);
      // It is waited for one turn later.
      sent.catch(() => {});
      await before;
      before = sent;
      await this.#turn();
    }
    await before;
  }

  async #append(path: string, batch: EntryBatch): Promise<void> {
    const answer = await this.#request({ ask: "append", path, batch }, buffersOf(batch));
    this.#written.push(answer as EntryBatch);
  }

  /** Asks for steps until all is done, the next one while one is at work. @param begun rejects with what a step cannot tell. */
  async #steps(path: string, begun: Promise<unknown>): Promise<void> {
    const shares = this.#isThread ? threadShares : 1;
    const ask = (): Promise<unknown> => {
      const answer = this.#request({ ask: "step", path, shares });
      answer.catch(() => {});
      return answer;
    };
    for (let now = ask(), next = ask(); ; now = next, next = ask()) {
      await begun;
      if ((await now) === true) {
        await next;
        return;
      }
      await this.#turn();
    }
  }

  async #finish({ path }: TreePlan): Promise<FinishedTree> {
    return (await this.#request({ ask: "finish", path })) as FinishedTree;
  }

  get #isThread(): boolean {
    return this.#actor?.isThread === true;
  }

  /** In process a worker's answers come in the same turn: others must get theirs. */
  #turn(): Promise<void> {
    return new Promise((resolve) => this.#ports.scheduler.task(resolve));
  }

  #request(request: TreeRequest, transfer?: ArrayBuffer[]): Promise<unknown> {
    return this.#stopped
      ? Promise.reject(actorGoneError("stopped"))
      : this.#send(request, transfer);
  }

  async #send(request: TreeRequest, transfer?: ArrayBuffer[]): Promise<unknown> {
    const { workers, disk } = this.#ports;
    this.#actor ??= workers.start(siblingModule("tree-worker", import.meta.url), disk);
    const actor = this.#actor;
    try {
      return await actor.request(request, transfer);
    } catch (error) {
      // The next request starts another worker.
      if (isActorGone(error) && this.#actor === actor) this.#actor = undefined;
      throw error;
    }
  }

  /** Closes the files of jobs, best effort: what went wrong before is what is told. */
  async #close(paths: readonly string[]): Promise<void> {
    await this.#send({ ask: "close", paths }).catch(() => {});
  }

  async #remove(path: string): Promise<void> {
    await this.#ports.disk.unlink(path).catch(() => {});
  }
}

function recordOf({ treeId, name }: TreePlan, { bytes, entries }: FinishedTree): TreeFileRecord {
  return { treeId, name, bytes, entries };
}

/** The same, and these nodes too. */
function withNodes(leftOut: LeftOut | undefined, found: Uint32Array = noIds): LeftOut | undefined {
  if (leftOut === undefined || found.length === 0) return leftOut;
  return { ...leftOut, nodes: Uint32Array.from([...leftOut.nodes, ...found]) };
}

function rangeOf(runs: readonly RunRecord[]): LsnRange {
  for (let i = 1; i < runs.length; i++) {
    if (runs[i]!.lastLsn >= runs[i - 1]!.firstLsn) {
      throw new RangeError("RunBuilder.merge: runs are not newest first, or overlap");
    }
  }
  const newest = runs[0];
  const oldest = runs.at(-1);
  if (newest === undefined || oldest === undefined) {
    throw new RangeError("RunBuilder.merge: no runs");
  }
  return { firstLsn: oldest.firstLsn, lastLsn: newest.lastLsn };
}
