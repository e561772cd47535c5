// The jobs of the tree worker: a tree that is filled, one that is merged from others, one that is read back. Each holds its files.

import { VarveError } from "../codec/errors.ts";
import type { Disk, DiskFile } from "../disk/ports.ts";
import type { DiskTree } from "./disk-tree.ts";
import { type EntrySink, MergedKeyCursor, MergedWordCursor, writeSome } from "./disk-tree-merge.ts";
import { damageSteps } from "./disk-tree-verify.ts";
import { DiskTreeWriter } from "./disk-tree-writer.ts";
import { type EntryBatch, writeBatch } from "./entry-batch.ts";
import { ErasingSink, type LeftOut } from "./merge-erasure.ts";
import { type RetainingSink, type Retention, retainingSink } from "./merge-retention.ts";
import { PageCache } from "./page-cache.ts";
import type { EntryShape } from "./page-format.ts";
import { createTreeFile, openTreeFile, type TreeFileAddress } from "./tree-file.ts";
import { TREE_KIND, treeShapes } from "./tree-kind.ts";
import type { FinishedTree, FoundDamage, TreePlan } from "./tree-messages.ts";

/** One share of work: some ten milliseconds. */
const stepEntries = 1 << 15;
const stepPages = 32;
/** A cursor keeps the pages it stands on; this holds the inner pages above them. */
const jobCacheBytes: number = 4 << 20;

export interface Job {
  /** Does some of the work; true when all of it is done. */
  step(): boolean;
  close(): Promise<void>;
}

/** Writes one tree. */
export class WriteJob implements Job {
  removals = 0;

  readonly #disk: Disk;
  readonly #plan: TreePlan;
  readonly shape: EntryShape;
  #file: DiskFile | undefined;
  #writer: DiskTreeWriter | undefined;

  constructor(disk: Disk, plan: TreePlan) {
    this.#disk = disk;
    this.#plan = plan;
    this.shape = treeShapes[plan.name];
  }

  async open(): Promise<void> {
    const { path, name, treeId, databaseId, pageBytes } = this.#plan;
    const file = await createTreeFile(this.#disk, path);
    this.#file = file;
    this.#writer = new DiskTreeWriter(file, {
      shape: this.shape,
      databaseId,
      treeId,
      kind: TREE_KIND[name],
      ...(pageBytes === undefined ? {} : { pageBytes }),
    });
  }

  get writer(): DiskTreeWriter {
    if (this.#writer === undefined) throw new TypeError(`not open: ${this.#plan.path}`);
    return this.#writer;
  }

  append(batch: EntryBatch): void {
    writeBatch(batch, this.writer, this.shape);
  }

  step(): boolean {
    return true;
  }

  async finish(): Promise<FinishedTree> {
    const { firstLsn, lastLsn } = this.#plan;
    const { fileBytes, entryCount } = this.writer.finish({ firstLsn, lastLsn });
    await this.#file?.sync();
    await this.close();
    const { removals } = this;
    return { bytes: fileBytes, entries: entryCount, removals, nodesFound: undefined };
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }
}

/** Writes one tree from others, newest first; of entries with the same key the newest is written, unless it need not be kept. */
export class MergeJob extends WriteJob {
  readonly #disk: Disk;
  readonly #addresses: readonly TreeFileAddress[];
  readonly #inputs: DiskTree[] = [];
  readonly #countsRemovals: boolean;
  readonly #plan: TreePlan;
  readonly #retention: Retention | undefined;
  readonly #leftOut: LeftOut | undefined;
  #erasing: ErasingSink | undefined;
  #retaining: RetainingSink | undefined;
  #cursor: MergedWordCursor | MergedKeyCursor | undefined;
  #sink: EntrySink | undefined;

  constructor(
    disk: Disk,
    plan: TreePlan,
    inputs: readonly TreeFileAddress[],
    retention: Retention | undefined,
    leftOut: LeftOut | undefined,
  ) {
    super(disk, plan);
    this.#plan = plan;
    this.#retention = retention;
    this.#leftOut = leftOut;
    this.#disk = disk;
    this.#addresses = inputs;
    this.#countsRemovals = plan.name === "out";
  }

