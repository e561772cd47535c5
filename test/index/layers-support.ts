// Runs in memory for tests of the layered index: flushes of frozen layers and merges of runs, in tiny pages behind a tiny cache.
import { DiskTree } from "../../src/index/disk-tree.ts";
import {
  type EntrySource,
  MergedKeyCursor,
  MergedWordCursor,
  writeAll,
} from "../../src/index/disk-tree-merge.ts";
import { DiskTreeWriter } from "../../src/index/disk-tree-writer.ts";
import type { FrozenLayer } from "../../src/index/frozen-layer.ts";
import type { GraphIndex } from "../../src/index/graph-index.ts";
import { type Retention, retainingSink } from "../../src/index/merge-retention.ts";
import { PageCache } from "../../src/index/page-cache.ts";
import type { RunRecord } from "../../src/index/run-record.ts";
import { type TreeName, treeNames, treeShapes } from "../../src/index/tree-kind.ts";
import type { TreeRun } from "../../src/index/tree-run.ts";
import { databaseId, MemoryFile, startOf, treeId } from "./disk-tree-support.ts";

const adjacencyWidth = 7;

export class MemoryRun implements TreeRun {
  readonly record: RunRecord;
  readonly #trees = new Map<TreeName, DiskTree>();

  constructor(
    lsns: { readonly firstLsn: number; readonly lastLsn: number },
    source: (name: TreeName) => EntrySource,
    cache: PageCache,
    pageBytes: number,
    retention?: Retention,
  ) {
    for (const name of treeNames) {
      const file = new MemoryFile();
      const shape = treeShapes[name];
      const writer = new DiskTreeWriter(file, { databaseId, treeId, shape, pageBytes });
      const sink = retention && retainingSink(name, retention, lsns.firstLsn, writer);
      writeAll(source(name), sink ?? writer, shape);
      sink?.finish();
      if (writer.entryCount === 0) continue;
      writer.finish(lsns);
      this.#trees.set(name, DiskTree.open(file, file.content.length, cache));
    }
    const { firstLsn, lastLsn } = lsns;
    this.record = { firstLsn, lastLsn, removals: this.#countRemovals(), trees: [] };
  }

  tree(name: TreeName): DiskTree | undefined {
    return this.#trees.get(name);
  }

  #countRemovals(): number {
    const out = this.#trees.get("out");
    if (out === undefined) return 0;
    const cursor = startOf(out);
    let removals = 0;
    for (let more = cursor.isValid; more; more = cursor.next()) {
      const end = cursor.base + adjacencyWidth;
      if (cursor.words[end - 2] !== 0 || cursor.words[end - 1] !== 0) removals++;
    }
    return removals;
  }
}

export interface RunSizes {
  readonly pageBytes: number;
  readonly cacheBytes: number;
}

export const tinyRuns: RunSizes = { pageBytes: 512, cacheBytes: 4096 };

/** Moves the layers of an index as a database does, but at once. */
export class LayerMover {
  readonly #index: GraphIndex;
  readonly #cache: PageCache;
  readonly #pageBytes: number;

  constructor(index: GraphIndex, sizes: RunSizes = tinyRuns) {
    this.#index = index;
    this.#cache = new PageCache(sizes.cacheBytes);
    this.#pageBytes = sizes.pageBytes;
  }

  /** The last LSN that is in a run. */
  get flushedLsn(): number {
    return this.#index.runs[0]?.record.lastLsn ?? 0;
  }

  /** Freezes the active layer, unless one is frozen. */
  freeze(): void {
    if (this.#index.frozen === undefined) this.#index.freeze();
  }

  /** Makes a run of the frozen layer, if there is one with events. */
  flush(): void {
    const { frozen, runs } = this.#index;
    if (frozen === undefined) return;
    const isEmpty = frozen.lastLsn < frozen.firstLsn;
    this.#index.install(isEmpty ? runs : [this.#runOf(frozen), ...runs], true);
  }

  /** Merges the runs from one place to another; with a horizon and segments, what they let go is left out. */
  merge(from: number, to: number, drop?: Pick<Retention, "horizon" | "compacted">): void {
    const { runs } = this.#index;
    if (Math.min(to, runs.length) - from < (drop ? 1 : 2)) return;
    const retention = drop && { ...drop, isOldest: to >= runs.length };
    const merged = this.#merged(runs.slice(from, to), retention);
    this.#index.install([...runs.slice(0, from), merged, ...runs.slice(to)], false);
  }

  #runOf(frozen: FrozenLayer): MemoryRun {
    const run = new MemoryRun(frozen, (name) => frozen.source(name), this.#cache, this.#pageBytes);
    for (const name of treeNames) {
      const written = run.tree(name)?.count ?? 0;
      if (written !== frozen.count(name)) throw new Error(`${name}: ${written} entries written`);
    }
    if (run.record.removals !== frozen.removals) {
      throw new Error(`${frozen.removals} removals, ${run.record.removals} written`);
    }
    return run;
  }

  #merged(runs: readonly TreeRun[], retention: Retention | undefined): MemoryRun {
    const firstLsn = runs.at(-1)!.record.firstLsn;
    const lastLsn = runs[0]!.record.lastLsn;
    const lsns = { firstLsn, lastLsn };
    const source = (name: TreeName): EntrySource => mergedSource(runs, name);
    return new MemoryRun(lsns, source, this.#cache, this.#pageBytes, retention);
  }
}

function mergedSource(runs: readonly TreeRun[], name: TreeName): EntrySource {
  const trees = runs.flatMap((run) => run.tree(name) ?? []);
  const { width, payloadWords, keyBytes } = treeShapes[name];
  if (keyBytes) {
    const cursors = trees.map((tree) => tree.keyCursor());
    const merged = new MergedKeyCursor(cursors, width, width - payloadWords);
    merged.seek(new Uint8Array(0), 0, 0);
    return merged;
  }
  const cursors = trees.map((tree) => tree.cursor());
  const merged = new MergedWordCursor(cursors, width, width - payloadWords);
  merged.seek(new Uint32Array(width), 0);
  return merged;
}