  override async open(): Promise<void> {
    const cache = new PageCache(jobCacheBytes);
    for (const address of this.#addresses) {
      this.#inputs.push(await openTreeFile(this.#disk, address, cache));
    }
    await super.open();
    const writer = this.#countsRemovals
      ? new RemovalCounter(this.writer, this.shape, this)
      : this.writer;
    const { name, firstLsn } = this.#plan;
    if (this.#retention !== undefined) {
      this.#retaining = retainingSink(name, this.#retention, firstLsn, writer);
    }
    const sink = this.#retaining ?? writer;
    if (this.#leftOut !== undefined) this.#erasing = new ErasingSink(name, this.#leftOut, sink);
    this.#sink = this.#erasing ?? sink;
    this.#cursor = startOf(this.#inputs, this.shape);
  }

  override step(): boolean {
    const cursor = this.#cursor!;
    writeSome(cursor, this.#sink!, this.shape, stepEntries);
    return !cursor.isValid;
  }

  override async finish(): Promise<FinishedTree> {
    this.#retaining?.finish();
    const nodesFound = Uint32Array.from(this.#erasing?.nodesFound ?? []);
    return { ...(await super.finish()), nodesFound };
  }

  override async close(): Promise<void> {
    const files = this.#inputs.splice(0).map((tree) => tree.file.close());
    await Promise.all([super.close(), ...files]);
  }
}

function startOf(
  trees: readonly DiskTree[],
  shape: EntryShape,
): MergedWordCursor | MergedKeyCursor {
  const { width, payloadWords, keyBytes } = shape;
  const keyWords = width - payloadWords;
  if (keyBytes) {
    const keys = trees.map((tree) => tree.keyCursor());
    const cursor = new MergedKeyCursor(keys, width, keyWords);
    cursor.seek(new Uint8Array(0), 0, 0);
    return cursor;
  }
  const words = trees.map((tree) => tree.cursor());
  const cursor = new MergedWordCursor(words, width, keyWords);
  cursor.seek(new Uint32Array(0), 0);
  return cursor;
}

/** Counts the entries that go through with a payload: the removals of an adjacency. */
class RemovalCounter implements EntrySink {
  readonly #writer: DiskTreeWriter;
  readonly #shape: EntryShape;
  readonly #total: { removals: number };

  constructor(writer: DiskTreeWriter, shape: EntryShape, total: { removals: number }) {
    this.#writer = writer;
    this.#shape = shape;
    this.#total = total;
  }

  get entryCount(): number {
    return this.#writer.entryCount;
  }

  addRun(words: Uint32Array, base: number, end: number): void {
    this.#writer.addRun(words, base, end);
    const { width } = this.#shape;
    let removals = 0;
    for (let at = base + width; at <= end; at += width) {
      if ((words[at - 1]! | words[at - 2]!) !== 0) removals++;
    }
    this.#total.removals += removals;
  }

  add(words: Uint32Array, base: number): void {
    this.addRun(words, base, base + this.#shape.width);
  }

  setKey(bytes: Uint8Array, from: number, to: number): void {
    this.#writer.setKey(bytes, from, to);
  }

  setBlob(bytes: Uint8Array, from: number, to: number): void {
    this.#writer.setBlob(bytes, from, to);
  }
}

/** So many damaged pages of a tree are told apart. */
const damagesMax = 1000;

/** Reads every page of a tree. */
export class VerifyJob implements Job {
  readonly damages: FoundDamage[] = [];
  readonly #disk: Disk;
  readonly #address: TreeFileAddress;
  #tree: DiskTree | undefined;
  #steps: Generator<number, unknown, undefined> | undefined;

  constructor(disk: Disk, address: TreeFileAddress) {
    this.#disk = disk;
    this.#address = address;
  }

  async open(): Promise<void> {
    this.#tree = await openTreeFile(this.#disk, this.#address, new PageCache(jobCacheBytes));
    this.#steps = damageSteps(this.#tree, (error) => this.#note(error));
  }

  step(): boolean {
    for (let page = 0; page < stepPages; page++) {
      if (this.#steps!.next().done === true) return true;
    }
    return false;
  }

  async close(): Promise<void> {
    await this.#tree?.file.close();
  }

  #note(error: unknown): void {
    if (!(error instanceof VarveError)) throw error;
    const { code, message, details } = error;
    // A leaf is held against the filter before the filter is read as a whole.
    const isKnown = this.damages.some((known) => known.details["offset"] === details["offset"]);
    if (!isKnown && this.damages.length < damagesMax) this.damages.push({ code, message, details });
  }
}
